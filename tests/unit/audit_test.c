/* The audit record's codec and the Merkle tree (RFC 9162 2.1). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ca/audit/audit.h"
#include "lib/key.h"

static struct audit_event issuance(void)
{
    struct audit_event e = {
        .action = AUDIT_INTENT,
        .time = 1795255200,
        .generation = {1, 2, 3, 4, 5, 6, 7, 8},
        .actor = "operator:alice",
        .origin = "admin pid=12345",
        .profile = "tls-server",
        .has_serial = true,
        .serial = {0x5a, 1, 2, 3},
        .issuer = 2,
    };
    return e;
}

static struct audit_event refusal(void)
{
    struct audit_event e = issuance();
    struct fault f;

    e.has_serial = false;
    memset(e.serial, 0, sizeof e.serial);
    e.issuer = 0;
    fault_refuse(&f, "key.rsa.size", "key", slice_str("rsa1024"), "2048 and up");
    audit_set_fault(&e, &f);
    return e;
}

static void assert_same(const struct audit_event *a, const struct audit_event *b)
{
    assert_int_equal(a->action, b->action);
    assert_int_equal(a->time, b->time);
    assert_memory_equal(a->generation, b->generation, sizeof a->generation);
    assert_string_equal(a->actor, b->actor);
    assert_string_equal(a->origin, b->origin);
    assert_string_equal(a->profile, b->profile);
    assert_int_equal(a->has_serial, b->has_serial);
    assert_memory_equal(a->serial, b->serial, sizeof a->serial);
    assert_int_equal(a->issuer, b->issuer);
    assert_int_equal(a->fault_code, b->fault_code);
    assert_string_equal(a->rule, b->rule);
    assert_string_equal(a->field, b->field);
    assert_string_equal(a->value, b->value);
    assert_string_equal(a->detail, b->detail);
}

static void round_trip(const struct audit_event *e)
{
    struct audit_event got;
    struct buf b;

    buf_init(&b, AUDIT_RECORD_MAX);
    audit_put(&b, e);
    assert_false(buf_failed(&b));
    assert_int_equal(audit_get(buf_slice(&b), &got), 0);
    assert_same(e, &got);
    buf_free(&b);
}

static void records_come_back_as_they_were_put(void **state)
{
    struct audit_event e = issuance();
    (void)state;

    round_trip(&e);
    e = refusal();
    assert_int_equal(e.action, AUDIT_REFUSE);
    assert_int_equal(e.fault_code, FAULT_POLICY);
    round_trip(&e);
    snprintf(e.detail, sizeof e.detail, "%s", "m\xc3\xbcller.example");
    round_trip(&e);
    for (unsigned a = AUDIT_START; a <= AUDIT_ACTION_MAX; a++) {
        struct audit_event bare = {.action = (enum audit_action)a, .time = -1};
        round_trip(&bare);
        assert_string_not_equal(audit_action_name(bare.action), "unknown");
    }
}

static void the_longest_record_fits_its_bound(void **state)
{
    struct audit_event e = refusal();
    (void)state;

    e.has_serial = true;
#define FILL(field) memset(e.field, 'x', sizeof e.field - 1), e.field[sizeof e.field - 1] = '\0'
    FILL(actor);
    FILL(origin);
    FILL(profile);
    FILL(rule);
    FILL(field);
    FILL(value);
    FILL(detail);
#undef FILL
    round_trip(&e);
}

static void an_issuance_takes_at_most_110_octets(void **state)
{
    struct audit_event e = issuance();
    struct buf b;
    (void)state;

    buf_init(&b, AUDIT_RECORD_MAX);
    audit_put(&b, &e);
    assert_in_range(b.n, 1, 110);
    buf_free(&b);
}

static void text_that_is_not_utf8_is_recorded_readably(void **state)
{
    struct audit_event e = issuance(), got;
    struct buf b;
    (void)state;

    snprintf(e.detail, sizeof e.detail, "%s", "a\xff\xc3");
    memset(e.profile, 'p', sizeof e.profile); /* not terminated */
    buf_init(&b, AUDIT_RECORD_MAX);
    audit_put(&b, &e);
    assert_int_equal(audit_get(buf_slice(&b), &got), 0);
    assert_string_equal(got.detail, "a??");
    assert_int_equal(strlen(got.profile), sizeof got.profile - 1);
    buf_free(&b);
}

/* An accepted record is the one encoding of its event, so that its hash means one thing. */
static void assert_canonical(struct slice s)
{
    struct audit_event got;
    struct buf again;

    if (audit_get(s, &got) < 0)
        return;
    buf_init(&again, AUDIT_RECORD_MAX);
    audit_put(&again, &got);
    assert_true(slice_eq(buf_slice(&again), s));
    buf_free(&again);
}

static void damaged_records_are_refused_or_still_canonical(void **state)
{
    struct audit_event e = refusal(), got;
    struct buf b;
    (void)state;

    buf_init(&b, AUDIT_RECORD_MAX);
    audit_put(&b, &e);
    for (size_t n = 0; n < b.n; n++)
        assert_int_equal(audit_get(slice_of(b.p, n), &got), -FAULT_MALFORMED);
    for (size_t bit = 0; bit < 8 * b.n; bit++) {
        b.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_canonical(buf_slice(&b));
        b.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    buf_put_u8(&b, 0);
    assert_int_equal(audit_get(buf_slice(&b), &got), -FAULT_MALFORMED);
    buf_free(&b);
}

/* MTH of RFC 9162 2.1.1, as it is defined there; over leaf hashes. */
static void definition(const uint8_t (*leaf)[32], size_t n, uint8_t out[32])
{
    uint8_t in[65] = {0x01};
    size_t k = 1;

    if (n == 0) {
        sha256(slice_of("", 0), out);
        return;
    }
    if (n == 1) {
        memcpy(out, leaf[0], 32);
        return;
    }
    while (2 * k < n)
        k *= 2;
    definition(leaf, k, in + 1);
    definition(leaf + k, n - k, in + 33);
    sha256(slice_of(in, sizeof in), out);
}

static void roots_equal_the_definition_at_every_size(void **state)
{
    enum { SIZES = 300 };
    uint8_t(*leaf)[32] = calloc(SIZES, 32);
    struct merkle m = {0};
    uint8_t want[32], got[32];
    (void)state;

    assert_non_null(leaf);
    for (size_t n = 0; n <= SIZES; n++) {
        definition((const uint8_t(*)[32])leaf, n, want);
        merkle_root(&m, got);
        assert_int_equal(m.size, n);
        assert_memory_equal(got, want, 32);
        if (n == SIZES)
            break;
        sha256(slice_of(&n, sizeof n), leaf[n]);
        merkle_add(&m, leaf[n]);
    }
    free(leaf);
}

/* The tree heads that implementations of RFC 6962 have in common, over leaves of 0 to 16 octets. */
static void roots_equal_the_well_known_vectors(void **state)
{
    static const char *const leaves[] = {"",
                                         "00",
                                         "10",
                                         "2021",
                                         "3031",
                                         "40414243",
                                         "5051525354555657",
                                         "606162636465666768696a6b6c6d6e6f"};
    static const char *const roots[] = {
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    };
    struct merkle m = {0};
    uint8_t root[32], leaf[32], in[17] = {0x00};
    char hex[65];
    (void)state;

    for (size_t i = 0; i < 9; i++) {
        merkle_root(&m, root);
        hex_encode(slice_of(root, 32), hex);
        assert_string_equal(hex, roots[i]);
        if (i == 8)
            break;
        assert_int_equal(hex_decode(leaves[i], in + 1, strlen(leaves[i]) / 2), 0);
        sha256(slice_of(in, 1 + strlen(leaves[i]) / 2), leaf);
        merkle_add(&m, leaf);
    }
}

static void a_leaf_is_the_hash_of_salt_and_record(void **state)
{
    const uint8_t salt[AUDIT_SALT] = {7};
    uint8_t inner[33] = {0x00}, want[32], got[32], joined[AUDIT_SALT + 6];
    (void)state;

    memcpy(joined, salt, sizeof salt);
    memcpy(joined + sizeof salt, "record", 6);
    sha256(slice_of(joined, sizeof joined), inner + 1);
    sha256(slice_of(inner, sizeof inner), want);
    merkle_leaf(slice_of(salt, sizeof salt), slice_str("record"), got);
    assert_memory_equal(got, want, 32);
}

static void a_tree_goes_on_from_its_compact_form(void **state)
{
    struct merkle m = {0}, copy;
    uint8_t leaf[32] = {0}, a[32], b[32];
    struct buf out;
    (void)state;

    buf_init(&out, MERKLE_BYTES_MAX);
    for (unsigned n = 0; n < 130; n++) {
        buf_reset(&out);
        merkle_put(&out, &m);
        assert_int_equal(out.n, 8 + 32 * __builtin_popcount(n));
        assert_int_equal(merkle_get(buf_slice(&out), &copy), 0);
        leaf[0] = (uint8_t)n;
        merkle_add(&m, leaf);
        merkle_add(&copy, leaf);
        merkle_root(&m, a);
        merkle_root(&copy, b);
        assert_memory_equal(a, b, 32);
    }
    assert_int_equal(merkle_get(slice_of(out.p, out.n - 1), &copy), -FAULT_MALFORMED);
    buf_put_u8(&out, 0);
    assert_int_equal(merkle_get(buf_slice(&out), &copy), -FAULT_MALFORMED);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_come_back_as_they_were_put),
        cmocka_unit_test(the_longest_record_fits_its_bound),
        cmocka_unit_test(an_issuance_takes_at_most_110_octets),
        cmocka_unit_test(text_that_is_not_utf8_is_recorded_readably),
        cmocka_unit_test(damaged_records_are_refused_or_still_canonical),
        cmocka_unit_test(roots_equal_the_definition_at_every_size),
        cmocka_unit_test(roots_equal_the_well_known_vectors),
        cmocka_unit_test(a_leaf_is_the_hash_of_salt_and_record),
        cmocka_unit_test(a_tree_goes_on_from_its_compact_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
