/* The audit log, read by auditors: pages of records, checkpoints, tiles. */
#include "ca/admin/admin_inner.h"

#include <stdlib.h>
#include <string.h>

#include "ca/ledger/tiles.h"
#include "lib/clock.h"
#include "lib/proto_audit.h"

#define LOOKED_AT_MAX 20000 /* records looked at for one page */
#define CHUNK 512           /* ... and in one read */
#define LEAF_ROOM (AUDIT_RECORD_MAX + 64)
#define PAGE_ROOM (FRAME_BODY_MAX - 64)

/* NOLINTNEXTLINE(misc-redundant-expression): that they are is what is asserted. */
_Static_assert(AUDIT_LOG_NOW == STORE_LOG_NOW, "the number in messages is the store's");

static int malformed(struct ask *q)
{
    return fault_set(&q->fault, FAULT_MALFORMED, "request.body", "the request is malformed");
}

/* ---- records ---- */

struct reading {
    const struct audit_read *r;
    struct audit_page page;
    struct buf leaves;    /* of the page */
    struct buf chunk;     /* backwards: what matched, in order */
    size_t at[CHUNK + 1]; /* where each begins in it */
    uint64_t index[CHUNK];
    size_t n;                /* in the chunk */
    uint64_t looked_at, end; /* end: nothing from here on */
};

static bool wanted(const struct audit_read *r, struct slice salt, struct slice record)
{
    struct audit_event e;

    if (r->generic)
        return true;
    if (salt.n == 0 || audit_get(record, &e) != 0)
        return false;
    return (r->since == 0 || e.time >= r->since) && (r->until == 0 || e.time < r->until) &&
           (r->actor[0] == '\0' || strcmp(r->actor, e.actor) == 0) &&
           (r->action[0] == '\0' || strcmp(r->action, audit_action_name(e.action)) == 0) &&
           (r->rule[0] == '\0' || strcmp(r->rule, e.rule) == 0) &&
           (!r->has_serial || (e.has_serial && memcmp(r->serial, e.serial, sizeof(e.serial)) == 0));
}

static bool page_full(const struct reading *g)
{
    return g->page.n >= g->r->limit || g->leaves.n + LEAF_ROOM > PAGE_ROOM;
}

static int take_forward(void *arg, uint64_t index, struct slice salt, struct slice record)
{
    struct reading *g = arg;
    struct audit_leaf leaf = {index, salt, record};

    if (index >= g->end || page_full(g))
        return 1;
    g->looked_at++;
    g->page.next = index + 1;
    if (wanted(g->r, salt, record)) {
        audit_leaf_put(&g->leaves, &leaf);
        g->page.n++;
    }
    return 0;
}

/* From `from` up to `end`; page.next is where it stopped. */
static int read_forward(struct reading *g, struct store *s, uint64_t from, struct fault *f)
{
    uint64_t before;

    g->page.next = from;
    do {
        before = g->page.next;
        int rc = store_audit(s, g->r->log, before, CHUNK, take_forward, g, f);
        if (rc != 0)
            return rc;
    } while (g->page.next > before && g->page.next < g->end && !page_full(g) &&
             g->looked_at < LOOKED_AT_MAX);
    return 0;
}

static int take_chunk(void *arg, uint64_t index, struct slice salt, struct slice record)
{
    struct reading *g = arg;
    struct audit_leaf leaf = {index, salt, record};

    if (index >= g->end)
        return 1;
    g->looked_at++;
    if (!wanted(g->r, salt, record))
        return 0;
    g->index[g->n] = index;
    audit_leaf_put(&g->chunk, &leaf);
    g->at[++g->n] = g->chunk.n;
    return 0;
}

/* The newest of the chunk first. False when the page is full before the chunk is used up. */
static bool put_backward(struct reading *g)
{
    for (size_t i = g->n; i-- > 0;) {
        if (page_full(g)) {
            g->page.next = g->index[i] + 1;
            return false;
        }
        buf_put(&g->leaves, g->chunk.p + g->at[i], g->at[i + 1] - g->at[i]);
        g->page.n++;
    }
    return true;
}

/* From before `from` down to the first; page.next is where it stopped: nothing from there on. */
static int read_backward(struct reading *g, struct store *s, uint64_t from, struct fault *f)
{
    g->page.next = from;
    while (g->page.next > 0 && !page_full(g) && g->looked_at < LOOKED_AT_MAX) {
        uint64_t begin = g->page.next > CHUNK ? g->page.next - CHUNK : 0;

        g->end = g->page.next;
        g->n = 0;
        buf_reset(&g->chunk);
        int rc = store_audit(s, g->r->log, begin, CHUNK, take_chunk, g, f);
        if (rc != 0)
            return rc;
        if (!put_backward(g))
            return 0;
        g->page.next = begin;
    }
    return 0;
}

/* ---- around the times of a certificate ---- */

#define BEFORE_S 60 /* clocks go back a little, and a request waits for its commit */
#define AFTER_S 120
#define REFS_MAX 4
#define TIMES_MAX (3 * REFS_MAX)

static int times_of(struct store *s, const uint8_t serial[SERIAL_LEN], int64_t *out, size_t *n,
                    struct fault *f)
{
    struct cert_ref ref[REFS_MAX];
    struct cert_row row;
    size_t refs;
    int rc = store_find_serial(s, serial, ref, REFS_MAX, &refs, f);

    *n = 0;
    if (rc == 0 && refs == 0)
        rc = fault_set(f, FAULT_NOT_FOUND, "serial.unknown", "No certificate has this serial");
    cert_row_init(&row);
    for (size_t i = 0; i < refs && rc == 0; i++) {
        rc = store_get(s, &ref[i], &row, f);
        out[(*n)++] = row.created;
        if (row.finished != 0)
            out[(*n)++] = row.finished;
        if (row.revoked_at != 0)
            out[(*n)++] = row.revoked_at;
    }
    cert_row_free(&row);
    return rc;
}

/* The first stretch of the log, from `from` on, that lies around one of the times; none:
 * *begin == *end. */
static int stretch(struct store *s, int64_t log, const int64_t *time, size_t n, uint64_t from,
                   uint64_t *begin, uint64_t *end, struct fault *f)
{
    int rc = 0;

    *begin = *end = UINT64_MAX;
    for (size_t i = 0; i < n && rc == 0; i++) {
        uint64_t low, high;

        rc = store_audit_since(s, log, time[i] - BEFORE_S, &low, f);
        if (rc == 0)
            rc = store_audit_since(s, log, time[i] + AFTER_S, &high, f);
        if (rc != 0 || high <= from)
            continue;
        low = low > from ? low : from;
        if (low >= *begin)
            continue;
        *begin = low;
        *end = high;
    }
    return rc;
}

static int read_around(struct reading *g, struct store *s, struct fault *f)
{
    int64_t time[TIMES_MAX];
    uint64_t begin;
    size_t n;
    int rc = times_of(s, g->r->serial, time, &n, f);

    if (rc == 0)
        rc = stretch(s, g->r->log, time, n, g->r->from, &begin, &g->end, f);
    if (rc != 0 || begin == g->end)
        return rc;
    g->page.more = true;
    return read_forward(g, s, begin, f);
}

static int read_page(struct reading *g, struct store *s, struct fault *f)
{
    const struct audit_read *r = g->r;
    uint64_t from = r->from;
    int rc;

    if (r->around)
        return read_around(g, s, f);
    g->end = g->page.size;
    if (r->backwards) {
        rc = read_backward(g, s, from < g->page.size ? from : g->page.size, f);
        g->page.more = g->page.next > 0;
        return rc;
    }
    if (r->since != 0 && !r->generic) {
        uint64_t first;

        rc = store_audit_since(s, r->log, r->since - BEFORE_S, &first, f);
        if (rc != 0)
            return rc;
        from = from > first ? from : first;
    }
    rc = read_forward(g, s, from, f);
    g->page.more = g->page.next < g->page.size;
    return rc;
}

void read_audit(struct ask *q)
{
    struct store *s = q->client->admin->parts.store;
    struct reading *g;
    struct audit_read r;
    uint64_t size;

    if (audit_read_get(buf_slice(&q->in), &r) != 0) {
        (void)malformed(q);
        return;
    }
    if (store_log(s, r.log, &size, &q->fault) != 0)
        return;
    g = xcalloc(1, sizeof(*g));
    g->r = &r;
    g->page.size = size;
    buf_init(&g->leaves, PAGE_ROOM);
    buf_init(&g->chunk, (size_t)CHUNK * LEAF_ROOM);
    if (read_page(g, s, &q->fault) == 0) {
        fault_clear(&q->fault);
        audit_page_put(&q->out, &g->page, buf_slice(&g->leaves));
    }
    buf_free(&g->leaves);
    buf_free(&g->chunk);
    free(g);
}

/* ---- checkpoints ---- */

struct listing {
    struct buf list;
    uint32_t n;
};

static int add_checkpoint(void *arg, const struct store_checkpoint *c)
{
    struct listing *l = arg;
    const struct checkpointed out = {c->size, c->time, c->note, c->keys};
    size_t before = l->list.n;

    if (l->n == CHECKPOINTS_MAX)
        return 1;
    checkpointed_put(&l->list, &out);
    if (buf_failed(&l->list)) {
        l->list.n = before;
        l->list.failed = false;
        return 1;
    }
    l->n++;
    return 0;
}

static void tell_checkpoints(struct ask *q, int64_t log, uint64_t least)
{
    struct store *s = q->client->admin->parts.store;
    struct listing l = {.n = 0};
    uint64_t size;

    buf_init(&l.list, PAGE_ROOM);
    if (store_log(s, log, &size, &q->fault) == 0 &&
        store_checkpoints(s, log, least, add_checkpoint, &l, &q->fault) == 0) {
        wire_put_u32(&q->out, l.n);
        buf_put_slice(&q->out, buf_slice(&l.list));
    }
    buf_free(&l.list);
}

void read_checkpoints(struct ask *q)
{
    struct wire_in w;
    uint64_t least;
    int64_t log;

    wire_in_init(&w, buf_slice(&q->in));
    log = wire_get_i64(&w);
    least = wire_get_u64(&w);
    if (wire_in_done(&w))
        tell_checkpoints(q, log, least);
    else
        (void)malformed(q);
}

static void read_newest(struct ask *q)
{
    tell_checkpoints(q, STORE_LOG_NOW, UINT64_MAX);
}

static void signed_now(void *arg, const struct fault *f)
{
    struct ask *q = arg;

    if (f != NULL)
        ask_fail(q, f);
    else
        ask_read(q, MSG_AUDIT_CHECKPOINTED, read_newest);
}

void audit_sign(struct ask *q)
{
    ledger_checkpoint(q->client->admin->parts.ledger, signed_now, q);
}

/* ---- tiles ---- */

void read_tile(struct ask *q)
{
    uint8_t bytes[TILE_BYTES];
    struct tile t;

    if (tile_request_get(buf_slice(&q->in), &t) != 0) {
        (void)malformed(q);
        return;
    }
    if (tiles_read(ledger_dir(q->client->admin->parts.ledger), &t, bytes, &q->fault) == 0)
        buf_put(&q->out, bytes, 32 * (size_t)t.width);
}
