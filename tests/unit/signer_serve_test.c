/* The whole program against SoftHSM2 behind the shim: what it signs, what it refuses, how it ends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <openssl/x509.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ca/signer/record.h"
#include "lib/clock.h"
#include "lib/exitcode.h"
#include "lib/file.h"
#include "tests/unit/signer_process.h"

/* A running signer and a draft that its issuer may sign. */
struct bench {
    struct process *p;
    const char *issuer;
    struct buf spki, answer;
    uint8_t key_id[20];
    struct draft d;
};

static void bench_open(struct bench *b, const char *issuers, const char *issuer)
{
    memset(b, 0, sizeof(*b));
    buf_init(&b->spki, CERT_MAX);
    buf_init(&b->answer, FRAME_BODY_MAX);
    b->issuer = issuer;
    b->p = process_new(issuers);
    process_start(b->p);
    assert_non_null(b->p->client);
    process_key(b->p, issuer, &b->spki, b->key_id);
    draft_init(&b->d, conf_issuer(b->p->place->conf, issuer), b->key_id);
}

static void bench_close(struct bench *b)
{
    draft_free(&b->d);
    buf_free(&b->spki);
    buf_free(&b->answer);
    process_free(b->p);
}

static void signs(struct bench *b)
{
    struct fault f;

    if (process_sign(b->p, b->issuer, draft_tbs(&b->d), &b->answer, &f) != 0)
        fail_msg("%s: %s", f.rule, f.text);
}

/* The answer is a certificate of exactly the draft, and OpenSSL agrees with the signature. */
static void answer_is_right(struct bench *b)
{
    const uint8_t *at = b->spki.p;
    EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)b->spki.n);
    struct fault f;
    struct cert c;
    X509 *x;

    assert_int_equal(cert_parse(buf_slice(&b->answer), &c, &f), 0);
    assert_true(slice_eq(c.tbs, buf_slice(&b->d.tbs)));
    at = b->answer.p;
    x = d2i_X509(NULL, &at, (long)b->answer.n);
    assert_non_null(x);
    assert_int_equal(X509_verify(x, key), 1);
    X509_free(x);
    EVP_PKEY_free(key);
}

static uint64_t recorded(struct bench *b, struct buf *out)
{
    struct fault f;

    buf_init(out, 1 << 20);
    assert_int_equal(file_read(place_path(b->p->place, "signer/default.record"), 1 << 20, out, &f),
                     0);
    assert_int_equal(out->n % RECORD_ENTRY, 0);
    return out->n / RECORD_ENTRY;
}

static uint64_t recorded_count(struct bench *b)
{
    struct buf r;
    uint64_t n = recorded(b, &r);

    buf_free(&r);
    return n;
}

static void a_draft_comes_back_signed_and_recorded(void **state)
{
    struct bench b;
    struct buf r;
    uint8_t hash[32];

    (void)state;
    bench_open(&b, place_two_issuers, "issuing");
    signs(&b);
    answer_is_right(&b);
    assert_int_equal(recorded(&b, &r), 1);
    assert_memory_equal(r.p + 16, b.d.spec.serial, SERIAL_LEN);
    sha256(buf_slice(&b.d.tbs), hash);
    assert_memory_equal(r.p + 32, hash, 32);
    sha256(buf_slice(&b.spki), hash);
    assert_memory_equal(r.p + 8, hash, RECORD_KEY_LEN);
    buf_free(&r);
    bench_close(&b);
}

static void every_algorithm_makes_a_certificate_that_openssl_verifies(void **state)
{
    static const char *const kinds[][2] = {
        {"p256", "ecdsa-sha256"},  {"p384", "ecdsa-sha384"},      {"p521", "ecdsa-sha512"},
        {"rsa2048", "rsa-sha256"}, {"rsa2048", "rsa-pss-sha256"}, {"rsa3072", "rsa-pss-sha384"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct bench b;
        struct buf issuers;

        buf_init(&issuers, 4096);
        place_one_issuer(&issuers, kinds[i][0], kinds[i][1]);
        bench_open(&b, buf_cstr(&issuers), "one");
        for (int n = 0; n < 5; n++) {
            b.d.spec.serial[15]++;
            signs(&b);
            answer_is_right(&b);
        }
        buf_free(&issuers);
        bench_close(&b);
    }
}

/* RFC 4055 2.1: the parameters of the hash are NULL; some verifiers insist. */
static void pss_keeps_the_null_of_its_hash(void **state)
{
    static const uint8_t sha256_null[] = {0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                          0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00};
    struct bench b;
    struct buf issuers;
    unsigned n = 0;

    (void)state;
    buf_init(&issuers, 4096);
    place_one_issuer(&issuers, "rsa2048", "rsa-pss-sha256");
    bench_open(&b, buf_cstr(&issuers), "one");
    signs(&b);
    for (size_t i = 0; i + sizeof(sha256_null) <= b.answer.n; i++)
        n += memcmp(b.answer.p + i, sha256_null, sizeof(sha256_null)) == 0;
    /* Hash and mask generation, inside the TBS and outside. */
    assert_int_equal(n, 4);
    buf_free(&issuers);
    bench_close(&b);
}

static void refuses(struct bench *b, struct slice tbs, int code, const char *rule)
{
    struct fault f;

    assert_int_equal(process_sign(b->p, b->issuer, tbs, &b->answer, &f), code);
    assert_string_equal(f.rule, rule);
    assert_int_equal(b->answer.n, 0);
}

static void what_is_refused_is_neither_signed_nor_recorded(void **state)
{
    struct bench b;
    struct slice tbs;
    struct fault f;

    (void)state;
    bench_open(&b, place_two_issuers, "issuing");
    b.d.spec.not_after += 500 * 86400;
    refuses(&b, draft_tbs(&b.d), -FAULT_POLICY, "signer.profile");
    b.d.spec.not_after -= 500 * 86400;
    tbs = draft_tbs(&b.d);
    for (size_t n = 0; n < tbs.n; n += 7)
        refuses(&b, slice_of(tbs.p, n), -FAULT_MALFORMED, "signer.tbs");
    b.issuer = "nobody";
    refuses(&b, tbs, -FAULT_NOT_FOUND, "signer.issuer");
    b.issuer = "root";
    refuses(&b, tbs, -FAULT_POLICY, "signer.issuer-name");
    b.issuer = "issuing";
    b.p->place->conf->generation[0] ^= 1;
    assert_int_equal(process_sign(b.p, "issuing", tbs, &b.answer, &f), -FAULT_UNAVAILABLE);
    assert_string_equal(f.rule, "signer.generation");
    assert_int_equal(f.retry_after, 1);
    b.p->place->conf->generation[0] ^= 1;
    assert_int_equal(recorded_count(&b), 0);
    signs(&b);
    answer_is_right(&b);
    assert_int_equal(recorded_count(&b), 1);
    bench_close(&b);
}

/* Every octet of a good draft damaged in turn: refused, or signed as it stands. */
static void a_flipped_bit_is_refused_or_signed_exactly(void **state)
{
    struct bench b;
    uint64_t signatures = 0;
    size_t n;

    (void)state;
    bench_open(&b, place_two_issuers, "issuing");
    n = draft_tbs(&b.d).n;
    for (size_t i = 0; i < n; i++) {
        struct fault f;

        b.d.tbs.p[i] ^= 0x04;
        if (process_sign(b.p, "issuing", buf_slice(&b.d.tbs), &b.answer, &f) == 0) {
            signatures++;
            assert_memory_equal(b.answer.p + (b.answer.p[1] == 0x82 ? 4 : 3), b.d.tbs.p, n);
        }
        b.d.tbs.p[i] ^= 0x04;
    }
    /* The leaf's key, its names and its serial are nobody's business here. */
    assert_in_range(signatures, 1, n - 50);
    assert_int_equal(recorded_count(&b), signatures);
    bench_close(&b);
}

static void a_wrong_pin_is_tried_once_and_never_again(void **state)
{
    struct process *p = process_new(place_two_issuers);

    (void)state;
    place_write(p->place, "secrets/default.pin", "999999\n");
    process_start(p);
    assert_int_equal(process_end(p), EXITCODE_WRONG_PIN);
    assert_int_equal(process_calls(p, "C_Login"), 1);
    process_free(p);
}

static void no_pin_is_tried_when_one_more_would_lock_the_token(void **state)
{
    static const char *const orders[] = {"token final-try\n", "token pin-locked\n"};
    struct process *p = process_new(place_two_issuers);

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        process_order(p, orders[i]);
        process_start(p);
        assert_int_equal(process_end(p), EXITCODE_WRONG_PIN);
        assert_int_equal(process_calls(p, "C_Login"), 0);
    }
    process_free(p);
}

static void a_pin_file_that_others_may_read_is_a_matter_of_configuration(void **state)
{
    struct process *p = process_new(place_two_issuers);

    (void)state;
    assert_int_equal(chmod(place_path(p->place, "secrets/default.pin"), 0644), 0);
    process_start(p);
    assert_int_equal(process_end(p), EXITCODE_CONFIG);
    assert_int_equal(process_calls(p, "C_Login"), 0);
    process_free(p);
}

/* After the fault: the next process serves, with the same key. */
static void serves_again(struct bench *b)
{
    process_order(b->p, NULL);
    process_start(b->p);
    assert_non_null(b->p->client);
    b->d.spec.serial[15]++;
    signs(b);
    answer_is_right(b);
}

static void a_module_error_is_told_and_ends_the_process(void **state)
{
    struct bench b;
    struct fault f;

    (void)state;
    bench_open(&b, place_two_issuers, "issuing");
    process_order(b.p, "C_Sign error CKR_DEVICE_ERROR\n");
    assert_int_equal(process_sign(b.p, "issuing", draft_tbs(&b.d), &b.answer, &f),
                     -FAULT_UNAVAILABLE);
    assert_string_equal(f.rule, "signer.token");
    assert_string_equal(f.text, "HSM unavailable, retry after 2 s (C_Sign: CKR_DEVICE_ERROR)");
    assert_int_equal(f.retry_after, 2);
    assert_int_equal(process_end(b.p), EXITCODE_TOKEN);
    assert_int_equal(recorded_count(&b), 1);
    serves_again(&b);
    bench_close(&b);
}

static void a_module_that_hangs_is_told_and_ends_the_process(void **state)
{
    struct bench b;
    struct fault f;
    uint64_t since;

    (void)state;
    bench_open(&b, place_two_issuers, "issuing");
    process_order(b.p, "C_Sign hang\n");
    since = clock_mono_us();
    assert_int_equal(process_sign(b.p, "issuing", draft_tbs(&b.d), &b.answer, &f),
                     -FAULT_UNAVAILABLE);
    assert_string_equal(f.rule, "signer.hang");
    assert_int_equal(process_end(b.p), EXITCODE_TOKEN);
    assert_true(clock_mono_us() - since >= 1000000);
    serves_again(&b);
    bench_close(&b);
}

static void a_module_that_hangs_at_login_ends_the_process(void **state)
{
    struct process *p = process_new(place_two_issuers);

    (void)state;
    process_order(p, "C_Login hang\n");
    p->client = NULL;
    process_start(p);
    assert_int_equal(process_end(p), EXITCODE_TOKEN);
    process_free(p);
}

static void a_slow_module_within_its_limit_is_waited_for(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b, place_two_issuers, "issuing");
    process_order(b.p, "C_Sign delay 200\n");
    signs(&b);
    answer_is_right(&b);
    bench_close(&b);
}

static void a_module_that_crashes_takes_only_its_process_with_it(void **state)
{
    struct bench b;
    struct fault f;

    (void)state;
    bench_open(&b, place_two_issuers, "issuing");
    process_order(b.p, "C_Sign crash 1\n");
    assert_int_equal(process_sign(b.p, "issuing", draft_tbs(&b.d), &b.answer, &f),
                     -FAULT_UNAVAILABLE);
    assert_true(process_end(b.p) < 0);
    /* Recorded before it was tried: an entry without a signature, never the other way. */
    assert_int_equal(recorded_count(&b), 1);
    serves_again(&b);
    assert_int_equal(recorded_count(&b), 2);
    bench_close(&b);
}

static void a_vanished_token_is_noticed_when_idle_and_welcome_when_back(void **state)
{
    struct bench b;
    struct fault f;

    (void)state;
    bench_open(&b, place_two_issuers, "issuing");
    assert_int_equal(process_ping(b.p, &f), 0);
    process_order(b.p, "token vanish\n");
    assert_int_equal(process_ping(b.p, &f), -FAULT_UNAVAILABLE);
    assert_non_null(strstr(f.text, "(C_GetTokenInfo: CKR_TOKEN_NOT_PRESENT)"));
    assert_int_equal(process_end(b.p), EXITCODE_TOKEN);
    process_start(b.p);
    assert_int_equal(process_end(b.p), EXITCODE_TOKEN);
    serves_again(&b);
    bench_close(&b);
}

static void term_ends_it_in_order(void **state)
{
    struct bench b;

    (void)state;
    bench_open(&b, place_two_issuers, "issuing");
    signs(&b);
    process_kill(b.p, SIGTERM);
    assert_int_equal(process_end(b.p), EXITCODE_OK);
    serves_again(&b);
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_draft_comes_back_signed_and_recorded),
        cmocka_unit_test(every_algorithm_makes_a_certificate_that_openssl_verifies),
        cmocka_unit_test(pss_keeps_the_null_of_its_hash),
        cmocka_unit_test(what_is_refused_is_neither_signed_nor_recorded),
        cmocka_unit_test(a_flipped_bit_is_refused_or_signed_exactly),
        cmocka_unit_test(a_wrong_pin_is_tried_once_and_never_again),
        cmocka_unit_test(no_pin_is_tried_when_one_more_would_lock_the_token),
        cmocka_unit_test(a_pin_file_that_others_may_read_is_a_matter_of_configuration),
        cmocka_unit_test(a_module_error_is_told_and_ends_the_process),
        cmocka_unit_test(a_module_that_hangs_is_told_and_ends_the_process),
        cmocka_unit_test(a_module_that_hangs_at_login_ends_the_process),
        cmocka_unit_test(a_slow_module_within_its_limit_is_waited_for),
        cmocka_unit_test(a_module_that_crashes_takes_only_its_process_with_it),
        cmocka_unit_test(a_vanished_token_is_noticed_when_idle_and_welcome_when_back),
        cmocka_unit_test(term_ends_it_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
