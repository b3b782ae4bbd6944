#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/conn.h"
#include "lib/kin.h"
#include "lib/log.h"

#define BACKLOG 256
#define ACCEPTS_A_TURN 32
#define BREATHER_MS 100 /* without a descriptor left, accepting again at once would spin */

static int address_of(const char *path, struct sockaddr_un *out, struct fault *f)
{
    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    size_t n = strlen(path);
    if (n == 0 || n >= sizeof out->sun_path)
        return fault_set(f, FAULT_CONFIG, "socket.path", "%s: a socket's path has 1 to %zu octets",
                         path, sizeof out->sun_path - 1);
    memcpy(out->sun_path, path, n + 1);
    return 0;
}

static int connect_address(const struct sockaddr_un *a)
{
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    if (connect(fd, (const struct sockaddr *)a, sizeof *a) == 0)
        return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

int connect_unix(const char *path, struct fault *f)
{
    struct sockaddr_un a;
    int r = address_of(path, &a, f);
    if (r != 0)
        return r;
    int fd = connect_address(&a);
    if (fd >= 0)
        return fd;
    if (errno == EACCES || errno == EPERM)
        return fault_set(f, FAULT_DENIED, "connection", "%s: %s", path, strerror(errno));
    return fault_unavailable(f, 1, "connection", "%s: %s", path, strerror(errno));
}

/* A socket that nobody listens on is what a killed program leaves behind. Anything
 * else in its place is somebody's, and stays. */
static int clear_place(const struct sockaddr_un *a, struct fault *f)
{
    struct stat st;
    if (lstat(a->sun_path, &st) != 0)
        return errno == ENOENT ? 0
                               : fault_set(f, FAULT_INTERNAL, "socket.path", "%s: %s", a->sun_path,
                                           strerror(errno));
    if (!S_ISSOCK(st.st_mode))
        return fault_set(f, FAULT_CONFLICT, "socket.path", "%s exists and is not a socket",
                         a->sun_path);
    int fd = connect_address(a);
    if (fd >= 0 || errno == EAGAIN) {
        if (fd >= 0)
            close(fd);
        return fault_set(f, FAULT_CONFLICT, "socket.path", "%s: another program listens here",
                         a->sun_path);
    }
    if (unlink(a->sun_path) != 0 && errno != ENOENT)
        return fault_set(f, FAULT_INTERNAL, "socket.path", "%s: %s", a->sun_path, strerror(errno));
    return 0;
}

int listen_unix(const char *path, unsigned mode, struct fault *f)
{
    struct sockaddr_un a;
    int r = address_of(path, &a, f);
    if (r == 0)
        r = clear_place(&a, f);
    if (r != 0)
        return r;
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    /* Linux gives the file the mode of the unbound socket: nobody connects before the
     * chmod that opens it to those who may. */
    if (fd < 0 || fchmod(fd, 0600) != 0 || bind(fd, (const struct sockaddr *)&a, sizeof a) != 0 ||
        chmod(path, mode) != 0 || listen(fd, BACKLOG) != 0) {
        r = fault_set(f, FAULT_INTERNAL, "socket.listen", "%s: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return r;
    }
    return fd;
}

struct listener {
    int fd;
    struct loop_watch *watch;
    struct loop_timer *breather;
    listener_accepted accepted;
    void *arg;
    const char *program;   /* whose it is; "": people's; NULL: not asked */
    bool accepting, freed; /* freed by `accepted`: the memory stays until it returns */
};

static void breathe_in(void *arg)
{
    struct listener *s = arg;
    loop_watch_want(s->watch, LOOP_READ);
}

static void accept_failed(struct listener *s)
{
    if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM)
        return;
    log_error("listener.exhausted", "reason", strerror(errno), NULL);
    loop_watch_want(s->watch, 0);
    loop_timer_set(s->breather, BREATHER_MS);
}

static bool is_for(const struct listener *s, const struct conn_peer *peer)
{
    const char *who = s->program == NULL ? NULL : kin_name(peer->pid);

    if (who == NULL || strcmp(who, s->program) == 0)
        return true;
    log_error("listener.intruder", "program", who, "socket_of",
              s->program[0] == 0 ? "operators" : s->program, "pid", log_num(peer->pid), NULL);
    return false;
}

static void on_ready(void *arg, unsigned ready)
{
    (void)ready;
    struct listener *s = arg;
    s->accepting = true;
    for (int i = 0; i < ACCEPTS_A_TURN && !s->freed; i++) {
        int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) {
            accept_failed(s);
            break;
        }
        struct conn_peer peer;
        if (peer_of(fd, &peer) != 0) {
            log_warn("listener.refused", "why", "peer unknown", NULL);
            close(fd);
            continue;
        }
        if (!is_for(s, &peer)) {
            close(fd);
            continue;
        }
        s->accepted(s->arg, fd, &peer);
    }
    s->accepting = false;
    if (s->freed)
        free(s);
}

struct listener *listener_new(struct loop *l, int fd, listener_accepted fn, void *arg)
{
    struct listener *s = xcalloc(1, sizeof *s);
    *s = (struct listener){.fd = fd, .accepted = fn, .arg = arg};
    /* One that was inherited may block: accept would wait for a peer that has left again. */
    if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
        log_error("listener.failed", "reason", strerror(errno), NULL);
    s->breather = loop_timer(l, breathe_in, s);
    s->watch = loop_watch(l, fd, LOOP_READ, on_ready, s);
    return s;
}

void listener_for(struct listener *s, const char *program)
{
    s->program = program;
}

void listener_free(struct listener *s)
{
    if (!s)
        return;
    loop_timer_free(s->breather);
    loop_unwatch(s->watch);
    close(s->fd);
    if (s->accepting)
        s->freed = true;
    else
        free(s);
}
