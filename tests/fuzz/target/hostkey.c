/*
 * What cerca-agent-key is asked to sign with a host's key (hostkey/content.h): an octet for the
 * algorithm, then the content. What it signs is a request for that key, as OpenSSL reads it, or a
 * TLS 1.3 client's handshake; never a certificate or what is that of a server.
 */
#include <string.h>

#include <openssl/x509.h>

#include "hostkey/content.h"
#include "lib/der.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/issuer.h"

#define HANDSHAKE (64 + 33 + 1) /* in front of its hash (RFC 8446 4.4.3) */

static struct buf spki;
static struct spki key;

static void begin(void)
{
    struct fault f;

    buf_init(&spki, 256);
    fuzz_spki(1, &spki);
    FUZZ_CHECK(spki_parse(buf_slice(&spki), &key, &f) == 0);
}

/* With an algorithm and a signature around it. */
static void check_request(struct slice info)
{
    static const uint8_t signature[] = {0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
                                        0x3d, 0x04, 0x03, 0x02, 0x03, 0x02, 0x00, 0x00};
    unsigned char *theirs = NULL;
    const unsigned char *p;
    struct der_mark m;
    struct buf der;
    X509_REQ *x;
    int n;

    buf_init(&der, info.n + 64);
    m = der_open(&der, DER_SEQUENCE);
    buf_put_slice(&der, info);
    buf_put(&der, signature, sizeof(signature));
    der_close(&der, m);
    p = der.p;
    x = d2i_X509_REQ(NULL, &p, (long)der.n);
    FUZZ_CHECK(x != NULL && p == der.p + der.n);
    n = i2d_X509_PUBKEY(X509_REQ_get_X509_PUBKEY(x), &theirs);
    FUZZ_CHECK(n > 0 && slice_eq(slice_of(theirs, (size_t)n), buf_slice(&spki)));
    OPENSSL_free(theirs);
    X509_REQ_free(x);
    buf_free(&der);
}

static void run(struct slice in)
{
    enum sig_alg alg = (enum sig_alg)(fuzz_octet(&in) % (SIG_ED25519 + 1));
    struct fault f;
    int rc = content_check(in, &key, alg, &f);

    if (rc != 0) {
        fuzz_refused(rc, &f);
        return;
    }
    FUZZ_CHECK(sig_alg_fits(alg, key.type));
    if (in.p[0] == ' ')
        FUZZ_CHECK(in.n == HANDSHAKE + 32 || in.n == HANDSHAKE + 48);
    else
        check_request(in);
}

static bool seed(size_t i, struct buf *out)
{
    X509_REQ *x = X509_REQ_new();
    EVP_PKEY *own = fuzz_key(i == 2 ? 2 : 1);
    unsigned char *der = NULL;
    int n;

    buf_put_u8(out, SIG_ECDSA_SHA256);
    if (i == 0) {
        memset(buf_grow(out, 64), ' ', 64);
        buf_put_str(out, "TLS 1.3, client CertificateVerify");
        memset(buf_grow(out, 33), 0, 33);
    } else {
        FUZZ_CHECK(X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(x), "CN", MBSTRING_ASC,
                                              (const uint8_t *)"a.example", -1, -1, 0) == 1);
        FUZZ_CHECK(X509_REQ_set_pubkey(x, own) == 1);
        n = i2d_re_X509_REQ_tbs(x, &der);
        FUZZ_CHECK(n > 0);
        buf_put(out, der, (size_t)n);
        OPENSSL_free(der);
    }
    EVP_PKEY_free(own);
    X509_REQ_free(x);
    return i < 3;
}

const struct fuzz_target fuzz_target = {
    .form = FUZZ_TAGGED_DER, .begin = begin, .run = run, .seed = seed};
