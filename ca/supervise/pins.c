#include "ca/supervise/pins.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/key.h"

#define PIN_MAX 4096

static int copy(int from, int to)
{
    char octets[PIN_MAX];
    size_t total = 0;
    ssize_t n = 1;
    while (n > 0 && total < sizeof octets) {
        n = read(from, octets, sizeof octets - total);
        if (n > 0 && write(to, octets, (size_t)n) != n)
            n = -1;
        total += n > 0 ? (size_t)n : 0;
    }
    wipe(octets, sizeof octets);
    return n < 0 || total == 0 ? -1 : 0;
}

void pins_init(struct pins *p)
{
    *p = (struct pins){0};
    for (int fd = 0; fd < PIN_FD_MAX; fd++)
        p->inherited[fd] = fcntl(fd, F_GETFD) >= 0;
}

static int keep(struct pins *p, int number, struct fault *f)
{
    int file = memfd_create("pin", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    const int seals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;
    if (file < 0 || !p->inherited[number] || copy(number, file) != 0 ||
        fcntl(file, F_ADD_SEALS, seals) != 0) {
        if (file >= 0)
            close(file);
        return fault_set(f, FAULT_CONFIG, "token.pin_fd",
                         "descriptor %d, which should hold a PIN, cannot be read", number);
    }
    if (number != STDIN_FILENO)
        close(number);
    p->kept[number] = file;
    return 0;
}

int pins_get(struct pins *p, int number, int *out, struct fault *f)
{
    *out = -1;
    int r = p->kept[number] > 0 ? 0 : keep(p, number, f);
    if (r != 0)
        return r;
    if (lseek(p->kept[number], 0, SEEK_SET) != 0)
        return fault_set(f, FAULT_INTERNAL, "token.pin_fd", "%s", strerror(errno));
    *out = p->kept[number];
    return 0;
}
