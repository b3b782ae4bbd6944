/* What logs of Certificate Transparency answer, octet by octet: entries (RFC 6962 3.4, 4.6), tile
 * leaves (c2sp.org/static-ct-api), heads (RFC 6962 3.5, 4.3). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "client/ctentry.h"
#include "client/cthead.h"

/* Version and type, time, x509_entry, a certificate of three octets, no extensions. */
static const uint8_t x509[] = {0, 0, 0, 0, 1, 0, 0, 0, 0, 2, 0, 0, 0, 0, 3, 0x30, 1, 7, 0, 0};
/* Without the first two: precert_entry, an issuer's key hash of zeros, a TBS of two octets. */
static const uint8_t precert[] = {
    0, 0, 0, 0, 0, 0, 0, 9, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 5, 0, 0, 0, /* then the
                                                                               precertificate, a
                                                                               chain of one hash */
    0, 0, 1, 4, 0, 32};
#define TIMESTAMPED 49

static void an_entry_reads_and_every_shorter_one_does_not(void **state)
{
    struct ct_entry e;
    struct fault f;

    (void)state;
    assert_int_equal(ct_entry_get(slice_of(x509, sizeof(x509)), SLICE_NONE, &e, &f), 0);
    assert_false(e.precert);
    assert_int_equal(e.time_ms, UINT64_C(1) << 40 | 2);
    assert_int_equal(e.certificate.n, 3);
    assert_int_equal(e.timestamped.n, sizeof(x509) - 2);
    for (size_t n = 0; n < sizeof(x509); n++)
        assert_int_equal(ct_entry_get(slice_of(x509, n), SLICE_NONE, &e, &f), -FAULT_MALFORMED);
}

static void what_is_behind_an_entry_or_of_no_known_type_is_refused(void **state)
{
    uint8_t octets[sizeof(x509) + 1] = {0};
    struct ct_entry e;
    struct fault f;

    (void)state;
    memcpy(octets, x509, sizeof(x509));
    assert_int_equal(ct_entry_get(slice_of(octets, sizeof(octets)), SLICE_NONE, &e, &f),
                     -FAULT_MALFORMED);
    for (size_t at = 0; at < 12; at++) {
        if (at >= 2 && at < 10)
            continue; /* the time */
        memcpy(octets, x509, sizeof(x509));
        octets[at] = 2;
        assert_int_equal(ct_entry_get(slice_of(octets, sizeof(x509)), SLICE_NONE, &e, &f),
                         -FAULT_MALFORMED);
    }
}

static void tile_leaves_read_one_by_one(void **state)
{
    uint8_t tile[2 * (sizeof(precert) + 32)] = {0}, hash[32], again[32];
    const size_t one = sizeof(tile) / 2;
    struct ct_entry e;
    struct slice rest = slice_of(tile, sizeof(tile));
    struct fault f;

    (void)state;
    memcpy(tile, precert, sizeof(precert));
    memcpy(tile + one, precert, sizeof(precert));
    assert_int_equal(ct_tile_get(&rest, &e, &f), 0);
    assert_true(e.precert);
    assert_int_equal(e.timestamped.n, TIMESTAMPED);
    assert_int_equal(e.tbs.n, 2);
    assert_int_equal(e.certificate.n, 1);
    assert_int_equal(rest.n, one);
    for (size_t n = 0; n < one; n++) {
        struct slice part = slice_of(tile, n);

        assert_int_equal(ct_tile_get(&part, &e, &f), -FAULT_MALFORMED);
        assert_int_equal(part.n, n);
    }
    ct_entry_hash(slice_of(precert, TIMESTAMPED), hash);
    ct_entry_hash(slice_of(tile, TIMESTAMPED), again);
    assert_memory_equal(hash, again, sizeof(hash));
    assert_int_equal(ct_timestamped_get(slice_of(tile, TIMESTAMPED), slice_of(tile, 1), &e, &f), 0);
    assert_int_equal(ct_timestamped_get(slice_of(tile, TIMESTAMPED), SLICE_NONE, &e, &f),
                     -FAULT_MALFORMED);
}

#define ROOT "\"sha256_root_hash\": \"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\""
#define SIGN "\"tree_head_signature\": \"BAMAAgEC\""

static void a_head_reads_and_comes_back(void **state)
{
    struct ct_head h, again;
    struct fault f;
    struct buf b;

    (void)state;
    assert_int_equal(
        ct_head_get_json(slice_str("{\"tree_size\": 5, \"timestamp\": 9, " ROOT ", " SIGN "}"), &h,
                         &f),
        0);
    assert_int_equal(h.size, 5);
    assert_int_equal(h.time_ms, 9);
    assert_int_equal(h.alg[1], 3);
    assert_int_equal(h.n, 2);
    buf_init(&b, CT_HEAD_MAX);
    ct_head_put(&b, &h);
    assert_int_equal(ct_head_get(buf_slice(&b), &again), 0);
    assert_int_equal(again.size, h.size);
    assert_memory_equal(again.signature, h.signature, h.n);
    for (size_t n = 0; n < b.n; n++)
        assert_int_equal(ct_head_get(slice_of(b.p, n), &again), -1);
    buf_free(&b);
}

static void odd_heads_are_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "[]",
        "{}",
        "{\"tree_size\": -5, \"timestamp\": 9, " ROOT ", " SIGN "}",
        "{\"tree_size\": 5, \"timestamp\": \"9\", " ROOT ", " SIGN "}",
        "{\"tree_size\": 5, \"timestamp\": 9, \"sha256_root_hash\": \"AAAA\", " SIGN "}",
        "{\"tree_size\": 5, \"timestamp\": 9, " ROOT "}",
        "{\"tree_size\": 5, \"timestamp\": 9, " ROOT ", \"tree_head_signature\": \"BAMAAgE=\"}",
        "{\"tree_size\": 5, \"timestamp\": 9, " ROOT ", \"tree_head_signature\": \"BAP//wEC\"}",
        "{\"tree_size\": 5, \"tree_size\": 5, \"timestamp\": 9, " ROOT ", " SIGN "}",
    };
    const uint8_t key_hash[32] = {0};
    struct ct_head h;
    struct fault f;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(ct_head_get_json(slice_str(bad[i]), &h, &f), -FAULT_MALFORMED);
        assert_int_equal(ct_head_get_checkpoint(slice_str(bad[i]), key_hash, &h, &f),
                         -FAULT_MALFORMED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entry_reads_and_every_shorter_one_does_not),
        cmocka_unit_test(what_is_behind_an_entry_or_of_no_known_type_is_refused),
        cmocka_unit_test(tile_leaves_read_one_by_one),
        cmocka_unit_test(a_head_reads_and_comes_back),
        cmocka_unit_test(odd_heads_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
