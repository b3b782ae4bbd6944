#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lib/crl.h"

int64_t crl_file_read(void *file, uint8_t *out, size_t max)
{
    struct crl_file *from = file;
    ssize_t n;

    do
        n = pread(from->fd, out, max, (off_t)from->at);
    while (n < 0 && errno == EINTR);
    if (n > 0)
        from->at += (uint64_t)n;
    return n;
}

int64_t crl_memory_read(void *slice, uint8_t *out, size_t max)
{
    struct slice *rest = slice;
    size_t n = rest->n < max ? rest->n : max;

    if (n > 0)
        memcpy(out, rest->p, n);
    *rest = slice_of(rest->p + n, rest->n - n);
    return (int64_t)n;
}
