/*
 * Lists: a walk along one index, or the runs of keys, every row checked against every field of the
 * filter. A cursor is the kind of walk and the key it stopped at; it comes back from clients, so it
 * is checked.
 */
#include <string.h>

#include "ca/store/index.h"
#include "ca/store/installation_rows.h"
#include "lib/clock.h"

#define STEPS_MAX 20000
#define TIME_MAX_US 50000

enum list_kind {
    BY_EXPIRY = 1,
    BY_NAME,
    BY_OWNER,
    BY_REQUESTER,
    BY_PROFILE,
    BY_ISSUER,
    BY_STATUS,
    BY_OPEN, /* the durable table of open intents */
    BY_IDENTITY,
    BY_ANNOTATED, /* the durable table of annotations, and each identity's line */
    BY_PLACE,     /* the durable table of places, likewise */
    BY_KEY        /* the durable runs of keys; no index is looked at */
};

struct list {
    const struct store_filter *q;
    struct index_read r;
    enum list_kind kind;
    enum index_dbi dbi;
    uint8_t prefix[INDEX_KEY_MAX];
    size_t prefix_n;
    uint8_t from[8]; /* expiry: where it starts */
    bool has_until;
    int64_t until; /* expiry: where it ends, exclusive */
    MDB_cursor *c;
    MDB_val k, v;
    struct cert_ref ref;
    struct cert_view view;
    bool second; /* of two walks */
};

static void plan_name(struct list *l)
{
    struct slice name = slice_str(l->q->name);
    l->kind = BY_NAME;
    l->dbi = X_NAME;
    l->prefix_n = name.p[0] == '.' ? index_below_prefix(slice_of(name.p + 1, name.n - 1), l->prefix)
                                   : index_name_prefix(name, l->prefix);
}

static void plan_text(struct list *l, enum list_kind kind, enum index_dbi dbi, const char *text)
{
    l->kind = kind;
    l->dbi = dbi;
    l->prefix_n = index_text_prefix(text, l->prefix);
}

static void plan_expiry(struct list *l)
{
    const struct store_filter *q = l->q;
    l->kind = BY_EXPIRY;
    l->dbi = X_EXPIRY;
    (void)index_expiry_prefix(q->status == STATUS_VALID ? q->now : INT64_MIN, l->from);
    l->has_until = q->expires_before != 0;
    l->until = q->expires_before;
    if (q->status == STATUS_EXPIRED && (!l->has_until || q->now < l->until)) {
        l->has_until = true;
        l->until = q->now;
    }
}

static void plan_status(struct list *l)
{
    l->kind = l->q->status == STATUS_OPEN ? BY_OPEN : BY_STATUS;
    l->dbi = X_STATUS;
    if (l->kind == BY_STATUS) {
        l->prefix[0] = l->q->status == STATUS_HELD ? INDEX_HELD : INDEX_REVOKED;
        l->prefix_n = 1;
    }
}

static void plan(struct list *l)
{
    const struct store_filter *q = l->q;
    if (q->has_key && !l->r.s->opt.read_only) { /* whose runs are not all there */
        l->kind = BY_KEY;
        l->prefix_n = ROW_SPKI_HALF;
        memcpy(l->prefix, q->spki_hash, ROW_SPKI_HALF);
    } else if (q->has_identity) {
        l->kind = BY_IDENTITY;
        l->dbi = X_IDENTITY;
        l->prefix_n = sizeof(q->identity);
        memcpy(l->prefix, q->identity, sizeof(q->identity));
    } else if (q->name[0]) {
        plan_name(l);
    } else if (annotation_filter_asks(&q->annotation)) {
        l->kind = BY_ANNOTATED;
        l->dbi = X_IDENTITY;
    } else if (q->installed_on[0] || q->installed != 0) {
        l->kind = BY_PLACE;
        l->dbi = X_IDENTITY;
    } else if (q->owner[0]) {
        plan_text(l, BY_OWNER, X_OWNER, q->owner);
    } else if (q->requester[0]) {
        plan_text(l, BY_REQUESTER, X_REQUESTER, q->requester);
    } else if (q->profile[0]) {
        plan_text(l, BY_PROFILE, X_PROFILE, q->profile);
    } else if (q->has_issuer) {
        l->kind = BY_ISSUER;
        l->dbi = X_ISSUER;
        l->prefix[0] = (uint8_t)(q->issuer >> 8);
        l->prefix[1] = (uint8_t)(q->issuer & 0xff);
        l->prefix_n = 2;
    } else if (q->status == STATUS_REVOKED || q->status == STATUS_HELD ||
               q->status == STATUS_OPEN) {
        plan_status(l);
    } else {
        plan_expiry(l);
    }
}

/* Whoever has this owner by an annotation comes behind those who have it by themselves. */
static void plan_second(struct list *l)
{
    l->second = true;
    l->kind = BY_ANNOTATED;
    l->dbi = X_IDENTITY;
    l->prefix_n = 0;
}

static bool cursor_valid(const struct list *l, const struct store_cursor *at)
{
    size_t n = at->n - 1;
    if ((l->kind == BY_ANNOTATED || l->kind == BY_PLACE) && n != INDEX_LINE_KEY)
        return false;
    return at->n > ROW_REF && at->n <= STORE_CURSOR_MAX && n <= INDEX_KEY_MAX &&
           at->at[0] == l->kind && n >= l->prefix_n + ROW_REF &&
           (l->kind != BY_KEY || n == RUN_ENTRY) && memcmp(at->at + 1, l->prefix, l->prefix_n) == 0;
}

static void cursor_set(const struct list *l, struct store_cursor *at)
{
    at->at[0] = (uint8_t)l->kind;
    memcpy(at->at + 1, l->k.mv_data, l->k.mv_size);
    at->n = l->k.mv_size + 1;
}

/* Is the key that the walk is at still part of it? Sets the ref. */
static bool within(struct list *l)
{
    const uint8_t *key = l->k.mv_data;
    size_t n = l->k.mv_size;
    if (n < l->prefix_n + ROW_REF || memcmp(key, l->prefix, l->prefix_n) != 0)
        return false;
    if (l->kind == BY_EXPIRY && l->has_until && index_expiry_of(key) >= l->until)
        return false;
    ref_get(key + n - ROW_REF, &l->ref);
    return true;
}

static int start(struct list *l, const struct store_cursor *at)
{
    MDB_txn *t = l->kind == BY_OPEN ? l->r.durable : l->r.index;
    MDB_dbi dbi = l->kind == BY_OPEN ? l->r.s->dbi[D_OPEN] : l->r.env->dbi[l->dbi];
    int rc = mdb_cursor_open(t, dbi, &l->c);
    if (rc != 0)
        return rc;
    if (at->n > 0)
        l->k = val_of(at->at + 1, at->n - 1);
    else if (l->kind == BY_EXPIRY)
        l->k = val_of(l->from, sizeof(l->from));
    else
        l->k = val_of(l->prefix, l->prefix_n);
    MDB_val want = l->k;
    rc = mdb_cursor_get(l->c, &l->k, &l->v, l->k.mv_size ? MDB_SET_RANGE : MDB_FIRST);
    if (rc == 0 && at->n > 0 && slice_eq(val_slice(l->k), val_slice(want)))
        rc = mdb_cursor_get(l->c, &l->k, &l->v, MDB_NEXT);
    return rc;
}

static bool status_matches(const struct store_filter *q, const struct cert_view *v)
{
    switch (q->status) {
    case STATUS_ANY:
        return true;
    case STATUS_VALID: /* RFC 5280 4.1.2.5: notAfter is part of the validity */
        return v->state == CERT_GOOD && v->cert.not_after >= q->now;
    case STATUS_EXPIRED:
        return v->state == CERT_GOOD && v->cert.not_after < q->now;
    case STATUS_REVOKED:
        return v->state == CERT_REVOKED || v->state == CERT_ABANDONED;
    case STATUS_HELD:
        return v->state == CERT_HELD;
    case STATUS_OPEN:
        return v->state == CERT_OPEN;
    }
    return false;
}

struct first_name {
    const struct list *l;
    bool earlier;
};

static void first_name_each(void *arg, enum index_dbi d, struct slice key)
{
    struct first_name *n = arg;
    if (d == X_NAME && key.n >= n->l->prefix_n &&
        memcmp(key.p, n->l->prefix, n->l->prefix_n) == 0 && slice_cmp(key, val_slice(n->l->k)) < 0)
        n->earlier = true;
}

/* A certificate with several names below one domain is listed once, at the first of them. */
static bool listed_before(const struct list *l)
{
    struct first_name n = {l, false};
    if (l->kind == BY_NAME && l->q->name[0] == '.')
        index_cert_keys(&l->view.cert, &l->ref, first_name_each, &n);
    return n.earlier;
}

/* The annotation's owner, else the certificate's own. */
static bool annotated_matches(const struct list *l)
{
    const struct store_filter *q = l->q;
    const struct row_cert *c = &l->view.cert;
    struct annotation a;
    if (!q->owner[0] && !annotation_filter_asks(&q->annotation))
        return true;
    (void)!annotation_find(l->r.s, l->r.durable, c->identity, &a);
    if (q->owner[0] && strcmp(q->owner, a.owner[0] ? a.owner : c->owner) != 0)
        return false;
    return annotation_matches(&a, &q->annotation) &&
           !(l->second && strcmp(q->owner, c->owner) == 0);
}

static bool matches(const struct list *l)
{
    const struct store_filter *q = l->q;
    const struct row_cert *c = &l->view.cert;
    if (q->expires_before != 0 && c->not_after >= q->expires_before)
        return false;
    if (q->issued_from != 0 && c->created < q->issued_from)
        return false;
    if (q->issued_before != 0 && c->created >= q->issued_before)
        return false;
    if (q->has_key && memcmp(q->spki_hash, c->spki_hash, sizeof(c->spki_hash)) != 0)
        return false;
    if (q->requester[0] && strcmp(q->requester, c->requester) != 0)
        return false;
    if (q->profile[0] && strcmp(q->profile, c->profile) != 0)
        return false;
    if (q->sources != 0 && (q->sources & (1u << l->view.source)) == 0)
        return false;
    if (q->has_identity && memcmp(q->identity, c->identity, sizeof(c->identity)) != 0)
        return false;
    if (q->has_issuer && q->issuer != l->ref.issuer)
        return false;
    return status_matches(q, &l->view) && annotated_matches(l) && !listed_before(l);
}

struct page {
    size_t limit;
    store_each fn;
    void *arg;
    struct cert_row row;
    bool stopped;
};

/* 0, an LMDB code, or a fault (negative and small, as its code says). */
static int show(struct list *l, struct page *p, struct fault *f)
{
    bool asked = true;
    int rc = cert_view_get(l->r.s, l->r.durable, &l->ref, &l->view);
    if (rc == MDB_CORRUPTED)
        return store_damaged(f, "certificate row");
    if (rc == MDB_NOTFOUND)
        return 0; /* an entry too many; store_check reports it */
    if (rc != 0 || !matches(l))
        return rc;
    if (l->q->installed_on[0] || l->q->installed != 0)
        rc = place_asked(l->r.s, l->r.durable, l->view.cert.identity, &l->ref, l->q, &asked);
    if (rc == MDB_CORRUPTED)
        return store_damaged(f, "place");
    if (rc != 0 || !asked)
        return rc;
    rc = cert_row_fill(l->r.s, l->r.durable, &l->ref, &p->row, f);
    if (rc != 0)
        return rc;
    p->limit--;
    p->stopped = p->fn(p->arg, &p->row) > 0;
    return 0;
}

static int walk(struct list *l, struct store_cursor *at, struct page *p, struct fault *f)
{
    uint64_t began = clock_mono_us();
    int rc = start(l, at);
    for (size_t steps = 0;; steps++) {
        if (rc == 0 && !within(l))
            rc = MDB_NOTFOUND;
        if (rc != 0)
            break;
        if (p->limit == 0 || p->stopped || steps >= STEPS_MAX ||
            clock_mono_us() - began > TIME_MAX_US)
            return 0; /* at is where the last step ended */
        rc = show(l, p, f);
        if (rc != 0)
            break;
        cursor_set(l, at);
        rc = mdb_cursor_get(l->c, &l->k, &l->v, MDB_NEXT);
    }
    if (rc == MDB_NOTFOUND) {
        at->n = 0;
        return 0;
    }
    return rc;
}

static bool over(const struct page *p, size_t steps, uint64_t began)
{
    return p->limit == 0 || p->stopped || steps >= STEPS_MAX ||
           clock_mono_us() - began > TIME_MAX_US;
}

/* The line of one identity, from behind `at`. 1: the page is over. */
static int walk_line(struct list *l, const uint8_t *identity, struct store_cursor *at,
                     struct page *p, uint64_t began, struct fault *f)
{
    uint8_t from[INDEX_LINE_KEY] = {0};
    size_t steps = 0;
    memcpy(from, identity, IDENTITY_LEN);
    if (at->n > 0 && memcmp(at->at + 1, identity, IDENTITY_LEN) == 0)
        memcpy(from, at->at + 1, sizeof(from));
    l->k = val_of(from, sizeof(from));
    int rc = mdb_cursor_get(l->c, &l->k, &l->v, MDB_SET_RANGE);
    if (rc == 0 && l->k.mv_size == sizeof(from) && memcmp(l->k.mv_data, from, sizeof(from)) == 0)
        rc = mdb_cursor_get(l->c, &l->k, &l->v, MDB_NEXT);
    for (; rc == 0 && l->k.mv_size == INDEX_LINE_KEY &&
           memcmp(l->k.mv_data, identity, IDENTITY_LEN) == 0;
         steps++) {
        if (over(p, steps, began))
            return 1;
        ref_get((const uint8_t *)l->k.mv_data + INDEX_LINE_KEY - ROW_REF, &l->ref);
        rc = show(l, p, f);
        if (rc != 0)
            return rc;
        cursor_set(l, at);
        rc = mdb_cursor_get(l->c, &l->k, &l->v, MDB_NEXT);
    }
    return rc == MDB_NOTFOUND ? 0 : rc;
}

/* Those behind this identity. */
static void cursor_behind(const struct list *l, const uint8_t *identity, struct store_cursor *at)
{
    memset(at->at, 0xff, 1 + INDEX_LINE_KEY);
    at->at[0] = (uint8_t)l->kind;
    memcpy(at->at + 1, identity, IDENTITY_LEN);
    at->n = 1 + INDEX_LINE_KEY;
}

/* May certificates of the identity that the walk is at be asked for? */
static bool outer_asked(const struct list *l, const MDB_val *k)
{
    struct annotation a;
    if (l->kind == BY_PLACE)
        return k->mv_size > IDENTITY_LEN;
    return k->mv_size == IDENTITY_LEN &&
           annotation_find(l->r.s, l->r.durable, k->mv_data, &a) == 0 &&
           annotation_matches(&a, &l->q->annotation) &&
           (!l->second || strcmp(a.owner, l->q->owner) == 0);
}

/* Of places there are several for an identity. */
static int outer_next(const struct list *l, MDB_cursor *outer, MDB_val *k, MDB_val *v)
{
    uint8_t behind[IDENTITY_LEN + 1];
    if (l->kind != BY_PLACE)
        return mdb_cursor_get(outer, k, v, MDB_NEXT);
    memcpy(behind, k->mv_data, IDENTITY_LEN);
    behind[IDENTITY_LEN] = 0xff; /* no enum place_kind */
    *k = val_of(behind, sizeof(behind));
    return mdb_cursor_get(outer, k, v, MDB_SET_RANGE);
}

/* Identities of the durable table of annotations, or of places. */
static int walk_identities(struct list *l, struct store_cursor *at, struct page *p, struct fault *f)
{
    uint64_t began = clock_mono_us();
    MDB_cursor *outer;
    MDB_val k = val_of(at->at + 1, at->n > 0 ? IDENTITY_LEN : 0), v;
    int rc = mdb_cursor_open(l->r.index, l->r.env->dbi[l->dbi], &l->c);
    if (rc == 0)
        rc = mdb_cursor_open(l->r.durable, l->r.s->dbi[l->kind == BY_PLACE ? D_PLACE : D_IDENTITY],
                             &outer);
    if (rc != 0)
        return rc;
    rc = mdb_cursor_get(outer, &k, &v, at->n > 0 ? MDB_SET_RANGE : MDB_FIRST);
    for (size_t steps = 0; rc == 0; steps++) {
        if (over(p, steps, began)) {
            rc = 1;
            break;
        }
        const uint8_t *identity = k.mv_data;
        if (outer_asked(l, &k))
            rc = walk_line(l, identity, at, p, began, f);
        if (rc != 0)
            break;
        cursor_behind(l, identity, at);
        rc = outer_next(l, outer, &k, &v);
    }
    mdb_cursor_close(outer);
    if (rc == MDB_NOTFOUND)
        at->n = 0;
    return rc == 1 || rc == MDB_NOTFOUND ? 0 : rc;
}

/* One batch a call: its last entry is the cursor. */
static int walk_key(struct list *l, struct store_cursor *at, struct page *p, struct fault *f)
{
    struct key_list keys = {.n = 0};
    size_t i = 0;
    memcpy(keys.after, l->prefix, l->prefix_n);
    if (at->n > 0)
        memcpy(keys.after, at->at + 1, RUN_ENTRY);
    int rc = keys_list(l->r.s, &keys, &l->r.durable, f);
    if (rc != 0)
        return rc;
    for (; rc == 0 && i < keys.n && p->limit > 0 && !p->stopped; i++) {
        l->k = val_of(keys.entry[i], RUN_ENTRY);
        ref_get(keys.entry[i] + RUN_REF, &l->ref);
        rc = show(l, p, f);
        cursor_set(l, at);
    }
    if (i == keys.n && keys.n < KEY_LIST_MAX)
        at->n = 0;
    read_end(l->r.s, l->r.durable);
    return rc <= 0 ? rc : store_fail(f, rc, "listing by key");
}

/* With nothing behind it where nobody has annotations. */
static void begin_second(const struct list *l, struct store_cursor *at)
{
    MDB_stat st;
    if (mdb_stat(l->r.durable, l->r.s->dbi[D_IDENTITY], &st) != 0 || st.ms_entries == 0)
        return;
    memset(at->at, 0, 1 + INDEX_LINE_KEY);
    at->at[0] = BY_ANNOTATED;
    at->n = 1 + INDEX_LINE_KEY;
}

int store_list(struct store *s, const struct store_filter *q, size_t limit,
               struct store_cursor *cursor, store_each fn, void *arg, struct fault *f)
{
    struct list l = {.q = q, .r.s = s};
    struct page p = {.limit = limit, .fn = fn, .arg = arg};
    int rc;
    plan(&l);
    if (l.kind == BY_OWNER && cursor->n != 0 && cursor->at[0] == BY_ANNOTATED)
        plan_second(&l);
    if (cursor->n != 0 && !cursor_valid(&l, cursor))
        return fault_set(f, FAULT_MALFORMED, "list.cursor", "This cursor is not of this list");
    if (l.kind == BY_KEY) {
        cert_row_init(&p.row);
        rc = walk_key(&l, cursor, &p, f);
        cert_row_free(&p.row);
        return rc;
    }
    rc = index_read_begin(s, true, &l.r, f);
    if (rc != 0)
        return rc;
    cert_row_init(&p.row);
    rc = l.kind == BY_ANNOTATED || l.kind == BY_PLACE ? walk_identities(&l, cursor, &p, f)
                                                      : walk(&l, cursor, &p, f);
    if (rc == 0 && l.kind == BY_OWNER && cursor->n == 0)
        begin_second(&l, cursor);
    if (l.c)
        mdb_cursor_close(l.c);
    index_read_end(&l.r);
    cert_row_free(&p.row);
    if (rc < 0 && rc >= -FAULT_CODE_MAX)
        return rc;
    return rc == 0 ? 0 : index_fail(s, rc, f);
}

int store_find_fingerprint(struct store *s, const uint8_t fingerprint[32], struct cert_ref *out,
                           struct fault *f)
{
    struct list l = {.q = NULL, .dbi = X_FINGERPRINT};
    struct store_cursor none = {.n = 0};
    memset(out, 0, sizeof(*out));
    memcpy(l.prefix, fingerprint, 8);
    l.prefix_n = 8;
    int rc = index_read_begin(s, true, &l.r, f);
    if (rc != 0)
        return rc;
    bool found = false;
    for (rc = start(&l, &none); rc == 0 && within(&l) && !found;) {
        rc = cert_view_get(s, l.r.durable, &l.ref, &l.view);
        if (rc == MDB_NOTFOUND || rc == MDB_CORRUPTED)
            rc = 0;
        found = rc == 0 && l.view.has_sig && memcmp(l.view.sig.fingerprint, fingerprint, 32) == 0;
        if (rc == 0 && !found)
            rc = mdb_cursor_get(l.c, &l.k, &l.v, MDB_NEXT);
    }
    if (l.c)
        mdb_cursor_close(l.c);
    index_read_end(&l.r);
    if (found)
        *out = l.ref;
    else if (rc == 0 || rc == MDB_NOTFOUND)
        return fault_set(f, FAULT_NOT_FOUND, "fingerprint.unknown",
                         "No certificate has this fingerprint");
    return found ? 0 : index_fail(s, rc, f);
}
