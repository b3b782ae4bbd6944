/* Messages of the watch socket and of cerca notify: round trips, and whatever is cut or too long is
 * malformed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/proto_watch.h"

static void put_notice(struct notice *n)
{
    memset(n, 0, sizeof(*n));
    n->number = 7;
    n->kind = NOTICE_ESCALATED;
    n->severity = SEVERITY_CRITICAL;
    n->has_key = true;
    memset(n->key, 0xab, sizeof(n->key));
    n->time = 1763718600;
    notice_set(n->id, sizeof(n->id), "0123456789abcdef0123456789abcdef");
    notice_set(n->summary, sizeof(n->summary), "web.example.com ends in 7 days");
    notice_set(n->text, sizeof(n->text), "line\nline");
    notice_fact(n, "serial", "00c0ffee");
}

static bool item_reads(struct slice body)
{
    struct due_item out;
    struct wire_in w;

    wire_in_init(&w, body);
    due_item_get(&w, &out);
    return wire_in_done(&w);
}

static void what_is_due_round_trips_and_is_not_cut(void **state)
{
    struct notice n;
    struct due_item out;
    struct wire_in w;
    struct buf b;
    (void)state;

    put_notice(&n);
    buf_init(&b, FRAME_BODY_MAX);
    due_item_put(&b, 3, "OPS-7", &n);
    wire_in_init(&w, buf_slice(&b));
    due_item_get(&w, &out);
    assert_true(wire_in_done(&w));
    assert_int_equal(out.tries, 3);
    assert_string_equal(out.ticket, "OPS-7");
    assert_memory_equal(&out.notice, &n, sizeof(n));
    for (size_t i = 0; i < b.n; i++)
        assert_false(item_reads(slice_of(b.p, i)));
    /* A kind or a severity that is none. */
    for (size_t at = 0; at < 2; at++) {
        struct notice bad = n;

        if (at == 0)
            bad.kind = (enum notice_kind)(NOTICE_KINDS + 1);
        else
            bad.severity = (enum severity)0;
        buf_reset(&b);
        due_item_put(&b, 0, "", &bad);
        assert_false(item_reads(buf_slice(&b)));
    }
    buf_free(&b);
}

/* The largest notice there is, as many as are asked for at once: they are sent in parts. */
static void the_largest_notice_fits_a_frame(void **state)
{
    static struct notice n;
    struct buf b;
    (void)state;

    put_notice(&n);
    memset(n.text, 'x', sizeof(n.text) - 1);
    memset(n.summary, 'x', sizeof(n.summary) - 1);
    memset(n.subject, 'x', sizeof(n.subject) - 1);
    n.n_facts = NOTICE_FACTS_MAX;
    for (size_t i = 0; i < NOTICE_FACTS_MAX; i++) {
        memset(n.fact[i].name, 'x', sizeof(n.fact[i].name) - 1);
        memset(n.fact[i].value, 'x', sizeof(n.fact[i].value) - 1);
    }
    buf_init(&b, FRAME_BODY_MAX);
    due_item_put(&b, 0, "", &n);
    assert_false(buf_failed(&b));
    assert_true(item_reads(buf_slice(&b)));
    assert_true(b.n < 20 << 10); /* DUE_OCTETS of ca/watch and one more */
    buf_free(&b);
}

static void an_outcome_round_trips_and_is_one_of_three(void **state)
{
    struct outcome o = {.number = 9,
                        .channel = "team",
                        .kind = OUTCOME_REFUSED,
                        .retry_after = 60,
                        .why = "HTTP 400",
                        .ticket = "OPS-7",
                        .closed = true};
    struct outcome out;
    struct buf b;
    (void)state;

    buf_init(&b, 4096);
    outcome_put(&b, &o);
    assert_int_equal(outcome_get(buf_slice(&b), &out), 0);
    assert_memory_equal(&out, &o, sizeof(o));
    for (size_t i = 0; i < b.n; i++)
        assert_int_equal(outcome_get(slice_of(b.p, i), &out), -1);
    buf_put_u8(&b, 0);
    assert_int_equal(outcome_get(buf_slice(&b), &out), -1);
    buf_reset(&b);
    o.kind = (enum outcome_kind)4;
    outcome_put(&b, &o);
    assert_int_equal(outcome_get(buf_slice(&b), &out), -1);
    buf_free(&b);
}

static void questions_are_bounded(void **state)
{
    struct due_request r = {.channel = "team", .max = WATCH_DUE_MAX}, out;
    struct notify_decision d = {.drop = true, .number = 3, .channel = "team"}, d_out;
    struct notify_query q = {.after = 3, .channel = "team", .parked = true}, q_out;
    char channel[WATCH_NAME_SIZE];
    struct buf b;
    (void)state;

    buf_init(&b, 4096);
    due_request_put(&b, &r);
    assert_int_equal(due_request_get(buf_slice(&b), &out), 0);
    assert_string_equal(out.channel, r.channel);
    assert_int_equal(out.max, r.max);
    for (uint32_t max = 0; max <= WATCH_DUE_MAX + 1; max += WATCH_DUE_MAX + 1) {
        buf_reset(&b);
        r.max = max;
        due_request_put(&b, &r);
        assert_int_equal(due_request_get(buf_slice(&b), &out), -1);
    }
    buf_reset(&b);
    notify_decision_put(&b, &d);
    assert_int_equal(notify_decision_get(buf_slice(&b), &d_out), 0);
    assert_true(d_out.drop && d_out.number == d.number);
    assert_string_equal(d_out.channel, d.channel);
    buf_reset(&b);
    notify_query_put(&b, &q);
    assert_int_equal(notify_query_get(buf_slice(&b), &q_out), 0);
    assert_true(q_out.parked && q_out.after == q.after);
    assert_string_equal(q_out.channel, q.channel);
    buf_reset(&b);
    notify_channel_put(&b, "a name that is longer than any name of a channel is");
    assert_int_equal(notify_channel_get(buf_slice(&b), channel), -1);
    buf_free(&b);
}

static void rows_and_results_round_trip(void **state)
{
    struct notify_row r = {.number = 4,
                           .id = "0123",
                           .kind = NOTICE_RAISED,
                           .severity = SEVERITY_INFO,
                           .channel = "team",
                           .parked = true,
                           .tries = 5,
                           .time = 1,
                           .next = 2,
                           .tried = 3,
                           .why = "w",
                           .rule = "expiry",
                           .subject = "web",
                           .summary = "s"};
    struct tested t = {.delivered = true, .id = "0123", .why = "250 OK"}, t_out;
    struct notify_row out;
    struct wire_in w;
    struct buf b;
    (void)state;

    buf_init(&b, 4096);
    notify_row_put(&b, &r);
    wire_in_init(&w, buf_slice(&b));
    notify_row_get(&w, &out);
    assert_true(wire_in_done(&w));
    assert_memory_equal(&out, &r, sizeof(r));
    buf_reset(&b);
    tested_put(&b, &t);
    assert_int_equal(tested_get(buf_slice(&b), &t_out), 0);
    assert_memory_equal(&t_out, &t, sizeof(t));
    assert_int_equal(tested_get(slice_of(b.p, b.n - 1), &t_out), -1);
    buf_free(&b);
}

#define T(fn) cmocka_unit_test(fn)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_is_due_round_trips_and_is_not_cut),
        T(the_largest_notice_fits_a_frame),
        T(an_outcome_round_trips_and_is_one_of_three),
        T(questions_are_bounded),
        T(rows_and_results_round_trip),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
