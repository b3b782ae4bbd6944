/* Messages about what scans saw: round trips, and everything cut is malformed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "lib/proto_observe.h"

static void what_is_to_be_kept_round_trips(void **state)
{
    struct scan_record r = {.job = "nightly", .n = 2}, out;
    struct buf b;

    (void)state;
    r.result[0] = slice_str("one");
    r.result[1] = slice_str("two");
    buf_init(&b, FRAME_BODY_MAX);
    scan_record_put(&b, &r);
    assert_int_equal(scan_record_get(buf_slice(&b), &out), 0);
    assert_string_equal(out.job, "nightly");
    assert_true(out.n == 2 && slice_is(out.result[1], "two"));
    for (size_t n = 0; n < b.n; n++)
        assert_int_equal(scan_record_get(slice_of(b.p, n), &out), -1);
    buf_reset(&b);
    r.n = 0;
    scan_record_put(&b, &r);
    assert_int_equal(scan_record_get(buf_slice(&b), &out), -1);
    buf_free(&b);
}

static void a_query_round_trips(void **state)
{
    struct observation_query q = {.host = "a", .compare = "expired", .further = true, .after = {7}};
    struct observation_query out;
    struct buf b;

    (void)state;
    buf_init(&b, FRAME_BODY_MAX);
    observation_query_put(&b, &q);
    assert_int_equal(observation_query_get(buf_slice(&b), &out), 0);
    assert_memory_equal(&q, &out, sizeof(q));
    for (size_t n = 0; n < b.n; n++)
        assert_int_equal(observation_query_get(slice_of(b.p, n), &out), -1);
    buf_free(&b);
}

static void what_was_seen_round_trips(void **state)
{
    struct observation_info out, i;
    struct wire_in w;
    struct buf b;

    (void)state;
    memset(&i, 0, sizeof(i));
    memcpy(i.host, "host", 5);
    memcpy(i.sni, "sni", 4);
    memcpy(i.compare, "expired revoked", 16);
    memcpy(i.suite, "suite", 6);
    i.port = 443;
    i.offered = 12;
    i.demands_client = i.has_certificate = true;
    i.n_chain = 3;
    i.fingerprint[31] = 9;
    i.not_after = 1;
    i.served = 2;
    i.first = 3;
    i.last = 4;
    buf_init(&b, FRAME_BODY_MAX);
    observation_info_put(&b, &i);
    wire_in_init(&w, buf_slice(&b));
    observation_info_get(&w, &out);
    assert_true(wire_in_done(&w));
    assert_memory_equal(&i, &out, sizeof(i));
    for (size_t n = 0; n < b.n; n++) {
        wire_in_init(&w, slice_of(b.p, n));
        observation_info_get(&w, &out);
        assert_true(wire_failed(&w));
    }
    buf_free(&b);
}

static void scheduled_scans_round_trip(void **state)
{
    struct job_change c = {.name = "nightly", .verb = JOB_RUN}, c2;
    struct job_info i, i2;
    struct wire_in w;
    struct buf b;

    (void)state;
    buf_init(&b, FRAME_BODY_MAX);
    job_change_put(&b, &c);
    assert_int_equal(job_change_get(buf_slice(&b), &c2), 0);
    assert_memory_equal(&c, &c2, sizeof(c));
    for (size_t n = 0; n < b.n; n++)
        assert_int_equal(job_change_get(slice_of(b.p, n), &c2), -1);
    buf_reset(&b);
    c.verb = (enum job_verb)(JOB_RUN + 1);
    job_change_put(&b, &c);
    assert_int_equal(job_change_get(buf_slice(&b), &c2), -1);
    memset(&i, 0, sizeof(i));
    memcpy(i.name, "nightly", 8);
    memcpy(i.state, "running", 8);
    i.every = 1;
    i.started = 2;
    i.finished = 3;
    i.next = 4;
    i.position = 5;
    i.total = 6;
    i.results = 7;
    buf_reset(&b);
    job_info_put(&b, &i);
    wire_in_init(&w, buf_slice(&b));
    job_info_get(&w, &i2);
    assert_true(wire_in_done(&w));
    assert_memory_equal(&i, &i2, sizeof(i));
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_to_be_kept_round_trips),
        cmocka_unit_test(a_query_round_trips),
        cmocka_unit_test(what_was_seen_round_trips),
        cmocka_unit_test(scheduled_scans_round_trip),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
