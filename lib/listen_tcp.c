#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/httpd.h"

#define BACKLOG 4096

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static socklen_t address_of(const char *text, uint16_t port, union address *out)
{
    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, text, &out->v4.sin_addr) == 1) {
        out->v4.sin_family = AF_INET;
        out->v4.sin_port = htons(port);
        return sizeof out->v4;
    }
    if (inet_pton(AF_INET6, text, &out->v6.sin6_addr) != 1)
        return 0;
    out->v6.sin6_family = AF_INET6;
    out->v6.sin6_port = htons(port);
    return sizeof out->v6;
}

int listen_tcp(const char *address, uint16_t port, struct fault *f)
{
    const int on = 1;
    union address a;
    socklen_t n = address_of(address, port, &a);
    int fd = -1;

    if (n == 0)
        return fault_set(f, FAULT_CONFIG, "http.listen", "%s is no IP address", address);
    fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        bind(fd, &a.any, n) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    n = (socklen_t)errno;
    if (fd >= 0)
        close(fd);
    return fault_set(f, FAULT_CONFLICT, "http.listen", "%s, port %u: %s", address, port,
                     strerror((int)n));
}
