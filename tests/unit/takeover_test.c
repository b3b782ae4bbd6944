/* What a CRL and a signer's record know beyond a restored store is taken over; what nobody of ours
 * signed is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "ca/core/takeover.h"
#include "ca/store/crls.h"
#include "lib/file.h"
#include "lib/signrecord.h"
#include "tests/unit/store_help.h"

struct world {
    struct fixture x;
    EVP_PKEY *key;
    X509 *certificate;
    uint16_t issuer;
    uint8_t spki_hash[32];
    struct conf conf;
    struct conf_token token;
    struct takeover t;
    char crl[128];
};

static void name_it(X509_NAME *name)
{
    assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                                (const unsigned char *)"Takeover CA", -1, -1, 0),
                     1);
}

static X509 *certify(EVP_PKEY *key)
{
    X509 *c = X509_new();

    assert_int_equal(X509_set_version(c, X509_VERSION_3), 1);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(c), 7), 1);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(c), 0));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(c), 86400));
    name_it(X509_get_subject_name(c));
    name_it(X509_get_issuer_name(c));
    assert_int_equal(X509_set_pubkey(c, key), 1);
    assert_true(X509_sign(c, key, EVP_sha256()) > 0);
    return c;
}

static void add_issuer(struct world *w)
{
    unsigned char *der = NULL, *spki = NULL;
    int n = i2d_X509(w->certificate, &der), m = i2d_PUBKEY(w->key, &spki);

    sha256(slice_of(spki, (size_t)m), w->spki_hash);
    assert_int_equal(store_issuer_add(w->x.s, "takeover", w->spki_hash, &w->issuer, &w->x.f), 0);
    assert_int_equal(
        store_issuer_set_certificate(w->x.s, w->issuer, slice_of(der, (size_t)n), &w->x.f), 0);
    OPENSSL_free(der);
    OPENSSL_free(spki);
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));

    fixture_open(&w->x, false);
    w->key = EVP_EC_gen("P-256");
    w->certificate = certify(w->key);
    add_issuer(w);
    w->token.name = (char *)(uintptr_t) "default";
    w->conf.view_dir = w->conf.record_dir = w->x.dir;
    w->conf.tokens = &w->token;
    w->conf.n_tokens = 1;
    fixture_path(&w->x, "crl", w->crl);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    fixture_remove(&w->x);
    X509_free(w->certificate);
    EVP_PKEY_free(w->key);
    free(w);
    return 0;
}

/* As after a restore. */
static void restored(struct world *w)
{
    struct store_op op = {.kind = STORE_RESTORED, .time = TEST_NOW, .why = "restored"};

    assert_int_equal(store_do(w->x.s, &op), 0);
    fixture_close(&w->x);
    assert_int_equal(fixture_reopen(&w->x), 0);
    w->t = (struct takeover){.conf = &w->conf, .store = w->x.s};
}

static void issue_ours(struct world *w, struct request *r)
{
    request_init(r, &w->x, "takeover.example");
    r->op.ref.issuer = w->issuer;
    request_draft(r, "takeover.example");
}

static void add_entry(X509_CRL *crl, const uint8_t serial[SERIAL_LEN], int reason)
{
    X509_REVOKED *e = X509_REVOKED_new();
    BIGNUM *n = BN_bin2bn(serial, SERIAL_LEN, NULL);
    ASN1_INTEGER *number = BN_to_ASN1_INTEGER(n, NULL);
    ASN1_TIME *time = ASN1_TIME_set(NULL, TEST_NOW);
    ASN1_ENUMERATED *code = ASN1_ENUMERATED_new();

    assert_int_equal(X509_REVOKED_set_serialNumber(e, number), 1);
    assert_int_equal(X509_REVOKED_set_revocationDate(e, time), 1);
    assert_int_equal(ASN1_ENUMERATED_set(code, reason), 1);
    if (reason != 0)
        assert_int_equal(X509_REVOKED_add1_ext_i2d(e, NID_crl_reason, code, 0, 0), 1);
    assert_int_equal(X509_CRL_add0_revoked(crl, e), 1);
    BN_free(n);
    ASN1_INTEGER_free(number);
    ASN1_TIME_free(time);
    ASN1_ENUMERATED_free(code);
}

static X509_CRL *crl_begin(void)
{
    X509_CRL *crl = X509_CRL_new();
    X509_NAME *name = X509_NAME_new();
    ASN1_TIME *time = ASN1_TIME_set(NULL, TEST_NOW);

    name_it(name);
    assert_int_equal(X509_CRL_set_version(crl, X509_CRL_VERSION_2), 1);
    assert_int_equal(X509_CRL_set_issuer_name(crl, name), 1);
    assert_int_equal(X509_CRL_set1_lastUpdate(crl, time), 1);
    assert_int_equal(X509_CRL_set1_nextUpdate(crl, time), 1);
    X509_NAME_free(name);
    ASN1_TIME_free(time);
    return crl;
}

/* Signs, writes and frees it. */
static void crl_end(const struct world *w, X509_CRL *crl, EVP_PKEY *key, struct buf *der)
{
    unsigned char *p = NULL;
    struct fault f;
    int n;

    assert_true(X509_CRL_sign(crl, key, EVP_sha256()) > 0);
    n = i2d_X509_CRL(crl, &p);
    assert_true(n > 0);
    buf_init(der, 65536);
    buf_put(der, p, (size_t)n);
    assert_int_equal(file_write(w->crl, 0600, buf_slice(der), &f), 0);
    OPENSSL_free(p);
    X509_CRL_free(crl);
}

static enum cert_state state_of(struct world *w, const struct cert_ref *ref)
{
    struct cert_row row;
    enum cert_state s;

    must_get(&w->x, ref, &row);
    s = row.state;
    cert_row_free(&row);
    return s;
}

/* RFC 5280 5.3.1: 6 is certificateHold, 8 removeFromCRL. */
static void a_crl_of_an_issuer_of_ours_is_taken_over(void **state)
{
    struct world *w = *state;
    struct request good, held, kept, lost;
    X509_CRL *crl = crl_begin();
    struct buf der;

    issue_ours(w, &good);
    issue(&w->x, &good);
    issue_ours(w, &held);
    issue(&w->x, &held);
    issue_ours(w, &kept);
    issue(&w->x, &kept);
    issue_ours(w, &lost);
    restored(w);
    add_entry(crl, good.op.ref.serial, 1);
    add_entry(crl, held.op.ref.serial, 6);
    add_entry(crl, kept.op.ref.serial, 8);
    add_entry(crl, lost.op.ref.serial, 0);
    crl_end(w, crl, w->key, &der);
    assert_int_equal(takeover_crl(&w->t, w->crl, &w->x.f), 0);
    assert_int_equal(w->t.crls, 1);
    assert_int_equal(state_of(w, &good.op.ref), CERT_REVOKED);
    assert_int_equal(state_of(w, &held.op.ref), CERT_HELD);
    assert_int_equal(state_of(w, &kept.op.ref), CERT_GOOD);
    assert_int_equal(state_of(w, &lost.op.ref), CERT_REVOKED);
    assert_clean(&w->x);
    request_free(&good);
    request_free(&held);
    request_free(&kept);
    request_free(&lost);
    buf_free(&der);
}

static void a_crl_that_nobody_of_ours_signed_is_refused(void **state)
{
    struct world *w = *state;
    EVP_PKEY *stranger = EVP_EC_gen("P-256");
    struct request good;
    X509_CRL *crl = crl_begin();
    struct buf der;

    issue_ours(w, &good);
    issue(&w->x, &good);
    restored(w);
    add_entry(crl, good.op.ref.serial, 1);
    crl_end(w, crl, stranger, &der);
    assert_int_equal(takeover_crl(&w->t, w->crl, &w->x.f), -FAULT_NOT_FOUND);
    assert_string_equal(w->x.f.rule, "crl.issuer");
    assert_int_equal(state_of(w, &good.op.ref), CERT_GOOD);
    EVP_PKEY_free(stranger);
    request_free(&good);
    buf_free(&der);
}

static void a_crl_that_is_cut_or_bent_changes_nothing(void **state)
{
    struct world *w = *state;
    struct request good;
    X509_CRL *crl = crl_begin();
    struct buf der;

    issue_ours(w, &good);
    issue(&w->x, &good);
    restored(w);
    add_entry(crl, good.op.ref.serial, 1);
    crl_end(w, crl, w->key, &der);
    for (size_t n = 0; n < der.n; n++) {
        fault_clear(&w->x.f);
        assert_int_equal(file_write(w->crl, 0600, slice_of(der.p, n), &w->x.f), 0);
        assert_true(takeover_crl(&w->t, w->crl, &w->x.f) < 0);
    }
    for (size_t i = 0; i < der.n; i++) {
        fault_clear(&w->x.f);
        der.p[i] ^= (uint8_t)(1u << (i % 8));
        assert_int_equal(file_write(w->crl, 0600, buf_slice(&der), &w->x.f), 0);
        assert_true(takeover_crl(&w->t, w->crl, &w->x.f) < 0);
        der.p[i] ^= (uint8_t)(1u << (i % 8));
    }
    assert_int_equal(state_of(w, &good.op.ref), CERT_GOOD);
    request_free(&good);
    buf_free(&der);
}

static void write_record(struct world *w, const struct signrecord_entry *e, size_t n)
{
    char path[128];
    struct buf b;

    buf_init(&b, 4096);
    for (size_t i = 0; i < n; i++)
        signrecord_put(&b, &e[i]);
    fixture_path(&w->x, "default.record", path);
    assert_int_equal(file_write(path, 0600, buf_slice(&b), &w->x.f), 0);
    buf_free(&b);
}

static void serials_of_the_signers_record_are_known_again(void **state)
{
    struct world *w = *state;
    struct signrecord_entry e[4] = {{.number = 1}, {.number = 2}, {.number = 3}, {.number = 4}};
    struct request known, lost, foreign, open;
    struct cert_ref ref[1];
    size_t n;

    issue_ours(w, &known);
    issue(&w->x, &known);
    issue_ours(w, &lost);
    issue_ours(w, &foreign);
    issue_ours(w, &open);
    assert_int_equal(do_reserve(&w->x, &open), 0);
    restored(w);
    memcpy(e[3].serial, open.op.ref.serial, SERIAL_LEN);
    memcpy(e[3].key, w->spki_hash, SIGNRECORD_KEY_LEN);
    memcpy(e[0].serial, known.op.ref.serial, SERIAL_LEN);
    memcpy(e[1].serial, lost.op.ref.serial, SERIAL_LEN);
    memcpy(e[2].serial, foreign.op.ref.serial, SERIAL_LEN);
    memcpy(e[0].key, w->spki_hash, SIGNRECORD_KEY_LEN);
    memcpy(e[1].key, w->spki_hash, SIGNRECORD_KEY_LEN);
    write_record(w, e, 4);
    assert_int_equal(takeover_records(&w->t, &w->x.f), 0);
    assert_int_equal(state_of(w, &lost.op.ref), CERT_GOOD); /* no view says otherwise */
    assert_int_equal(state_of(w, &open.op.ref), CERT_GOOD);
    assert_int_equal(store_find_serial(w->x.s, foreign.op.ref.serial, ref, 1, &n, &w->x.f),
                     -FAULT_NOT_FOUND);
    assert_clean(&w->x);
    request_free(&known);
    request_free(&lost);
    request_free(&foreign);
    request_free(&open);
}

/* A view that was there and does not know the serial: it was never handed out. */
static void what_was_signed_and_never_published_counts_as_revoked(void **state)
{
    struct world *w = *state;
    struct signrecord_entry e = {.number = 1};
    struct request lost;

    issue_ours(w, &lost);
    restored(w);
    w->t.views = 1;
    memcpy(e.serial, lost.op.ref.serial, SERIAL_LEN);
    memcpy(e.key, w->spki_hash, SIGNRECORD_KEY_LEN);
    write_record(w, &e, 1);
    assert_int_equal(takeover_records(&w->t, &w->x.f), 0);
    assert_int_equal(state_of(w, &lost.op.ref), CERT_REVOKED);
    assert_clean(&w->x);
    request_free(&lost);
}

/* RFC 5280 5.2.3: relying parties may have seen what the signer signed. */
static void numbers_of_crls_go_on_behind_those_that_were_signed(void **state)
{
    struct world *w = *state;
    struct signrecord_entry e[4] = {{.number = 1}, {.number = 2}, {.number = 3}, {.number = 4}};
    const struct crl_name part = crl_name_shard(8, 3);
    struct store_crl crl;
    const uint64_t signed_last = 5000000000;

    restored(w);
    for (size_t i = 0; i < 4; i++) {
        signrecord_crl_put(CRL_SCOPE_ALL, signed_last - 2 + i, e[i].serial);
        memcpy(e[i].key, w->spki_hash, SIGNRECORD_KEY_LEN);
    }
    signrecord_crl_put(CRL_SCOPE_ALL, signed_last + 9, e[1].serial);
    e[1].key[0] ^= 1; /* another CA's */
    signrecord_crl_put(crl_name_scope(&part), signed_last + 3, e[3].serial);
    write_record(w, e, 4);
    for (int again = 0; again < 2; again++) {
        assert_int_equal(takeover_records(&w->t, &w->x.f), 0);
        assert_int_equal(store_crl(w->x.s, w->issuer, CRL_SCOPE_ALL, &crl, &w->x.f), 0);
        assert_int_equal(crl.number, signed_last);
        assert_int_equal(crl.published, 0);
        /* A part of it has a sequence of its own. */
        assert_int_equal(store_crl(w->x.s, w->issuer, crl_name_scope(&part), &crl, &w->x.f), 0);
        assert_int_equal(crl.number, signed_last + 3);
    }
    assert_clean(&w->x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_crl_of_an_issuer_of_ours_is_taken_over, setup, teardown),
        cmocka_unit_test_setup_teardown(a_crl_that_nobody_of_ours_signed_is_refused, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_crl_that_is_cut_or_bent_changes_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(serials_of_the_signers_record_are_known_again, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_was_signed_and_never_published_counts_as_revoked,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(numbers_of_crls_go_on_behind_those_that_were_signed, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
