/* The outbox (ca/store/outbox.h): what its verbs write. */
#include <stdlib.h>
#include <string.h>

#include "ca/store/outbox_rows.h"
#include "lib/key.h"

#define ROOM_SLICE 256 /* parked ones that go at once where there is no room */

/* Heartbeats of a channel are one line; whatever else has no key is a line of its own. */
static const uint8_t heartbeat_line[NOTICE_KEY] = "cerca-heartbeat";

/* ---- rows of this table ---- */

static bool w_read(struct write_txn *w, const struct outbox_key *k, struct slice *out)
{
    return w_found(w, row_get(w->t, w->s->dbi[D_OUTBOX], k->p, k->n, out));
}

static void w_mark(struct write_txn *w, struct outbox_key k)
{
    w_put_value(w, D_OUTBOX, k.p, k.n, SLICE_NONE);
}

static void w_unmark(struct write_txn *w, struct outbox_key k)
{
    w_del(w, D_OUTBOX, k.p, k.n);
}

/* The first key from `from` on that begins with `prefix`. */
static bool w_first_from(struct write_txn *w, const struct outbox_key *from,
                         const struct outbox_key *prefix, struct outbox_key *out)
{
    MDB_cursor *c;
    MDB_val k = val_of(from->p, from->n), v;
    bool found = false;

    *out = (struct outbox_key){.n = 0};
    if (w->rc != 0)
        return false;
    w->rc = mdb_cursor_open(w->t, w->s->dbi[D_OUTBOX], &c);
    if (w->rc != 0)
        return false;
    if (w_found(w, mdb_cursor_get(c, &k, &v, MDB_SET_RANGE)) && k.mv_size <= sizeof(out->p)) {
        memcpy(out->p, k.mv_data, k.mv_size);
        out->n = k.mv_size;
        found = outbox_key_begins(out, prefix);
    }
    mdb_cursor_close(c);
    return found;
}

static bool w_first(struct write_txn *w, const struct outbox_key *prefix, struct outbox_key *out)
{
    return w_first_from(w, prefix, prefix, out);
}

static void w_delivery(struct write_txn *w, const struct outbox_delivery *d)
{
    struct outbox_key k = outbox_key_delivery(d->number, d->channel);

    outbox_delivery_put(w_row(w), d);
    w_put(w, D_OUTBOX, k.p, k.n, 0);
}

/* False when there is none, or when the transaction has failed. */
static bool delivery_load(struct write_txn *w, uint64_t number, const char *channel,
                          struct outbox_delivery *out)
{
    struct outbox_key k = outbox_key_delivery(number, channel);
    struct slice row;

    memset(out, 0, sizeof(*out));
    if (w->rc != 0 || !w_read(w, &k, &row))
        return false;
    if (outbox_delivery_get(slice_of(k.p, k.n), row, out) != 0)
        w->rc = MDB_CORRUPTED;
    return w->rc == 0;
}

static void channel_load(struct write_txn *w, const char *name, struct outbox_channel *out)
{
    struct outbox_key k = outbox_key_channel(name);
    struct slice row;

    memset(out, 0, sizeof(*out));
    if (w->rc == 0 && w_read(w, &k, &row)) {
        if (outbox_channel_get(slice_of(k.p, k.n), row, out) != 0)
            w->rc = MDB_CORRUPTED;
        return;
    }
    memcpy(out->name, name, strnlen(name, sizeof(out->name) - 1));
}

static void w_channel(struct write_txn *w, const struct outbox_channel *c)
{
    struct outbox_key k = outbox_key_channel(c->name);

    outbox_channel_put(w_row(w), c);
    w_put(w, D_OUTBOX, k.p, k.n, 0);
}

/* ---- lines ---- */

static bool line_first(struct write_txn *w, const struct outbox_delivery *d, uint64_t *number)
{
    struct outbox_key in = outbox_key_in_line(d->channel, d->line), k;
    bool found = w_first(w, &in, &k);

    *number = found ? outbox_key_number(&k) : 0;
    return found;
}

/* What is before it in its line and was never tried waits for a time that was chosen (the end of
 * quiet hours), and no longer than this one, which may not wait behind it. */
static void pull_forward(struct write_txn *w, const struct outbox_delivery *d)
{
    struct outbox_key in = outbox_key_in_line(d->channel, d->line), k;
    struct outbox_key from = in;
    struct outbox_delivery before;
    uint64_t first, number;

    if (!line_first(w, d, &first))
        return;
    for (; w_first_from(w, &from, &in, &k) && outbox_key_number(&k) < d->number;
         from = outbox_key_line(d->channel, d->line, number + 1)) {
        number = outbox_key_number(&k);
        if (!delivery_load(w, number, d->channel, &before) || before.tries > 0 ||
            before.next <= d->next)
            continue;
        if (number == first) {
            w_unmark(w, outbox_key_when(d->channel, before.next, number));
            w_mark(w, outbox_key_when(d->channel, d->next, number));
        }
        before.added = before.next = d->next;
        w_delivery(w, &before);
        w->outbox = true;
    }
}

/* Into its line, by number; whoever is first there now is in the order of time. */
static void enqueue(struct write_txn *w, const struct outbox_delivery *d)
{
    struct outbox_delivery head;
    uint64_t first;
    bool had = line_first(w, d, &first);

    w_mark(w, outbox_key_line(d->channel, d->line, d->number));
    if (had && first < d->number)
        return;
    if (had && delivery_load(w, first, d->channel, &head))
        w_unmark(w, outbox_key_when(d->channel, head.next, first));
    w_mark(w, outbox_key_when(d->channel, d->next, d->number));
    w->outbox = true;
}

static void dequeue(struct write_txn *w, const struct outbox_delivery *d)
{
    struct outbox_delivery next;
    uint64_t first;
    bool was_first = line_first(w, d, &first) && first == d->number;

    w_unmark(w, outbox_key_line(d->channel, d->line, d->number));
    if (!was_first)
        return;
    w_unmark(w, outbox_key_when(d->channel, d->next, d->number));
    if (line_first(w, d, &first) && delivery_load(w, first, d->channel, &next)) {
        w_mark(w, outbox_key_when(d->channel, next.next, first));
        w->outbox = true;
    }
}

/* The delivery goes, and its notice with the last one. */
static void forget(struct write_txn *w, const struct outbox_delivery *d)
{
    struct outbox_key all = outbox_key_delivery(d->number, NULL), k;

    if (d->state == OUTBOX_WAITING)
        dequeue(w, d);
    w_unmark(w, outbox_key_delivery(d->number, d->channel));
    if (!w_first(w, &all, &k))
        w_unmark(w, outbox_key_notice(d->number));
}

static void count_out(struct outbox_channel *c, const struct outbox_delivery *d)
{
    uint64_t *n = d->state == OUTBOX_WAITING ? &c->waiting : &c->parked;

    *n -= *n > 0;
}

/* ---- many at once ---- */

struct picked {
    struct outbox_delivery *at;
    size_t n, cap;
};

/* Deliveries of this channel ("": all) and number (0: all) in one of `states`, at most max. */
static struct picked pick(struct write_txn *w, const char *channel, uint64_t number,
                          unsigned states, size_t max)
{
    struct picked p = {0};
    struct outbox_key from = outbox_key_delivery(number, NULL);
    struct outbox_delivery d;
    MDB_cursor *c;
    MDB_val k = val_of(from.p, from.n), v;
    int rc;

    if (w->rc == 0)
        w->rc = mdb_cursor_open(w->t, w->s->dbi[D_OUTBOX], &c);
    if (w->rc != 0)
        return p;
    for (rc = mdb_cursor_get(c, &k, &v, MDB_SET_RANGE); rc == 0 && p.n < max;
         rc = mdb_cursor_get(c, &k, &v, MDB_NEXT)) {
        if (*(const uint8_t *)k.mv_data != OUTBOX_DELIVERY)
            break;
        if (outbox_delivery_get(val_slice(k), val_slice(v), &d) != 0) {
            rc = MDB_CORRUPTED;
            break;
        }
        if (number != 0 && d.number != number)
            break;
        if ((channel[0] != '\0' && strcmp(channel, d.channel) != 0) ||
            (states & (1U << d.state)) == 0)
            continue;
        if (p.n == p.cap) {
            p.cap = p.cap == 0 ? 16 : 2 * p.cap;
            p.at = xreallocarray(p.at, p.cap, sizeof(p.at[0]));
        }
        p.at[p.n++] = d;
    }
    mdb_cursor_close(c);
    (void)w_found(w, rc);
    return p;
}

/* ---- adding ---- */

static void make_room(struct write_txn *w, struct outbox_channel *c)
{
    struct picked p;

    if (c->parked == 0)
        return;
    p = pick(w, c->name, 0, 1U << OUTBOX_PARKED, ROOM_SLICE);
    for (size_t i = 0; i < p.n && w->rc == 0; i++) {
        forget(w, &p.at[i]);
        count_out(c, &p.at[i]);
        c->lost++;
    }
    free(p.at);
}

static void line_of(const struct notice *n, uint8_t out[NOTICE_KEY])
{
    memset(out, 0, NOTICE_KEY);
    if (n->has_key)
        memcpy(out, n->key, NOTICE_KEY);
    else if (n->kind == NOTICE_HEARTBEAT)
        memcpy(out, heartbeat_line, NOTICE_KEY);
    else
        number_put(n->number, out + NOTICE_KEY - 8);
}

static bool add_to(struct write_txn *w, const struct notice *n, const char *channel, int64_t now)
{
    struct outbox_delivery d = {.number = n->number,
                                .state = OUTBOX_WAITING,
                                .kind = n->kind,
                                .added = now,
                                .next = now,
                                .has_key = n->has_key};
    struct outbox_delivery other;
    struct outbox_channel c;
    uint64_t first;

    memcpy(d.channel, channel, strnlen(channel, sizeof(d.channel) - 1));
    line_of(n, d.line);
    if (delivery_load(w, d.number, d.channel, &other))
        return false;
    if (n->kind == NOTICE_HEARTBEAT && line_first(w, &d, &first))
        return false;
    channel_load(w, d.channel, &c);
    if (c.waiting + c.parked >= OUTBOX_MAX)
        make_room(w, &c);
    bool room = c.waiting + c.parked < OUTBOX_MAX;
    if (room) {
        w_delivery(w, &d);
        enqueue(w, &d);
        pull_forward(w, &d);
        c.waiting++;
        if (n->kind == NOTICE_HEARTBEAT)
            c.heartbeat = now;
    } else {
        c.lost++;
    }
    w_channel(w, &c);
    return room;
}

static uint64_t next_number(struct write_txn *w)
{
    struct outbox_key k = {.p = {OUTBOX_NEWEST}, .n = 1};
    struct slice row;
    uint64_t newest = 0;

    if (w_read(w, &k, &row)) {
        if (row.n != 8)
            w->rc = MDB_CORRUPTED;
        else
            newest = number_get(row.p);
    }
    number_put(++newest, buf_grow(w_row(w), 8));
    w_put(w, D_OUTBOX, k.p, k.n, 0);
    return newest;
}

void outbox_append(struct write_txn *w, struct outbox_notice *o, int64_t now)
{
    struct outbox_key k;
    uint8_t id[16];
    bool told = false;

    if (o->n_channels == 0 || w->rc != 0)
        return;
    o->notice.number = next_number(w);
    if (o->notice.id[0] == '\0') {
        random_bytes(id, sizeof(id));
        hex_encode(slice_of(id, sizeof(id)), o->notice.id);
    }
    for (size_t i = 0; i < o->n_channels && i < OUTBOX_CHANNELS_MAX && w->rc == 0; i++)
        told = add_to(w, &o->notice, o->channel[i], now) || told;
    if (!told || w->rc != 0)
        return;
    k = outbox_key_notice(o->notice.number);
    notice_put(w_row(w), &o->notice);
    w_put(w, D_OUTBOX, k.p, k.n, 0);
}

/* ---- what became of one ---- */

static void ticket_keep(struct write_txn *w, const struct outbox_delivery *d,
                        const struct store_outbox *q)
{
    struct outbox_key k = outbox_key_ticket(d->channel, d->line);

    if (!d->has_key)
        return;
    if (q->closed)
        w_unmark(w, k);
    else if (q->ticket[0] != '\0')
        w_put_value(w, D_OUTBOX, k.p, k.n, slice_str(q->ticket));
}

static void park(struct write_txn *w, struct outbox_delivery *d, struct outbox_channel *c)
{
    count_out(c, d);
    if (d->kind == NOTICE_TEST || d->kind == NOTICE_HEARTBEAT) {
        forget(w, d);
        return;
    }
    dequeue(w, d);
    d->state = OUTBOX_PARKED;
    d->next = 0;
    w_delivery(w, d);
    c->parked++;
}

static void delivered(struct write_txn *w, const struct store_op *op, struct outbox_delivery *d,
                      struct outbox_channel *c)
{
    count_out(c, d);
    forget(w, d);
    c->delivered++;
    c->succeeded_at = op->time;
    c->failing_since = 0;
}

static void failed(struct write_txn *w, const struct store_op *op, struct outbox_delivery *d,
                   struct outbox_channel *c)
{
    const struct store_outbox *q = op->outbox;
    int64_t was = d->next;

    d->tries += d->tries < UINT32_MAX;
    d->tried = op->time;
    notice_set(d->why, sizeof(d->why), q->why);
    notice_set(c->why, sizeof(c->why), q->why);
    c->failed++;
    c->failed_at = op->time;
    if (c->failing_since == 0)
        c->failing_since = op->time;
    if (q->next == 0) {
        park(w, d, c);
        return;
    }
    d->next = q->next;
    w_unmark(w, outbox_key_when(d->channel, was, d->number));
    w_mark(w, outbox_key_when(d->channel, d->next, d->number));
    w_delivery(w, d);
    w->outbox = true;
}

/* Only the first of a line was ever handed out. */
static void outcome(struct write_txn *w, struct store_op *op)
{
    struct store_outbox *q = op->outbox;
    struct outbox_delivery d;
    struct outbox_channel c;
    uint64_t first;

    if (!delivery_load(w, q->number, q->channel, &d) || d.state != OUTBOX_WAITING ||
        !line_first(w, &d, &first) || first != d.number) {
        op->outcome = STORE_SAME;
        return;
    }
    channel_load(w, d.channel, &c);
    ticket_keep(w, &d, q);
    if (q->verb == OUTBOX_DELIVERED)
        delivered(w, op, &d, &c);
    else
        failed(w, op, &d, &c);
    w_channel(w, &c);
}

/* ---- an operator's word ---- */

static void retry_one(struct write_txn *w, struct outbox_delivery *d, int64_t now)
{
    struct outbox_channel c;

    channel_load(w, d->channel, &c);
    if (d->state == OUTBOX_WAITING)
        dequeue(w, d);
    count_out(&c, d);
    d->state = OUTBOX_WAITING;
    d->added = d->next = now;
    d->tries = 0;
    w_delivery(w, d);
    enqueue(w, d);
    c.waiting++;
    w_channel(w, &c);
}

static void drop_one(struct write_txn *w, const struct outbox_delivery *d)
{
    struct outbox_channel c;

    channel_load(w, d->channel, &c);
    forget(w, d);
    count_out(&c, d);
    c.lost++;
    w_channel(w, &c);
}

static int decided(struct write_txn *w, struct store_op *op)
{
    struct store_outbox *q = op->outbox;
    bool drop = q->verb == OUTBOX_DROP;
    unsigned states = 1U << OUTBOX_PARKED;
    struct picked p;

    if (!drop || q->number != 0)
        states |= 1U << OUTBOX_WAITING;
    p = pick(w, q->channel, q->number, states, SIZE_MAX);
    for (size_t i = 0; i < p.n && w->rc == 0; i++) {
        if (drop)
            drop_one(w, &p.at[i]);
        else
            retry_one(w, &p.at[i], op->time);
    }
    q->count = p.n;
    free(p.at);
    if (q->count == 0)
        return fault_set(&op->fault, FAULT_NOT_FOUND, "outbox.unknown",
                         "the outbox has no such delivery");
    return 0;
}

int op_outbox(struct write_txn *w, struct store_op *op)
{
    w->record = false;
    switch (op->outbox->verb) {
    case OUTBOX_ADD:
        outbox_append(w, op->outbox->add, op->time);
        return 0;
    case OUTBOX_DELIVERED:
    case OUTBOX_FAILED:
        outcome(w, op);
        return 0;
    case OUTBOX_PARK:
        outbox_park_all(w, op->outbox->channel, op->outbox->why);
        return 0;
    case OUTBOX_RETRY:
    case OUTBOX_DROP:
        w->record = true;
        return decided(w, op);
    }
    return fault_set(&op->fault, FAULT_INTERNAL, "outbox.verb", "no such verb");
}

void outbox_park_all(struct write_txn *w, const char *channel, const char *why)
{
    struct picked p = pick(w, channel, 0, 1U << OUTBOX_WAITING, SIZE_MAX);

    for (size_t i = 0; i < p.n && w->rc == 0; i++) {
        struct outbox_delivery d;
        struct outbox_channel c;

        if (!delivery_load(w, p.at[i].number, p.at[i].channel, &d))
            continue;
        channel_load(w, d.channel, &c);
        notice_set(d.why, sizeof(d.why), why);
        park(w, &d, &c);
        w_channel(w, &c);
    }
    free(p.at);
}
