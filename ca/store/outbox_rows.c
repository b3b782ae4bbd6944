#include "ca/store/outbox_rows.h"

#include <string.h>

#define ROW_VERSION 1

/* ---- keys ---- */

static struct outbox_key key_of(uint8_t kind)
{
    return (struct outbox_key){.p = {kind}, .n = 1};
}

static void add(struct outbox_key *k, const void *p, size_t n)
{
    if (n > sizeof(k->p) - k->n)
        n = sizeof(k->p) - k->n; /* names are bounded: it never comes to this */
    memcpy(k->p + k->n, p, n);
    k->n += n;
}

static void add_number(struct outbox_key *k, uint64_t number)
{
    uint8_t octets[8];

    number_put(number, octets);
    add(k, octets, sizeof(octets));
}

static void add_channel(struct outbox_key *k, const char *channel, size_t nul)
{
    add(k, channel, strnlen(channel, OUTBOX_CHANNEL_SIZE - 1));
    add(k, "", nul);
}

struct outbox_key outbox_key_notice(uint64_t number)
{
    struct outbox_key k = key_of(OUTBOX_NOTICE);

    add_number(&k, number);
    return k;
}

struct outbox_key outbox_key_delivery(uint64_t number, const char *channel)
{
    struct outbox_key k = key_of(OUTBOX_DELIVERY);

    add_number(&k, number);
    if (channel != NULL)
        add_channel(&k, channel, 0);
    return k;
}

struct outbox_key outbox_key_in_line(const char *channel, const uint8_t line[NOTICE_KEY])
{
    struct outbox_key k = key_of(OUTBOX_LINE);

    add_channel(&k, channel, 1);
    add(&k, line, NOTICE_KEY);
    return k;
}

struct outbox_key outbox_key_line(const char *channel, const uint8_t line[NOTICE_KEY],
                                  uint64_t number)
{
    struct outbox_key k = outbox_key_in_line(channel, line);

    add_number(&k, number);
    return k;
}

struct outbox_key outbox_key_due(const char *channel)
{
    struct outbox_key k = key_of(OUTBOX_WHEN);

    add_channel(&k, channel, 1);
    return k;
}

struct outbox_key outbox_key_when(const char *channel, int64_t next, uint64_t number)
{
    struct outbox_key k = outbox_key_due(channel);

    add_number(&k, next < 0 ? 0 : (uint64_t)next);
    add_number(&k, number);
    return k;
}

struct outbox_key outbox_key_channel(const char *channel)
{
    struct outbox_key k = key_of(OUTBOX_CHANNEL);

    add_channel(&k, channel, 0);
    return k;
}

struct outbox_key outbox_key_ticket(const char *channel, const uint8_t key[NOTICE_KEY])
{
    struct outbox_key k = key_of(OUTBOX_TICKET);

    add_channel(&k, channel, 1);
    add(&k, key, NOTICE_KEY);
    return k;
}

bool outbox_key_begins(const struct outbox_key *k, const struct outbox_key *prefix)
{
    return k->n >= prefix->n && memcmp(k->p, prefix->p, prefix->n) == 0;
}

uint64_t outbox_key_number(const struct outbox_key *k)
{
    return k->n < 8 ? 0 : number_get(k->p + k->n - 8);
}

int64_t outbox_key_next(const struct outbox_key *k)
{
    return k->n < 16 ? 0 : (int64_t)number_get(k->p + k->n - 16);
}

/* ---- rows ---- */

void outbox_delivery_put(struct buf *b, const struct outbox_delivery *d)
{
    wire_put_u8(b, ROW_VERSION);
    wire_put_u8(b, (uint8_t)d->state);
    wire_put_u8(b, (uint8_t)d->kind);
    wire_put_u32(b, d->tries);
    wire_put_i64(b, d->added);
    wire_put_i64(b, d->next);
    wire_put_i64(b, d->tried);
    wire_put_u8(b, d->has_key);
    wire_put_fixed(b, d->line, sizeof(d->line));
    wire_put_text(b, d->why);
}

/* A name behind the first `skip` octets of a key. */
static bool name_get(struct slice key, size_t skip, char out[OUTBOX_CHANNEL_SIZE])
{
    if (key.n <= skip || key.n - skip >= OUTBOX_CHANNEL_SIZE)
        return false;
    memcpy(out, key.p + skip, key.n - skip);
    return strlen(out) == key.n - skip;
}

int outbox_delivery_get(struct slice key, struct slice row, struct outbox_delivery *out)
{
    struct wire_in w;
    uint8_t version, state, kind;

    memset(out, 0, sizeof(*out));
    if (!name_get(key, 9, out->channel))
        return -1;
    out->number = number_get(key.p + 1);
    wire_in_init(&w, row);
    version = wire_get_u8(&w);
    state = wire_get_u8(&w);
    kind = wire_get_u8(&w);
    out->tries = wire_get_u32(&w);
    out->added = wire_get_i64(&w);
    out->next = wire_get_i64(&w);
    out->tried = wire_get_i64(&w);
    out->has_key = wire_get_flag(&w);
    wire_get_fixed(&w, out->line, sizeof(out->line));
    wire_get_text(&w, out->why, sizeof(out->why));
    out->state = (enum outbox_state)state;
    out->kind = (enum notice_kind)kind;
    return wire_in_done(&w) && version == ROW_VERSION && state >= OUTBOX_WAITING &&
                   state <= OUTBOX_PARKED && kind >= NOTICE_RAISED && kind <= NOTICE_KINDS
               ? 0
               : -1;
}

void outbox_channel_put(struct buf *b, const struct outbox_channel *c)
{
    wire_put_u8(b, ROW_VERSION);
    wire_put_u64(b, c->waiting);
    wire_put_u64(b, c->parked);
    wire_put_u64(b, c->delivered);
    wire_put_u64(b, c->failed);
    wire_put_u64(b, c->lost);
    wire_put_i64(b, c->succeeded_at);
    wire_put_i64(b, c->failed_at);
    wire_put_i64(b, c->failing_since);
    wire_put_i64(b, c->heartbeat);
    wire_put_text(b, c->why);
}

int outbox_channel_get(struct slice key, struct slice row, struct outbox_channel *out)
{
    struct wire_in w;
    uint8_t version;

    memset(out, 0, sizeof(*out));
    if (!name_get(key, 1, out->name))
        return -1;
    wire_in_init(&w, row);
    version = wire_get_u8(&w);
    out->waiting = wire_get_u64(&w);
    out->parked = wire_get_u64(&w);
    out->delivered = wire_get_u64(&w);
    out->failed = wire_get_u64(&w);
    out->lost = wire_get_u64(&w);
    out->succeeded_at = wire_get_i64(&w);
    out->failed_at = wire_get_i64(&w);
    out->failing_since = wire_get_i64(&w);
    out->heartbeat = wire_get_i64(&w);
    wire_get_text(&w, out->why, sizeof(out->why));
    return wire_in_done(&w) && version == ROW_VERSION ? 0 : -1;
}

int outbox_notice_get(struct slice row, struct notice *out)
{
    struct wire_in w;

    wire_in_init(&w, row);
    notice_get(&w, out);
    return wire_in_done(&w) ? 0 : -1;
}
