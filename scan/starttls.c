#include "scan/starttls.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/wire.h"

#define LINE_MAX_OCTETS 2048 /* RFC 5321 4.5.3.1 has 512, IMAP capabilities are longer */

/* Protocols of lines. A step says something, passes over lines that begin with `more`, goes on
 * with the one that begins with `good`; `look`, if any, must have stood behind four octets of one
 * of them. Whatever else comes is a refusal. */
struct line_step {
    const char *say, *more, *good, *look;
};

#define STEPS_MAX 3
struct line_dialogue {
    unsigned n;
    struct line_step step[STEPS_MAX];
};

static const struct line_dialogue smtp = {3,
                                          {{"", "220-", "220", NULL},
                                           {"EHLO scan.invalid\r\n", "250-", "250", "STARTTLS"},
                                           {"STARTTLS\r\n", "220-", "220", NULL}}};
static const struct line_dialogue imap = {
    2,
    {{"", NULL, "* OK", NULL}, {"a1 STARTTLS\r\n", "* ", "a1 OK", NULL}, {NULL, NULL, NULL, NULL}}};
static const struct line_dialogue pop3 = {
    2, {{"", NULL, "+OK", NULL}, {"STLS\r\n", NULL, "+OK", NULL}, {NULL, NULL, NULL, NULL}}};

/* Others: what is said first, and a reader of all that has come so far, which takes what it has
 * understood from the front. */
typedef enum dialogue_state (*octet_reader)(struct dialogue *d, struct slice *in);
static enum dialogue_state read_ldap(struct dialogue *d, struct slice *in);
static enum dialogue_state read_postgres(struct dialogue *d, struct slice *in);
static enum dialogue_state read_mysql(struct dialogue *d, struct slice *in);

static const struct {
    const struct line_dialogue *lines;
    const char *first;
    size_t n_first;
    octet_reader read;
} dialogues[STARTTLS_KINDS] = {
    [STARTTLS_SMTP] = {&smtp, NULL, 0, NULL},
    [STARTTLS_IMAP] = {&imap, NULL, 0, NULL},
    [STARTTLS_POP3] = {&pop3, NULL, 0, NULL},
    /* LDAPMessage 1: ExtendedRequest 1.3.6.1.4.1.1466.20037 (RFC 4511 4.14.1) */
    [STARTTLS_LDAP] = {NULL,
                       "\x30\x1d\x02\x01\x01\x77\x18\x80\x16"
                       "1.3.6.1.4.1.1466.20037",
                       31, read_ldap},
    /* SSLRequest: length 8, 80877103 */
    [STARTTLS_POSTGRES] = {NULL, "\x00\x00\x00\x08\x04\xd2\x16\x2f", 8, read_postgres},
    [STARTTLS_MYSQL] = {NULL, "", 0, read_mysql},
};

void dialogue_init(struct dialogue *d, enum scan_starttls kind)
{
    memset(d, 0, sizeof(*d));
    d->kind = kind;
    buf_init(&d->in, DIALOGUE_OCTETS);
    buf_init(&d->out, 1024);
    if (dialogues[kind].lines == NULL)
        buf_put(&d->out, dialogues[kind].first, dialogues[kind].n_first);
}

void dialogue_free(struct dialogue *d)
{
    buf_free(&d->in);
    buf_free(&d->out);
}

static enum dialogue_state refuse(struct dialogue *d, const char *what, struct slice said)
{
    size_t n = (size_t)snprintf(d->why, sizeof(d->why), "%s", what);

    for (size_t i = 0; i < said.n && n + 1 < sizeof(d->why); i++)
        d->why[n++] = said.p[i] >= ' ' && said.p[i] <= '~' ? (char)said.p[i] : '.';
    d->why[n] = 0;
    return DIALOGUE_REFUSED;
}

static bool begins(struct slice s, const char *prefix)
{
    size_t n = prefix == NULL ? 0 : strlen(prefix);

    return n > 0 && s.n >= n && strncasecmp((const char *)s.p, prefix, n) == 0;
}

static enum dialogue_state take_line(struct dialogue *d, const struct line_dialogue *l,
                                     struct slice line)
{
    const struct line_step *s = &l->step[d->step];
    bool more = begins(line, s->more);

    if (!more && !begins(line, s->good))
        return refuse(d, "the server says: ", line);
    if (s->look != NULL && line.n == 4 + strlen(s->look) &&
        begins(slice_of(line.p + 4, line.n - 4), s->look))
        d->seen = true;
    if (more)
        return DIALOGUE_MORE;
    if (s->look != NULL && !d->seen)
        return refuse(d, "the server does not offer STARTTLS", SLICE_NONE);
    if (++d->step == l->n)
        return DIALOGUE_BEGIN;
    buf_put_str(&d->out, l->step[d->step].say);
    return DIALOGUE_MORE;
}

static enum dialogue_state read_lines(struct dialogue *d, struct slice *in)
{
    const struct line_dialogue *l = dialogues[d->kind].lines;
    enum dialogue_state state = DIALOGUE_MORE;
    size_t said = d->out.n;

    /* Up to where we have to say something. */
    while (state == DIALOGUE_MORE && in->n > 0 && d->out.n == said) {
        const uint8_t *end = memchr(in->p, '\n', in->n);
        struct slice line;

        if (end == NULL)
            return in->n > LINE_MAX_OCTETS ? DIALOGUE_TOO_LARGE : DIALOGUE_MORE;
        line = slice_of(in->p, (size_t)(end - in->p));
        in->p += line.n + 1;
        in->n -= line.n + 1;
        if (line.n > 0 && line.p[line.n - 1] == '\r')
            line.n--;
        state = take_line(d, l, line);
    }
    return state;
}

/* One element of BER, whose length may be longer than it needs to be, as some servers write it.
 * 0, 1: not all is here, -1: none. */
static int ber_get(struct slice *in, uint8_t *tag, struct slice *contents)
{
    size_t head = 2, n;

    if (in->n < 2)
        return 1;
    n = in->p[1];
    if (n >= 0x80) {
        size_t octets = n & 0x7f;

        if (octets == 0 || octets > 4)
            return -1;
        if (in->n < 2 + octets)
            return 1;
        n = 0;
        for (size_t i = 0; i < octets; i++)
            n = n << 8 | in->p[2 + i];
        head += octets;
    }
    if (n > DIALOGUE_OCTETS)
        return -1;
    if (in->n - head < n)
        return 1;
    *tag = in->p[0];
    *contents = slice_of(in->p + head, n);
    in->p += head + n;
    in->n -= head + n;
    return 0;
}

/* LDAPMessage { 1, ExtendedResponse { resultCode success } } */
static enum dialogue_state read_ldap(struct dialogue *d, struct slice *in)
{
    struct slice message, part;
    uint8_t tag;
    int rc;

    rc = ber_get(in, &tag, &message);
    if (rc == 1 && (in->n == 0 || in->p[0] == 0x30))
        return DIALOGUE_MORE;
    if (rc != 0 || tag != 0x30)
        return refuse(d, "the answer is no LDAP", SLICE_NONE);
    if (ber_get(&message, &tag, &part) != 0 || tag != 0x02 || part.n != 1 || part.p[0] != 1 ||
        ber_get(&message, &tag, &part) != 0 || tag != 0x78)
        return refuse(d, "the answer is no ExtendedResponse", SLICE_NONE);
    message = part;
    if (ber_get(&message, &tag, &part) != 0 || tag != 0x0a || part.n != 1)
        return refuse(d, "the answer is no ExtendedResponse", SLICE_NONE);
    if (part.p[0] != 0) {
        (void)snprintf(d->why, sizeof(d->why), "resultCode %u", (unsigned)part.p[0]);
        return DIALOGUE_REFUSED;
    }
    return DIALOGUE_BEGIN;
}

static enum dialogue_state read_postgres(struct dialogue *d, struct slice *in)
{
    uint8_t c;

    if (in->n == 0)
        return DIALOGUE_MORE;
    c = in->p[0];
    in->p++, in->n--;
    if (c == 'S')
        return DIALOGUE_BEGIN;
    return refuse(d, c == 'N' ? "the server has no TLS" : "the answer is not PostgreSQL's",
                  SLICE_NONE);
}

/* Behind the version's text: thread 4, salt 8, filler 1, lower capabilities 2. */
#define MYSQL_SSL 0x0800
static enum dialogue_state read_greeting(struct dialogue *d, struct slice packet)
{
    static const uint8_t request[36] = {32, 0, 0, 1, 0x00, 0x8a, 0, 0, 0, 0, 0, 1, 33};
    const uint8_t *end;
    size_t at;

    if (packet.n > 0 && packet.p[0] == 0xff)
        return refuse(d, "the server says: ",
                      packet.n > 3 ? slice_of(packet.p + 3, packet.n - 3) : SLICE_NONE);
    if (packet.n < 2 || packet.p[0] != 10)
        return refuse(d, "the greeting is not MySQL's", SLICE_NONE);
    end = memchr(packet.p + 1, 0, packet.n - 1);
    at = end == NULL ? packet.n : (size_t)(end - packet.p) + 1;
    if (packet.n - at < 15)
        return refuse(d, "the greeting is not MySQL's", SLICE_NONE);
    if (((packet.p[at + 13] | packet.p[at + 14] << 8) & MYSQL_SSL) == 0)
        return refuse(d, "the server has no TLS", SLICE_NONE);
    buf_put(&d->out, request, sizeof(request));
    return DIALOGUE_BEGIN;
}

static enum dialogue_state read_mysql(struct dialogue *d, struct slice *in)
{
    struct slice packet;
    size_t n;

    if (in->n < 4)
        return DIALOGUE_MORE;
    n = (size_t)in->p[0] | (size_t)in->p[1] << 8 | (size_t)in->p[2] << 16;
    if (n > 4096 || in->p[3] != 0)
        return refuse(d, "the greeting is not MySQL's", SLICE_NONE);
    if (in->n - 4 < n)
        return DIALOGUE_MORE;
    packet = slice_of(in->p + 4, n);
    in->p += 4 + n;
    in->n -= 4 + n;
    return read_greeting(d, packet);
}

enum dialogue_state dialogue_feed(struct dialogue *d, struct slice in)
{
    enum dialogue_state state;
    struct slice rest;
    size_t said = d->out.n;

    d->octets += in.n;
    buf_put_slice(&d->in, in);
    if (buf_failed(&d->in) || d->octets > DIALOGUE_OCTETS)
        return DIALOGUE_TOO_LARGE;
    rest = buf_slice(&d->in);
    state =
        dialogues[d->kind].lines != NULL ? read_lines(d, &rest) : dialogues[d->kind].read(d, &rest);
    /* Nobody may speak before it is their turn; lines behind an answer would be taken for TLS. */
    if (rest.n > 0 && (state == DIALOGUE_BEGIN || (state == DIALOGUE_MORE && d->out.n != said)))
        return refuse(d, "octets behind the answer, before TLS", SLICE_NONE);
    if (rest.n > 0)
        memmove(d->in.p, rest.p, rest.n);
    d->in.n = rest.n;
    return state;
}
