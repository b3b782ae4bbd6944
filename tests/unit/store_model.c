#include "tests/unit/store_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const owners[] = {"web", "mail", "web2"};
static const char *const requesters[] = {"operator:alice", "operator:al"};
static const char *const profiles[] = {"tls-server", "tls-client"};
static const char *const domains[] = {"example.com", "sub.example.com", "myexample.com"};

/* The same numbers each run, so that a failure can be looked at again. */
int model_draw(unsigned *seed)
{
    *seed = *seed * 1103515245u + 12345u;
    return (int)(*seed >> 16);
}

void model_issue(struct fixture *x, struct model *m, unsigned *seed)
{
    struct model_row *row = &m->row[m->n++];
    struct request r;
    int fate = model_draw(seed) % 8;
    row->owner = owners[model_draw(seed) % 3];
    row->requester = requesters[model_draw(seed) % 2];
    row->profile = profiles[model_draw(seed) % 2];
    row->not_after = TEST_NOW - 50 + model_draw(seed) % 100;
    (void)snprintf(row->name, sizeof(row->name), "h%d.%s", model_draw(seed) % 30,
                   domains[model_draw(seed) % 3]);
    request_init(&r, x, row->name);
    r.op.ref.issuer = (uint16_t)(1 + model_draw(seed) % 2);
    r.op.intent.owner = row->owner;
    r.op.intent.requester = row->requester;
    r.op.intent.profile = row->profile;
    r.op.intent.not_after = row->not_after;
    request_draft(&r, row->name);
    row->ref = r.op.ref;
    assert_int_equal(do_reserve(x, &r), 0);
    if (fate == 0)
        assert_int_equal(do_abandon(x, &r), 0);
    else if (fate != 1)
        assert_int_equal(do_finish(x, &r), 0);
    memcpy(row->fingerprint, r.op.fingerprint, 32);
    if (fate == 2 || fate == 3)
        assert_int_equal(do_revoke(x, &r, 6), 0);
    if (fate == 3 || fate == 4)
        assert_int_equal(do_revoke(x, &r, 1), 0);
    row->state = r.op.state;
    request_free(&r);
}

static bool has_suffix(const char *s, const char *suffix)
{
    size_t n = strlen(s), k = strlen(suffix);
    return n > k && strcmp(s + n - k, suffix) == 0;
}

static bool model_status(const struct model_row *r, const struct store_filter *q)
{
    bool good = r->state == CERT_GOOD;
    switch (q->status) {
    case STATUS_VALID:
        return good && r->not_after >= q->now;
    case STATUS_EXPIRED:
        return good && r->not_after < q->now;
    case STATUS_REVOKED:
        return r->state == CERT_REVOKED || r->state == CERT_ABANDONED;
    case STATUS_HELD:
        return r->state == CERT_HELD;
    case STATUS_OPEN:
        return r->state == CERT_OPEN;
    case STATUS_ANY:
        break;
    }
    return true;
}

static bool model_matches(const struct model_row *r, const struct store_filter *q)
{
    if (q->name[0] == '.' && !has_suffix(r->name, q->name))
        return false;
    if (q->name[0] && q->name[0] != '.' && strcmp(r->name, q->name) != 0)
        return false;
    return (!q->owner[0] || strcmp(q->owner, r->owner) == 0) &&
           (!q->requester[0] || strcmp(q->requester, r->requester) == 0) &&
           (!q->profile[0] || strcmp(q->profile, r->profile) == 0) &&
           (!q->has_issuer || q->issuer == r->ref.issuer) &&
           (!q->expires_before || r->not_after < q->expires_before) && model_status(r, q);
}

static int ref_cmp(const struct cert_ref *a, const struct cert_ref *b)
{
    int c = memcmp(a->serial, b->serial, SERIAL_LEN);
    return c != 0 ? c : (int)a->issuer - (int)b->issuer;
}

/* Names in the order of their labels from the right. */
static int name_cmp(const char *a, const char *b)
{
    size_t i = strlen(a), k = strlen(b);
    while (i > 0 && k > 0) {
        size_t ia = i, kb = k;
        while (ia > 0 && a[ia - 1] != '.')
            ia--;
        while (kb > 0 && b[kb - 1] != '.')
            kb--;
        struct slice la = slice_of(a + ia, i - ia), lb = slice_of(b + kb, k - kb);
        int c = slice_cmp(la, lb);
        if (c != 0)
            return c;
        i = ia > 0 ? ia - 1 : 0;
        k = kb > 0 ? kb - 1 : 0;
    }
    return (i > 0) - (k > 0);
}

static const struct store_filter *sort_filter;

static int model_cmp(const void *pa, const void *pb)
{
    const struct model_row *a = pa, *b = pb;
    const struct store_filter *q = sort_filter;
    int c = 0;
    if (q->name[0])
        c = name_cmp(a->name, b->name);
    else if (!q->owner[0] && !q->requester[0] && !q->profile[0] && !q->has_issuer &&
             (q->status == STATUS_ANY || q->status == STATUS_VALID || q->status == STATUS_EXPIRED))
        c = (a->not_after > b->not_after) - (a->not_after < b->not_after);
    return c != 0 ? c : ref_cmp(&a->ref, &b->ref);
}

int model_keep(void *arg, const struct cert_row *row)
{
    struct got *g = arg;
    assert_true(g->n < ROWS);
    g->ref[g->n] = row->ref;
    g->state[g->n++] = row->state;
    return 0;
}

void list_all(struct fixture *x, const struct store_filter *q, size_t page, struct got *g)
{
    struct store_cursor at = {.n = 0};
    g->n = 0;
    do {
        size_t before = g->n;
        assert_int_equal(store_list(x->s, q, page, &at, model_keep, g, &x->f), 0);
        assert_true(g->n - before <= page);
    } while (at.n != 0);
}

void model_compare(struct fixture *x, struct model *m, const struct store_filter *q, size_t page)
{
    struct got got;
    size_t want = 0;
    sort_filter = q;
    qsort(m->row, m->n, sizeof(m->row[0]), model_cmp);
    list_all(x, q, page, &got);
    for (size_t i = 0; i < m->n; i++) {
        if (!model_matches(&m->row[i], q))
            continue;
        assert_true(want < got.n);
        assert_memory_equal(got.ref[want].serial, m->row[i].ref.serial, SERIAL_LEN);
        assert_int_equal(got.ref[want].issuer, m->row[i].ref.issuer);
        assert_int_equal(got.state[want], m->row[i].state);
        want++;
    }
    assert_int_equal(got.n, want);
}

void model_filter(struct store_filter *q, unsigned *seed)
{
    static const char *const names[] = {"h1.example.com", "h2.sub.example.com",
                                        ".example.com",   ".sub.example.com",
                                        ".com",           "h3.nowhere.example"};
    memset(q, 0, sizeof(*q));
    q->now = TEST_NOW;
    if (model_draw(seed) % 3 == 0)
        (void)snprintf(q->name, sizeof(q->name), "%s", names[model_draw(seed) % 6]);
    if (model_draw(seed) % 3 == 0)
        (void)snprintf(q->owner, sizeof(q->owner), "%s", owners[model_draw(seed) % 3]);
    if (model_draw(seed) % 4 == 0)
        (void)snprintf(q->requester, sizeof(q->requester), "%s", requesters[model_draw(seed) % 2]);
    if (model_draw(seed) % 4 == 0)
        (void)snprintf(q->profile, sizeof(q->profile), "%s", profiles[model_draw(seed) % 2]);
    q->has_issuer = model_draw(seed) % 5 == 0;
    q->issuer = (uint16_t)(1 + model_draw(seed) % 2);
    if (model_draw(seed) % 2 == 0)
        q->status = (enum store_status_filter)(model_draw(seed) % (STATUS_OPEN + 1));
    if (model_draw(seed) % 3 == 0)
        q->expires_before = TEST_NOW - 60 + model_draw(seed) % 120;
}

void model_fill(struct fixture *x, struct model *m, unsigned *seed, size_t n)
{
    static const uint8_t hash[32] = {9};
    uint16_t number;
    assert_int_equal(store_issuer_add(x->s, "second", hash, &number, &x->f), 0);
    for (size_t i = 0; i < n; i++)
        model_issue(x, m, seed);
}
