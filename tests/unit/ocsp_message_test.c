/* OCSP messages (RFC 6960), read and written, against OpenSSL's. */
#include "lib/ocsp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cert.h"
#include "lib/der.h"
#include "lib/oid.h"
#include "tests/unit/ocsp_help.h"
#include "tests/unit/x509_help.h"

static struct ocsp_place place;
static struct buf request, response;

static const uint8_t serials[OCSP_CERTS_MAX + 1][SERIAL_LEN] = {
    {0x41, 1}, {0x42, 2}, {0x43, 3}, {0x44, 4}};

static int setup(void **state)
{
    (void)state;
    ocsp_place_make(&place, KEY_P384, KEY_P256);
    buf_init(&request, 1 << 20);
    buf_init(&response, OCSP_RESPONSE_MAX);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ocsp_place_free(&place);
    buf_free(&request);
    buf_free(&response);
    return 0;
}

static void issuer_id(enum ocsp_hash h, struct ocsp_issuer_id *out)
{
    struct cert c;
    struct fault f;

    assert_int_equal(cert_parse(buf_slice(&place.issuer), &c, &f), 0);
    ocsp_issuer_id(h, c.subject, &c.key, out);
}

static int parse(struct ocsp_request *out, const char *rule)
{
    struct fault f;
    int rc = ocsp_request_parse(buf_slice(&request), out, &f);

    if (rc < 0 && rule != NULL)
        assert_string_equal(f.rule, rule);
    return rc;
}

static void requests_by_each_hash_name_the_issuer(void **state)
{
    static const char *const names[] = {"", "sha1", "sha256", "sha384", "sha512"};

    (void)state;
    for (unsigned h = OCSP_SHA1; h < OCSP_HASHES; h++) {
        struct ocsp_issuer_id id, other;
        struct ocsp_request r;

        ocsp_place_request(&place, EVP_get_digestbyname(names[h]), serials, 3, 0, &request);
        assert_int_equal(parse(&r, NULL), 0);
        assert_int_equal(r.n, 3);
        assert_int_equal(r.nonce.n, 0);
        issuer_id((enum ocsp_hash)h, &id);
        other = id;
        other.name[5] ^= 1;
        for (size_t i = 0; i < 3; i++) {
            assert_int_equal(r.id[i].hash, h);
            assert_true(ocsp_cert_id_matches(&r.id[i], &id));
            assert_false(ocsp_cert_id_matches(&r.id[i], &other));
            assert_true(slice_eq(r.id[i].serial, slice_of(serials[i], SERIAL_LEN)));
        }
    }
}

static void certificates_are_bounded(void **state)
{
    struct ocsp_request r;

    (void)state;
    ocsp_place_request(&place, EVP_sha512(), serials, OCSP_CERTS_MAX, 32, &request);
    assert_int_equal(parse(&r, NULL), 0);
    assert_int_equal(r.n, OCSP_CERTS_MAX);
    ocsp_place_request(&place, EVP_sha1(), serials, OCSP_CERTS_MAX + 1, 0, &request);
    assert_int_equal(parse(&r, "ocsp.certs"), -FAULT_TOO_LARGE);
    assert_int_equal(r.n, 0);
    ocsp_place_request(&place, EVP_sha1(), serials, 0, 0, &request);
    assert_int_equal(parse(&r, "ocsp.certs"), -FAULT_MALFORMED);
}

/* RFC 9654 2.1 */
static void nonces_have_1_to_128_octets(void **state)
{
    struct ocsp_request r;

    (void)state;
    for (size_t n = 1; n <= 140; n++) {
        ocsp_place_request(&place, EVP_sha1(), serials, 1, n, &request);
        assert_int_equal(parse(&r, "ocsp.nonce"), n <= 128 ? 0 : -FAULT_MALFORMED);
        assert_int_equal(r.nonce.n, n <= 128 ? n : 0);
    }
}

/* A request with one CertID and one extension, [2] of the request or [0] of the certificate's. */
static void request_with(struct slice oid, bool critical, struct slice value, bool single)
{
    struct der_mark m[8];
    struct ocsp_issuer_id id;
    bool turn = single;

    buf_reset(&request);
    issuer_id(OCSP_SHA1, &id);
    m[0] = der_open(&request, DER_SEQUENCE);
    m[1] = der_open(&request, DER_SEQUENCE);
    m[2] = der_open(&request, DER_SEQUENCE);
    m[3] = der_open(&request, DER_SEQUENCE);
    ocsp_cert_id_put(&request, OCSP_SHA1, &id, slice_of(serials[0], SERIAL_LEN));
    for (int i = 0; i < 2; i++, turn = !turn) {
        if (turn) {
            m[4] = der_open(&request,
                            single ? DER_CONTEXT_CONSTRUCTED(0) : DER_CONTEXT_CONSTRUCTED(2));
            m[5] = der_open(&request, DER_SEQUENCE);
            m[6] = der_open(&request, DER_SEQUENCE);
            der_put_oid(&request, oid);
            if (critical)
                der_put_bool(&request, true);
            der_put(&request, DER_OCTET_STRING, value);
            der_close(&request, m[6]);
            der_close(&request, m[5]);
            der_close(&request, m[4]);
        }
        if (i == 0) {
            der_close(&request, m[3]);
            der_close(&request, m[2]);
        }
    }
    der_close(&request, m[1]);
    der_close(&request, m[0]);
}

/* 4.4: unknown ones are ignored unless they are critical. */
static void unknown_extensions_are_ignored_unless_critical(void **state)
{
    struct slice value = slice_str("x");
    struct ocsp_request r;

    (void)state;
    for (int single = 0; single < 2; single++) {
        request_with(oid_key_usage, false, value, single);
        assert_int_equal(parse(&r, NULL), 0);
        assert_int_equal(r.n, 1);
        request_with(oid_key_usage, true, value, single);
        assert_int_equal(parse(&r, "ocsp.extension"), -FAULT_MALFORMED);
    }
    request_with(oid_ocsp_acceptable, true, value, false);
    assert_int_equal(parse(&r, NULL), 0);
    request_with(oid_ocsp_nonce, false, slice_str("\x04"), false);
    assert_int_equal(parse(&r, "ocsp.nonce"), -FAULT_MALFORMED);
    /* The octets without an OCTET STRING around them, as old clients wrote them. */
    request_with(oid_ocsp_nonce, false, slice_str("0123456789abcdef"), false);
    assert_int_equal(parse(&r, "ocsp.nonce"), -FAULT_MALFORMED);
}

/* 4.4.7.1 */
static void preferred_algorithms_keep_the_clients_order(void **state)
{
    static const enum sig_alg algs[] = {SIG_RSA_SHA512, SIG_NONE, SIG_ECDSA_SHA384};
    struct der_mark list, one;
    struct ocsp_request r;
    struct buf value;

    (void)state;
    buf_init(&value, 1024);
    list = der_open(&value, DER_SEQUENCE);
    for (size_t i = 0; i < 3; i++) {
        one = der_open(&value, DER_SEQUENCE);
        if (algs[i] == SIG_NONE)
            buf_put(&value, "\x30\x03\x06\x01\x2a", 5);
        else
            sig_alg_put(&value, algs[i]);
        der_close(&value, one);
    }
    der_close(&value, list);
    request_with(oid_ocsp_preferred_algs, false, buf_slice(&value), false);
    assert_int_equal(parse(&r, NULL), 0);
    assert_int_equal(r.n_preferred, 2);
    assert_int_equal(r.preferred[0], SIG_RSA_SHA512);
    assert_int_equal(r.preferred[1], SIG_ECDSA_SHA384);
    buf_free(&value);
}

/* 4.1.2: signing and the requestor's name are the client's choice. */
static void signed_requests_are_read(void **state)
{
    OCSP_REQUEST *o = OCSP_REQUEST_new();
    struct ocsp_request r;

    (void)state;
    assert_non_null(
        OCSP_request_add0_id(o, OCSP_cert_to_id(EVP_sha256(), place.leaf_x, place.issuer_x)));
    assert_int_equal(
        OCSP_request_sign(o, place.issuer_x, test_key(KEY_P384), EVP_sha256(), NULL, 0), 1);
    ocsp_request_der(o, &request);
    OCSP_REQUEST_free(o);
    assert_int_equal(parse(&r, NULL), 0);
    assert_int_equal(r.n, 1);
    assert_int_equal(r.id[0].hash, OCSP_SHA256);
}

static void our_requests_are_read_by_openssl(void **state)
{
    struct ocsp_issuer_id id;
    const unsigned char *p;
    OCSP_REQUEST *o;
    OCSP_CERTID *want, *got;
    struct buf cert_id;
    X509_EXTENSION *nonce;

    (void)state;
    issuer_id(OCSP_SHA256, &id);
    buf_init(&cert_id, 256);
    buf_reset(&request);
    ocsp_cert_id_put(
        &cert_id, OCSP_SHA256, &id,
        slice_of("\x41\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10", 16));
    ocsp_request_put(&request, buf_slice(&cert_id), slice_str("sixteen octets !"));
    p = request.p;
    o = d2i_OCSP_REQUEST(NULL, &p, (long)request.n);
    assert_non_null(o);
    assert_ptr_equal(p, request.p + request.n);
    want = OCSP_cert_to_id(EVP_sha256(), place.leaf_x, place.issuer_x);
    got = OCSP_onereq_get0_id(OCSP_request_onereq_get0(o, 0));
    assert_int_equal(OCSP_id_cmp(want, got), 0);
    nonce = OCSP_REQUEST_get_ext(o, OCSP_REQUEST_get_ext_by_NID(o, NID_id_pkix_OCSP_Nonce, -1));
    assert_int_equal(ASN1_STRING_length(X509_EXTENSION_get_data(nonce)), 18);
    OCSP_CERTID_free(want);
    OCSP_REQUEST_free(o);
    buf_free(&cert_id);
}

/* Signs and wraps; the answer's octets are in `response`. */
static void respond(const struct ocsp_data *d)
{
    enum sig_alg alg = sig_alg_default(place.delegate_key);
    struct buf data, sig, part;

    buf_init(&data, OCSP_RESPONSE_MAX);
    buf_init(&sig, SIGNATURE_MAX);
    buf_init(&part, OCSP_RESPONSE_MAX);
    buf_reset(&response);
    ocsp_data_put(&data, d);
    test_sign(test_key(place.delegate_key), alg, buf_slice(&data), &sig);
    ocsp_signed_put(&part, buf_slice(&data), alg, buf_slice(&sig));
    ocsp_response_put(&response, buf_slice(&part), buf_slice(&place.delegate));
    assert_false(buf_failed(&response));
    buf_free(&data);
    buf_free(&sig);
    buf_free(&part);
}

static const struct ocsp_single examples[] = {
    {.status = OCSP_GOOD, .this_update = TEST_NOW - 9, .next_update = TEST_NOW + 86400},
    {.status = OCSP_REVOKED,
     .revoked_at = TEST_NOW - 500,
     .reason = 4,
     .this_update = TEST_NOW - 8,
     .next_update = TEST_NOW + 86400,
     .archive_cutoff = TEST_NOW - 7777777},
    {.status = OCSP_REVOKED,
     .revoked_at = TEST_NOW - 600,
     .reason = 0,
     .this_update = TEST_NOW - 7},
    {.status = OCSP_UNKNOWN, .this_update = TEST_NOW - 6, .next_update = TEST_NOW + 300},
};
#define EXAMPLES (sizeof(examples) / sizeof(examples[0]))

static void respond_examples(struct slice nonce)
{
    struct ocsp_single single[EXAMPLES];
    struct ocsp_data d = {.produced_at = TEST_NOW, .single = single, .n = EXAMPLES, .nonce = nonce};
    struct buf id[EXAMPLES];
    struct ocsp_issuer_id issuer;
    struct spki key;
    struct buf spki;
    struct fault f;

    issuer_id(OCSP_SHA1, &issuer);
    for (size_t i = 0; i < EXAMPLES; i++) {
        buf_init(&id[i], 256);
        ocsp_cert_id_put(&id[i], OCSP_SHA1, &issuer, slice_of(serials[i], SERIAL_LEN));
        single[i] = examples[i];
        single[i].cert_id = buf_slice(&id[i]);
    }
    buf_init(&spki, 1024);
    test_spki(test_key(place.delegate_key), &spki);
    assert_int_equal(spki_parse(buf_slice(&spki), &key, &f), 0);
    spki_key_id(&key, d.key_id);
    respond(&d);
    for (size_t i = 0; i < EXAMPLES; i++)
        buf_free(&id[i]);
    buf_free(&spki);
}

static void our_responses_are_verified_and_read_by_openssl(void **state)
{
    static const int statuses[] = {V_OCSP_CERTSTATUS_GOOD, V_OCSP_CERTSTATUS_REVOKED,
                                   V_OCSP_CERTSTATUS_UNKNOWN};

    (void)state;
    respond_examples(slice_str("n"));
    for (size_t i = 0; i < EXAMPLES; i++) {
        const struct ocsp_single *want = &examples[i];
        struct ocsp_seen seen;

        ocsp_look(&place, buf_slice(&response), i, &seen);
        assert_int_equal(seen.status, statuses[want->status]);
        assert_int_equal(seen.reason, want->reason != 0 ? want->reason : -1);
        assert_int_equal(seen.revoked_at, want->revoked_at);
        assert_int_equal(seen.this_update, want->this_update);
        assert_int_equal(seen.next_update, want->next_update);
        assert_int_equal(seen.archive_cutoff, want->archive_cutoff);
        assert_true(slice_is(buf_slice(&seen.nonce), "n"));
        buf_free(&seen.nonce);
    }
}

static void our_responses_are_read_back(void **state)
{
    struct ocsp_response r;
    struct fault f;

    (void)state;
    respond_examples(slice_str("nonce"));
    assert_int_equal(ocsp_response_parse(buf_slice(&response), &r, &f), 0);
    assert_int_equal(r.status, OCSP_SUCCESSFUL);
    assert_int_equal(r.n, EXAMPLES);
    assert_int_equal(r.produced_at, TEST_NOW);
    assert_int_equal(r.alg, SIG_ECDSA_SHA256);
    assert_int_equal(r.by_key.n, 20);
    assert_int_equal(r.by_name.n, 0);
    assert_int_equal(r.n_certs, 1);
    assert_true(slice_eq(r.cert[0], buf_slice(&place.delegate)));
    assert_true(slice_is(r.nonce, "nonce"));
    for (size_t i = 0; i < EXAMPLES; i++) {
        assert_int_equal(r.single[i].status, examples[i].status);
        assert_int_equal(r.single[i].reason, examples[i].reason);
        assert_int_equal(r.single[i].revoked_at, examples[i].revoked_at);
        assert_int_equal(r.single[i].this_update, examples[i].this_update);
        assert_int_equal(r.single[i].next_update, examples[i].next_update);
        assert_int_equal(r.single[i].archive_cutoff, examples[i].archive_cutoff);
        assert_true(slice_eq(r.id[i].serial, slice_of(serials[i], SERIAL_LEN)));
    }
}

static void openssls_responses_are_read(void **state)
{
    OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
    OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha1(), place.leaf_x, place.issuer_x);
    ASN1_TIME *now = ASN1_TIME_set(NULL, TEST_NOW), *next = ASN1_TIME_set(NULL, TEST_NOW + 60);
    unsigned char *der = NULL;
    OCSP_RESPONSE *o;
    struct ocsp_response r;
    struct fault f;
    int n;

    (void)state;
    assert_non_null(OCSP_basic_add1_status(basic, id, V_OCSP_CERTSTATUS_REVOKED,
                                           OCSP_REVOKED_STATUS_KEYCOMPROMISE, now, now, next));
    assert_int_equal(
        OCSP_basic_sign(basic, place.issuer_x, test_key(KEY_P384), EVP_sha256(), NULL, 0), 1);
    o = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
    n = i2d_OCSP_RESPONSE(o, &der);
    assert_true(n > 0);
    assert_int_equal(ocsp_response_parse(slice_of(der, (size_t)n), &r, &f), 0);
    assert_int_equal(r.single[0].status, OCSP_REVOKED);
    assert_int_equal(r.single[0].reason, 1);
    assert_int_equal(r.single[0].revoked_at, TEST_NOW);
    assert_int_equal(r.single[0].next_update, TEST_NOW + 60);
    assert_int_equal(r.by_key.n, 0);
    assert_true(r.by_name.n > 0);
    assert_int_equal(r.alg, SIG_ECDSA_SHA256);
    OPENSSL_free(der);
    OCSP_RESPONSE_free(o);
    OCSP_BASICRESP_free(basic);
    OCSP_CERTID_free(id);
    ASN1_TIME_free(now);
    ASN1_TIME_free(next);
}

static void errors_are_constants(void **state)
{
    static const enum ocsp_status all[] = {OCSP_MALFORMED_REQUEST, OCSP_INTERNAL_ERROR,
                                           OCSP_TRY_LATER, OCSP_SIG_REQUIRED, OCSP_UNAUTHORIZED};

    (void)state;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        struct slice der = ocsp_error(all[i]);
        const unsigned char *p = der.p;
        OCSP_RESPONSE *o = d2i_OCSP_RESPONSE(NULL, &p, (long)der.n);
        struct ocsp_response r;
        struct fault f;

        assert_non_null(o);
        assert_int_equal(OCSP_response_status(o), all[i]);
        assert_int_equal(strcasecmp(ocsp_status_name(all[i]), OCSP_response_status_str(all[i])), 0);
        assert_int_equal(ocsp_response_parse(der, &r, &f), 0);
        assert_int_equal(r.status, all[i]);
        OCSP_RESPONSE_free(o);
    }
}

static bool inside(struct slice s, const uint8_t *p, size_t n)
{
    return s.n == 0 || (s.p >= p && s.n <= n && (size_t)(s.p - p) <= n - s.n);
}

/* The octets stand in an allocation of their exact size, so that the sanitizers see any
 * look past them. */
static void read_both(const uint8_t *p, size_t n)
{
    uint8_t *copy = malloc(n > 0 ? n : 1);
    struct ocsp_request q;
    struct ocsp_response r;
    struct fault f;

    memcpy(copy, p, n);
    if (ocsp_request_parse(slice_of(copy, n), &q, &f) == 0) {
        assert_in_range(q.n, 1, OCSP_CERTS_MAX);
        assert_true(inside(q.nonce, copy, n) && q.nonce.n <= OCSP_NONCE_MAX);
        for (size_t i = 0; i < q.n; i++)
            assert_true(inside(q.id[i].der, copy, n) && inside(q.id[i].serial, copy, n));
    }
    if (ocsp_response_parse(slice_of(copy, n), &r, &f) == 0) {
        assert_in_range(r.n, 0, OCSP_CERTS_MAX);
        assert_true(inside(r.data, copy, n) && inside(r.signature, copy, n));
    }
    free(copy);
}

static void mutate(const struct buf *b, int rounds)
{
    uint8_t *p = calloc(1, b->n + 1);

    for (int round = 0; round < rounds; round++) {
        uint32_t r[9];
        size_t n = b->n;

        random_bytes(r, sizeof(r));
        memcpy(p, b->p, n);
        for (unsigned i = 0; i <= r[0] % 4; i++)
            p[r[2 * i + 1] % (n + 1)] ^= (uint8_t)(1 + r[2 * i + 2] % 255);
        if (r[0] % 3 == 0)
            n = r[8] % (n + 1);
        read_both(p, n);
    }
    free(p);
}

static void damaged_messages_are_refused_or_read_within_their_octets(void **state)
{
    (void)state;
    ocsp_place_request(&place, EVP_sha256(), serials, 3, 32, &request);
    for (size_t n = 0; n < request.n; n++) {
        struct ocsp_request q;
        struct fault f;

        assert_true(ocsp_request_parse(slice_of(request.p, n), &q, &f) < 0);
    }
    mutate(&request, 60000);
    respond_examples(slice_str("nonce"));
    mutate(&response, 60000);
}

/* Both read it, or neither; DER that is only BER is ours alone to refuse. */
static void what_we_read_openssl_reads_too(void **state)
{
    int both = 0;

    (void)state;
    ocsp_place_request(&place, EVP_sha1(), serials, 2, 16, &request);
    for (int round = 0; round < 20000; round++) {
        struct ocsp_request q;
        const unsigned char *p = request.p;
        OCSP_REQUEST *o;
        struct fault f;
        uint32_t r[2];
        uint8_t was;

        random_bytes(r, sizeof(r));
        was = request.p[r[0] % request.n];
        request.p[r[0] % request.n] = (uint8_t)r[1];
        if (ocsp_request_parse(buf_slice(&request), &q, &f) == 0) {
            o = d2i_OCSP_REQUEST(NULL, &p, (long)request.n);
            assert_non_null(o);
            assert_int_equal(OCSP_request_onereq_count(o), (int)q.n);
            OCSP_REQUEST_free(o);
            both++;
        }
        request.p[r[0] % request.n] = was;
    }
    assert_true(both > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_by_each_hash_name_the_issuer),
        cmocka_unit_test(certificates_are_bounded),
        cmocka_unit_test(nonces_have_1_to_128_octets),
        cmocka_unit_test(unknown_extensions_are_ignored_unless_critical),
        cmocka_unit_test(preferred_algorithms_keep_the_clients_order),
        cmocka_unit_test(signed_requests_are_read),
        cmocka_unit_test(our_requests_are_read_by_openssl),
        cmocka_unit_test(our_responses_are_verified_and_read_by_openssl),
        cmocka_unit_test(our_responses_are_read_back),
        cmocka_unit_test(openssls_responses_are_read),
        cmocka_unit_test(errors_are_constants),
        cmocka_unit_test(damaged_messages_are_refused_or_read_within_their_octets),
        cmocka_unit_test(what_we_read_openssl_reads_too),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
