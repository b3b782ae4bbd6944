#include "scan/answer.h"

#include <string.h>

#include "lib/wire.h"

#define ALERT 21
#define HANDSHAKE 22
#define SERVER_HELLO 2
#define SUPPORTED_VERSIONS 43
#define RECORD_MAX 16640 /* RFC 8446 5.2, with what encryption adds */
#define WARNINGS_MAX 4

void answer_init(struct answer *a)
{
    memset(a, 0, sizeof(*a));
    buf_init(&a->message, ANSWER_OCTETS);
}

void answer_free(struct answer *a)
{
    buf_free(&a->message);
}

static struct slice get_octets(struct wire_in *w, size_t n)
{
    struct slice s = {w->rest.p, n};

    if (wire_failed(w) || w->rest.n < n) {
        w->failed = true;
        return SLICE_NONE;
    }
    w->rest.p += n;
    w->rest.n -= n;
    return s;
}

/* RFC 8446 4.2.1 */
static void read_extensions(struct wire_in *w, uint16_t *wire_version)
{
    struct wire_in e;

    if (w->rest.n == 0)
        return; /* none at all: older than extensions */
    wire_in_init(&e, get_octets(w, wire_get_u16(w)));
    e.failed = wire_failed(w);
    while (!wire_failed(&e) && e.rest.n > 0) {
        uint16_t type = wire_get_u16(&e);
        struct slice value = get_octets(&e, wire_get_u16(&e));

        if (type == SUPPORTED_VERSIONS && value.n == 2)
            *wire_version = (uint16_t)(value.p[0] << 8 | value.p[1]);
    }
    if (wire_failed(&e) || w->rest.n != 0)
        w->failed = true;
}

int answer_read_hello(struct slice body, uint16_t *wire_version, uint16_t *suite)
{
    struct wire_in w;
    uint8_t n;

    wire_in_init(&w, body);
    *wire_version = wire_get_u16(&w);
    (void)get_octets(&w, 32); /* random */
    n = wire_get_u8(&w);
    (void)get_octets(&w, n); /* session */
    *suite = wire_get_u16(&w);
    (void)wire_get_u8(&w); /* compression */
    read_extensions(&w, wire_version);
    return wire_failed(&w) || n > 32 ? -1 : 0;
}

static enum answer_state look(struct answer *a)
{
    const uint8_t *p = a->message.p;
    size_t n;

    if (buf_failed(&a->message))
        return ANSWER_TOO_LARGE;
    if (a->message.n > 0 && p[0] != SERVER_HELLO)
        return ANSWER_GARBAGE;
    if (a->message.n < 4)
        return ANSWER_MORE;
    n = (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
    if (n > ANSWER_OCTETS - 4)
        return ANSWER_TOO_LARGE;
    if (a->message.n - 4 < n)
        return ANSWER_MORE;
    return answer_read_hello(slice_of(p + 4, n), &a->wire_version, &a->suite) == 0 ? ANSWER_HELLO
                                                                                   : ANSWER_GARBAGE;
}

/* Warnings (unrecognized_name) may stand before a ServerHello. */
static enum answer_state take_alert(struct answer *a, struct slice in)
{
    for (size_t i = 0; i < in.n; i++) {
        a->pending_alert[a->n_pending_alert++] = in.p[i];
        if (a->n_pending_alert < 2)
            continue;
        a->n_pending_alert = 0;
        a->alert = a->pending_alert[1];
        if (a->pending_alert[0] != 1 || a->alert == 0)
            return ANSWER_ALERT;
        if (++a->warnings > WARNINGS_MAX)
            return ANSWER_GARBAGE;
    }
    return ANSWER_MORE;
}

static enum answer_state take_content(struct answer *a, struct slice in)
{
    if (a->head[0] == ALERT)
        return take_alert(a, in);
    if (a->head[0] != HANDSHAKE)
        return ANSWER_GARBAGE;
    buf_put_slice(&a->message, in);
    return look(a);
}

static enum answer_state take_head(struct answer *a)
{
    size_t n = (size_t)a->head[3] << 8 | a->head[4];

    if (a->head[0] < 20 || a->head[0] > 24 || a->head[1] != 3)
        return ANSWER_NO_TLS;
    if (n > RECORD_MAX)
        return ANSWER_GARBAGE;
    a->left = n;
    a->n_head = 0;
    return ANSWER_MORE;
}

enum answer_state answer_feed(struct answer *a, struct slice in)
{
    enum answer_state state = ANSWER_MORE;

    a->octets += in.n;
    while (in.n > 0 && state == ANSWER_MORE) {
        size_t n;

        if (a->left == 0) {
            a->head[a->n_head++] = in.p[0];
            in.p++, in.n--;
            /* The first octet tells what is no TLS, before there are five. */
            if (a->n_head == 1 && (a->head[0] < 20 || a->head[0] > 24))
                return ANSWER_NO_TLS;
            if (a->n_head == sizeof(a->head))
                state = take_head(a);
            continue;
        }
        n = in.n < a->left ? in.n : a->left;
        a->left -= n;
        state = take_content(a, slice_of(in.p, n));
        in.p += n, in.n -= n;
    }
    return state == ANSWER_MORE && a->octets > ANSWER_OCTETS ? ANSWER_TOO_LARGE : state;
}
