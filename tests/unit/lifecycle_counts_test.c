/* Counts that single changes keep are those of a whole evaluation; exceptions end by themselves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ca/lifecycle/evaluate.h"
#include "ca/store/attempts.h"
#include "tests/unit/damage.h"
#include "tests/unit/store_help.h"

#define DAY INT64_C(86400)
#define LINES 24
#define STEPS 400

struct world {
    struct fixture x;
    struct conf *conf;
    struct evaluator *e;
    int64_t now;
    size_t n;
    struct request r[LINES + STEPS];
};

static struct evaluator *evaluator(const struct world *w)
{
    struct evaluator_parts parts = {.judge = {.conf = w->conf, .store = w->x.s}};

    return evaluator_new(&parts);
}

static void begin(struct world *w, const char *text)
{
    memset(w, 0, sizeof(*w));
    fixture_open(&w->x, false);
    assert_int_equal(conf_load_text(text, "/nowhere/cerca.conf", &w->conf, &w->x.f), 0);
    w->e = evaluator(w);
    w->now = TEST_NOW;
}

static void end(struct world *w)
{
    evaluator_free(w->e);
    for (size_t i = 0; i < w->n; i++)
        request_free(&w->r[i]);
    conf_free(w->conf);
    assert_clean(&w->x);
    fixture_remove(&w->x);
}

static struct counted_sums evaluate(struct world *w, struct evaluator *e)
{
    struct evaluator_summary s;
    int64_t next = w->now;

    assert_int_equal(store_index_wait(w->x.s, &w->x.f), 0);
    while (next <= w->now)
        assert_int_equal(evaluator_run(e, w->now, 1000000, &next, &w->x.f), 0);
    evaluator_summary(e, &s);
    assert_int_equal(s.counted, w->now);
    return s.sums;
}

static struct request *issue_one(struct world *w, unsigned name, int64_t days,
                                 const struct request *key_of)
{
    struct request *r = &w->r[w->n++];
    char text[64];

    (void)snprintf(text, sizeof(text), "host%u.example.com", name);
    request_init(r, &w->x, text);
    memset(r->op.intent.identity, (int)name + 1, sizeof(r->op.intent.identity));
    r->op.intent.owner = name % 3 == 0 ? "" : "web";
    r->op.intent.key_reuse = KEY_REUSE_ALLOW;
    r->op.intent.not_before = w->now;
    r->op.intent.not_after = w->now + days * DAY;
    if (key_of != NULL)
        memcpy(r->spki, key_of->spki, sizeof(r->spki));
    request_draft(r, text);
    if (do_reserve(&w->x, r) == 0) /* what is blocked is refused */
        assert_int_equal(do_finish(&w->x, r), 0);
    return r;
}

static void except(struct world *w, const char *rule, const uint8_t *identity, int64_t until)
{
    struct store_except q = {.row = {.created = w->now, .until = until, .by = "a", .reason = "r"}};
    struct store_op op = {.kind = STORE_EXCEPT, .time = w->now, .except = &q};
    char hex[33];

    hex_encode(slice_of(identity, 16), hex);
    (void)snprintf(q.row.rule, sizeof(q.row.rule), "%s", rule);
    (void)snprintf(q.row.subject, sizeof(q.row.subject), "%s", hex);
    op.audit.action = AUDIT_EXCEPTION;
    if (store_do(w->x.s, &op) == 0)
        evaluator_excepted(w->e, identity);
}

static void annotate(struct world *w, const uint8_t *identity, const char *owner, int64_t retired)
{
    struct store_annotate q = {.mask = ANNOTATION_OWNER | ANNOTATION_RETIRED};
    struct store_op op = {.kind = STORE_ANNOTATE, .time = w->now, .annotate = &q};

    memcpy(q.row.identity, identity, sizeof(q.row.identity));
    (void)snprintf(q.row.owner, sizeof(q.row.owner), "%s", owner);
    q.row.retired = retired;
    op.audit.action = AUDIT_ANNOTATE;
    assert_int_equal(store_do(w->x.s, &op), 0);
}

static void refuse(struct world *w, const struct request *r)
{
    struct attempt a = {.ref = r->op.ref, .by = "b", .rule = "san.dns", .text = "no"};
    struct store_op op = {.kind = STORE_ATTEMPT, .attempt = &a, .time = w->now};

    memcpy(a.identity, r->op.intent.identity, sizeof(a.identity));
    assert_int_equal(store_do(w->x.s, &op), 0);
}

static void something(struct world *w)
{
    struct request *r = &w->r[damage_below(w->n)];
    const uint8_t *identity = r->op.intent.identity;
    unsigned name = (unsigned)damage_below(LINES);

    switch (damage_below(10)) {
    case 0:
        (void)do_revoke(&w->x, r, REASON_SUPERSEDED);
        break;
    case 1:
        annotate(w, identity, damage_below(2) == 0 ? "" : "mail", 0);
        break;
    case 2:
        annotate(w, identity, "", w->now);
        break;
    case 3:
        except(w, "owner.missing", identity, w->now + (int64_t)damage_below(4) * DAY / 2);
        break;
    case 4:
        except(w, "key.shared", identity, w->now + DAY / 3);
        break;
    case 5:
        (void)do_block(&w->x, r, damage_below(2) == 0);
        break;
    case 6:
        refuse(w, r);
        break;
    case 7:
        (void)issue_one(w, name, (int64_t)damage_below(30) + 1, r);
        break;
    default:
        (void)issue_one(w, name, (int64_t)damage_below(100) + 1, NULL);
        break;
    }
}

/* The day that an end is counted on is absolute; where the window begins may differ by a day. */
static void same_ends(const struct counted_sums *a, const struct counted_sums *b)
{
    for (int64_t day = b->first_day; day < b->first_day + COUNTED_DAYS - 1; day++) {
        assert_int_equal(a->ends_on[day - a->first_day], b->ends_on[day - b->first_day]);
        assert_int_equal(a->due_on[day - a->first_day], b->due_on[day - b->first_day]);
    }
}

static void counts_are_those_of_a_whole_evaluation_after_any_change(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    (void)state;

    assert_non_null(w);
    damage_seed(6);
    begin(w, "");
    for (unsigned i = 0; i < LINES; i++)
        (void)issue_one(w, i, (int64_t)damage_below(90) + 1, i % 5 == 4 ? &w->r[i - 1] : NULL);
    for (int i = 0; i < STEPS; i++) {
        struct counted_sums sums, whole;
        struct evaluator *anew;

        something(w);
        w->now += damage_below(3) == 0 ? (int64_t)damage_below(DAY / 4) : 0;
        sums = evaluate(w, w->e);
        if (i % 5 != 0)
            continue;
        anew = evaluator(w);
        whole = evaluate(w, anew);
        evaluator_free(anew);
        assert_int_equal(sums.lines, whole.lines);
        assert_memory_equal(sums.by_state, whole.by_state, sizeof(sums.by_state));
        assert_memory_equal(sums.found, whole.found, sizeof(sums.found));
        assert_memory_equal(sums.excepted, whole.excepted, sizeof(sums.excepted));
        same_ends(&sums, &whole);
    }
    end(w);
    free(w);
}

/* ---- exceptions and alerts ---- */

static enum alert_state alert(struct world *w, const char *rule, const struct request *r)
{
    uint8_t key[ALERT_KEY];
    char hex[33];
    struct alert a;

    hex_encode(slice_of(r->op.intent.identity, 16), hex);
    alert_key(rule, hex, key);
    return store_alert_get(w->x.s, key, &a, &w->x.f) == 0 ? a.state : 0;
}

static void what_is_accepted_alarms_nobody_until_that_ends(void **state)
{
    static const struct {
        const char *rule, *alert;
        bool quiet;
    } cases[] = {
        {"expiry.ended", "expiry", true},
        {"renewal.late", "expiry", false},
        {"key.weak", "expiry", false},
        {"renewal.late", "renewal.failed", true},
        {"renewal.never", "renewal.failed", true},
        {"policy", "renewal.failed", false},
        {"renewal.late", "renewal.stuck", true},
        {"policy", "renewal.stuck", false},
        {"expiry.ended", "renewal.stuck", false},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct world *w = calloc(1, sizeof(*w));
        struct request *r;

        assert_non_null(w);
        begin(w, "");
        r = issue_one(w, 1, 90, NULL);
        if (strcmp(cases[i].alert, "renewal.stuck") == 0)
            assert_int_equal(do_block(&w->x, r, true), 0);
        else
            refuse(w, r);
        w->now += 80 * DAY;
        (void)evaluate(w, w->e);
        assert_int_equal(alert(w, cases[i].alert, r), ALERT_RAISED);
        except(w, cases[i].rule, r->op.intent.identity, w->now + 2 * DAY);
        (void)evaluate(w, w->e);
        assert_int_equal(alert(w, cases[i].alert, r),
                         cases[i].quiet ? ALERT_RESOLVED : ALERT_RAISED);
        w->now += 2 * DAY - 1;
        (void)evaluate(w, w->e);
        assert_int_equal(alert(w, cases[i].alert, r),
                         cases[i].quiet ? ALERT_RESOLVED : ALERT_RAISED);
        w->now += 1;
        (void)evaluate(w, w->e);
        assert_int_equal(alert(w, cases[i].alert, r), ALERT_RAISED);
        end(w);
        free(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_are_those_of_a_whole_evaluation_after_any_change),
        cmocka_unit_test(what_is_accepted_alarms_nobody_until_that_ends),
    };

    return cmocka_run_group_tests_name("lifecycle_counts", tests, NULL, NULL);
}
