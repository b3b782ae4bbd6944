#include "scan/talk.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_AT_ONCE 16384

static void on_ready(void *arg, unsigned ready);

static void tell_end(void *arg)
{
    struct talk *t = arg;

    t->ended(t->arg);
}

/* `ended` may free all of this, so nothing is touched behind it. */
static void end(struct talk *t, enum scan_outcome outcome, const char *detail)
{
    t->outcome = outcome;
    (void)snprintf(t->detail, sizeof(t->detail), "%s", detail);
    loop_unwatch(t->watch);
    t->watch = NULL;
    loop_defer(t->loop, &t->task);
}

static enum scan_outcome outcome_of(int error)
{
    switch (error) {
    case ECONNREFUSED:
        return SCAN_REFUSED;
    case ECONNRESET:
    case EPIPE:
        return SCAN_RESET;
    case ETIMEDOUT:
        return SCAN_TIMEOUT;
    case ENETUNREACH:
    case EHOSTUNREACH:
    case ENETDOWN:
    case EHOSTDOWN:
    case EADDRNOTAVAIL:
    case EINVAL: /* a link-local address without its link */
        return SCAN_UNREACHABLE;
    default:
        return SCAN_FAILED;
    }
}

static void end_by_error(struct talk *t, int error)
{
    end(t, outcome_of(error), strerror(error));
}

static void want(struct talk *t, unsigned what)
{
    if (t->watch == NULL)
        t->watch = loop_watch(t->loop, t->fd, what, on_ready, t);
    else
        loop_watch_want(t->watch, what);
}

/* --- TLS ------------------------------------------------------------------------ */

static void go_on_handshake(struct talk *t)
{
    switch (handshake_step(t->handshake)) {
    case HANDSHAKE_READ:
        want(t, LOOP_READ);
        break;
    case HANDSHAKE_WRITE:
        want(t, LOOP_WRITE);
        break;
    case HANDSHAKE_ENDED: {
        struct scan_result told = {0};

        handshake_tell(t->handshake, &told);
        if (told.outcome == SCAN_SERVED)
            t->stage = SCAN_AT_DONE;
        end(t, told.outcome, told.detail);
        break;
    }
    }
}

static void take_answer(struct talk *t, struct slice in)
{
    static const enum scan_outcome outcomes[] = {[ANSWER_HELLO] = SCAN_SERVED,
                                                 [ANSWER_ALERT] = SCAN_ALERT,
                                                 [ANSWER_NO_TLS] = SCAN_NO_TLS,
                                                 [ANSWER_GARBAGE] = SCAN_GARBAGE,
                                                 [ANSWER_TOO_LARGE] = SCAN_TOO_LARGE};
    enum answer_state state = answer_feed(&t->answer, in);

    if (state != ANSWER_MORE)
        end(t, outcomes[state], "");
}

/* What there is to send; true when all of it is on its way. */
static bool flush(struct talk *t)
{
    while (t->sent < t->out.n) {
        ssize_t n = send(t->fd, t->out.p + t->sent, t->out.n - t->sent, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN) {
            want(t, LOOP_WRITE);
            return false;
        }
        if (n < 0) {
            end_by_error(t, errno);
            return false;
        }
        t->sent += (size_t)n;
    }
    buf_reset(&t->out);
    t->sent = 0;
    return true;
}

static void begin_tls(struct talk *t)
{
    t->stage = SCAN_AT_HANDSHAKE;
    if (!t->asks) {
        t->handshake = handshake_new(t->all, t->fd, t->sni);
        go_on_handshake(t);
    } else if (flush(t)) {
        want(t, LOOP_READ);
    }
}

/* --- before TLS ------------------------------------------------------------------- */

/* The ClientHello waits in t->out, so a dialogue sends its own. */
static bool flush_dialogue(struct talk *t)
{
    struct buf *out = &t->dialogue->out;
    ssize_t n = out->n == 0 ? 0 : send(t->fd, out->p, out->n, MSG_NOSIGNAL);

    /* A few octets into an empty socket buffer: who does not take them is not talking with us. */
    if (n != (ssize_t)out->n) {
        end_by_error(t, n < 0 ? errno : EPIPE);
        return false;
    }
    buf_reset(out);
    return true;
}

static void take_words(struct talk *t, struct slice in)
{
    enum dialogue_state state = dialogue_feed(t->dialogue, in);

    if (state == DIALOGUE_REFUSED)
        end(t, SCAN_NO_STARTTLS, t->dialogue->why);
    else if (state == DIALOGUE_TOO_LARGE)
        end(t, SCAN_TOO_LARGE, "");
    else if (flush_dialogue(t) && state == DIALOGUE_BEGIN)
        begin_tls(t);
}

static void on_connected(struct talk *t)
{
    if (t->dialogue == NULL) {
        begin_tls(t);
        return;
    }
    t->stage = SCAN_AT_STARTTLS;
    if (flush_dialogue(t))
        want(t, LOOP_READ);
}

/* --- the socket -------------------------------------------------------------------- */

static void on_readable(struct talk *t)
{
    static uint8_t octets[READ_AT_ONCE]; /* the loop's thread alone is here */
    ssize_t n = recv(t->fd, octets, sizeof(octets), 0);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n < 0)
        end_by_error(t, errno);
    else if (n == 0)
        end(t, SCAN_CLOSED, "");
    else if (t->stage == SCAN_AT_STARTTLS)
        take_words(t, slice_of(octets, (size_t)n));
    else
        take_answer(t, slice_of(octets, (size_t)n));
}

static void on_connecting(struct talk *t)
{
    int error = 0;
    socklen_t n = sizeof(error);

    if (getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &error, &n) != 0)
        error = errno;
    if (error != 0)
        end_by_error(t, error);
    else
        on_connected(t);
}

static void on_ready(void *arg, unsigned ready)
{
    struct talk *t = arg;

    if (t->stage == SCAN_AT_CONNECT)
        on_connecting(t);
    else if (t->stage == SCAN_AT_HANDSHAKE && !t->asks)
        go_on_handshake(t);
    else if ((ready & LOOP_WRITE) != 0 && t->sent < t->out.n && t->stage == SCAN_AT_HANDSHAKE) {
        if (flush(t))
            want(t, LOOP_READ);
    } else
        on_readable(t);
}

static bool for_want(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM ||
           error == EAGAIN;
}

static socklen_t socket_address(const struct talk_to *to, struct sockaddr_in6 *six,
                                struct sockaddr_in *four)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

    memset(six, 0, sizeof(*six));
    memset(four, 0, sizeof(*four));
    if (memcmp(to->address, mapped, sizeof(mapped)) == 0) {
        four->sin_family = AF_INET;
        four->sin_port = htons(to->port);
        memcpy(&four->sin_addr, to->address + 12, 4);
        return sizeof(*four);
    }
    six->sin6_family = AF_INET6;
    six->sin6_port = htons(to->port);
    memcpy(&six->sin6_addr, to->address, 16);
    return sizeof(*six);
}

/* 0 connected, 1 under way, or negative errno. */
static int begin_connect(struct talk *t, const struct talk_to *to)
{
    /* What is only asked is dropped by a reset: no port is kept in TIME_WAIT for each question. */
    const struct linger drop = {.l_onoff = 1};
    const int on = 1;
    struct sockaddr_in6 six;
    struct sockaddr_in four;
    socklen_t n = socket_address(to, &six, &four);
    const struct sockaddr *a = n == sizeof(four) ? (const struct sockaddr *)(const void *)&four
                                                 : (const struct sockaddr *)(const void *)&six;

    t->fd = socket(a->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (t->fd < 0)
        return -errno;
    if (setsockopt(t->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 ||
        (t->asks && setsockopt(t->fd, SOL_SOCKET, SO_LINGER, &drop, sizeof(drop)) != 0))
        return -errno;
    if (connect(t->fd, a, n) == 0)
        return 0;
    return errno == EINPROGRESS ? 1 : -errno;
}

enum talk_began talk_begin(struct talk *t, struct loop *l, struct handshakes *all,
                           const struct talk_to *to, void (*ended)(void *arg), void *arg)
{
    int rc;

    *t = (struct talk){.loop = l, .fd = -1, .ended = ended, .arg = arg, .all = all};
    t->task = (struct loop_task){.fn = tell_end, .arg = t};
    t->stage = SCAN_AT_CONNECT;
    t->asks = to->hello != NULL;
    (void)snprintf(t->sni, sizeof(t->sni), "%s", to->sni);
    buf_init(&t->out, 4096);
    answer_init(&t->answer);
    rc = begin_connect(t, to);
    if (rc < 0 && (for_want(-rc) || rc == -EADDRNOTAVAIL)) {
        talk_end(t);
        return TALK_NO_SOCKET;
    }
    if (t->asks)
        hello_put(&t->out, to->hello);
    if (to->starttls != STARTTLS_NONE) {
        t->dialogue = xcalloc(1, sizeof(*t->dialogue));
        dialogue_init(t->dialogue, to->starttls);
    }
    if (rc < 0)
        end_by_error(t, -rc);
    else if (rc == 0)
        on_connected(t);
    else
        want(t, LOOP_WRITE);
    return TALK_BEGAN;
}

void talk_tell(const struct talk *t, struct scan_result *out)
{
    if (t->handshake != NULL)
        handshake_tell(t->handshake, out);
    if (t->asks && t->outcome == SCAN_ALERT) {
        out->has_alert = true;
        out->alert = t->answer.alert;
    }
    out->outcome = t->outcome;
    out->stage = t->stage;
    memcpy(out->detail, t->detail, sizeof(out->detail));
}

void talk_end(struct talk *t)
{
    if (t->loop == NULL)
        return;
    loop_defer_cancel(&t->task);
    loop_unwatch(t->watch);
    handshake_free(t->handshake);
    if (t->dialogue != NULL)
        dialogue_free(t->dialogue);
    free(t->dialogue);
    answer_free(&t->answer);
    buf_free(&t->out);
    if (t->fd >= 0)
        close(t->fd);
    memset(t, 0, sizeof(*t));
    t->fd = -1;
}
