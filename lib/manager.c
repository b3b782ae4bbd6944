#include "lib/manager.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/httpd.h"
#include "lib/log.h"

#define FIRST_FD 3
#define NAME_MAX_LEN 256
#define FDS_MAX 64

static long number_of(const char *variable)
{
    const char *text = getenv(variable);
    char *end;
    long n;

    if (text == NULL)
        return -1;
    n = strtol(text, &end, 10);
    return *text != '\0' && *end == '\0' ? n : -1;
}

/* How many there are: for us, not for whoever started us. */
static long handed_over(void)
{
    long n = number_of("LISTEN_FDS");

    if (n <= 0 || n > FDS_MAX || number_of("LISTEN_PID") != (long)getpid())
        return 0;
    return n;
}

/* The name of the nth: names are between colons. Absent names are empty. */
static void name_of(long nth, char out[NAME_MAX_LEN])
{
    const char *at = getenv("LISTEN_FDNAMES");
    size_t n;

    out[0] = '\0';
    for (long i = 0; at != NULL && i < nth; i++) {
        at = strchr(at, ':');
        at = at == NULL ? NULL : at + 1;
    }
    if (at == NULL)
        return;
    n = strcspn(at, ":");
    if (n < NAME_MAX_LEN) {
        memcpy(out, at, n);
        out[n] = '\0';
    }
}

int manager_fd(const char *name)
{
    char other[NAME_MAX_LEN];
    long n = handed_over();

    for (long i = 0; i < n; i++) {
        int fd = (int)(FIRST_FD + i);

        name_of(i, other);
        if (strcmp(other, name) == 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0)
            return fd;
    }
    return -1;
}

static socklen_t manager_address(struct sockaddr_un *a)
{
    const char *path = getenv("NOTIFY_SOCKET");
    size_t n = path == NULL ? 0 : strlen(path);

    *a = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (n < 2 || n >= sizeof a->sun_path || (path[0] != '/' && path[0] != '@'))
        return 0;
    memcpy(a->sun_path, path, n);
    if (path[0] == '@') /* of the abstract name space */
        a->sun_path[0] = '\0';
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
}

/* With a descriptor beside the text, or (-1) without. */
static int notify(const char *text, int fd)
{
    struct sockaddr_un a;
    union {
        char octets[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } room = {{0}};
    struct iovec v = {.iov_base = (void *)(uintptr_t)text, .iov_len = strlen(text)};
    struct msghdr m = {.msg_name = &a, .msg_iov = &v, .msg_iovlen = 1};
    int from, r;

    m.msg_namelen = manager_address(&a);
    if (m.msg_namelen == 0)
        return -1;
    if (fd >= 0) {
        struct cmsghdr *c;

        m.msg_control = &room;
        m.msg_controllen = sizeof room.octets;
        c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &fd, sizeof fd);
    }
    from = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (from < 0)
        return -1;
    r = sendmsg(from, &m, MSG_NOSIGNAL) < 0 ? -1 : 0;
    close(from);
    return r;
}

static int keep(const char *name, int fd)
{
    char text[NAME_MAX_LEN + 32];

    (void)snprintf(text, sizeof text, "FDSTORE=1\nFDNAME=%s", name);
    return notify(text, fd);
}

int manager_memory(void)
{
    int fd = manager_fd("memory");

    if (fd >= 0 || getenv("NOTIFY_SOCKET") == NULL)
        return fd;
    fd = memfd_create("cerca-memory", MFD_CLOEXEC);
    if (fd >= 0 && keep("memory", fd) != 0)
        log_warn("manager.unavailable", "keeps", "memory", NULL);
    return fd;
}

/* Listening sockets are kept as "tcp-ADDRESS-PORT", without the colons of an address. */
static void let_go_of_others(const char *name)
{
    char other[NAME_MAX_LEN], text[NAME_MAX_LEN + 32];
    long n = handed_over();

    for (long i = 0; i < n; i++) {
        name_of(i, other);
        if (strncmp(other, "tcp-", 4) != 0 || strcmp(other, name) == 0)
            continue;
        (void)snprintf(text, sizeof text, "FDSTOREREMOVE=1\nFDNAME=%s", other);
        (void)notify(text, -1);
        close((int)(FIRST_FD + i));
    }
}

int manager_listen(const char *address, uint16_t port, struct fault *f)
{
    char name[NAME_MAX_LEN];
    int fd;

    (void)snprintf(name, sizeof name, "tcp-%.200s-%u", address, port);
    for (char *p = name; *p != '\0'; p++)
        if (*p == ':')
            *p = '_';
    let_go_of_others(name);
    fd = manager_fd(name);
    if (fd >= 0)
        return fd;
    fd = listen_tcp(address, port, f);
    if (fd >= 0 && getenv("NOTIFY_SOCKET") != NULL && keep(name, fd) != 0)
        log_warn("manager.unavailable", "keeps", name, NULL);
    return fd;
}
