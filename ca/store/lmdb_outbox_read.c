/* The outbox (ca/store/outbox.h): reading, and whether a row is sound. */
#include <stdlib.h>
#include <string.h>

#include "ca/store/outbox_rows.h"

static int answer(int rc, const char *what, struct fault *f)
{
    if (rc == MDB_CORRUPTED)
        return store_damaged(f, what);
    return rc == 0 || rc == MDB_NOTFOUND ? 0 : store_fail(f, rc, "reading the outbox");
}

static int row_of(struct store *s, MDB_txn *t, struct outbox_key k, struct slice *out)
{
    return row_get(t, s->dbi[D_OUTBOX], k.p, k.n, out);
}

static int notice_of(struct store *s, MDB_txn *t, uint64_t number, struct notice *out)
{
    struct slice row;
    int rc = row_of(s, t, outbox_key_notice(number), &row);

    if (rc == 0 && outbox_notice_get(row, out) != 0)
        rc = MDB_CORRUPTED;
    return rc == MDB_NOTFOUND ? MDB_CORRUPTED : rc;
}

static int delivery_of(struct store *s, MDB_txn *t, uint64_t number, const char *channel,
                       struct outbox_delivery *out)
{
    struct outbox_key k = outbox_key_delivery(number, channel);
    struct slice row;
    int rc = row_of(s, t, k, &row);

    if (rc == 0 && outbox_delivery_get(slice_of(k.p, k.n), row, out) != 0)
        rc = MDB_CORRUPTED;
    return rc == MDB_NOTFOUND ? MDB_CORRUPTED : rc;
}

static int ticket_of(struct store *s, MDB_txn *t, const struct outbox_delivery *d,
                     char out[OUTBOX_TICKET_SIZE])
{
    struct slice row;
    int rc = d->has_key ? row_of(s, t, outbox_key_ticket(d->channel, d->line), &row) : MDB_NOTFOUND;

    memset(out, 0, OUTBOX_TICKET_SIZE);
    if (rc == 0 && row.n >= OUTBOX_TICKET_SIZE)
        return MDB_CORRUPTED;
    if (rc == 0)
        memcpy(out, row.p, row.n);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

/* ---- what is due ---- */

struct due {
    struct store *s;
    MDB_txn *t;
    const char *channel;
    store_outbox_due_each fn;
    void *arg;
    struct notice *notice;
};

static int due_one(struct due *q, uint64_t number, int *stop)
{
    struct outbox_delivery d;
    char ticket[OUTBOX_TICKET_SIZE];
    int rc = delivery_of(q->s, q->t, number, q->channel, &d);

    if (rc == 0)
        rc = notice_of(q->s, q->t, number, q->notice);
    if (rc == 0)
        rc = ticket_of(q->s, q->t, &d, ticket);
    if (rc == 0)
        *stop = q->fn(q->arg, &d, q->notice, ticket);
    return rc;
}

static int due_walk(struct due *q, MDB_cursor *c, int64_t now, size_t max, int64_t *next)
{
    struct outbox_key prefix = outbox_key_due(q->channel), at = {.n = 0};
    MDB_val k = val_of(prefix.p, prefix.n), v;
    int stop = 0, rc = mdb_cursor_get(c, &k, &v, MDB_SET_RANGE);

    for (size_t n = 0; rc == 0; n++, rc = mdb_cursor_get(c, &k, &v, MDB_NEXT)) {
        if (k.mv_size > sizeof(at.p))
            return MDB_CORRUPTED;
        memcpy(at.p, k.mv_data, k.mv_size);
        at.n = k.mv_size;
        if (!outbox_key_begins(&at, &prefix))
            return 0;
        if (n == max || stop != 0 || outbox_key_next(&at) > now) {
            *next = outbox_key_next(&at);
            return 0;
        }
        rc = due_one(q, outbox_key_number(&at), &stop);
        if (rc != 0)
            return rc;
    }
    return rc;
}

int store_outbox_due(struct store *s, const char *channel, int64_t now, size_t max,
                     store_outbox_due_each fn, void *arg, int64_t *next, struct fault *f)
{
    struct due q = {.s = s, .channel = channel, .fn = fn, .arg = arg};
    MDB_cursor *c;
    int rc = read_begin(s, &q.t, f);

    *next = 0;
    if (rc != 0)
        return rc;
    q.notice = xcalloc(1, sizeof(*q.notice));
    rc = mdb_cursor_open(q.t, s->dbi[D_OUTBOX], &c);
    if (rc == 0) {
        rc = due_walk(&q, c, now, max, next);
        mdb_cursor_close(c);
    }
    free(q.notice);
    read_end(s, q.t);
    return answer(rc, "delivery", f);
}

/* ---- everything ---- */

static int list_walk(struct store *s, MDB_txn *t, MDB_cursor *c, uint64_t after,
                     store_outbox_each fn, void *arg, struct notice *n)
{
    struct outbox_key from = outbox_key_delivery(after + 1, NULL);
    MDB_val k = val_of(from.p, from.n), v;
    struct outbox_delivery d;
    int rc = mdb_cursor_get(c, &k, &v, MDB_SET_RANGE);

    for (n->number = 0; rc == 0; rc = mdb_cursor_get(c, &k, &v, MDB_NEXT)) {
        if (*(const uint8_t *)k.mv_data != OUTBOX_DELIVERY)
            return 0;
        if (outbox_delivery_get(val_slice(k), val_slice(v), &d) != 0)
            return MDB_CORRUPTED;
        if (n->number != d.number)
            rc = notice_of(s, t, d.number, n);
        if (rc != 0 || fn(arg, &d, n) != 0)
            return rc;
    }
    return rc;
}

int store_outbox(struct store *s, uint64_t after, store_outbox_each fn, void *arg, struct fault *f)
{
    struct notice *n;
    MDB_cursor *c;
    MDB_txn *t;
    int rc;

    if (after == UINT64_MAX)
        return 0;
    rc = read_begin(s, &t, f);
    if (rc != 0)
        return rc;
    n = xcalloc(1, sizeof(*n));
    rc = mdb_cursor_open(t, s->dbi[D_OUTBOX], &c);
    if (rc == 0) {
        rc = list_walk(s, t, c, after, fn, arg, n);
        mdb_cursor_close(c);
    }
    free(n);
    read_end(s, t);
    return answer(rc, "delivery", f);
}

int store_outbox_notice(struct store *s, uint64_t number, struct notice *out, struct fault *f)
{
    struct slice row;
    MDB_txn *t;
    int rc = read_begin(s, &t, f);

    memset(out, 0, sizeof(*out));
    if (rc != 0)
        return rc;
    rc = row_of(s, t, outbox_key_notice(number), &row);
    if (rc == 0 && outbox_notice_get(row, out) != 0)
        rc = MDB_CORRUPTED;
    read_end(s, t);
    if (rc == MDB_NOTFOUND)
        return fault_set(f, FAULT_NOT_FOUND, "outbox.unknown", "the outbox has no notice %llu",
                         (unsigned long long)number);
    return answer(rc, "notice", f);
}

int store_outbox_channels(struct store *s, store_outbox_channel_each fn, void *arg, struct fault *f)
{
    uint8_t from = OUTBOX_CHANNEL;
    MDB_val k = val_of(&from, 1), v;
    struct outbox_channel row;
    MDB_cursor *c;
    MDB_txn *t;
    int rc = read_begin(s, &t, f);

    if (rc != 0)
        return rc;
    rc = mdb_cursor_open(t, s->dbi[D_OUTBOX], &c);
    if (rc == 0) {
        for (rc = mdb_cursor_get(c, &k, &v, MDB_SET_RANGE);
             rc == 0 && *(const uint8_t *)k.mv_data == OUTBOX_CHANNEL;
             rc = mdb_cursor_get(c, &k, &v, MDB_NEXT)) {
            rc = outbox_channel_get(val_slice(k), val_slice(v), &row) != 0 ? MDB_CORRUPTED : 0;
            if (rc != 0 || fn(arg, &row) != 0)
                break;
        }
        mdb_cursor_close(c);
    }
    read_end(s, t);
    return answer(rc, "channel", f);
}

void store_on_outbox(struct store *s, void (*fn)(void *arg), void *arg)
{
    s->on_outbox = fn;
    s->on_outbox_arg = arg;
}

/* ---- soundness ---- */

static bool present(struct store *s, MDB_txn *t, struct outbox_key k)
{
    struct slice row;

    return row_of(s, t, k, &row) == 0;
}

/* A delivery has its notice, and stands in its line exactly while it waits. */
static bool delivery_sound(struct store *s, MDB_txn *t, struct slice key, struct slice row)
{
    struct outbox_delivery d;

    if (outbox_delivery_get(key, row, &d) != 0)
        return false;
    return present(s, t, outbox_key_notice(d.number)) &&
           present(s, t, outbox_key_line(d.channel, d.line, d.number)) ==
               (d.state == OUTBOX_WAITING);
}

/* Who is due waits: the key ends with its time and number, behind the channel and a NUL. */
static bool when_sound(struct store *s, MDB_txn *t, const struct outbox_key *k)
{
    struct outbox_delivery d;
    char channel[OUTBOX_CHANNEL_SIZE] = "";

    if (k->n < 18 || k->n - 18 >= sizeof(channel))
        return false;
    memcpy(channel, k->p + 1, k->n - 18);
    return delivery_of(s, t, outbox_key_number(k), channel, &d) == 0 && d.state == OUTBOX_WAITING &&
           d.next == outbox_key_next(k);
}

bool outbox_row_sound(struct store *s, MDB_txn *t, struct slice key, struct slice row)
{
    struct outbox_channel c;
    struct outbox_key k = {.n = key.n};
    struct notice *n;
    bool sound;

    if (key.n == 0 || key.n > sizeof(k.p))
        return false;
    memcpy(k.p, key.p, key.n);
    switch (k.p[0]) {
    case OUTBOX_NEWEST:
        return key.n == 1 && row.n == 8;
    case OUTBOX_NOTICE:
        n = xcalloc(1, sizeof(*n));
        sound = key.n == 9 && outbox_notice_get(row, n) == 0 && n->number == number_get(k.p + 1);
        free(n);
        return sound;
    case OUTBOX_DELIVERY:
        return delivery_sound(s, t, key, row);
    case OUTBOX_WHEN:
        return when_sound(s, t, &k);
    case OUTBOX_LINE:
        return key.n > 1 + NOTICE_KEY + 8 && row.n == 0;
    case OUTBOX_CHANNEL:
        return outbox_channel_get(key, row, &c) == 0;
    case OUTBOX_TICKET:
        return key.n > 1 + NOTICE_KEY && row.n < OUTBOX_TICKET_SIZE;
    default:
        return false;
    }
}
