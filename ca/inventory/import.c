#include "ca/inventory/import.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/inventory/stranger.h"
#include "ca/store/inventory.h"
#include "lib/cert.h"
#include "lib/clock.h"
#include "lib/log.h"

/* Of how many certificates one operation of the store is while others change the store: an issuing
 * request that shares its commit waits for no more of them. With nobody there, a commit for each
 * message is what costs least. */
#define AT_ONCE 32
#define OTHERS_US 1000000 /* as long after they were last seen they are still there */

struct importer {
    struct importer_parts parts;
    struct run *first, **last; /* those that wait for the store; when busy, the first is there */
    bool busy;
    uint64_t change; /* of the sequence, when that was begun */
    uint64_t others; /* when others last changed something, monotonic; 0: never */
};

/* What is recorded besides: an annotation. */
struct extra {
    struct store_op op;
    struct store_annotate annotate;
};

struct run {
    struct work work; /* first: the workers hand back this */
    struct importer *importer;
    struct import_request *request;
    struct buf body;
    char actor[64], origin[64];
    importer_done done;
    void *arg;
    struct fault fault;
    struct import_outcome out[IMPORT_MAX];
    uint8_t identity[IMPORT_MAX][IDENTITY_LEN];
    /* of those that are certificates: for the store, and whose they are */
    struct foreign item[IMPORT_MAX];
    uint32_t which[IMPORT_MAX];
    size_t n, done_n; /* of them all; of those that the store has */
    struct store_foreign add;
    struct store_op op;
    struct extra *extra;
    size_t n_extra;
    atomic_size_t pending;
    struct run *next;
};

static void run_free(struct run *r)
{
    free(r->extra);
    free(r->request);
    buf_free(&r->body);
    free(r);
}

static void finish(void *arg)
{
    struct run *r = arg;

    r->done(r->arg, r->out, &r->fault);
    run_free(r);
}

static void audit(const struct run *r, enum audit_action action, struct store_op *op)
{
    struct audit_event *e = &op->audit;

    op->time = clock_now();
    e->action = action;
    e->time = op->time;
    memcpy(e->generation, r->importer->parts.conf->generation, sizeof(e->generation));
    (void)snprintf(e->actor, sizeof(e->actor), "%s", r->actor);
    (void)snprintf(e->origin, sizeof(e->origin), "%s", r->origin);
}

/* ---- what it is: on a worker ---- */

/* Owner and tags as an annotation has them. */
static int wanted(const struct run *r, struct annotation *out, struct fault *f)
{
    memset(out, 0, sizeof(*out));
    (void)snprintf(out->owner, sizeof(out->owner), "%s", r->request->owner);
    (void)snprintf(out->tags, sizeof(out->tags), "%s", r->request->tags);
    return annotation_check(out, f);
}

static void refuse(struct import_outcome *o, const struct fault *f)
{
    o->became = IMPORT_REFUSED;
    (void)snprintf(o->rule, sizeof(o->rule), "%s", f->rule);
    (void)snprintf(o->text, sizeof(o->text), "%s", f->text);
}

/* What would become of it. */
static int foresee(const struct run *r, uint32_t i, struct fault *f)
{
    uint8_t fingerprint[32];
    struct cert_ref ref;
    int rc;

    cert_fingerprint(r->request->item[i].der, fingerprint);
    rc = store_find_fingerprint(r->importer->parts.store, fingerprint, &ref, f);
    if (rc != 0 && rc != -FAULT_NOT_FOUND)
        return rc;
    fault_clear(f);
    return rc != 0 ? IMPORT_NEW : ref.issuer == STORE_FOREIGN ? IMPORT_KNOWN : IMPORT_ISSUED;
}

/* Who has grants shows, as they ask for, what these cover and nothing else. */
static int look_at(struct run *r, uint32_t i, struct fault *f)
{
    const struct importer_parts *p = &r->importer->parts;
    const struct import_item *item = &r->request->item[i];
    struct import_outcome *out = &r->out[i];
    struct anycert c;
    struct fault why;
    uint16_t issuer;
    int rc;

    fault_clear(&why);
    if (anycert_parse(item->der, &c, &why) != 0 ||
        policy_grants_cover(p->conf, r->actor, NULL, &c.sans, &why) != 0) {
        refuse(out, &why);
        return 0;
    }
    anycert_names_id(&c, r->identity[i]);
    authorities_read(p->authorities);
    rc = stranger_find(p->authorities, p->store, &c, &issuer, f);
    authorities_done(p->authorities);
    if (rc != 0)
        return rc;
    out->stranger = issuer != 0;
    if (r->request->dry_run) {
        rc = foresee(r, i, f);
        out->became = (uint8_t)(rc > 0 ? rc : 0);
        return rc > 0 ? 0 : rc;
    }
    r->which[r->n] = i;
    r->item[r->n++] = (struct foreign){
        .der = item->der, .origin = item->origin, .told = item->status, .stranger = issuer};
    return 0;
}

static void looked(void *arg);

static void look(struct work *w, unsigned worker)
{
    struct run *r = (struct run *)w;
    struct annotation ignored;
    int rc = wanted(r, &ignored, &r->fault);

    (void)worker;
    for (uint32_t i = 0; rc == 0 && i < r->request->n; i++)
        rc = look_at(r, i, &r->fault);
    loop_post(r->importer->parts.loop, looked, r);
}

/* ---- into the store: on the loop ---- */

static void added(void *arg);

static void add_done(struct store_op *op)
{
    struct run *r = op->arg;

    loop_post(r->importer->parts.loop, added, r);
}

/* The next few of the first message that waits. */
static void start_next(struct importer *m)
{
    struct run *r = m->first;
    size_t left;
    bool others = m->others != 0 && clock_mono_us() - m->others < OTHERS_US;

    if (m->busy || r == NULL)
        return;
    m->busy = true;
    left = r->n - r->done_n;
    r->add = (struct store_foreign){.source = SOURCE_IMPORTED,
                                    .by = r->actor,
                                    .n = others && left > AT_ONCE ? AT_ONCE : left,
                                    .item = r->item + r->done_n};
    r->op = (struct store_op){
        .kind = STORE_FOREIGN_ADD, .foreign = &r->add, .done = add_done, .arg = r};
    audit(r, AUDIT_FOREIGN, &r->op);
    m->change = store_newest_change(m->parts.store);
    store_submit(m->parts.store, &r->op);
}

static void looked(void *arg)
{
    struct run *r = arg;
    struct importer *m = r->importer;

    if (r->fault.code != FAULT_NONE || r->n == 0) {
        finish(r);
        return;
    }
    r->next = NULL;
    *m->last = r;
    m->last = &r->next;
    start_next(m);
}

static void take_outcome(struct run *r, size_t k)
{
    struct import_outcome *out = &r->out[r->which[k]];

    switch (r->item[k].outcome) {
    case FOREIGN_ADDED:
        out->became = IMPORT_NEW;
        break;
    case FOREIGN_SEEN:
        out->became = IMPORT_KNOWN;
        break;
    case FOREIGN_ISSUED:
        out->became = IMPORT_ISSUED;
        out->stranger = false; /* issued meanwhile */
        break;
    case FOREIGN_MALFORMED: /* the store reads it as this did */
        (void)fault_set(&r->fault, FAULT_INTERNAL, "import.certificate",
                        "a certificate was read in two ways");
        return;
    }
    out->number = foreign_number(&r->item[k].ref);
}

/* ---- what is recorded besides ---- */

static void recorded(void *arg)
{
    struct run *r = arg;

    for (size_t i = 0; i < r->n_extra && r->fault.code == FAULT_NONE; i++)
        if (r->extra[i].op.result != 0)
            r->fault = r->extra[i].op.fault;
    finish(r);
}

static void one_less(struct run *r)
{
    if (atomic_fetch_sub(&r->pending, 1) == 1)
        loop_post(r->importer->parts.loop, recorded, r);
}

static void extra_done(struct store_op *op)
{
    one_less(op->arg);
}

static struct extra *extra_new(struct run *r, enum store_op_kind kind, enum audit_action action)
{
    struct extra *x = &r->extra[r->n_extra++];

    x->op.kind = kind;
    x->op.done = extra_done;
    x->op.arg = r;
    audit(r, action, &x->op);
    return x;
}

/* Is it written about already? */
static bool earlier(const struct run *r, size_t k)
{
    for (size_t j = 0; j < k; j++)
        if (r->item[j].outcome != FOREIGN_ISSUED &&
            memcmp(r->identity[r->which[j]], r->identity[r->which[k]], IDENTITY_LEN) == 0)
            return true;
    return false;
}

/* What comes of it is decided in the store: others may write about the same identity meanwhile. */
static void annotate(struct run *r, size_t k, const struct annotation *want)
{
    struct extra *x;

    if (r->item[k].outcome == FOREIGN_ISSUED || earlier(r, k))
        return;
    x = extra_new(r, STORE_ANNOTATE, AUDIT_ANNOTATE);
    x->annotate = (struct store_annotate){.row = *want, .add = true};
    memcpy(x->annotate.row.identity, r->identity[r->which[k]], IDENTITY_LEN);
    (void)snprintf(x->annotate.row.updated_by, sizeof(x->annotate.row.updated_by), "%s", r->actor);
    x->op.annotate = &x->annotate;
}

static int record(struct run *r, struct fault *f)
{
    struct annotation want;

    if (wanted(r, &want, f) != 0)
        return -(int)f->code;
    r->extra = xcalloc(r->n, sizeof(*r->extra));
    for (size_t k = 0; k < r->n; k++)
        annotate(r, k, &want);
    atomic_store(&r->pending, r->n_extra + 1);
    for (size_t i = 0; i < r->n_extra; i++)
        store_submit(r->importer->parts.store, &r->extra[i].op);
    one_less(r);
    return 0;
}

/* The store has all of a message, or refused some of it. */
static void all_added(struct run *r)
{
    bool more = r->request->owner[0] != 0 || r->request->tags[0] != 0;

    for (size_t k = 0; k < r->n && r->fault.code == FAULT_NONE; k++) {
        take_outcome(r, k);
        if (r->out[r->which[k]].stranger)
            stranger_tell(&r->item[k]);
    }
    if (r->fault.code != FAULT_NONE || !more || record(r, &r->fault) != 0)
        finish(r);
}

static void added(void *arg)
{
    struct run *r = arg;
    struct importer *m = r->importer;
    bool all;

    if (r->op.result != 0)
        r->fault = r->op.fault;
    if (store_newest_change(m->parts.store) - m->change > r->add.changes)
        m->others = clock_mono_us();
    r->done_n += r->add.n;
    all = r->fault.code != FAULT_NONE || r->done_n == r->n;
    if (all) {
        m->first = r->next;
        if (m->first == NULL)
            m->last = &m->first;
    }
    m->busy = false;
    start_next(m);
    if (all)
        all_added(r);
}

/* ---- from outside ---- */

void importer_submit(struct importer *m, struct import_request *request, struct buf *body,
                     const char *actor, const char *origin, importer_done done, void *arg)
{
    struct run *r = xcalloc(1, sizeof(*r));

    r->importer = m;
    r->request = request;
    r->body = *body;
    *body = (struct buf){.p = NULL};
    (void)snprintf(r->actor, sizeof(r->actor), "%s", actor);
    (void)snprintf(r->origin, sizeof(r->origin), "%s", origin);
    r->done = done;
    r->arg = arg;
    fault_clear(&r->fault);
    r->work.run = look;
    workers_push(m->parts.workers, WORK_START, &r->work);
}

struct importer *importer_new(const struct importer_parts *p)
{
    struct importer *m = xcalloc(1, sizeof(*m));

    m->parts = *p;
    m->last = &m->first;
    return m;
}

void importer_free(struct importer *m)
{
    free(m);
}
