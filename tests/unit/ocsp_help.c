#include "tests/unit/ocsp_help.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "lib/cert.h"
#include "tests/unit/x509_help.h"

X509 *ocsp_x509(struct slice der)
{
    const unsigned char *p = der.p;
    X509 *x = d2i_X509(NULL, &p, (long)der.n);

    assert_non_null(x);
    return x;
}

static void for_ocsp(struct tbs_spec *spec)
{
    static const uint8_t serial[SERIAL_LEN] = {0x55, 5};

    memcpy(spec->serial, serial, SERIAL_LEN);
    spec->eku = EKU_OCSP_SIGNING;
    spec->sans = NULL;
    spec->ocsp_no_check = true;
    spec->ocsp_url = spec->crl_url = NULL;
}

void ocsp_place_delegate(const struct ocsp_place *p, void (*change)(struct tbs_spec *),
                         struct buf *out)
{
    struct tbs_spec spec;

    test_draft(&spec, p->delegate_key, p->issuer_key);
    for_ocsp(&spec);
    if (change != NULL)
        change(&spec);
    buf_free(out);
    buf_init(out, CERT_MAX);
    test_issue(&spec, p->issuer_key, out);
}

void ocsp_place_make(struct ocsp_place *p, enum key_type issuer, enum key_type delegate)
{
    struct tbs_spec spec;

    *p = (struct ocsp_place){.issuer_key = issuer, .delegate_key = delegate};
    buf_init(&p->issuer, CERT_MAX);
    buf_init(&p->leaf, CERT_MAX);
    test_draft_ca(&spec, issuer);
    test_issue(&spec, issuer, &p->issuer);
    test_draft(&spec, KEY_ED25519, issuer);
    test_issue(&spec, issuer, &p->leaf);
    ocsp_place_delegate(p, NULL, &p->delegate);
    p->issuer_x = ocsp_x509(buf_slice(&p->issuer));
    p->leaf_x = ocsp_x509(buf_slice(&p->leaf));
}

void ocsp_place_free(struct ocsp_place *p)
{
    X509_free(p->issuer_x);
    X509_free(p->leaf_x);
    buf_free(&p->issuer);
    buf_free(&p->leaf);
    buf_free(&p->delegate);
}

void ocsp_request_der(OCSP_REQUEST *r, struct buf *out)
{
    unsigned char *der = NULL;
    int n = i2d_OCSP_REQUEST(r, &der);

    assert_true(n > 0);
    buf_reset(out);
    buf_put(out, der, (size_t)n);
    OPENSSL_free(der);
}

static ASN1_INTEGER *integer(const uint8_t serial[SERIAL_LEN])
{
    BIGNUM *bn = BN_bin2bn(serial, SERIAL_LEN, NULL);
    ASN1_INTEGER *i = BN_to_ASN1_INTEGER(bn, NULL);

    assert_non_null(i);
    BN_free(bn);
    return i;
}

void ocsp_place_request(const struct ocsp_place *p, const EVP_MD *md,
                        const uint8_t (*serial)[SERIAL_LEN], size_t n, size_t nonce,
                        struct buf *out)
{
    uint8_t octets[256];
    OCSP_REQUEST *r = OCSP_REQUEST_new();

    random_bytes(octets, sizeof(octets));
    for (size_t i = 0; i < n; i++) {
        ASN1_INTEGER *number = integer(serial[i]);

        assert_non_null(OCSP_request_add0_id(
            r, OCSP_cert_id_new(md, X509_get_subject_name(p->issuer_x),
                                X509_get0_pubkey_bitstr(p->issuer_x), number)));
        ASN1_INTEGER_free(number);
    }
    if (nonce > 0)
        assert_int_equal(OCSP_request_add1_nonce(r, octets, (int)nonce), 1);
    ocsp_request_der(r, out);
    OCSP_REQUEST_free(r);
}

OCSP_BASICRESP *ocsp_verified(const struct ocsp_place *p, struct slice answer)
{
    const unsigned char *at = answer.p;
    OCSP_RESPONSE *r = d2i_OCSP_RESPONSE(NULL, &at, (long)answer.n);
    X509_STORE *store = X509_STORE_new();
    OCSP_BASICRESP *basic;

    assert_non_null(r);
    assert_ptr_equal(at, answer.p + answer.n);
    assert_int_equal(OCSP_response_status(r), OCSP_RESPONSE_STATUS_SUCCESSFUL);
    basic = OCSP_response_get1_basic(r);
    assert_non_null(basic);
    assert_int_equal(X509_STORE_add_cert(store, p->issuer_x), 1);
    X509_VERIFY_PARAM_set_time(X509_STORE_get0_param(store), TEST_NOW);
    assert_int_equal(OCSP_basic_verify(basic, NULL, store, 0), 1);
    X509_STORE_free(store);
    OCSP_RESPONSE_free(r);
    return basic;
}

static int64_t seconds(const ASN1_GENERALIZEDTIME *t)
{
    struct tm tm;

    if (t == NULL)
        return 0;
    assert_int_equal(ASN1_TIME_to_tm(t, &tm), 1);
    return timegm(&tm);
}

void ocsp_look(const struct ocsp_place *p, struct slice answer, size_t at, struct ocsp_seen *out)
{
    OCSP_BASICRESP *basic = ocsp_verified(p, answer);
    OCSP_SINGLERESP *single = OCSP_resp_get0(basic, (int)at);
    ASN1_GENERALIZEDTIME *revoked = NULL, *this_update, *next_update, *cutoff;
    int nonce = OCSP_BASICRESP_get_ext_by_NID(basic, NID_id_pkix_OCSP_Nonce, -1);

    assert_non_null(single);
    buf_init(&out->nonce, 256);
    out->reason = -1;
    out->status =
        OCSP_single_get0_status(single, &out->reason, &revoked, &this_update, &next_update);
    out->revoked_at = seconds(revoked);
    out->this_update = seconds(this_update);
    out->next_update = seconds(next_update);
    cutoff = OCSP_SINGLERESP_get1_ext_d2i(single, NID_id_pkix_OCSP_archiveCutoff, NULL, NULL);
    out->archive_cutoff = seconds(cutoff);
    ASN1_GENERALIZEDTIME_free(cutoff);
    if (nonce >= 0) {
        ASN1_OCTET_STRING *v = X509_EXTENSION_get_data(OCSP_BASICRESP_get_ext(basic, nonce));

        buf_put(&out->nonce, ASN1_STRING_get0_data(v) + 2, (size_t)ASN1_STRING_length(v) - 2);
    }
    OCSP_BASICRESP_free(basic);
}
