/* The text format of metrics: what a name may be made of never breaks a line, histograms add up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "lib/counters.h"
#include "lib/metrics.h"
#include "lib/proto_metrics.h"

static void labels_are_escaped(void **state)
{
    struct metric_labels l = {0};
    struct buf b;

    (void)state;
    buf_init(&b, 4096);
    metric_label(&l, "a", "say \"hi\\\"\nto \x01 \xc3\xa9 \xff \xe2\x82");
    metric_label(&l, "b", "");
    metric_sample(&b, "x", &l, -7);
    assert_string_equal(buf_cstr(&b),
                        "x{a=\"say \\\"hi\\\\\\\"\\nto ? \xc3\xa9 ? ??\",b=\"\"} -7\n");
    buf_free(&b);
}

static void long_labels_are_cut_and_closed(void **state)
{
    struct metric_labels l = {0};
    char value[2 * METRIC_LABELS_MAX];

    (void)state;
    for (size_t n = METRIC_LABELS_MAX - 40; n < METRIC_LABELS_MAX + 40; n++) {
        memset(value, '"', sizeof value); /* two octets each */
        value[n / 2] = '\0';
        l = (struct metric_labels){0};
        metric_label(&l, "name", value);
        metric_label(&l, "more", "x");
        assert_true(l.n < sizeof l.text);
        assert_int_equal(strlen(l.text), l.n);
        assert_int_equal(l.text[l.n - 1], '"');
    }
}

static void histograms_are_cumulative(void **state)
{
    struct metric_histogram h = {.sum_us = 0};
    struct buf b;

    (void)state;
    buf_init(&b, 8192);
    metric_observe(&h, 100);
    metric_observe(&h, 101);
    metric_observe(&h, 60000000);
    metric_histogram_put(&b, "t", NULL, &h);
    assert_non_null(strstr(buf_cstr(&b), "t_bucket{le=\"0.0001\"} 1\n"));
    assert_non_null(strstr(buf_cstr(&b), "t_bucket{le=\"0.00025\"} 2\n"));
    assert_non_null(strstr(buf_cstr(&b), "t_bucket{le=\"30\"} 2\n"));
    assert_non_null(strstr(buf_cstr(&b), "t_bucket{le=\"+Inf\"} 3\nt_sum 60.000201\nt_count 3\n"));
    buf_free(&b);
}

static void parts_round_trip(void **state)
{
    struct metrics_part p;
    uint32_t part;
    struct buf b;

    (void)state;
    buf_init(&b, FRAME_BODY_MAX);
    metrics_part_put(&b, &(struct metrics_part){true, slice_str("x 1\n")});
    assert_int_equal(metrics_part_get(buf_slice(&b), &p), 0);
    assert_true(p.more && slice_is(p.text, "x 1\n"));
    for (size_t n = 0; n < b.n; n++)
        assert_int_equal(metrics_part_get(slice_of(b.p, n), &p), -1);
    buf_reset(&b);
    metrics_ask_put(&b, METRICS_PARTS_MAX - 1);
    assert_int_equal(metrics_ask_get(buf_slice(&b), &part), 0);
    assert_int_equal(part, METRICS_PARTS_MAX - 1);
    buf_reset(&b);
    metrics_ask_put(&b, METRICS_PARTS_MAX);
    assert_int_equal(metrics_ask_get(buf_slice(&b), &part), -1);
    buf_free(&b);
}

static void counters_are_told_and_written(void **state)
{
    struct counters here, there;
    const struct counters_told told[] = {{"cerca-public", &there}, {"cerca-enroll", NULL}};
    struct buf b;

    (void)state;
    counter_http(304);
    counter_http(99);
    counter_http(600);
    counter_est(COUNT_EST_CSRATTRS, 503);
    counter_add(COUNT_OCSP_GOOD);
    counters_now(&here);
    buf_init(&b, FRAME_BODY_MAX);
    counters_put(&b, &here);
    assert_int_equal(counters_get(buf_slice(&b), &there), 0);
    assert_memory_equal(&here, &there, sizeof here);
    assert_int_equal(there.n[COUNTERS - 1], 1);
    for (size_t n = 0; n < b.n; n++)
        assert_int_equal(counters_get(slice_of(b.p, n), &there), -1);
    buf_put_str(&b, "x");
    assert_int_equal(counters_get(buf_slice(&b), &there), -1);
    buf_reset(&b);
    there = here;
    counters_write(&b, told, 2);
    assert_non_null(strstr(
        buf_cstr(&b), "\ncerca_http_responses_total{program=\"cerca-public\",class=\"3xx\"} 1\n"));
    assert_non_null(strstr(
        buf_cstr(&b), "\ncerca_ocsp_statuses_total{program=\"cerca-public\",status=\"good\"} 1\n"));
    /* Another program's, and of one that has told nothing. */
    assert_null(strstr(buf_cstr(&b), "\ncerca_est_requests_total{"));
    assert_null(strstr(buf_cstr(&b), "program=\"cerca-enroll\""));
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_are_escaped),
        cmocka_unit_test(long_labels_are_cut_and_closed),
        cmocka_unit_test(histograms_are_cumulative),
        cmocka_unit_test(parts_round_trip),
        cmocka_unit_test(counters_are_told_and_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
