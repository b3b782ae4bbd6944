/* Requests that wait for an approval (ca/store/approvals.h): asking, deciding, expiring. */
#include <stdio.h>
#include <string.h>

#include "ca/store/approval_rows.h"
#include "lib/key.h"

static struct approval_key key_expiry(const struct approval_row *r)
{
    uint8_t octets[16];
    number_put((uint64_t)r->expires, octets);
    number_put(r->id, octets + 8);
    return approval_key(APPROVAL_EXPIRY, octets, sizeof(octets));
}

static struct approval_key key_requester(const char *name)
{
    uint8_t hash[32];
    sha256(slice_str(name), hash);
    return approval_key(APPROVAL_REQUESTER, hash, sizeof(hash));
}

/* ---- what is there ---- */

static bool w_get(struct write_txn *w, const struct approval_key *k, struct slice *out)
{
    return w_found(w, row_get(w->t, w->s->dbi[D_REQUEST], k->at, k->n, out));
}

static void w_set(struct write_txn *w, const struct approval_key *k, struct slice value)
{
    w_put_value(w, D_REQUEST, k->at, k->n, value);
}

static void w_unset(struct write_txn *w, const struct approval_key *k)
{
    w_del(w, D_REQUEST, k->at, k->n);
}

struct totals {
    uint64_t last, waiting;
};

static struct totals totals_get(struct write_txn *w)
{
    struct approval_key k = approval_key(APPROVAL_TOTAL, NULL, 0);
    struct totals t = {0, 0};
    struct slice v;
    if (w_get(w, &k, &v) && v.n == 16)
        t = (struct totals){number_get(v.p), number_get(v.p + 8)};
    return t;
}

static void totals_put(struct write_txn *w, struct totals t)
{
    struct approval_key k = approval_key(APPROVAL_TOTAL, NULL, 0);
    uint8_t octets[16];
    number_put(t.last, octets);
    number_put(t.waiting, octets + 8);
    w_set(w, &k, slice_of(octets, sizeof(octets)));
}

uint64_t approvals_last(struct write_txn *w)
{
    return totals_get(w).last;
}

static uint64_t waiting_of(struct write_txn *w, const char *requester)
{
    struct approval_key k = key_requester(requester);
    struct slice v;
    return w_get(w, &k, &v) && v.n == 8 ? number_get(v.p) : 0;
}

static void count(struct write_txn *w, const char *requester, bool more)
{
    struct approval_key k = key_requester(requester);
    struct totals t = totals_get(w);
    uint64_t n = waiting_of(w, requester);
    uint8_t octets[8];
    t.waiting = more ? t.waiting + 1 : t.waiting - (t.waiting > 0);
    n = more ? n + 1 : n - (n > 0);
    totals_put(w, t);
    number_put(n, octets);
    if (n > 0)
        w_set(w, &k, slice_of(octets, sizeof(octets)));
    else
        w_unset(w, &k);
}

static int load(struct write_txn *w, uint64_t id, struct approval_row *r, struct fault *f)
{
    struct approval_key k = approval_key_row(id);
    struct slice v;
    memset(r, 0, sizeof(*r));
    if (!w_get(w, &k, &v))
        return fault_set(f, FAULT_NOT_FOUND, "request.unknown", "There is no request %llu",
                         (unsigned long long)id);
    return approval_row_get(id, v, r) == 0 ? 0 : store_damaged(f, "request");
}

/* The row of that request; false: there is none, or it does not decode (then *rc says so). */
static bool find(struct write_txn *w, const uint8_t key[32], struct approval_row *r, int *rc,
                 struct fault *f)
{
    struct approval_key k = approval_key(APPROVAL_KEY, key, 32);
    struct slice v;
    *rc = 0;
    memset(r, 0, sizeof(*r));
    if (!w_get(w, &k, &v))
        return false;
    *rc = v.n == 8 ? load(w, number_get(v.p), r, f) : store_damaged(f, "request");
    return *rc == 0;
}

/* ---- what changes ---- */

static void put(struct write_txn *w, const struct approval_row *r)
{
    struct approval_key k = approval_key_row(r->id);
    approval_row_put(w_row(w), r);
    w_put(w, D_REQUEST, k.at, k.n, 0);
}

static void put_new(struct write_txn *w, const struct approval_row *r)
{
    struct approval_key expiry = key_expiry(r),
                        by_key = approval_key(APPROVAL_KEY, r->key, sizeof(r->key));
    uint8_t id[8];
    number_put(r->id, id);
    put(w, r);
    w_set(w, &expiry, SLICE_NONE);
    w_set(w, &by_key, slice_of(id, sizeof(id)));
}

static void expire_at(struct write_txn *w, struct approval_row *r, int64_t at)
{
    struct approval_key before = key_expiry(r), after;
    r->expires = at;
    after = key_expiry(r);
    w_unset(w, &before);
    w_set(w, &after, SLICE_NONE);
}

static void drop(struct write_txn *w, const struct approval_row *r)
{
    struct approval_key row = approval_key_row(r->id), expiry = key_expiry(r),
                        by_key = approval_key(APPROVAL_KEY, r->key, sizeof(r->key));
    if (r->state == REQUEST_WAITING)
        count(w, r->asked.name, false);
    w_unset(w, &row);
    w_unset(w, &expiry);
    w_unset(w, &by_key);
}

/* The one that expires first, if that is by now. */
static bool first_expired(struct write_txn *w, int64_t now, struct approval_row *r)
{
    struct approval_key from = approval_key(APPROVAL_EXPIRY, NULL, 0);
    MDB_val k = val_of(from.at, from.n), v;
    struct fault ignored;
    MDB_cursor *c = NULL;
    uint64_t expires = UINT64_MAX, id = 0;
    if (w->rc == 0)
        w->rc = mdb_cursor_open(w->t, w->s->dbi[D_REQUEST], &c);
    if (w->rc != 0)
        return false;
    if (w_found(w, mdb_cursor_get(c, &k, &v, MDB_SET_RANGE)) && k.mv_size == 18 &&
        memcmp(k.mv_data, from.at, from.n) == 0) {
        expires = number_get((const uint8_t *)k.mv_data + 2);
        id = number_get((const uint8_t *)k.mv_data + 10);
    }
    mdb_cursor_close(c);
    fault_clear(&ignored);
    return expires <= (uint64_t)now && load(w, id, r, &ignored) == 0;
}

static void forget_expired(struct write_txn *w, int64_t now)
{
    struct approval_row r;
    for (int i = 0; i < APPROVALS_FORGOTTEN && first_expired(w, now, &r); i++)
        drop(w, &r);
}

/* ---- asking ---- */

static bool counts(const struct write_txn *w, const struct approval_row *r, int64_t now)
{
    bool is_void = w->gate.restored_at != 0 && r->created <= w->gate.restored_at;
    return !approval_row_expired(r, now) && !is_void;
}

/* 1: it is done already, by op->ref; 0: that is not known; or a fault. An approval whose intent was
 * given up is one still. */
int reserve_approved_before(struct write_txn *w, struct store_op *op)
{
    const struct approval_ask *a = op->intent.approval;
    struct approval_row r;
    struct cert_view v;
    int rc;
    if (a == NULL || op->intent.anew || w->rc != 0 || !find(w, a->row.key, &r, &rc, &op->fault))
        return a == NULL || op->intent.anew || w->rc != 0 ? 0 : rc;
    if (r.state != REQUEST_DONE || !counts(w, &r, op->time))
        return 0;
    if (!w_view(w, &r.ref, &v))
        return w->rc != 0 ? 0 : store_damaged(&op->fault, "approved request's certificate");
    if (v.state != CERT_GOOD && v.state != CERT_OPEN)
        return 0;
    op->ref = r.ref;
    op->state = v.state;
    return 1;
}

static int denied(struct fault *f, const struct approval_row *r)
{
    return fault_set(f, FAULT_DENIED, "request.denied", "Request %llu was denied%s%.180s",
                     (unsigned long long)r->id, r->reason[0] != '\0' ? ": " : "", r->reason);
}

/* 0: approved, of what is there; 1: nothing that counts; or the refusal. */
static int judge(struct write_txn *w, struct store_op *op, const struct approval_row *r, bool there)
{
    struct cert_view v;
    if (!counts(w, r, op->time))
        return 1;
    if (r->state == REQUEST_DENIED)
        return denied(&op->fault, r);
    if (r->state == REQUEST_DONE)
        return there || (w_view(w, &r->ref, &v) && v.state == CERT_ABANDONED) ? 0 : 1;
    return 0;
}

static int check_bounds(struct write_txn *w, struct store_op *op)
{
    const struct approval_ask *a = op->intent.approval;
    if (waiting_of(w, a->row.asked.name) >= a->each)
        return fault_unavailable(&op->fault, 3600, "request.many",
                                 "%u requests of %s wait for approval already", a->each,
                                 a->row.asked.name);
    if (totals_get(w).waiting >= a->total)
        return fault_unavailable(&op->fault, 3600, "request.many",
                                 "%u requests wait for approval already: approve or deny some",
                                 a->total);
    return 0;
}

static int ask(struct write_txn *w, struct store_op *op)
{
    struct approval_row *r = &op->intent.approval->row;
    struct totals t;
    int rc;
    if (!op->intent.dry)
        forget_expired(w, op->time);
    rc = check_bounds(w, op);
    if (rc != 0 || w->rc != 0)
        return rc;
    if (op->intent.dry)
        return 2;
    count(w, r->asked.name, true);
    t = totals_get(w);
    uint64_t others = requests_last(w);
    t.last = (t.last > others ? t.last : others) + 1;
    totals_put(w, t);
    r->id = t.last;
    r->state = REQUEST_WAITING;
    r->created = op->time;
    r->n_by = 0;
    r->has_ref = false;
    put_new(w, r);
    return 2;
}

int reserve_approval(struct write_txn *w, struct store_op *op, bool there)
{
    struct approval_ask *a = op->intent.approval;
    struct approval_row r;
    int rc;
    if (a == NULL || w->rc != 0)
        return 0;
    if (!find(w, a->row.key, &r, &rc, &op->fault))
        return rc != 0 || w->rc != 0 ? rc : ask(w, op);
    rc = judge(w, op, &r, there);
    if (rc < 0)
        return rc;
    if (rc == 1) {
        if (!op->intent.dry)
            drop(w, &r);
        return ask(w, op);
    }
    a->row = r;
    return r.state == REQUEST_WAITING ? 3 : 0;
}

void reserve_approval_put(struct write_txn *w, struct store_op *op)
{
    struct approval_row *r;
    if (op->intent.approval == NULL)
        return;
    r = &op->intent.approval->row;
    r->state = REQUEST_DONE;
    r->has_ref = true;
    r->ref = op->ref;
    put(w, r);
}

/* ---- deciding ---- */

static bool is_same(const struct request_who *a, const struct request_who *b)
{
    return b->name[0] != '\0' &&
           (strcmp(a->name, b->name) == 0 || (b->uid != REQUEST_NO_UID && a->uid == b->uid));
}

static int refuse_approver(struct fault *f, const char *rule, const struct request_who *by,
                           const char *allowed)
{
    (void)fault_refuse(f, rule, "approver", slice_str(by->name), allowed);
    f->code = FAULT_DENIED;
    return -FAULT_DENIED;
}

static int check_approver(const struct approval_row *r, const struct request_who *by,
                          struct fault *f)
{
    if (is_same(by, &r->asked) || is_same(by, &r->behind))
        return refuse_approver(f, "request.second", by,
                               "another operator than the one who asked, or made the token, or "
                               "whose certificate it is");
    for (size_t i = 0; i < r->n_by; i++)
        if (is_same(by, &r->by[i].who))
            return refuse_approver(f, "request.twice", by,
                                   "another operator than the one who approved already");
    return 0;
}

static int check_open(const struct write_txn *w, const struct store_op *op,
                      const struct approval_row *r, struct fault *f)
{
    unsigned long long id = r->id;
    if (r->state != REQUEST_WAITING)
        return fault_set(f, FAULT_CONFLICT, "request.closed", "Request %llu is %s already", id,
                         approval_state_word(r, op->time));
    if (approval_row_expired(r, op->time))
        return fault_set(f, FAULT_CONFLICT, "request.expired",
                         "Request %llu has expired: it has to be asked for again", id);
    if (!counts(w, r, op->time))
        return fault_set(f, FAULT_CONFLICT, "request.void",
                         "Request %llu is older than this store's restore: it has to be asked for "
                         "again",
                         id);
    return 0;
}

static void decide(struct write_txn *w, struct store_op *op, struct approval_row *r)
{
    const struct store_approval *q = op->approval;
    bool approves = q->verb == REQUEST_APPROVE;
    size_t i = r->n_by < APPROVALS_BY_MAX ? r->n_by++ : r->n_by - 1u;
    r->by[i] = (struct approval_by){q->who, op->time};
    if (approves && r->n_by < r->needed) {
        put(w, r);
        return;
    }
    count(w, r->asked.name, false);
    r->state = approves ? REQUEST_APPROVED : REQUEST_DENIED;
    (void)snprintf(r->reason, sizeof(r->reason), "%s", approves ? "" : q->reason);
    expire_at(w, r, op->time + q->life);
    put(w, r);
}

void approval_audit(const struct approval_row *r, struct audit_event *e)
{
    char detail[sizeof(e->detail)];
    memcpy(detail, e->detail, sizeof(detail));
    memcpy(e->profile, r->profile, sizeof(e->profile));
    (void)snprintf(e->detail, sizeof(e->detail), "request %llu%s%.224s", (unsigned long long)r->id,
                   detail[0] != '\0' ? ": " : "", detail);
}

int op_approval(struct write_txn *w, struct store_op *op)
{
    struct store_approval *q = op->approval;
    struct approval_row r;
    int rc = load(w, q->id, &r, &op->fault);
    if (rc != 0) {
        (void)snprintf(w->event.detail, sizeof(w->event.detail), "request %llu",
                       (unsigned long long)q->id);
        return rc;
    }
    approval_audit(&r, &w->event);
    rc = check_open(w, op, &r, &op->fault);
    if (rc == 0 && q->verb == REQUEST_APPROVE)
        rc = check_approver(&r, &q->who, &op->fault);
    if (rc != 0 || w->rc != 0)
        return rc;
    decide(w, op, &r);
    q->row = r;
    return 0;
}
