/* What scans and agents see, held against the lines of a real store: findings come, are counted,
 * and go when they are no longer so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ca/lifecycle/evaluate.h"
#include "ca/lifecycle/places.h"
#include "tests/unit/store_help.h"

#define DAY INT64_C(86400)

struct world {
    struct fixture x;
    struct conf *conf;
    struct evaluator *e;
    struct request first, second;
    struct buf der[2];
};

static void der_of(struct world *w, const struct request *r, struct buf *out)
{
    struct cert_row row;

    cert_row_init(&row);
    must_get(&w->x, &r->op.ref, &row);
    buf_init(out, 65536);
    assert_int_equal(cert_row_der(&row, out), 0);
    cert_row_free(&row);
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    struct evaluator_parts parts = {.route = NULL};

    assert_non_null(w);
    fixture_open(&w->x, false);
    assert_int_equal(conf_load_text("", "/nowhere/cerca.conf", &w->conf, &w->x.f), 0);
    parts.judge = (struct judge_parts){.conf = w->conf, .store = w->x.s};
    w->e = evaluator_new(&parts);
    request_init(&w->first, &w->x, "www.example.com");
    issue(&w->x, &w->first);
    der_of(w, &w->first, &w->der[0]);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    evaluator_free(w->e);
    conf_free(w->conf);
    assert_clean(&w->x);
    request_free(&w->first);
    buf_free(&w->der[0]);
    buf_free(&w->der[1]);
    fixture_remove(&w->x);
    free(w);
    return 0;
}

/* The same identity, a day longer. */
static void renew(struct world *w)
{
    request_init(&w->second, &w->x, "www.example.com");
    memcpy(w->second.op.intent.identity, w->first.op.intent.identity,
           sizeof(w->second.op.intent.identity));
    w->second.op.intent.not_after += DAY;
    request_draft(&w->second, "www.example.com");
    w->second.op.time = TEST_NOW + 100;
    issue(&w->x, &w->second);
    der_of(w, &w->second, &w->der[1]);
}

static const struct buf nothing;

static int see_by(struct world *w, const char *host, enum scan_outcome outcome,
                  const struct buf *der, int64_t when)
{
    struct observation o = {.port = 443,
                            .last = when,
                            .outcome = outcome,
                            .proved = outcome == SCAN_SERVED,
                            .by = "scan:test"};
    struct foreign leaf = {.origin = "there"};
    struct store_observe q = {.by = "scan:test", .n = 1, .row = &o, .leaf = &leaf};
    struct store_op op = {.kind = STORE_OBSERVE, .observe = &q, .time = when};

    leaf.der = buf_slice(der);
    o.n_chain = der->n > 0;
    (void)snprintf(o.host, sizeof(o.host), "%s", host);
    op.audit.action = AUDIT_FOREIGN;
    op.audit.time = when;
    return store_do(w->x.s, &op);
}

static void see(struct world *w, enum scan_outcome outcome, const struct buf *der, int64_t when)
{
    assert_int_equal(see_by(w, "192.0.2.1", outcome, der, when), 0);
}

/* How many lines have it. */
static uint64_t found(struct world *w, enum compare c, int64_t now)
{
    struct evaluator_summary *s = calloc(1, sizeof(*s));
    int64_t next = now;
    uint64_t n;

    assert_non_null(s);
    assert_int_equal(store_index_wait(w->x.s, &w->x.f), 0);
    while (next <= now)
        assert_int_equal(evaluator_run(w->e, now, 1000000, &next, &w->x.f), 0);
    evaluator_summary(w->e, s);
    n = s->sums.found[FINDING_SEEN + c];
    free(s);
    return n;
}

static void a_superseded_one_is_found_while_it_is_served(void **state)
{
    struct world *w = *state;
    int64_t now = TEST_NOW + 200;

    see(w, SCAN_SERVED, &w->der[0], TEST_NOW + 50);
    assert_int_equal(found(w, COMPARE_SUPERSEDED, now), 0);
    renew(w);
    assert_int_equal(found(w, COMPARE_SUPERSEDED, now), 0); /* nobody has looked since */
    see(w, SCAN_SERVED, &w->der[0], TEST_NOW + 150);
    evaluator_again(w->e);
    assert_int_equal(found(w, COMPARE_SUPERSEDED, now), 1);
    see(w, SCAN_SERVED, &w->der[1], TEST_NOW + 160);
    assert_int_equal(found(w, COMPARE_SUPERSEDED, now), 0); /* by the change alone */
    request_free(&w->second);
}

static void who_answers_no_more_is_missed_until_he_does(void **state)
{
    struct world *w = *state;
    int64_t now = TEST_NOW + 200;

    see(w, SCAN_SERVED, &w->der[0], TEST_NOW + 10);
    assert_int_equal(found(w, COMPARE_UNREACHABLE, now), 0);
    see(w, SCAN_REFUSED, &nothing, TEST_NOW + 20);
    assert_int_equal(found(w, COMPARE_UNREACHABLE, now), 1);
    see(w, SCAN_NO_TLS, &nothing, TEST_NOW + 30);
    assert_int_equal(found(w, COMPARE_UNREACHABLE, now), 0);
    assert_int_equal(found(w, COMPARE_NO_TLS, now), 1);
    see(w, SCAN_SERVED, &w->der[0], TEST_NOW + 40);
    assert_int_equal(found(w, COMPARE_NO_TLS, now), 0);
    see(w, SCAN_REFUSED, &nothing, TEST_NOW + 35); /* told late */
    assert_int_equal(found(w, COMPARE_UNREACHABLE, now), 0);
}

static void what_nobody_told_of_is_unknown(void **state)
{
    struct world *w = *state;
    struct buf other;

    foreign_make(&w->x, "other.example.com", TEST_NOW + DAY, &other);
    see(w, SCAN_SERVED, &other, TEST_NOW + 10);
    assert_int_equal(found(w, COMPARE_UNKNOWN, TEST_NOW + 20), 1);
    assert_int_equal(found(w, COMPARE_FOREIGN, TEST_NOW + 20), 1);
    see(w, SCAN_SERVED, &w->der[0], TEST_NOW + 15); /* another one is there now */
    assert_int_equal(found(w, COMPARE_UNKNOWN, TEST_NOW + 20), 0);
    buf_free(&other);
}

static void what_is_shown_without_its_key_is_not_served(void **state)
{
    struct world *w = *state;
    int64_t now = TEST_NOW + 200;
    struct buf other;

    see(w, SCAN_SERVED, &w->der[0], TEST_NOW + 10);
    see(w, SCAN_CLOSED, &w->der[0], TEST_NOW + 20);
    assert_int_equal(found(w, COMPARE_UNREACHABLE, now), 1);
    see(w, SCAN_SERVED, &w->der[0], TEST_NOW + 30);
    assert_int_equal(found(w, COMPARE_UNREACHABLE, now), 0);
    foreign_make(&w->x, "other.example.com", TEST_NOW + DAY, &other);
    see(w, SCAN_CLOSED, &other, TEST_NOW + 40);
    assert_int_equal(found(w, COMPARE_UNKNOWN, now), 1);
    see(w, SCAN_CLOSED, &nothing, TEST_NOW + 50); /* shown no more */
    assert_int_equal(found(w, COMPARE_UNKNOWN, now), 0);
    buf_free(&other);
}

static int count_places(void *arg, const struct store_place *p)
{
    char text[320];

    place_text(p, text, sizeof(text));
    assert_int_equal(p->kind, PLACE_SERVED);
    assert_string_equal(text, "192.0.2.1:443");
    ++*(int *)arg;
    return 0;
}

static void a_place_is_known_by_the_identity(void **state)
{
    struct world *w = *state;
    int n = 0;

    see(w, SCAN_SERVED, &w->der[0], TEST_NOW + 10);
    see(w, SCAN_TIMEOUT, &nothing, TEST_NOW + 20);
    assert_int_equal(
        store_places(w->x.s, NULL, w->first.op.intent.identity, 9, count_places, &n, &w->x.f), 0);
    assert_int_equal(n, 1);
}

static int count_rows(void *arg, const uint8_t key[OBSERVATION_KEY], const struct observation *o)
{
    uint8_t again[OBSERVATION_KEY];

    observation_key(o, again);
    assert_memory_equal(again, key, sizeof(again));
    ++*(int *)arg;
    return 0;
}

static void what_was_never_a_server_is_kept_too(void **state)
{
    struct world *w = *state;
    int n = 0;

    see(w, SCAN_SERVED, &w->der[0], TEST_NOW);
    assert_int_equal(see_by(w, "192.0.2.9", SCAN_TIMEOUT, &nothing, TEST_NOW), 0);
    assert_int_equal(store_observations(w->x.s, NULL, 9, count_rows, &n, &w->x.f), 0);
    assert_int_equal(n, 2);
    assert_int_equal(found(w, COMPARE_UNREACHABLE, TEST_NOW + 20), 0);
}

static void what_is_looked_at_no_more_is_forgotten(void **state)
{
    struct world *w = *state;
    struct store_forget g = {.before = TEST_NOW + 20, .n = 3};
    struct store_op op = {.kind = STORE_FORGET, .forget = &g, .time = TEST_NOW + 40};
    struct observation o = {.port = 443};
    struct buf strange;
    int n = 0;

    foreign_make(&w->x, "other.example.com", TEST_NOW + DAY, &strange);
    see(w, SCAN_SERVED, &strange, TEST_NOW + 10);
    assert_int_equal(see_by(w, "192.0.2.9", SCAN_TIMEOUT, &nothing, TEST_NOW + 30), 0);
    assert_int_equal(found(w, COMPARE_UNKNOWN, TEST_NOW + 20), 1);
    (void)snprintf(o.host, sizeof(o.host), "192.0.2.1");
    observation_key(&o, g.key[0]);
    (void)snprintf(o.host, sizeof(o.host), "192.0.2.9");
    observation_key(&o, g.key[1]);
    op.audit.action = AUDIT_FOREIGN;
    assert_int_equal(store_do(w->x.s, &op), 0);
    assert_int_equal(g.dropped, 1);
    assert_int_equal(store_observations(w->x.s, NULL, 9, count_rows, &n, &w->x.f), 0);
    assert_int_equal(n, 1);
    assert_int_equal(found(w, COMPARE_UNKNOWN, TEST_NOW + 50), 0);
    g.n = STORE_FORGET_MAX + 1;
    assert_true(store_do(w->x.s, &op) < 0);
    buf_free(&strange);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(a_superseded_one_is_found_while_it_is_served),
        T(who_answers_no_more_is_missed_until_he_does),
        T(what_nobody_told_of_is_unknown),
        T(what_is_shown_without_its_key_is_not_served),
        T(a_place_is_known_by_the_identity),
        T(what_was_never_a_server_is_kept_too),
        T(what_is_looked_at_no_more_is_forgotten),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
