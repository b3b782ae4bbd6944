/* `cerca notify`: a test of a channel, what waits in the outbox, and an operator's word about it.
 */
#include "ca/admin/admin_inner.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"

/* Of a page: those of one more notice fit, whatever its channels. */
#define PAGE_OCTETS ((size_t)24 << 10)

static int malformed(struct fault *f)
{
    return fault_set(f, FAULT_MALFORMED, "request.body", "the request is malformed");
}

/* ---- test ---- */

static void after_test(void *arg, const struct tested *t, const struct fault *f)
{
    struct ask *q = arg;

    if (f != NULL) {
        ask_fail(q, f);
        return;
    }
    tested_put(&q->out, t);
    ask_answer(q, MSG_NOTIFY_TESTED, buf_slice(&q->out));
}

void test_channel(struct ask *q)
{
    char channel[WATCH_NAME_SIZE];

    if (notify_channel_get(buf_slice(&q->in), channel) != 0) {
        (void)malformed(&q->fault);
        ask_fail(q, &q->fault);
        return;
    }
    watch_test(q->client->admin->parts.watch, channel, q->client->who.name, after_test, q);
}

/* ---- list and show ---- */

struct page {
    const struct notify_query *query;
    struct buf rows;
    uint32_t n;
    uint64_t last; /* number of the newest row */
    bool more;
};

static void row_of(const struct outbox_delivery *d, const struct notice *n, struct notify_row *r)
{
    memset(r, 0, sizeof(*r));
    r->number = d->number;
    r->kind = n->kind;
    r->severity = n->severity;
    r->parked = d->state == OUTBOX_PARKED;
    r->tries = d->tries;
    r->time = n->time;
    r->next = d->next;
    r->tried = d->tried;
    memcpy(r->id, n->id, sizeof(r->id));
    memcpy(r->channel, d->channel, sizeof(r->channel));
    memcpy(r->why, d->why, sizeof(r->why));
    memcpy(r->rule, n->rule, sizeof(r->rule));
    memcpy(r->subject, n->subject, sizeof(r->subject));
    memcpy(r->summary, n->summary, sizeof(r->summary));
}

static int add_row(void *arg, const struct outbox_delivery *d, const struct notice *n)
{
    struct page *p = arg;
    struct notify_row r;

    if (p->last != d->number && p->rows.n > PAGE_OCTETS) {
        p->more = true;
        return 1;
    }
    p->last = d->number;
    if ((p->query->channel[0] != '\0' && strcmp(p->query->channel, d->channel) != 0) ||
        (p->query->parked && d->state != OUTBOX_PARKED))
        return 0;
    row_of(d, n, &r);
    notify_row_put(&p->rows, &r);
    p->n++;
    return 0;
}

static void read_notices(struct ask *q)
{
    struct notify_query query;
    struct page p = {.query = &query};

    if (notify_query_get(buf_slice(&q->in), &query) != 0) {
        (void)malformed(&q->fault);
        return;
    }
    buf_init(&p.rows, FRAME_BODY_MAX);
    if (store_outbox(q->client->admin->parts.store, query.after, add_row, &p, &q->fault) == 0) {
        wire_put_u8(&q->out, p.more);
        wire_put_u32(&q->out, p.n);
        buf_put_slice(&q->out, buf_slice(&p.rows));
    }
    buf_free(&p.rows);
}

void list_notices(struct ask *q)
{
    ask_read(q, MSG_NOTIFY_LISTED, read_notices);
}

static int add_of_one(void *arg, const struct outbox_delivery *d, const struct notice *n)
{
    struct page *p = arg;
    struct notify_row r;

    if (d->number != p->last)
        return 1;
    row_of(d, n, &r);
    notify_row_put(&p->rows, &r);
    p->n++;
    return 0;
}

static void read_notice(struct ask *q)
{
    struct store *s = q->client->admin->parts.store;
    struct notice *n = xcalloc(1, sizeof(*n));
    struct page p = {.n = 0};

    buf_init(&p.rows, FRAME_BODY_MAX);
    if (notify_number_get(buf_slice(&q->in), &p.last) != 0 || p.last == 0)
        (void)malformed(&q->fault);
    else if (store_outbox_notice(s, p.last, n, &q->fault) == 0 &&
             store_outbox(s, p.last - 1, add_of_one, &p, &q->fault) == 0) {
        notice_put(&q->out, n);
        wire_put_u32(&q->out, p.n);
        buf_put_slice(&q->out, buf_slice(&p.rows));
    }
    buf_free(&p.rows);
    free(n);
}

void show_notice(struct ask *q)
{
    ask_read(q, MSG_NOTIFY_SHOWN, read_notice);
}

/* ---- deciding ---- */

struct deciding {
    struct store_op op; /* first */
    struct store_outbox outbox;
    struct ask *ask;
};

static void decided(void *arg)
{
    struct deciding *d = arg;
    struct ask *q = d->ask;

    if (d->op.result != 0) {
        ask_fail(q, &d->op.fault);
    } else {
        wire_put_u64(&q->out, d->outbox.count);
        ask_answer(q, MSG_NOTIFY_DECIDED, buf_slice(&q->out));
    }
    free(d);
}

static void decide_done(struct store_op *op)
{
    struct deciding *d = (struct deciding *)op;

    loop_post(d->ask->client->admin->parts.loop, decided, d);
}

static void record(struct deciding *d, const struct notify_decision *what)
{
    const struct requester *who = &d->ask->client->who;
    struct audit_event *e = &d->op.audit;
    char number[24] = "all";

    if (what->number != 0)
        (void)snprintf(number, sizeof(number), "%" PRIu64, what->number);
    e->action = AUDIT_NOTIFY;
    e->time = d->op.time;
    memcpy(e->generation, d->ask->client->admin->parts.conf->generation, sizeof(e->generation));
    (void)snprintf(e->actor, sizeof(e->actor), "%s", who->name);
    (void)snprintf(e->origin, sizeof(e->origin), "%s", who->origin);
    (void)snprintf(e->detail, sizeof(e->detail), "%s notice %s%s%s", what->drop ? "drop" : "retry",
                   number, what->channel[0] == '\0' ? "" : " of channel ", what->channel);
}

void decide_notices(struct ask *q)
{
    struct deciding *d;
    struct notify_decision what;

    if (notify_decision_get(buf_slice(&q->in), &what) != 0) {
        (void)malformed(&q->fault);
        ask_fail(q, &q->fault);
        return;
    }
    d = xcalloc(1, sizeof(*d));
    d->ask = q;
    d->outbox.verb = what.drop ? OUTBOX_DROP : OUTBOX_RETRY;
    d->outbox.number = what.number;
    memcpy(d->outbox.channel, what.channel, sizeof(d->outbox.channel));
    d->op.kind = STORE_OUTBOX;
    d->op.time = clock_now();
    d->op.outbox = &d->outbox;
    d->op.done = decide_done;
    record(d, &what);
    store_submit(q->client->admin->parts.store, &d->op);
}
