#include "lib/keep.h"

#include <string.h>
#include <unistd.h>

#include "lib/key.h"
#include "lib/wire.h"

#define HEAD 40 /* octets: length of what follows, its SHA-256 */
#define PART_MAX 65536

void keep_write(int fd, const struct kept *k, size_t n)
{
    uint8_t hash[32];
    struct buf body, all;

    if (fd < 0)
        return;
    buf_init(&body, KEEP_MAX);
    for (size_t i = 0; i < n; i++) {
        wire_put_bytes(&body, slice_of(k[i].owner, sizeof k[i].owner));
        wire_put_bytes(&body, k[i].key);
        wire_put_bytes(&body, k[i].certificate);
    }
    buf_init(&all, KEEP_MAX + HEAD);
    sha256(buf_slice(&body), hash);
    wire_put_u64(&all, body.n);
    buf_put(&all, hash, sizeof hash);
    buf_put_slice(&all, buf_slice(&body));
    if (!buf_failed(&body))
        (void)!pwrite(fd, all.p, all.n, 0);
    buf_free(&body);
    buf_free(&all);
}

static bool read_body(int fd, struct buf *out)
{
    uint8_t head[HEAD], hash[32];
    struct wire_in w;
    uint64_t n;
    uint8_t *room;

    if (fd < 0 || pread(fd, head, sizeof head, 0) != HEAD)
        return false;
    wire_in_init(&w, slice_of(head, sizeof head));
    n = wire_get_u64(&w);
    room = n <= KEEP_MAX ? buf_grow(out, (size_t)n) : NULL;
    if (room == NULL || pread(fd, room, (size_t)n, HEAD) != (ssize_t)n)
        return false;
    sha256(buf_slice(out), hash);
    return memcmp(hash, head + 8, sizeof hash) == 0;
}

void keep_read(int fd, void (*fn)(void *arg, const struct kept *k), void *arg)
{
    struct wire_in w;
    struct buf body;

    buf_init(&body, KEEP_MAX);
    if (read_body(fd, &body)) {
        wire_in_init(&w, buf_slice(&body));
        while (!wire_in_done(&w)) {
            struct kept k;
            struct slice owner = wire_get_bytes(&w, sizeof k.owner);

            k.key = wire_get_bytes(&w, PART_MAX);
            k.certificate = wire_get_bytes(&w, PART_MAX);
            if (wire_failed(&w) || owner.n != sizeof k.owner)
                break;
            memcpy(k.owner, owner.p, owner.n);
            fn(arg, &k);
        }
    }
    buf_free(&body);
}
