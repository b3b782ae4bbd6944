/* What nothing is issued for any more: listed, and identities let go. */
#include "ca/admin/admin_inner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"

/* One block_info at its longest; a page stops while one more still fits. */
#define INFO_ROOM (CERT_INFO_MAX + 64)

static int malformed(struct fault *f)
{
    return fault_set(f, FAULT_MALFORMED, "request.body", "the request is malformed");
}

/* ---- list ---- */

struct page {
    const struct admin *admin;
    struct fault *f;
    struct buf rows;
    uint32_t n;
    bool more;
};

static int add_block(void *arg, const struct store_block *b)
{
    struct page *p = arg;
    struct block_info info = {.identity = b->identity};
    struct cert_row row;

    p->more = p->rows.n + INFO_ROOM > FRAME_BODY_MAX - 16;
    if (p->more)
        return 1;
    memcpy(info.id, b->id, sizeof(info.id));
    cert_row_init(&row);
    if (store_get(p->admin->parts.store, &b->by, &row, p->f) == 0)
        describe_row(p->admin, &row, clock_now(), &info.by);
    cert_row_free(&row);
    if (p->f->code != FAULT_NONE)
        return 1;
    block_info_put(&p->rows, &info);
    p->n++;
    return 0;
}

static void read_blocks(struct ask *q)
{
    const struct admin *a = q->client->admin;
    struct page p = {.admin = a, .f = &q->fault};
    struct store_block after = {0};
    struct block_query query;
    int rc;

    if (block_query_get(buf_slice(&q->in), &query) != 0) {
        (void)malformed(&q->fault);
        return;
    }
    after.identity = query.identity;
    memcpy(after.id, query.id, sizeof(after.id));
    buf_init(&p.rows, FRAME_BODY_MAX);
    rc = store_blocks(a->parts.store, query.further ? &after : NULL, add_block, &p, &q->fault);
    if (rc == 0) {
        wire_put_u8(&q->out, p.more);
        wire_put_u32(&q->out, p.n);
        buf_put_slice(&q->out, buf_slice(&p.rows));
    }
    buf_free(&p.rows);
}

void list_blocks(struct ask *q)
{
    ask_read(q, MSG_BLOCK_LISTED, read_blocks);
}

/* ---- letting an identity go ---- */

struct unblocking {
    struct ask *ask;
    struct store_op op;
};

static void unblocked(void *arg)
{
    struct unblocking *u = arg;

    if (u->op.result != 0)
        ask_fail(u->ask, &u->op.fault);
    else
        ask_answer(u->ask, MSG_UNBLOCKED, SLICE_NONE);
    free(u);
}

static void unblock_done(struct store_op *op)
{
    struct unblocking *u = op->arg;

    loop_post(u->ask->client->admin->parts.loop, unblocked, u);
}

void unblock(struct ask *q)
{
    const struct requester *who = &q->client->who;
    struct unblocking *u = xcalloc(1, sizeof(*u));
    struct audit_event *e = &u->op.audit;

    if (unblock_get(buf_slice(&q->in), u->op.identity) != 0) {
        (void)malformed(&q->fault);
        ask_fail(q, &q->fault);
        free(u);
        return;
    }
    u->ask = q;
    u->op.kind = STORE_UNBLOCK;
    u->op.time = clock_now();
    u->op.done = unblock_done;
    u->op.arg = u;
    e->action = AUDIT_IDENTITY_UNBLOCK;
    e->time = u->op.time;
    memcpy(e->generation, q->client->admin->parts.conf->generation, sizeof(e->generation));
    snprintf(e->actor, sizeof(e->actor), "%s", who->name);
    snprintf(e->origin, sizeof(e->origin), "%s", who->origin);
    store_submit(q->client->admin->parts.store, &u->op);
}
