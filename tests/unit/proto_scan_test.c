/* Messages of a scan: round trips, and whatever is cut, too long or contradicts itself is
 * malformed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/frame.h"
#include "lib/proto_scan.h"

static uint8_t octets[SCAN_CHAIN_OCTETS];

static void fill(struct scan_result *r)
{
    memset(r, 0, sizeof(*r));
    memcpy(r->host, "web.example.com", 16);
    memcpy(r->address, "2001:db8::1", 12);
    memcpy(r->sni, "www.example.com", 16);
    r->port = 587;
    r->starttls = STARTTLS_SMTP;
    r->position = 77;
    r->time = 1763718600;
    r->duration_ms = 1234;
    r->connections = 40;
    r->outcome = SCAN_SERVED;
    r->stage = SCAN_AT_DONE;
    memcpy(r->detail, "as it is", 9);
    r->has_chosen = true;
    r->version = TLS_1_3;
    r->suite = 0x1302;
    r->demands_client = true;
    r->client_cas = 3;
    r->proved = true;
    r->n_chain = 2;
    r->chain[0] = slice_of(octets, 1000);
    r->chain[1] = slice_of(octets, 10);
    r->ocsp = slice_of(octets, 200);
    r->asked = 0xf;
    r->offered = 0xc;
    r->suites_all = true;
    r->suites[TLS_1_2] = (struct scan_suites){.n = 2, .suite = {0xc02b, 0xc02c}};
    r->suites[TLS_1_3] = (struct scan_suites){.n = 1, .suite = {0x1301}};
}

static bool reads(const struct scan_result *r)
{
    struct scan_result out;
    struct buf b;
    bool ok;

    buf_init(&b, FRAME_BODY_MAX);
    scan_result_put(&b, r);
    assert_false(buf_failed(&b));
    ok = scan_result_get(buf_slice(&b), &out) == 0;
    buf_free(&b);
    return ok;
}

static void a_result_round_trips_and_is_not_cut(void **state)
{
    static struct scan_result r, out;
    struct buf b, again;
    (void)state;

    fill(&r);
    buf_init(&b, FRAME_BODY_MAX);
    buf_init(&again, FRAME_BODY_MAX);
    scan_result_put(&b, &r);
    assert_int_equal(scan_result_get(buf_slice(&b), &out), 0);
    assert_string_equal(out.sni, "www.example.com");
    assert_int_equal(out.suites[TLS_1_2].suite[1], 0xc02c);
    assert_true(slice_eq(out.chain[1], r.chain[1]));
    scan_result_put(&again, &out);
    assert_true(slice_eq(buf_slice(&b), buf_slice(&again)));
    for (size_t i = 0; i < b.n; i++)
        assert_int_equal(scan_result_get(slice_of(b.p, i), &out), -1);
    buf_put_u8(&b, 0);
    assert_int_equal(scan_result_get(buf_slice(&b), &out), -1);
    buf_free(&again);
    buf_free(&b);
}

static void what_a_result_may_not_say(void **state)
{
    static struct scan_result r;
    (void)state;

    fill(&r);
    assert_true(reads(&r));
    r.offered = 0x2, r.asked = 0x1;
    assert_false(reads(&r));
    fill(&r);
    r.outcome = (enum scan_outcome)(SCAN_OUTCOME_MAX + 1);
    assert_false(reads(&r));
    fill(&r);
    r.outcome = (enum scan_outcome)0;
    assert_false(reads(&r));
    fill(&r);
    r.host[0] = '\x1b';
    assert_false(reads(&r));
    fill(&r);
    r.version = (enum tls_version)TLS_VERSIONS;
    assert_false(reads(&r));
    fill(&r);
    r.chain[0] = slice_of(octets, SCAN_CHAIN_OCTETS);
    assert_false(reads(&r)); /* the second is past the bound */
}

static void the_largest_result_fits_a_frame(void **state)
{
    static struct scan_result r;
    (void)state;

    fill(&r);
    memset(r.host, 'x', sizeof(r.host) - 1);
    memset(r.sni, 'x', sizeof(r.sni) - 1);
    memset(r.detail, 'x', sizeof(r.detail) - 1);
    r.n_chain = SCAN_CHAIN_MAX;
    for (size_t i = 0; i < SCAN_CHAIN_MAX; i++)
        r.chain[i] = slice_of(octets, SCAN_CHAIN_OCTETS / SCAN_CHAIN_MAX);
    r.ocsp = slice_of(octets, SCAN_OCSP_MAX);
    for (size_t v = 0; v < TLS_VERSIONS; v++)
        r.suites[v].n = SCAN_SUITES_MAX;
    assert_true(reads(&r));
}

static void a_job_round_trips_within_its_bounds(void **state)
{
    struct scan_job j = {.seed = 1,
                         .position = 2,
                         .timeout_ms = SCAN_TIMEOUT_MS,
                         .connections = SCAN_CONNECTIONS,
                         .rate = 5,
                         .per_network = 6,
                         .prefix4 = 24,
                         .prefix6 = 64,
                         .handshake_only = true};
    struct scan_job out;
    struct buf b;
    (void)state;

    buf_init(&b, 4096);
    scan_job_put(&b, &j);
    assert_int_equal(scan_job_get(buf_slice(&b), &out), 0);
    assert_int_equal(out.per_network, 6);
    assert_true(out.handshake_only);
    for (size_t i = 0; i < b.n; i++)
        assert_int_equal(scan_job_get(slice_of(b.p, i), &out), -1);
    for (int bad = 0; bad < 4; bad++) {
        struct scan_job k = j;

        if (bad == 0)
            k.timeout_ms = 0;
        else if (bad == 1)
            k.connections = SCAN_CONNECTIONS_MAX + 1;
        else if (bad == 2)
            k.prefix4 = 33;
        else
            k.prefix6 = 0;
        buf_reset(&b);
        scan_job_put(&b, &k);
        assert_int_equal(scan_job_get(buf_slice(&b), &out), -1);
    }
    buf_free(&b);
}

static bool range_reads(const struct scan_range *r)
{
    struct scan_range out;
    struct wire_in w;
    struct buf b;
    bool ok;

    buf_init(&b, FRAME_BODY_MAX);
    scan_range_put(&b, r);
    wire_in_init(&w, buf_slice(&b));
    scan_range_get(&w, &out);
    ok = wire_in_done(&w);
    buf_free(&b);
    return ok;
}

static void ranges_have_addresses_in_order_ports_and_names(void **state)
{
    struct scan_range r = {.n_ports = 1, .port = {{.port = 443}}, .n_names = 1};
    struct scan_range bad;
    (void)state;

    r.last[15] = 9;
    r.names[0] = slice_str("a.example");
    assert_true(range_reads(&r));
    bad = r;
    bad.first[0] = 1;
    assert_false(range_reads(&bad)); /* runs backward */
    bad = r;
    bad.n_ports = 0;
    assert_false(range_reads(&bad));
    bad = r;
    bad.n_names = 0;
    assert_false(range_reads(&bad)); /* asked with no name, and not without one either */
    bad.bare = true;
    assert_true(range_reads(&bad));
    bad = r;
    bad.port[0].port = 0;
    assert_false(range_reads(&bad));
    bad = r;
    bad.names[0] = slice_str("a b");
    assert_false(range_reads(&bad));
    bad = r;
    bad.exclude = true;
    assert_false(range_reads(&bad)); /* with ports */
    bad.n_ports = bad.n_names = 0;
    assert_true(range_reads(&bad));
    memcpy(bad.name, "x", 2);
    assert_false(range_reads(&bad)); /* names are not excluded by name */
}

static void progress_round_trips_and_does_not_overtake_itself(void **state)
{
    struct scan_progress p = {
        .total = 10, .started = 7, .done = 6, .finished = 5, .results = 9, .connections = 3};
    struct scan_progress out;
    struct buf b;
    (void)state;

    buf_init(&b, 4096);
    scan_progress_put(&b, &p);
    assert_int_equal(scan_progress_get(buf_slice(&b), &out), 0);
    assert_memory_equal(&out, &p, sizeof(p));
    buf_reset(&b);
    p.finished = 8;
    scan_progress_put(&b, &p);
    assert_int_equal(scan_progress_get(buf_slice(&b), &out), -1);
    buf_free(&b);
}

static void words_are_read_as_they_are_written(void **state)
{
    char out[8];
    (void)state;

    for (unsigned i = 0; i < STARTTLS_KINDS; i++) {
        enum scan_starttls s;

        assert_int_equal(scan_starttls_of(scan_starttls_word((enum scan_starttls)i), &s), 0);
        assert_int_equal(s, i);
    }
    for (unsigned i = SCAN_SERVED; i <= SCAN_OUTCOME_MAX; i++) {
        enum scan_outcome o;

        assert_int_equal(scan_outcome_of(scan_outcome_word((enum scan_outcome)i), &o), 0);
        assert_int_equal(o, i);
    }
    assert_int_equal(scan_starttls_of_port(5432), STARTTLS_POSTGRES);
    assert_int_equal(scan_starttls_of_port(443), STARTTLS_NONE);
    assert_string_equal(scan_alert_name(112), "unrecognized_name");
    assert_string_equal(tls_suite_name(0xc02f, out), "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
    assert_string_equal(tls_suite_name(0xfafa, out), "0xFAFA");
    assert_true(tls_suite_weak(0x0005));
    assert_false(tls_suite_weak(0x1301));
    for (size_t i = 0; tls_suite_at(i) != NULL; i++)
        assert_ptr_equal(tls_suite_find(tls_suite_at(i)->code), tls_suite_at(i));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_result_round_trips_and_is_not_cut),
        cmocka_unit_test(what_a_result_may_not_say),
        cmocka_unit_test(the_largest_result_fits_a_frame),
        cmocka_unit_test(a_job_round_trips_within_its_bounds),
        cmocka_unit_test(ranges_have_addresses_in_order_ports_and_names),
        cmocka_unit_test(progress_round_trips_and_does_not_overtake_itself),
        cmocka_unit_test(words_are_read_as_they_are_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
