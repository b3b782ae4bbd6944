/* Alerts in the store: steps with their notices in one transaction, marks, exceptions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ca/store/alerts.h"
#include "tests/unit/store_help.h"

static struct watch_times times = {
    .repeat = 86400, .repeat_critical = 3600, .team = 3 * 86400, .team_critical = 7200};

static void to_mail(void *arg, const struct alert_outcome *o, struct outbox_notice *out)
{
    (void)arg;
    out->notice.kind = o->kind;
    out->notice.severity = o->alert.severity;
    out->notice.time = TEST_NOW;
    notice_set(out->notice.rule, sizeof(out->notice.rule), o->alert.rule);
    out->n_channels = 1;
    (void)snprintf(out->channel[0], sizeof(out->channel[0]), "mail");
}

static struct alert condition(const char *subject, uint32_t told)
{
    struct alert a = {.rule = "expiry", .severity = SEVERITY_WARNING, .epoch = 7, .told = told};

    (void)snprintf(a.subject, sizeof(a.subject), "%s", subject);
    return a;
}

/* The outcome of the operation; its fault in x->f. */
static struct store_op step(struct fixture *x, struct store_alert *q, int64_t now)
{
    struct store_op op = {.kind = STORE_ALERT, .time = now, .alert = q};

    q->times = &times;
    q->notice = to_mail;
    op.audit.action = AUDIT_ALERT;
    op.audit.time = now;
    (void)!store_do(x->s, &op);
    x->f = op.fault;
    return op;
}

static struct store_op see(struct fixture *x, const struct alert *seen, int64_t now)
{
    struct store_alert q = {.in = {.verb = ALERT_SEEN, .seen = seen}};

    return step(x, &q, now);
}

static struct store_op of_operator(struct fixture *x, const struct alert *a, enum alert_verb verb)
{
    struct store_alert q = {.in = {.verb = verb, .by = "operator:alice", .note = "on it"}};

    alert_key(a->rule, a->subject, q.key);
    return step(x, &q, TEST_NOW + 10);
}

static int count(void *arg, const struct outbox_delivery *d, const struct notice *n)
{
    uint32_t *kinds = arg;

    assert_string_equal(d->channel, "mail");
    kinds[n->kind]++;
    return 0;
}

static void told(struct fixture *x, uint32_t kinds[NOTICE_KINDS + 1])
{
    memset(kinds, 0, (NOTICE_KINDS + 1) * sizeof(kinds[0]));
    assert_int_equal(store_outbox(x->s, 0, count, kinds, &x->f), 0);
}

static void a_threshold_is_told_once_whatever_restarts(void **state)
{
    struct alert a = condition("11", 1);
    uint32_t kinds[NOTICE_KINDS + 1];
    struct fixture x;
    (void)state;

    fixture_open(&x, false);
    assert_int_equal(see(&x, &a, TEST_NOW).outcome, STORE_DONE);
    assert_int_equal(see(&x, &a, TEST_NOW).outcome, STORE_SAME);
    fixture_close(&x);
    assert_int_equal(fixture_reopen(&x), 0);
    assert_int_equal(see(&x, &a, TEST_NOW + 1).outcome, STORE_SAME);
    a.told = 3;
    assert_int_equal(see(&x, &a, TEST_NOW + 2).outcome, STORE_DONE);
    told(&x, kinds);
    assert_int_equal(kinds[NOTICE_RAISED], 2);
    assert_clean(&x);
    fixture_close(&x);
    fixture_remove(&x);
}

static void operators_acknowledge_what_is_open(void **state)
{
    struct alert a = condition("11", 1), b = condition("22", 1), row;
    struct store_alert gone = {.in = {.verb = ALERT_GONE}};
    uint32_t kinds[NOTICE_KINDS + 1];
    struct buf actions;
    struct fixture x;
    (void)state;

    fixture_open(&x, false);
    (void)see(&x, &a, TEST_NOW);
    assert_int_equal(of_operator(&x, &a, ALERT_ACKNOWLEDGE).result, 0);
    alert_key(a.rule, a.subject, gone.key);
    assert_int_equal(store_alert_get(x.s, gone.key, &row, &x.f), 0);
    assert_int_equal(row.state, ALERT_ACKNOWLEDGED);
    assert_string_equal(row.note, "on it");
    assert_int_equal(of_operator(&x, &b, ALERT_ACKNOWLEDGE).result, -FAULT_NOT_FOUND);
    assert_string_equal(x.f.rule, "alert.unknown");
    (void)step(&x, &gone, TEST_NOW + 20);
    assert_int_equal(of_operator(&x, &a, ALERT_UNACKNOWLEDGE).result, -FAULT_CONFLICT);
    assert_string_equal(x.f.rule, "alert.resolved");
    told(&x, kinds);
    assert_int_equal(kinds[NOTICE_ACKNOWLEDGED], 1);
    assert_int_equal(kinds[NOTICE_RESOLVED], 1);
    buf_init(&actions, 4096);
    audit_actions(&x, &actions);
    assert_string_equal(buf_cstr(&actions), "Arr"); /* refusals too */
    buf_free(&actions);
    assert_clean(&x);
    fixture_close(&x);
    fixture_remove(&x);
}

struct seen {
    size_t n;
    struct alert last;
};

static int each(void *arg, const uint8_t key[ALERT_KEY], const struct alert *a)
{
    struct seen *s = arg;

    (void)key;
    s->n++;
    s->last = *a;
    return 0;
}

static void lists_go_on_behind_the_last_key(void **state)
{
    uint8_t at[ALERT_KEY];
    struct seen seen = {0};
    char subject[16];
    struct fixture x;
    size_t n;
    (void)state;

    fixture_open(&x, false);
    for (int i = 0; i < 25; i++) {
        (void)snprintf(subject, sizeof(subject), "%02d", i);
        struct alert a = condition(subject, 1);
        (void)see(&x, &a, TEST_NOW);
    }
    assert_int_equal(store_alerts(x.s, NULL, 10, each, &seen, at, &n, &x.f), 0);
    assert_int_equal(n, 10);
    while (n == 10)
        assert_int_equal(store_alerts(x.s, at, 10, each, &seen, at, &n, &x.f), 0);
    assert_int_equal(seen.n, 25);
    fixture_close(&x);
    fixture_remove(&x);
}

static int mark(struct fixture *x, int64_t slot, size_t n)
{
    struct alert row = {.rule = "digest", .subject = "web", .state = ALERT_MARK, .epoch = slot};
    struct alert_outcome o = {.kind = NOTICE_DIGEST};
    struct outbox_notice notice[2] = {0};
    struct store_mark q = {.mark = &row, .n = n, .notice = notice};
    struct store_op op = {.kind = STORE_MARK, .time = slot, .mark = &q};

    o.alert.severity = SEVERITY_INFO;
    for (size_t i = 0; i < n; i++)
        to_mail(NULL, &o, &notice[i]);
    assert_int_equal(store_do(x->s, &op), 0);
    return (int)op.outcome;
}

static void a_slot_is_marked_once(void **state)
{
    uint32_t kinds[NOTICE_KINDS + 1];
    struct seen seen = {0};
    uint8_t at[ALERT_KEY];
    struct fixture x;
    size_t n;
    (void)state;

    fixture_open(&x, false);
    assert_int_equal(mark(&x, 1000, 2), STORE_DONE);
    assert_int_equal(mark(&x, 1000, 2), STORE_SAME);
    assert_int_equal(mark(&x, 900, 2), STORE_SAME); /* the clock went back */
    assert_int_equal(mark(&x, 2000, 1), STORE_DONE);
    told(&x, kinds);
    assert_int_equal(kinds[NOTICE_DIGEST], 3);
    assert_int_equal(store_alerts(x.s, NULL, 10, each, &seen, at, &n, &x.f), 0);
    assert_int_equal(seen.n, 0);
    assert_clean(&x);
    fixture_close(&x);
    fixture_remove(&x);
}

static int except(struct fixture *x, const char *rule, const char *subject, int64_t until)
{
    struct store_except q = {.row = {.created = TEST_NOW, .until = until, .by = "operator:alice"}};
    struct store_op op = {.kind = STORE_EXCEPT, .time = TEST_NOW, .except = &q};
    int rc;

    (void)snprintf(q.row.rule, sizeof(q.row.rule), "%s", rule);
    (void)snprintf(q.row.subject, sizeof(q.row.subject), "%s", subject);
    op.audit.action = AUDIT_EXCEPTION;
    op.audit.time = TEST_NOW;
    rc = store_do(x->s, &op);
    x->f = op.fault;
    return rc;
}

static int each_exception(void *arg, const struct exception *e)
{
    int64_t *sum = arg;

    *sum += e->until;
    return 0;
}

static void exceptions_are_kept_replaced_and_taken_back(void **state)
{
    int64_t sum = 0;
    struct fixture x;
    (void)state;

    fixture_open(&x, false);
    assert_int_equal(except(&x, "key.shared", "11", 100), 0);
    assert_int_equal(except(&x, "key.shared", "*", 1000), 0);
    assert_int_equal(except(&x, "key.shared", "11", 200), 0);
    assert_int_equal(store_exceptions(x.s, NULL, each_exception, &sum, &x.f), 0);
    assert_int_equal(sum, 1200);
    sum = 0; /* from behind one that is there, and one that is not */
    assert_int_equal(store_exceptions(x.s,
                                      &(struct exception){.rule = "key.shared", .subject = "*"},
                                      each_exception, &sum, &x.f),
                     0);
    assert_int_equal(sum, 200);
    assert_int_equal(store_exceptions(x.s, &(struct exception){.rule = "key.sh", .subject = "99"},
                                      each_exception, &sum, &x.f),
                     0);
    assert_int_equal(sum, 1400);
    assert_int_equal(except(&x, "key.shared", "*", 0), 0);
    assert_int_equal(except(&x, "key.shared", "*", 0), -FAULT_NOT_FOUND);
    assert_string_equal(x.f.rule, "exception.unknown");
    sum = 0;
    assert_int_equal(store_exceptions(x.s, NULL, each_exception, &sum, &x.f), 0);
    assert_int_equal(sum, 200);
    assert_clean(&x);
    fixture_close(&x);
    fixture_remove(&x);
}

static void the_newest_backup_is_known(void **state)
{
    struct store_op op = {.kind = STORE_AUDIT, .time = TEST_NOW + 5};
    struct fixture x;
    int64_t at;
    (void)state;

    fixture_open(&x, false);
    assert_int_equal(store_backup_time(x.s, &at, &x.f), 0);
    assert_true(at == 0);
    op.audit.action = AUDIT_BACKUP;
    op.audit.time = op.time;
    assert_int_equal(store_do(x.s, &op), 0);
    fixture_close(&x);
    assert_int_equal(fixture_reopen(&x), 0);
    assert_int_equal(store_backup_time(x.s, &at, &x.f), 0);
    assert_true(at == TEST_NOW + 5);
    fixture_close(&x);
    fixture_remove(&x);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_threshold_is_told_once_whatever_restarts),
        cmocka_unit_test(operators_acknowledge_what_is_open),
        cmocka_unit_test(lists_go_on_behind_the_last_key),
        cmocka_unit_test(a_slot_is_marked_once),
        cmocka_unit_test(exceptions_are_kept_replaced_and_taken_back),
        cmocka_unit_test(the_newest_backup_is_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
