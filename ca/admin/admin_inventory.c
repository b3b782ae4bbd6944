/* What operators write about identities, and the filters of lists that they keep. */
#include "ca/admin/admin_inner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/policy/policy.h"
#include "ca/store/inventory.h"
#include "lib/anycert.h"
#include "lib/cert.h"
#include "lib/clock.h"
#include "lib/log.h"

static int malformed(struct fault *f)
{
    return fault_set(f, FAULT_MALFORMED, "request.body", "the request is malformed");
}

static void record(const struct ask *q, enum audit_action action, struct store_op *op)
{
    const struct requester *who = &q->client->who;
    struct audit_event *e = &op->audit;

    op->time = clock_now();
    e->action = action;
    e->time = op->time;
    memcpy(e->generation, q->client->admin->parts.conf->generation, sizeof(e->generation));
    snprintf(e->actor, sizeof(e->actor), "%s", who->name);
    snprintf(e->origin, sizeof(e->origin), "%s", who->origin);
}

/* ---- annotations: on a worker ---- */

/* One identity of a request. */
struct noting {
    struct store_op op;
    struct store_annotate annotate;
    struct latch *latch;
};

/* Until all are answered. */
struct latch {
    pthread_mutex_t lock;
    pthread_cond_t none;
    size_t left;
};

static void noted(struct store_op *op)
{
    struct latch *l = ((struct noting *)op->arg)->latch;

    pthread_mutex_lock(&l->lock);
    if (--l->left == 0)
        pthread_cond_signal(&l->none);
    pthread_mutex_unlock(&l->lock);
}

/* Grants bound whoever has them here too, by the identity's newest certificate. */
static int check_grants(const struct ask *q, const struct store_line *line, struct fault *f)
{
    const struct admin_parts *parts = &q->client->admin->parts;
    struct anycert *c = xcalloc(1, sizeof(*c));
    struct cert_row row;
    int rc;

    cert_row_init(&row);
    rc = store_get(parts->store, &line->newest, &row, f);
    if (rc == 0 && anycert_parse_tbs(row.tbs, c, f) != 0)
        rc = -(int)f->code;
    if (rc == 0)
        rc = policy_grants_cover(parts->conf, q->client->who.name,
                                 row.source == SOURCE_ISSUED ? row.profile : NULL, &c->sans, f);
    cert_row_free(&row);
    free(c);
    return rc;
}

static int check_item(const struct ask *q, struct annotate_item *item, bool fresh, struct fault *f)
{
    struct store_line line;
    int rc = annotation_check(&item->annotation, f);

    if (rc == 0)
        rc = store_line(q->client->admin->parts.store, item->annotation.identity, fresh, &line, f);
    return rc == 0 && q->client->admin->parts.conf->n_grants > 0 ? check_grants(q, &line, f) : rc;
}

/* What would change. */
static int preview(const struct ask *q, struct noting *n, struct fault *f)
{
    struct annotation now;
    bool known;
    int rc =
        store_annotation(q->client->admin->parts.store, n->annotate.row.identity, &now, &known, f);

    if (rc == 0)
        n->annotate.changed = annotation_merge(&now, &n->annotate.row, n->annotate.mask);
    return rc;
}

/* "owner=web tags=pci,dmz", as far as it fits: for the audit log. */
static void describe(const struct annotate_item *item, char out[256])
{
    char value[ANNOTATION_VALUE_MAX];
    size_t at = 0;

    out[0] = '\0';
    for (unsigned bit = 1; bit <= ANNOTATION_ALL && at < 255; bit <<= 1) {
        if ((item->mask & bit) == 0)
            continue;
        annotation_print(&item->annotation, bit, value);
        at += (size_t)snprintf(out + at, 256 - at, "%s%s=%.100s", at > 0 ? " " : "",
                               annotation_field_name(bit), value);
    }
}

static void submit(struct ask *q, struct noting *n, const struct annotate_item *item)
{
    n->op.kind = STORE_ANNOTATE;
    n->op.annotate = &n->annotate;
    n->op.done = noted;
    n->op.arg = n;
    record(q, AUDIT_ANNOTATE, &n->op);
    describe(item, n->op.audit.detail);
    snprintf(n->annotate.row.updated_by, sizeof(n->annotate.row.updated_by), "%s",
             q->client->who.name);
    pthread_mutex_lock(&n->latch->lock);
    n->latch->left++;
    pthread_mutex_unlock(&n->latch->lock);
    store_submit(q->client->admin->parts.store, &n->op);
}

static void tell(struct ask *q, const struct noting *n, const struct fault *f)
{
    struct annotate_outcome o = {.code = (uint8_t)f->code, .change = (uint16_t)n->annotate.changed};

    snprintf(o.rule, sizeof(o.rule), "%s", f->rule);
    snprintf(o.field, sizeof(o.field), "%s", f->field);
    snprintf(o.text, sizeof(o.text), "%.255s", f->text);
    annotate_outcome_put(&q->out, &o);
}

/* Who may not is recorded, as anywhere else. */
static void record_denied(const struct ask *q, const struct fault *f)
{
    struct store_op *op = xcalloc(1, sizeof(*op));

    op->kind = STORE_AUDIT;
    record(q, AUDIT_REFUSE, op);
    audit_set_fault(&op->audit, f);
    if (store_do(q->client->admin->parts.store, op) != 0)
        log_fault(LOG_LEVEL_ERROR, "admin.denied.unrecorded", &op->fault, NULL);
    free(op);
}

/* All are submitted before one is waited for, so that they share commits. */
static void annotate_all(struct ask *q, struct annotate_request *r, struct noting *n,
                         struct fault *refused)
{
    struct latch latch = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};

    for (uint32_t i = 0; i < r->n; i++) {
        n[i].latch = &latch;
        n[i].annotate.row = r->item[i].annotation;
        n[i].annotate.mask = r->item[i].mask;
        fault_clear(&refused[i]);
        if (check_item(q, &r->item[i], i == 0, &refused[i]) != 0) {
            if (refused[i].code == FAULT_DENIED)
                record_denied(q, &refused[i]);
            continue;
        }
        n[i].annotate.row = r->item[i].annotation; /* its tags are in order now */
        if (r->dry_run)
            (void)!preview(q, &n[i], &refused[i]);
        else
            submit(q, &n[i], &r->item[i]);
    }
    pthread_mutex_lock(&latch.lock);
    while (latch.left > 0)
        pthread_cond_wait(&latch.none, &latch.lock);
    pthread_mutex_unlock(&latch.lock);
    wire_put_u32(&q->out, r->n);
    for (uint32_t i = 0; i < r->n; i++)
        tell(q, &n[i], n[i].op.done != NULL ? &n[i].op.fault : &refused[i]);
}

static void read_annotate(struct ask *q)
{
    struct annotate_request r;
    struct noting *n;
    struct fault *refused;

    if (annotate_request_get(buf_slice(&q->in), &r) != 0) {
        (void)malformed(&q->fault);
        return;
    }
    n = xcalloc(r.n, sizeof(*n));
    refused = xcalloc(r.n, sizeof(*refused));
    annotate_all(q, &r, n, refused);
    free(refused);
    free(n);
    free(r.item);
}

void annotate(struct ask *q)
{
    ask_read(q, MSG_ANNOTATED, read_annotate);
}

/* ---- filters ---- */

static void read_save(struct ask *q)
{
    struct saved_filter *f = xcalloc(1, sizeof(*f));
    struct store_op *op = xcalloc(1, sizeof(*op));
    struct wire_in w;

    wire_in_init(&w, buf_slice(&q->in));
    saved_filter_get(&w, f);
    if (wire_in_done(&w)) {
        op->kind = STORE_FILTER;
        op->filter = f;
        record(q, AUDIT_FILTER, op);
        snprintf(op->audit.detail, sizeof(op->audit.detail), "%s %s",
                 f->remove ? "removed" : "saved", f->name);
        snprintf(f->by, sizeof(f->by), "%s", q->client->who.name);
        f->time = op->time;
        if (store_do(q->client->admin->parts.store, op) != 0)
            q->fault = op->fault;
    } else {
        (void)malformed(&q->fault);
    }
    free(op);
    free(f);
}

void save_filter(struct ask *q)
{
    ask_read(q, MSG_FILTER_SAVED, read_save);
}

struct page {
    struct buf rows;
    uint32_t n;
    bool more;
};

static int add_filter(void *arg, const struct saved_filter *f)
{
    struct page *p = arg;

    p->more = p->rows.n + LIST_REQUEST_MAX + 512 > FRAME_BODY_MAX - 16;
    if (p->more)
        return 1;
    saved_filter_put(&p->rows, f);
    p->n++;
    return 0;
}

static void read_filters(struct ask *q)
{
    struct store *s = q->client->admin->parts.store;
    struct saved_filter *one = xcalloc(1, sizeof(*one));
    struct page p = {.n = 0};
    struct filter_query query;

    buf_init(&p.rows, FRAME_BODY_MAX);
    if (filter_query_get(buf_slice(&q->in), &query) != 0)
        (void)malformed(&q->fault);
    else if (!query.one)
        (void)!store_filters(s, query.name, add_filter, &p, &q->fault);
    else if (store_filter_get(s, query.name, one, &q->fault) == 0)
        (void)!add_filter(&p, one);
    wire_put_u8(&q->out, p.more);
    wire_put_u32(&q->out, p.n);
    buf_put_slice(&q->out, buf_slice(&p.rows));
    buf_free(&p.rows);
    free(one);
}

void list_filters(struct ask *q)
{
    ask_read(q, MSG_FILTER_LISTED, read_filters);
}
