/* The responder: what it says, and what it refuses to say, as OpenSSL reads it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <unistd.h>

#include "lib/der.h"
#include "tests/unit/ocsp_world.h"
#include "tests/unit/x509_help.h"

#define STATUS(status) V_OCSP_CERTSTATUS_##status

static void each_status_is_told_by_each_hash_with_and_without_a_nonce(void **state)
{
    struct viewfile_row revoked = row_of(4, VIEWFILE_REVOKED, 1001);
    struct viewfile_row held = row_of(6, VIEWFILE_HELD, 1002);
    const EVP_MD *md[] = {EVP_sha1(), EVP_sha256(), EVP_sha384(), EVP_sha512()};
    struct ocsp_world *w = *state;
    struct ocsp_seen seen;

    append(&w->view, 1, &revoked);
    append(&w->view, 1, &held);
    for (size_t i = 0; i < 8; i++) {
        size_t nonce = i % 2 == 0 ? 0 : 16 * i + 1;

        ocsp_ask_seen(w, 2, md[i / 2], nonce, &seen);
        assert_int_equal(seen.status, STATUS(GOOD));
        assert_int_equal(seen.this_update, w->now - 60);
        assert_int_equal(seen.next_update, w->now - 60 + 86400);
        ocsp_ask_seen(w, 4, md[i / 2], nonce, &seen);
        assert_int_equal(seen.status, STATUS(REVOKED));
        assert_int_equal(seen.reason, 1);
        assert_int_equal(seen.revoked_at, revoked.revoked_at);
        ocsp_ask_seen(w, 6, md[i / 2], nonce, &seen);
        assert_int_equal(seen.status, STATUS(REVOKED));
        assert_int_equal(seen.reason, 6);
        ocsp_ask_seen(w, 7, md[i / 2], nonce, &seen);
        assert_int_equal(seen.status, STATUS(UNKNOWN));
    }
}

static void never_issued_is_unknown_or_unauthorized_and_never_kept(void **state)
{
    struct ocsp_settings s = test_settings;
    struct ocsp_world *w = *state;
    struct ocsp_seen seen;

    ocsp_ask_seen(w, 7, EVP_sha1(), 0, &seen);
    assert_int_equal(seen.status, STATUS(UNKNOWN));
    assert_int_equal(seen.next_update, w->now + OCSP_UNKNOWN_LIFE);
    assert_int_equal(w->answer.max_age, 0);
    assert_int_equal(ocsp_world_stats(w).cached, 0);
    s.never_issued_unauthorized = true;
    ocsp_world_settings(w, &s);
    assert_int_equal(ocsp_ask(w, 7, EVP_sha1(), 0), OCSP_UNAUTHORIZED);
    assert_int_equal(ocsp_ask(w, 2, EVP_sha1(), 0), OCSP_SUCCESSFUL);
}

static void a_serial_of_another_length_was_never_issued(void **state)
{
    struct ocsp_world *w = *state;
    OCSP_REQUEST *o = OCSP_REQUEST_new();
    ASN1_INTEGER *n = ASN1_INTEGER_new();
    struct ocsp_seen seen;

    ASN1_INTEGER_set(n, 5);
    OCSP_request_add0_id(o, OCSP_cert_id_new(EVP_sha1(), X509_get_subject_name(w->place.issuer_x),
                                             X509_get0_pubkey_bitstr(w->place.issuer_x), n));
    ocsp_request_der(o, &w->request);
    ocsp_answer(w->r, buf_slice(&w->request), w->now, &w->answer);
    ocsp_look(&w->place, buf_slice(&w->answer.body), 0, &seen);
    assert_int_equal(seen.status, STATUS(UNKNOWN));
    ASN1_INTEGER_free(n);
    OCSP_REQUEST_free(o);
}

static void answers_are_kept_until_the_row_changes(void **state)
{
    struct viewfile_row revoked = row_of(4, VIEWFILE_REVOKED, 1001);
    struct viewfile_row other = row_of(6, VIEWFILE_REVOKED, 1000);
    struct ocsp_world *w = *state;
    struct ocsp_seen seen;
    struct buf first;

    buf_init(&first, OCSP_RESPONSE_MAX);
    ocsp_ask_seen(w, 4, EVP_sha1(), 0, &seen);
    buf_put_slice(&first, buf_slice(&w->answer.body));
    append(&w->view, 1, &other);
    w->now += 10;
    ocsp_ask_seen(w, 4, EVP_sha1(), 0, &seen);
    assert_true(slice_eq(buf_slice(&first), buf_slice(&w->answer.body)));
    assert_int_equal(ocsp_world_stats(w).hits, 1);
    append(&w->view, 1, &revoked);
    ocsp_ask_seen(w, 4, EVP_sha1(), 0, &seen);
    assert_int_equal(seen.status, STATUS(REVOKED));
    assert_int_equal(ocsp_world_stats(w).hits, 1);
    ocsp_ask_seen(w, 4, EVP_sha1(), 0, &seen);
    assert_int_equal(seen.status, STATUS(REVOKED));
    assert_int_equal(ocsp_world_stats(w).hits, 2);
    buf_free(&first);
}

static void what_http_says_fits_the_answer(void **state)
{
    struct ocsp_world *w = *state;
    uint8_t hash[32];

    for (int hit = 0; hit < 2; hit++) {
        assert_int_equal(ocsp_ask(w, 2, EVP_sha1(), 0), OCSP_SUCCESSFUL);
        assert_int_equal(w->answer.last_modified, TEST_NOW - 60);
        assert_int_equal(w->answer.max_age, 3600);
        sha256(buf_slice(&w->answer.body), hash);
        assert_memory_equal(hash, w->answer.etag, OCSP_ETAG_LEN);
    }
    assert_int_equal(ocsp_world_stats(w).hits, 1);
    assert_int_equal(ocsp_ask(w, 2, EVP_sha1(), 5), OCSP_SUCCESSFUL);
    assert_int_equal(w->answer.max_age, 0);
}

static void an_answer_is_made_anew_at_half_its_life(void **state)
{
    struct ocsp_world *w = *state;
    struct ocsp_seen seen;

    ocsp_ask_seen(w, 2, EVP_sha1(), 0, &seen);
    w->now += 43000;
    ocsp_world_stamp(&w->view, w->now - 5);
    ocsp_ask_seen(w, 2, EVP_sha1(), 0, &seen);
    assert_int_equal(seen.this_update, TEST_NOW - 60);
    w->now += 200;
    ocsp_ask_seen(w, 2, EVP_sha1(), 0, &seen);
    assert_int_equal(seen.this_update, w->now - 205);
    assert_int_equal(seen.next_update, w->now - 205 + 86400);
}

static void an_old_view_answers_nothing(void **state)
{
    struct ocsp_world *w = *state;
    struct ocsp_seen seen;

    ocsp_ask_seen(w, 2, EVP_sha1(), 0, &seen);
    w->now = TEST_NOW - 60 + test_settings.view_age_max;
    assert_int_equal(ocsp_ask(w, 2, EVP_sha1(), 0), OCSP_SUCCESSFUL);
    w->now++;
    assert_int_equal(ocsp_ask(w, 2, EVP_sha1(), 0), OCSP_TRY_LATER);
    assert_int_equal(ocsp_ask(w, 2, EVP_sha1(), 8), OCSP_TRY_LATER);
    ocsp_world_stamp(&w->view, w->now);
    assert_int_equal(ocsp_ask(w, 2, EVP_sha1(), 0), OCSP_SUCCESSFUL);
    ocsp_world_stamp(&w->view, w->now + OCSP_CLOCK_SKEW + 1);
    assert_int_equal(ocsp_ask(w, 2, EVP_sha1(), 0), OCSP_TRY_LATER);
    ocsp_world_stamp(&w->view, w->now + OCSP_CLOCK_SKEW);
    ocsp_ask_seen(w, 10, EVP_sha1(), 0, &seen);
    assert_int_equal(seen.this_update, w->now + OCSP_CLOCK_SKEW);
    assert_int_equal(w->answer.last_modified, w->now);
    ocsp_world_stamp(&w->view, 0);
    assert_int_equal(ocsp_ask(w, 2, EVP_sha1(), 0), OCSP_TRY_LATER);
}

static void a_view_that_knows_less_than_before_answers_nothing(void **state)
{
    struct viewfile_row revoked = row_of(4, VIEWFILE_REVOKED, 1001);
    struct ocsp_world *w = *state;
    struct ocsp_issuer_state s;
    struct viewfile_log l;

    append(&w->view, 1, &revoked);
    assert_int_equal(ocsp_ask(w, 2, EVP_sha1(), 0), OCSP_SUCCESSFUL);
    make_snapshot(&w->view, 2, ROWS);
    make_log(&w->view, 2);
    ocsp_world_stamp(&w->view, w->now);
    make_current(&w->view, "2\n");
    l = (w->view.header.generation = 1, open_log(&w->view, 1));
    viewfile_word_set(&l.live->next, 2);
    viewfile_log_close(&l);
    assert_int_equal(ocsp_ask(w, 2, EVP_sha1(), 0), OCSP_TRY_LATER);
    assert_int_equal(ocsp_responder_issuers(w->r, &s, 1), 1);
    assert_true(s.view_failed);
    assert_int_equal(s.change, 1001);
    append(&w->view, 2, &revoked);
    assert_int_equal(ocsp_ask(w, 2, EVP_sha1(), 0), OCSP_SUCCESSFUL);
}

static void a_damaged_view_answers_nothing(void **state)
{
    struct ocsp_world *w = *state;
    struct viewfile_log l;

    assert_int_equal(ocsp_ask(w, 2, EVP_sha1(), 0), OCSP_SUCCESSFUL);
    l = open_log(&w->view, 1);
    viewfile_word_set(&l.live->count, 5);
    viewfile_log_close(&l);
    assert_int_equal(ocsp_ask(w, 2, EVP_sha1(), 0), OCSP_TRY_LATER);
}

static void a_view_of_another_key_is_refused(void **state)
{
    struct ocsp_world *w = *state;
    struct ocsp_responder *r;
    struct fault f;

    w->view.header.owner[0] ^= 1;
    make_view(&w->view, ROWS);
    ocsp_world_stamp(&w->view, w->now);
    assert_int_equal(ocsp_responder_new(&test_settings, &r, &f), 0);
    ocsp_responder_free(w->r);
    w->r = r;
    assert_int_equal(ocsp_responder_scan(r, w->dir, &f), -FAULT_MALFORMED);
    assert_string_equal(f.rule, "ocsp.owner");
    ocsp_world_delegate(w, &w->place);
    assert_int_equal(ocsp_ask(w, 2, EVP_sha1(), 0), OCSP_TRY_LATER);
}

static void without_a_delegate_nothing_is_said(void **state)
{
    struct ocsp_world *w = *state;
    struct ocsp_responder *r;
    struct fault f;

    assert_int_equal(ocsp_responder_new(&test_settings, &r, &f), 0);
    ocsp_responder_free(w->r);
    w->r = r;
    /* Not yet looked for: no reason to turn a client away for good. */
    assert_int_equal(ocsp_ask(w, 2, EVP_sha1(), 0), OCSP_TRY_LATER);
    ocsp_world_scan(w);
    assert_int_equal(ocsp_ask(w, 2, EVP_sha1(), 0), OCSP_TRY_LATER);
    ocsp_world_delegate(w, &w->place);
    assert_int_equal(ocsp_ask(w, 2, EVP_sha1(), 0), OCSP_SUCCESSFUL);
}

static int64_t delegate_end;

static void ends_soon(struct tbs_spec *spec)
{
    spec->not_after = delegate_end;
}

static void next_update_is_never_past_the_delegates_end(void **state)
{
    struct ocsp_world *w = *state;
    struct ocsp_issuer_state s;
    struct ocsp_seen seen;

    ocsp_ask_seen(w, 2, EVP_sha1(), 0, &seen);
    delegate_end = w->now + 1000;
    ocsp_place_delegate(&w->place, ends_soon, &w->place.delegate);
    ocsp_world_delegate(w, &w->place);
    assert_int_equal(ocsp_responder_issuers(w->r, &s, 1), 1);
    assert_int_equal(s.delegate_not_after, delegate_end);
    assert_string_equal(s.folder, "issuing-1");
    ocsp_ask_seen(w, 2, EVP_sha1(), 0, &seen); /* what the one before signed is given up */
    assert_int_equal(seen.next_update, delegate_end);
    assert_int_equal(w->answer.max_age, 1000);
    w->now = delegate_end;
    ocsp_world_stamp(&w->view, w->now);
    assert_int_equal(ocsp_ask(w, 2, EVP_sha1(), 0), OCSP_TRY_LATER);
}

static void other_purpose(struct tbs_spec *spec)
{
    spec->eku = EKU_SERVER_AUTH;
}

static void over(struct tbs_spec *spec)
{
    spec->not_after = TEST_NOW - 1;
}

static void not_yet(struct tbs_spec *spec)
{
    spec->not_before = TEST_NOW + 100;
}

static void assert_refused_delegate(struct ocsp_world *w, EVP_PKEY *key, struct slice certificate,
                                    const char *rule)
{
    struct ocsp_issuer_state s;
    struct fault f;

    assert_int_equal(ocsp_responder_issuers(w->r, &s, 1), 1);
    assert_true(ocsp_responder_delegate(w->r, s.owner, key, certificate, &f) < 0);
    assert_string_equal(f.rule, rule);
}

/* RFC 6960 4.2.2.2 */
static void only_the_issuers_delegates_are_taken(void **state)
{
    static void (*const bad[])(struct tbs_spec *) = {other_purpose, over, not_yet};
    EVP_PKEY *key = test_key(KEY_P256);
    struct ocsp_world *w = *state;
    struct ocsp_place other;
    uint8_t owner[32] = {1};
    struct buf der = {0};
    struct fault f;

    for (size_t i = 0; i < 3; i++) {
        ocsp_place_delegate(&w->place, bad[i], &der);
        assert_refused_delegate(w, key, buf_slice(&der), "ocsp.delegate");
        buf_free(&der);
    }
    assert_refused_delegate(w, test_key(KEY_RSA), buf_slice(&w->place.delegate), "ocsp.delegate");
    ocsp_place_make(&other, KEY_P521, KEY_P256);
    assert_refused_delegate(w, key, buf_slice(&other.delegate), "ocsp.delegate");
    assert_refused_delegate(w, key, slice_str("x"), "cert.der");
    assert_true(ocsp_responder_delegate(w->r, owner, key, buf_slice(&other.delegate), &f) < 0);
    assert_string_equal(f.rule, "ocsp.issuer");
    assert_int_equal(ocsp_ask(w, 2, EVP_sha1(), 0), OCSP_SUCCESSFUL);
    ocsp_place_free(&other);
}

static void what_is_no_request_is_malformed(void **state)
{
    struct ocsp_world *w = *state;

    ocsp_answer(w->r, slice_str("GET me"), w->now, &w->answer);
    assert_int_equal(w->answer.status, OCSP_MALFORMED_REQUEST);
    assert_true(slice_eq(buf_slice(&w->answer.body), ocsp_error(OCSP_MALFORMED_REQUEST)));
    ocsp_answer(w->r, SLICE_NONE, w->now, &w->answer);
    assert_int_equal(w->answer.status, OCSP_MALFORMED_REQUEST);
    assert_int_equal(ocsp_ask(w, 2, EVP_sha1(), 129), OCSP_MALFORMED_REQUEST);
    assert_int_equal(ocsp_world_stats(w).errors, 3);
}

/* Serials of w->place's issuer, then those of another's. */
static void ask_two_issuers(struct ocsp_world *w, const struct ocsp_place *a,
                            const struct ocsp_place *b)
{
    const struct ocsp_place *p[2] = {a, b};
    OCSP_REQUEST *o = OCSP_REQUEST_new();

    for (size_t i = 0; i < 2; i++) {
        struct viewfile_row row = row_of(2, VIEWFILE_GOOD, 1);
        BIGNUM *bn = BN_bin2bn(row.serial, SERIAL_LEN, NULL);
        ASN1_INTEGER *n = BN_to_ASN1_INTEGER(bn, NULL);

        OCSP_request_add0_id(o, OCSP_cert_id_new(i == 0 ? EVP_sha1() : EVP_sha256(),
                                                 X509_get_subject_name(p[i]->issuer_x),
                                                 X509_get0_pubkey_bitstr(p[i]->issuer_x), n));
        ASN1_INTEGER_free(n);
        BN_free(bn);
    }
    ocsp_request_der(o, &w->request);
    OCSP_REQUEST_free(o);
    ocsp_answer(w->r, buf_slice(&w->request), w->now, &w->answer);
}

/* How many certificates the newest answer is about. */
static int answered(const struct ocsp_world *w)
{
    const unsigned char *p = w->answer.body.p;
    OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &p, (long)w->answer.body.n);
    OCSP_BASICRESP *basic = OCSP_response_get1_basic(response);
    int n = OCSP_resp_count(basic);

    OCSP_BASICRESP_free(basic);
    OCSP_RESPONSE_free(response);
    return n;
}

static void each_issuer_has_its_own_rows_and_signer(void **state)
{
    struct viewfile_row revoked = row_of(2, VIEWFILE_REVOKED, 1001);
    struct ocsp_world *w = *state;
    struct ocsp_place first = w->place, second, third;
    struct folder view;
    struct ocsp_seen seen;

    ocsp_place_make(&second, KEY_P521, KEY_RSA);
    ocsp_world_folder(w, &second, "issuing-2", &view);
    append(&view, 1, &revoked);
    w->place = second;
    assert_int_equal(ocsp_ask(w, 2, EVP_sha256(), 0), OCSP_UNAUTHORIZED);
    ocsp_world_scan(w);
    ocsp_world_delegate(w, &second);
    ocsp_ask_seen(w, 2, EVP_sha256(), 0, &seen);
    assert_int_equal(seen.status, STATUS(REVOKED));
    w->place = first;
    ocsp_ask_seen(w, 2, EVP_sha256(), 0, &seen);
    assert_int_equal(seen.status, STATUS(GOOD));
    /* RFC 6960 2.6: nobody may sign for both. */
    ask_two_issuers(w, &first, &second);
    assert_int_equal(w->answer.status, OCSP_SUCCESSFUL);
    assert_int_equal(answered(w), 1);
    ocsp_look(&first, buf_slice(&w->answer.body), 0, &seen);
    assert_int_equal(seen.status, STATUS(GOOD));
    ask_two_issuers(w, &second, &first);
    assert_int_equal(answered(w), 1);
    ocsp_look(&second, buf_slice(&w->answer.body), 0, &seen);
    assert_int_equal(seen.status, STATUS(REVOKED));
    ask_two_issuers(w, &first, &first);
    assert_int_equal(answered(w), 2);
    ocsp_place_make(&third, KEY_P256, KEY_P256);
    ask_two_issuers(w, &third, &second);
    assert_int_equal(answered(w), 1);
    ocsp_look(&second, buf_slice(&w->answer.body), 0, &seen);
    assert_int_equal(seen.status, STATUS(REVOKED));
    ask_two_issuers(w, &third, &third);
    assert_int_equal(w->answer.status, OCSP_UNAUTHORIZED);
    ocsp_place_free(&third);
    ocsp_place_free(&second);
    close(view.fd);
}

static void twenty_certificates_are_answered_in_the_order_asked(void **state)
{
    uint8_t serial[OCSP_CERTS_MAX][SERIAL_LEN];
    struct ocsp_world *w = *state;
    struct ocsp_seen seen;

    for (unsigned k = 0; k < OCSP_CERTS_MAX; k++) {
        struct viewfile_row row = row_of(k, VIEWFILE_GOOD, 1);

        memcpy(serial[k], row.serial, SERIAL_LEN);
    }
    ocsp_place_request(&w->place, EVP_sha512(), serial, OCSP_CERTS_MAX, 32, &w->request);
    ocsp_answer(w->r, buf_slice(&w->request), w->now, &w->answer);
    assert_int_equal(w->answer.status, OCSP_SUCCESSFUL);
    assert_int_equal(w->answer.max_age, 0);
    for (unsigned k = 0; k < OCSP_CERTS_MAX; k++) {
        ocsp_look(&w->place, buf_slice(&w->answer.body), k, &seen);
        assert_int_equal(seen.status, k % 2 == 0 ? STATUS(GOOD) : STATUS(UNKNOWN));
        buf_free(&seen.nonce);
    }
}

static void the_archive_cutoff_is_told(void **state)
{
    struct ocsp_settings s = test_settings;
    struct ocsp_world *w = *state;
    struct ocsp_seen seen;

    s.archive = 7 * 365 * 86400;
    ocsp_world_settings(w, &s);
    ocsp_ask_seen(w, 2, EVP_sha1(), 0, &seen);
    assert_int_equal(seen.archive_cutoff, w->now - s.archive);
}

/* ecdsa-with-SHA384 with parameters, which is not that algorithm (RFC 5758 3.2), then
 * ecdsa-with-SHA512. */
static const uint8_t preferred[] = {
    0xa2, 0x31, 0x30, 0x2f, 0x30, 0x2d, 6,    9,    0x2b, 6,    1,    5,    5,    7,    0x30, 1, 8,
    4,    0x20, 0x30, 0x1e, 0x30, 0x0e, 0x30, 0x0c, 6,    8,    0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3,
    3,    5,    0,    0x30, 0x0c, 0x30, 0x0a, 6,    8,    0x2a, 0x86, 0x48, 0xce, 0x3d, 4,    3, 4};

/* w->request again, with that behind its one CertID. */
static void prefer(struct ocsp_world *w)
{
    struct der_mark m[4];
    struct ocsp_request q;
    struct fault f;
    struct buf b;

    buf_init(&b, OCSP_REQUEST_MAX);
    assert_int_equal(ocsp_request_parse(buf_slice(&w->request), &q, &f), 0);
    m[0] = der_open(&b, DER_SEQUENCE);
    m[1] = der_open(&b, DER_SEQUENCE);
    m[2] = der_open(&b, DER_SEQUENCE);
    m[3] = der_open(&b, DER_SEQUENCE);
    buf_put_slice(&b, q.id[0].der);
    der_close(&b, m[3]);
    der_close(&b, m[2]);
    buf_put(&b, preferred, sizeof(preferred));
    der_close(&b, m[1]);
    der_close(&b, m[0]);
    buf_free(&w->request);
    w->request = b;
}

/* RFC 6960 4.4.7.2: the client's first choice that the key can do. */
static void preferred_algorithms_are_followed(void **state)
{
    struct ocsp_world *w = *state;
    struct ocsp_response r;
    struct fault f;

    assert_int_equal(ocsp_ask(w, 2, EVP_sha1(), 0), OCSP_SUCCESSFUL);
    prefer(w);
    ocsp_answer(w->r, buf_slice(&w->request), w->now, &w->answer);
    assert_int_equal(w->answer.status, OCSP_SUCCESSFUL);
    assert_int_equal(ocsp_response_parse(buf_slice(&w->answer.body), &r, &f), 0);
    assert_int_equal(r.alg, SIG_ECDSA_SHA512);
    OCSP_BASICRESP_free(ocsp_verified(&w->place, buf_slice(&w->answer.body)));
    assert_int_equal(ocsp_ask(w, 2, EVP_sha1(), 0), OCSP_SUCCESSFUL);
    assert_int_equal(ocsp_response_parse(buf_slice(&w->answer.body), &r, &f), 0);
    assert_int_equal(r.alg, SIG_ECDSA_SHA256);
}

static void every_kind_of_key_signs(void **state)
{
    static const enum key_type types[] = {KEY_RSA, KEY_P256, KEY_P384, KEY_P521, KEY_ED25519};
    struct ocsp_world *w = *state;
    struct ocsp_seen seen;

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        w->place.delegate_key = types[i];
        ocsp_place_delegate(&w->place, NULL, &w->place.delegate);
        ocsp_world_delegate(w, &w->place);
        ocsp_ask_seen(w, 2, EVP_sha256(), 3, &seen);
        assert_int_equal(seen.status, STATUS(GOOD));
    }
}

static void two_folders_of_one_issuer_are_refused(void **state)
{
    struct ocsp_world *w = *state;
    struct folder view;
    struct fault f;

    ocsp_world_folder(w, &w->place, "again-2", &view);
    assert_int_equal(ocsp_responder_scan(w->r, w->dir, &f), -FAULT_CONFLICT);
    assert_string_equal(f.rule, "ocsp.issuers");
    assert_int_equal(ocsp_responder_issuers(w->r, NULL, 0), 1);
    assert_int_equal(ocsp_ask(w, 2, EVP_sha1(), 0), OCSP_SUCCESSFUL);
    close(view.fd);
}

static void an_issuer_whose_view_comes_later_is_tried_again(void **state)
{
    struct ocsp_world *w = *state;

    unlinkat(w->view.fd, "current", 0);
    ocsp_world_settings(w, &test_settings);
    assert_int_equal(ocsp_ask(w, 2, EVP_sha1(), 0), OCSP_TRY_LATER);
    make_current(&w->view, "1\n");
    ocsp_world_scan(w);
    assert_int_equal(ocsp_ask(w, 2, EVP_sha1(), 0), OCSP_SUCCESSFUL);
}

static void settings_that_contradict_are_refused(void **state)
{
    struct ocsp_settings bad[3] = {test_settings, test_settings, test_settings};
    struct ocsp_responder *r;
    struct fault f;

    (void)state;
    bad[0].validity = bad[0].view_age_max;
    bad[1].http_age = OCSP_HTTP_AGE_MAX + 1;
    bad[2].view_age_max = 0;
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(ocsp_responder_new(&bad[i], &r, &f), -FAULT_CONFIG);
        assert_null(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OCSP_TEST(each_status_is_told_by_each_hash_with_and_without_a_nonce),
        OCSP_TEST(never_issued_is_unknown_or_unauthorized_and_never_kept),
        OCSP_TEST(a_serial_of_another_length_was_never_issued),
        OCSP_TEST(answers_are_kept_until_the_row_changes),
        OCSP_TEST(what_http_says_fits_the_answer),
        OCSP_TEST(an_answer_is_made_anew_at_half_its_life),
        OCSP_TEST(an_old_view_answers_nothing),
        OCSP_TEST(a_view_that_knows_less_than_before_answers_nothing),
        OCSP_TEST(a_damaged_view_answers_nothing),
        OCSP_TEST(a_view_of_another_key_is_refused),
        OCSP_TEST(without_a_delegate_nothing_is_said),
        OCSP_TEST(next_update_is_never_past_the_delegates_end),
        OCSP_TEST(only_the_issuers_delegates_are_taken),
        OCSP_TEST(what_is_no_request_is_malformed),
        OCSP_TEST(each_issuer_has_its_own_rows_and_signer),
        OCSP_TEST(twenty_certificates_are_answered_in_the_order_asked),
        OCSP_TEST(the_archive_cutoff_is_told),
        OCSP_TEST(preferred_algorithms_are_followed),
        OCSP_TEST(every_kind_of_key_signs),
        OCSP_TEST(two_folders_of_one_issuer_are_refused),
        OCSP_TEST(an_issuer_whose_view_comes_later_is_tried_again),
        cmocka_unit_test(settings_that_contradict_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
