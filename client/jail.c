#include "client/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/key.h"
#include "lib/sandbox.h"

/* What stands in front of the octets. */
struct head {
    int rc;
    struct fault f;
    size_t n;
};

/* ---- the child ---- */

static int enter(const struct jail *j, struct fault *f)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    struct sandbox s = {.program = j->name, .net_connect = !j->offline};

    /* The resolver's modules cannot be loaded later. */
    if (!j->offline && getaddrinfo("localhost", "25", &hints, &found) == 0)
        freeaddrinfo(found);
    sandbox_allow_resolver(&s);
    sandbox_allow_anchors(&s);
    sandbox_allow(&s, "/dev/null", false);
    for (size_t i = 0; i < JAIL_FILES_MAX; i++)
        if (j->files[i] != NULL && j->files[i][0] != '\0')
            sandbox_allow(&s, j->files[i], false);
    return sandbox_enter(&s, f);
}

static int send_all(int fd, const void *p, size_t n)
{
    const uint8_t *at = p;

    while (n > 0) {
        ssize_t sent = write(fd, at, n);

        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return -1;
        at += sent;
        n -= (size_t)sent;
    }
    return 0;
}

static _Noreturn void serve(const struct jail *j, int fd, size_t max,
                            int (*work)(void *arg, struct buf *out, struct fault *f), void *arg)
{
    struct head head;
    struct buf out;

    memset(&head, 0, sizeof(head));
    buf_init(&out, max);
    head.rc = enter(j, &head.f);
    if (head.rc == 0)
        head.rc = work(arg, &out, &head.f);
    if (buf_failed(&out))
        head.rc =
            fault_set(&head.f, FAULT_TOO_LARGE, "jail.failed", "%.40s found too much", j->name);
    head.n = out.n;
    if (send_all(fd, &head, sizeof(head)) == 0)
        (void)!send_all(fd, out.p, out.n);
    buf_free(&out);
    _exit(0);
}

/* ---- the parent ---- */

/* 0 at the end of what there is; what it is sent is never more than `max`. */
static int take_all(int fd, uint64_t end, struct buf *got)
{
    for (;;) {
        uint64_t now = clock_mono_us();
        struct pollfd p = {.fd = fd, .events = POLLIN};
        uint8_t piece[16384];
        ssize_t n;

        if (now >= end)
            return -1;
        if (poll(&p, 1, (int)((end - now) / 1000 + 1)) <= 0)
            continue;
        n = read(fd, piece, sizeof(piece));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return 0;
        buf_put(got, piece, (size_t)n);
        wipe(piece, (size_t)n);
    }
}

/* Whoever was taken over in there may have sent anything. */
static int judge(const struct jail *j, const struct buf *got, struct buf *out, struct fault *f)
{
    struct head head;

    if (buf_failed(got) || got->n < sizeof(head))
        return fault_set(f, FAULT_INTERNAL, "jail.failed", "the process of %.60s died", j->name);
    memcpy(&head, got->p, sizeof(head));
    if (head.n != got->n - sizeof(head) || (head.rc != 0 && head.rc != -(int)head.f.code) ||
        (unsigned)head.f.code > FAULT_CODE_MAX)
        return fault_set(f, FAULT_INTERNAL, "jail.failed", "the process of %.60s lied", j->name);
    head.f.rule[sizeof(head.f.rule) - 1] = head.f.field[sizeof(head.f.field) - 1] = '\0';
    head.f.value[sizeof(head.f.value) - 1] = head.f.allowed[sizeof(head.f.allowed) - 1] = '\0';
    head.f.text[sizeof(head.f.text) - 1] = '\0';
    if (head.rc != 0)
        *f = head.f;
    buf_put(out, got->p + sizeof(head), head.n);
    return buf_failed(out)
               ? fault_set(f, FAULT_TOO_LARGE, "jail.failed", "%.60s found too much", j->name)
               : head.rc;
}

int jail_run(const struct jail *j, int (*work)(void *arg, struct buf *out, struct fault *f),
             void *arg, struct buf *out, struct fault *f)
{
    uint64_t end = clock_mono_us() + (uint64_t)j->limit * 1000000;
    struct buf got;
    int pair[2], rc;
    pid_t pid;

    if (pipe2(pair, O_CLOEXEC) < 0)
        return fault_set(f, FAULT_UNAVAILABLE, "jail.failed", "no pipe: %s", strerror(errno));
    pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(pair[0]);
        serve(j, pair[1], out->max, work, arg);
    }
    close(pair[1]);
    if (pid < 0) {
        close(pair[0]);
        return fault_set(f, FAULT_UNAVAILABLE, "jail.failed", "cannot fork: %s", strerror(errno));
    }
    buf_init(&got, out->max + sizeof(struct head));
    if (take_all(pair[0], end, &got) < 0)
        rc = fault_set(f, FAULT_UNAVAILABLE, "jail.limit", "%.60s did not end in time", j->name);
    else
        rc = judge(j, &got, out, f);
    kill(pid, SIGKILL); /* it has said all that it may */
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    close(pair[0]);
    buf_free(&got);
    return rc;
}
