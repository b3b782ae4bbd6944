/* Lists are paged while certificates are issued as fast as the store takes them: what was there
 * when the walk began is met, nothing twice, all in the order of the index. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/store_help.h"

#define THREADS 4
#define MAX 60000
#define BEFORE 1000
#define MEANWHILE 1000 /* at least */

static const char *const owners[] = {"web", "mail", "db"};

/* What is acknowledged, in no order. */
struct load {
    struct fixture x;
    _Atomic bool stop;
    pthread_mutex_t lock;
    size_t n;
    struct {
        uint8_t serial[SERIAL_LEN];
        uint8_t owner;
    } done[MAX];
};

static void issue_one(struct load *l)
{
    struct request r;
    uint8_t which = 0;
    random_bytes(&which, 1);
    which = (uint8_t)(which % 3);
    request_init(&r, &l->x, "host.example.com");
    r.op.intent.owner = owners[which];
    r.op.intent.not_after -= which; /* so that the index by expiry is not in serial order */
    request_draft(&r, "host.example.com");
    issue(&l->x, &r);
    pthread_mutex_lock(&l->lock);
    assert_true(l->n < MAX);
    memcpy(l->done[l->n].serial, r.op.ref.serial, SERIAL_LEN);
    l->done[l->n++].owner = which;
    pthread_mutex_unlock(&l->lock);
    request_free(&r);
}

static void *issue_on(void *arg)
{
    struct load *l = arg;
    while (!l->stop)
        issue_one(l);
    return NULL;
}

static size_t issued(struct load *l)
{
    pthread_mutex_lock(&l->lock);
    size_t n = l->n;
    pthread_mutex_unlock(&l->lock);
    return n;
}

struct walk {
    struct store_filter q;
    size_t n;
    int64_t not_after; /* of the last row */
    struct cert_ref ref;
    uint8_t (*serial)[SERIAL_LEN];
};

static int keep(void *arg, const struct cert_row *row)
{
    struct walk *w = arg;
    int order = memcmp(w->ref.serial, row->ref.serial, SERIAL_LEN);
    if (w->q.owner[0] == 0)
        order = w->not_after != row->not_after ? (w->not_after < row->not_after ? -1 : 1) : order;
    else
        assert_string_equal(row->owner, w->q.owner);
    assert_true(order < 0); /* strictly: nothing twice */
    w->not_after = row->not_after;
    w->ref = row->ref;
    assert_true(w->n < MAX);
    memcpy(w->serial[w->n++], row->ref.serial, SERIAL_LEN);
    return 0;
}

static int serial_cmp(const void *a, const void *b)
{
    return memcmp(a, b, SERIAL_LEN);
}

/* Every certificate acknowledged before the walk is in it. */
static void walk_and_compare(struct load *l, const char *owner, size_t page)
{
    struct walk w = {.q = {.now = TEST_NOW}};
    struct store_cursor at = {.n = 0};
    size_t before = issued(l);
    w.serial = calloc(MAX, SERIAL_LEN);
    if (owner)
        memcpy(w.q.owner, owner, strlen(owner));
    do {
        size_t had = w.n;
        assert_int_equal(store_list(l->x.s, &w.q, page, &at, keep, &w, &l->x.f), 0);
        assert_true(w.n - had <= page);
    } while (at.n != 0);
    qsort(w.serial, w.n, SERIAL_LEN, serial_cmp);
    for (size_t i = 0; i < before; i++) {
        bool wanted = !owner || strcmp(owner, owners[l->done[i].owner]) == 0;
        bool met = bsearch(l->done[i].serial, w.serial, w.n, SERIAL_LEN, serial_cmp) != NULL;
        assert_int_equal(met, wanted);
    }
    free(w.serial);
}

static void pages_are_whole_and_in_order_while_certificates_are_issued(void **state)
{
    struct load *l = calloc(1, sizeof(*l));
    pthread_t t[THREADS];
    (void)state;
    pthread_mutex_init(&l->lock, NULL);
    fixture_open(&l->x, false);
    for (int i = 0; i < BEFORE; i++)
        issue_one(l);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&t[i], NULL, issue_on, l), 0);
    for (size_t i = 0; i < 3 || issued(l) < BEFORE + MEANWHILE; i++) {
        walk_and_compare(l, NULL, 10 + 45 * (i % 3));
        walk_and_compare(l, owners[i % 3], 100);
    }
    l->stop = true;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(t[i], NULL), 0);
    walk_and_compare(l, NULL, 7);
    pthread_mutex_destroy(&l->lock);
    fixture_remove(&l->x);
    free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_are_whole_and_in_order_while_certificates_are_issued),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
