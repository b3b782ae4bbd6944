/* The outbox in the store: nothing is lost, nothing overtakes, and what came once more is known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ca/store/outbox.h"
#include "tests/unit/store_help.h"

static int do_outbox(struct fixture *x, struct store_outbox *q, int64_t now)
{
    struct store_op op = {.kind = STORE_OUTBOX, .time = now, .outbox = q};
    int rc;

    op.audit.action = AUDIT_START;
    op.audit.time = now;
    rc = store_do(x->s, &op);
    x->f = op.fault;
    return rc != 0 ? rc : (int)op.outcome;
}

static void fill(struct notice *n, enum notice_kind kind, uint8_t key)
{
    memset(n, 0, sizeof(*n));
    n->kind = kind;
    n->severity = SEVERITY_WARNING;
    n->has_key = key != 0;
    memset(n->key, key, sizeof(n->key));
    n->time = TEST_NOW;
    notice_set(n->rule, sizeof(n->rule), "expiry");
    notice_set(n->summary, sizeof(n->summary), "web.example.com ends in 7 days");
    notice_fact(n, "serial", "00c0ffee");
}

/* Channels by their names with blanks between; the number. */
static uint64_t tell(struct fixture *x, enum notice_kind kind, uint8_t key, const char *channels,
                     int64_t now)
{
    static struct outbox_notice o;
    struct store_outbox q = {.verb = OUTBOX_ADD, .add = &o};
    char names[256];

    memset(&o, 0, sizeof(o));
    fill(&o.notice, kind, key);
    snprintf(names, sizeof(names), "%s", channels);
    for (char *save, *c = strtok_r(names, " ", &save); c != NULL; c = strtok_r(NULL, " ", &save))
        snprintf(o.channel[o.n_channels++], OUTBOX_CHANNEL_SIZE, "%s", c);
    assert_int_equal(do_outbox(x, &q, now), STORE_DONE);
    return o.notice.number;
}

static int settle(struct fixture *x, enum outbox_verb verb, uint64_t number, const char *channel,
                  int64_t next, int64_t now)
{
    struct store_outbox q = {.verb = verb, .number = number, .next = next};

    snprintf(q.channel, sizeof(q.channel), "%s", channel);
    snprintf(q.why, sizeof(q.why), "connection refused");
    return do_outbox(x, &q, now);
}

/* What was seen of a walk. */
struct seen {
    size_t n;
    struct outbox_delivery d[16];
    struct notice last;
    char ticket[OUTBOX_TICKET_SIZE];
};

static int see(void *arg, const struct outbox_delivery *d, const struct notice *n)
{
    struct seen *s = arg;

    s->d[s->n++] = *d;
    s->last = *n;
    return s->n == 16;
}

static int see_due(void *arg, const struct outbox_delivery *d, const struct notice *n,
                   const char *ticket)
{
    struct seen *s = arg;

    snprintf(s->ticket, sizeof(s->ticket), "%s", ticket);
    return see(arg, d, n);
}

static struct seen *due(struct fixture *x, const char *channel, int64_t now, int64_t *next)
{
    static struct seen s;

    memset(&s, 0, sizeof(s));
    assert_int_equal(store_outbox_due(x->s, channel, now, 16, see_due, &s, next, &x->f), 0);
    return &s;
}

static uint64_t first_due(struct fixture *x, const char *channel, int64_t now)
{
    int64_t next;
    const struct seen *s = due(x, channel, now, &next);

    return s->n == 0 ? 0 : s->d[0].number;
}

static size_t listed(struct fixture *x)
{
    static struct seen s;

    memset(&s, 0, sizeof(s));
    assert_int_equal(store_outbox(x->s, 0, see, &s, &x->f), 0);
    return s.n;
}

static int find_channel(void *arg, const struct outbox_channel *c)
{
    struct outbox_channel *out = arg;

    if (strcmp(c->name, out->name) != 0)
        return 0;
    *out = *c;
    return 1;
}

static struct outbox_channel channel(struct fixture *x, const char *name)
{
    struct outbox_channel c = {.name = ""};

    snprintf(c.name, sizeof(c.name), "%s", name);
    assert_int_equal(store_outbox_channels(x->s, find_channel, &c, &x->f), 0);
    return c;
}

static void what_is_told_waits_for_each_channel_until_it_is_taken(void **state)
{
    struct fixture x;
    struct notice want;
    const struct seen *s;
    int64_t next;
    char id[NOTICE_ID_SIZE];
    (void)state;

    fixture_open(&x, false);
    uint64_t n = tell(&x, NOTICE_RAISED, 1, "mail pager", TEST_NOW);
    s = due(&x, "mail", TEST_NOW, &next);
    assert_int_equal(s->n, 1);
    assert_int_equal(next, 0);
    fill(&want, NOTICE_RAISED, 1);
    want.number = n;
    assert_int_equal(strlen(s->last.id), 32);
    memcpy(want.id, s->last.id, sizeof(want.id));
    memcpy(id, s->last.id, sizeof(id));
    assert_memory_equal(&s->last, &want, sizeof(want));

    /* Whoever was killed in between gets it again, as the same. */
    fixture_close(&x);
    assert_int_equal(fixture_reopen(&x), 0);
    s = due(&x, "mail", TEST_NOW, &next);
    assert_string_equal(s->last.id, id);
    assert_int_equal(settle(&x, OUTBOX_DELIVERED, n, "mail", 0, TEST_NOW + 5), STORE_DONE);
    assert_int_equal(settle(&x, OUTBOX_DELIVERED, n, "mail", 0, TEST_NOW + 6), STORE_SAME);
    assert_int_equal(first_due(&x, "mail", TEST_NOW), 0);
    assert_int_equal(first_due(&x, "pager", TEST_NOW), n);
    assert_int_equal(channel(&x, "mail").delivered, 1);
    assert_int_equal(channel(&x, "mail").succeeded_at, TEST_NOW + 5);
    assert_int_equal(channel(&x, "pager").waiting, 1);
    assert_int_equal(settle(&x, OUTBOX_DELIVERED, n, "pager", 0, TEST_NOW), STORE_DONE);
    assert_int_equal(listed(&x), 0);
    assert_int_equal(store_outbox_notice(x.s, n, &want, &x.f), -FAULT_NOT_FOUND);
    /* Numbers are not used again. */
    assert_int_equal(tell(&x, NOTICE_TEST, 0, "mail", TEST_NOW), n + 1);
    assert_clean(&x);
    fixture_remove(&x);
}

static void what_is_told_to_nobody_leaves_nothing(void **state)
{
    struct fixture x;
    (void)state;

    fixture_open(&x, false);
    assert_int_equal(tell(&x, NOTICE_RAISED, 1, "", TEST_NOW), 0);
    assert_int_equal(listed(&x), 0);
    uint64_t n = tell(&x, NOTICE_RAISED, 1, "mail mail", TEST_NOW);
    assert_int_equal(listed(&x), 1);
    assert_int_equal(channel(&x, "mail").waiting, 1);
    assert_int_equal(settle(&x, OUTBOX_DELIVERED, n, "mail", 0, TEST_NOW), STORE_DONE);
    assert_clean(&x);
    fixture_remove(&x);
}

static void one_condition_is_a_line_and_others_do_not_wait(void **state)
{
    struct fixture x;
    int64_t next;
    (void)state;

    fixture_open(&x, false);
    uint64_t raised = tell(&x, NOTICE_RAISED, 1, "jira", TEST_NOW);
    uint64_t resolved = tell(&x, NOTICE_RESOLVED, 1, "jira", TEST_NOW + 1);
    uint64_t other = tell(&x, NOTICE_RAISED, 2, "jira", TEST_NOW + 2);
    const struct seen *s = due(&x, "jira", TEST_NOW + 9, &next);
    assert_int_equal(s->n, 2);
    assert_int_equal(s->d[0].number, raised);
    assert_int_equal(s->d[1].number, other);

    /* The second of a line is not even taken when somebody says that it was delivered. */
    assert_int_equal(settle(&x, OUTBOX_DELIVERED, resolved, "jira", 0, TEST_NOW), STORE_SAME);
    assert_int_equal(settle(&x, OUTBOX_FAILED, raised, "jira", TEST_NOW + 60, TEST_NOW + 9), 0);
    s = due(&x, "jira", TEST_NOW + 10, &next);
    assert_int_equal(s->n, 1);
    assert_int_equal(s->d[0].number, other);
    assert_int_equal(next, TEST_NOW + 60);
    assert_int_equal(channel(&x, "jira").failing_since, TEST_NOW + 9);
    assert_string_equal(channel(&x, "jira").why, "connection refused");
    s = due(&x, "jira", TEST_NOW + 60, &next);
    assert_int_equal(s->n, 2);
    assert_int_equal(s->d[1].number, raised);
    assert_int_equal(s->d[1].tries, 1);
    assert_int_equal(settle(&x, OUTBOX_DELIVERED, raised, "jira", 0, TEST_NOW + 61), 0);
    assert_int_equal(channel(&x, "jira").failing_since, 0);
    s = due(&x, "jira", TEST_NOW + 61, &next);
    assert_int_equal(s->n, 2);
    assert_int_equal(s->d[0].number, resolved);
    assert_clean(&x);
    fixture_remove(&x);
}

static void what_was_held_back_goes_with_what_may_not_wait(void **state)
{
    struct fixture x;
    int64_t next;
    uint64_t warned, repeated, other, critical, tried;

    (void)state;
    fixture_open(&x, false);
    warned = tell(&x, NOTICE_RAISED, 1, "mail", TEST_NOW + 3600); /* quiet hours */
    repeated = tell(&x, NOTICE_REPEATED, 1, "mail", TEST_NOW + 3600);
    other = tell(&x, NOTICE_RAISED, 2, "mail", TEST_NOW + 3600);
    assert_int_equal(due(&x, "mail", TEST_NOW, &next)->n, 0);
    assert_int_equal(next, TEST_NOW + 3600);

    critical = tell(&x, NOTICE_RAISED, 1, "mail", TEST_NOW + 10);
    assert_int_equal(due(&x, "mail", TEST_NOW, &next)->n, 0);
    assert_int_equal(next, TEST_NOW + 10);
    /* at once, in the order in which it came about */
    assert_int_equal(first_due(&x, "mail", TEST_NOW + 10), warned);
    assert_int_equal(settle(&x, OUTBOX_DELIVERED, warned, "mail", 0, TEST_NOW + 10), STORE_DONE);
    assert_int_equal(first_due(&x, "mail", TEST_NOW + 10), repeated);
    assert_int_equal(settle(&x, OUTBOX_DELIVERED, repeated, "mail", 0, TEST_NOW + 10), STORE_DONE);
    assert_int_equal(first_due(&x, "mail", TEST_NOW + 10), critical);
    assert_int_equal(settle(&x, OUTBOX_DELIVERED, critical, "mail", 0, TEST_NOW + 10), STORE_DONE);
    /* another condition's waits as before */
    assert_int_equal(due(&x, "mail", TEST_NOW + 10, &next)->n, 0);
    assert_int_equal(next, TEST_NOW + 3600);

    /* what the other end refused is not tried before its time */
    assert_int_equal(settle(&x, OUTBOX_FAILED, other, "mail", TEST_NOW + 7200, TEST_NOW + 3600),
                     STORE_DONE);
    tried = tell(&x, NOTICE_RAISED, 2, "mail", TEST_NOW + 3601);
    assert_int_equal(due(&x, "mail", TEST_NOW + 3601, &next)->n, 0);
    assert_int_equal(next, TEST_NOW + 7200);
    assert_int_equal(first_due(&x, "mail", TEST_NOW + 7200), other);
    assert_true(tried > other);
    fixture_remove(&x);
}

static void a_ticket_is_known_until_it_is_closed(void **state)
{
    struct fixture x;
    int64_t next;
    struct store_outbox q = {.verb = OUTBOX_DELIVERED, .channel = "jira", .ticket = "OPS-7"};
    (void)state;

    fixture_open(&x, false);
    q.number = tell(&x, NOTICE_RAISED, 1, "jira", TEST_NOW);
    assert_string_equal(due(&x, "jira", TEST_NOW, &next)->ticket, "");
    assert_int_equal(do_outbox(&x, &q, TEST_NOW), STORE_DONE);
    q.number = tell(&x, NOTICE_RESOLVED, 1, "jira", TEST_NOW);
    assert_string_equal(due(&x, "jira", TEST_NOW, &next)->ticket, "OPS-7");
    q.ticket[0] = '\0';
    q.closed = true;
    assert_int_equal(do_outbox(&x, &q, TEST_NOW), STORE_DONE);
    tell(&x, NOTICE_RAISED, 1, "jira", TEST_NOW);
    assert_string_equal(due(&x, "jira", TEST_NOW, &next)->ticket, "");
    assert_clean(&x);
    fixture_remove(&x);
}

static void what_is_parked_waits_for_an_operator(void **state)
{
    struct fixture x;
    struct store_outbox all = {.verb = OUTBOX_RETRY}, one = {.verb = OUTBOX_DROP};
    (void)state;

    fixture_open(&x, false);
    uint64_t raised = tell(&x, NOTICE_RAISED, 1, "mail", TEST_NOW);
    uint64_t resolved = tell(&x, NOTICE_RESOLVED, 1, "mail", TEST_NOW);
    uint64_t test = tell(&x, NOTICE_TEST, 0, "mail", TEST_NOW);
    assert_int_equal(settle(&x, OUTBOX_FAILED, raised, "mail", 0, TEST_NOW), STORE_DONE);
    assert_int_equal(settle(&x, OUTBOX_FAILED, test, "mail", 0, TEST_NOW), STORE_DONE);
    assert_int_equal(channel(&x, "mail").parked, 1); /* a test is over when it failed */
    assert_int_equal(first_due(&x, "mail", TEST_NOW), resolved);
    /* Back in line it comes before what happened later. */
    assert_int_equal(do_outbox(&x, &all, TEST_NOW + 1), STORE_DONE);
    assert_int_equal(all.count, 2);
    assert_int_equal(first_due(&x, "mail", TEST_NOW + 1), raised);
    assert_int_equal(channel(&x, "mail").parked, 0);
    assert_int_equal(channel(&x, "mail").waiting, 2);
    assert_clean(&x);

    one.number = raised;
    assert_int_equal(do_outbox(&x, &one, TEST_NOW + 2), STORE_DONE);
    assert_int_equal(do_outbox(&x, &one, TEST_NOW + 2), -FAULT_NOT_FOUND);
    assert_string_equal(x.f.rule, "outbox.unknown");
    assert_int_equal(first_due(&x, "mail", TEST_NOW + 1), resolved);
    assert_int_equal(channel(&x, "mail").lost, 1);
    assert_clean(&x);
    fixture_remove(&x);
}

static void a_heartbeat_does_not_pile_up(void **state)
{
    struct fixture x;
    (void)state;

    fixture_open(&x, false);
    uint64_t n = tell(&x, NOTICE_HEARTBEAT, 0, "mail", TEST_NOW);
    tell(&x, NOTICE_HEARTBEAT, 0, "mail", TEST_NOW + 60);
    assert_int_equal(listed(&x), 1);
    assert_int_equal(channel(&x, "mail").heartbeat, TEST_NOW);
    assert_int_equal(settle(&x, OUTBOX_FAILED, n, "mail", 0, TEST_NOW + 61), STORE_DONE);
    assert_int_equal(listed(&x), 0);
    assert_clean(&x);
    fixture_remove(&x);
}

static void a_restored_store_tells_nothing_by_itself(void **state)
{
    struct fixture x;
    struct store_op op = {.kind = STORE_RESTORED, .time = TEST_NOW + 9, .why = "restored"};
    int64_t next;
    (void)state;

    fixture_open(&x, false);
    for (uint8_t i = 1; i <= 3; i++)
        tell(&x, NOTICE_RAISED, i, "mail pager", TEST_NOW);
    tell(&x, NOTICE_HEARTBEAT, 0, "mail", TEST_NOW);
    assert_int_equal(store_do(x.s, &op), 0);
    fixture_close(&x);
    assert_int_equal(fixture_reopen(&x), 0);
    assert_int_equal(due(&x, "mail", TEST_NOW + 9999, &next)->n, 0);
    assert_int_equal(next, 0);
    assert_int_equal(channel(&x, "mail").parked, 3);
    assert_int_equal(channel(&x, "pager").parked, 3);
    assert_int_equal(channel(&x, "mail").waiting, 0);
    assert_int_equal(listed(&x), 6);
    assert_clean(&x);
    fixture_remove(&x);
}

static void a_full_outbox_forgets_parked_ones_and_counts_what_it_lost(void **state)
{
    struct fixture x;
    (void)state;

    fixture_open(&x, false);
    uint64_t first = tell(&x, NOTICE_DIGEST, 0, "mail", TEST_NOW);
    for (size_t i = 1; i < OUTBOX_MAX; i++)
        tell(&x, NOTICE_DIGEST, 0, "mail", TEST_NOW);
    assert_int_equal(channel(&x, "mail").lost, 0);
    tell(&x, NOTICE_DIGEST, 0, "mail", TEST_NOW);
    assert_int_equal(channel(&x, "mail").lost, 1);
    assert_int_equal(channel(&x, "mail").waiting, OUTBOX_MAX);
    assert_int_equal(settle(&x, OUTBOX_FAILED, first, "mail", 0, TEST_NOW), STORE_DONE);
    tell(&x, NOTICE_DIGEST, 0, "mail", TEST_NOW);
    assert_int_equal(channel(&x, "mail").lost, 2);
    assert_int_equal(channel(&x, "mail").parked, 0);
    assert_int_equal(channel(&x, "mail").waiting, OUTBOX_MAX);
    fixture_remove(&x);
}

#define T(fn) cmocka_unit_test(fn)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_is_told_waits_for_each_channel_until_it_is_taken),
        T(what_is_told_to_nobody_leaves_nothing),
        T(one_condition_is_a_line_and_others_do_not_wait),
        T(what_was_held_back_goes_with_what_may_not_wait),
        T(a_ticket_is_known_until_it_is_closed),
        T(what_is_parked_waits_for_an_operator),
        T(a_heartbeat_does_not_pile_up),
        T(a_restored_store_tells_nothing_by_itself),
        T(a_full_outbox_forgets_parked_ones_and_counts_what_it_lost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
