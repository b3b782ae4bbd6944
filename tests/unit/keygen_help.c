#include "tests/unit/keygen_help.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/x509.h>
/* OpenSSL's numbers for key usage are not ours. */
#undef KU_DIGITAL_SIGNATURE
#undef KU_KEY_ENCIPHERMENT
#undef KU_DATA_ENCIPHERMENT
#undef KU_KEY_AGREEMENT
#undef KU_KEY_CERT_SIGN
#undef KU_CRL_SIGN

#include "est/body.h"
#include "tests/unit/x509_help.h"

static void pkcs8_of(enum key_type t, struct buf *out)
{
    PKCS8_PRIV_KEY_INFO *p8 = EVP_PKEY2PKCS8(test_key(t));
    uint8_t *p = NULL;
    int n = i2d_PKCS8_PRIV_KEY_INFO(p8, &p);

    assert_true(n > 0);
    buf_init(out, KEYGEN_KEY_MAX);
    buf_put(out, p, (size_t)n);
    OPENSSL_free(p);
    PKCS8_PRIV_KEY_INFO_free(p8);
}

void people_open(struct people *p, enum key_type recipient, uint16_t key_usage)
{
    struct tbs_spec spec;

    memset(p, 0, sizeof(*p));
    buf_init(&p->ca, EST_BODY_MAX);
    buf_init(&p->signer, EST_BODY_MAX);
    buf_init(&p->recipient, EST_BODY_MAX);
    test_draft_ca(&spec, KEY_P256);
    test_issue(&spec, KEY_P256, &p->ca);
    test_draft(&spec, KEY_P384, KEY_P256);
    test_issue(&spec, KEY_P256, &p->signer);
    test_draft(&spec, recipient, KEY_P256);
    spec.key_usage = key_usage;
    test_issue(&spec, KEY_P256, &p->recipient);
    pkcs8_of(KEY_ED25519, &p->key);
    pkcs8_of(KEY_P384, &p->signer_key);
    pkcs8_of(recipient, &p->recipient_key);
    p->seal = (struct keygen_seal){
        .key = buf_slice(&p->key),
        .recipient = buf_slice(&p->recipient),
        .signer = buf_slice(&p->signer),
        .signer_key = buf_slice(&p->signer_key),
    };
}

void people_close(struct people *p)
{
    buf_free(&p->ca);
    buf_free(&p->signer);
    buf_free(&p->recipient);
    buf_free(&p->key);
    buf_free(&p->signer_key);
    buf_free(&p->recipient_key);
}
