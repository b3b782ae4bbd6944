/* Keys that are elsewhere: OpenSSL uses them for requests and handshakes, and who has them signs
 * nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "client/awaykey.h"
#include "client/signkey.h"
#include "hostkey/content.h"
#include "lib/csr.h"
#include "lib/name.h"
#include "lib/proto_hostkey.h"
#include "lib/tbs.h"

/* ---- who has the private half: as cerca-agent-key, with a key of OpenSSL as token ---- */

struct holder {
    EVP_PKEY *key;
    struct buf spki;
    struct spki parsed;
    struct awaykey away;
    EVP_PKEY *as; /* what OpenSSL sees */
    int asked;
    char refused[64];
};

static int sign(void *arg, enum sig_alg alg, struct slice content, struct buf *out, struct fault *f)
{
    struct holder *h = arg;
    uint8_t signature[SIGNATURE_MAX];
    size_t n = sizeof(signature);
    const EVP_MD *md = sig_alg_hash_len(alg) == 48 ? EVP_sha384() : EVP_sha256();
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *how = NULL;

    h->asked++;
    if (content_check(content, &h->parsed, alg, f) != 0) {
        memcpy(h->refused, f->rule, sizeof(h->refused));
        EVP_MD_CTX_free(ctx);
        return -(int)f->code;
    }
    assert_int_equal(EVP_DigestSignInit(ctx, &how, md, NULL, h->key), 1);
    if (alg >= SIG_RSA_PSS_SHA256) {
        assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PSS_PADDING), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(how, RSA_PSS_SALTLEN_DIGEST), 1);
    }
    assert_int_equal(EVP_DigestSign(ctx, signature, &n, content.p, content.n), 1);
    buf_put(out, signature, n);
    EVP_MD_CTX_free(ctx);
    return 0;
}

static void open_holder(struct holder *h, const char *type)
{
    struct fault f = {0};

    memset(h, 0, sizeof(*h));
    buf_init(&h->spki, 4096);
    assert_int_equal(signkey_make(type, &h->key, &f), 0);
    assert_int_equal(signkey_public(h->key, &h->spki, &f), 0);
    assert_int_equal(spki_parse(buf_slice(&h->spki), &h->parsed, &f), 0);
    assert_int_equal(awaykey_open(&h->away, buf_slice(&h->spki), sign, h, &h->as, &f), 0);
}

static void close_holder(struct holder *h)
{
    EVP_PKEY_free(h->as);
    awaykey_close(&h->away);
    EVP_PKEY_free(h->key);
    buf_free(&h->spki);
}

/* ---- requests ---- */

static void put_info(struct slice spki, struct buf *info)
{
    struct buf subject;
    struct fault f = {0};

    buf_init(&subject, NAME_DER_MAX);
    assert_int_equal(name_parse("CN=host.test", &subject, &f), 0);
    const struct tbs_spec spec = {
        .subject = buf_slice(&subject), .spki = spki, .key_usage = KU_DIGITAL_SIGNATURE};
    csr_info_put(info, &spec);
    buf_free(&subject);
}

static void a_request_is_signed_elsewhere(void **state)
{
    static const char *const types[] = {"p256", "p384", "rsa2048"};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct buf info, csr, public;
        struct fault f = {0};
        struct csr parsed;
        struct holder h;

        open_holder(&h, types[i]);
        buf_init(&info, CSR_MAX);
        buf_init(&csr, CSR_MAX);
        buf_init(&public, 4096);
        put_info(buf_slice(&h.spki), &info);
        assert_int_equal(signkey_public(h.as, &public, &f), 0);
        assert_true(slice_eq(buf_slice(&public), buf_slice(&h.spki)));
        assert_int_equal(signkey_request(h.as, buf_slice(&info), &csr, &f), 0);
        assert_int_equal(csr_parse(buf_slice(&csr), &parsed, &f), 0);
        assert_int_equal(csr_verify(&parsed, &f), 0);
        assert_int_equal(h.asked, 1);
        buf_free(&info);
        buf_free(&csr);
        buf_free(&public);
        close_holder(&h);
    }
}

/* ---- handshakes ---- */

static X509 *certificate(EVP_PKEY *key)
{
    X509 *x = X509_new();

    assert_non_null(x);
    X509_set_version(x, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -60);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                               (const unsigned char *)"host.test", -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    X509_set_pubkey(x, key);
    assert_true(X509_sign(x, key, EVP_sha256()) > 0);
    return x;
}

static int anybody(int ok, X509_STORE_CTX *ctx)
{
    (void)ok;
    (void)ctx;
    return 1;
}

static SSL *end(const SSL_METHOD *method, X509 *x, EVP_PKEY *key, int version)
{
    SSL_CTX *ctx = SSL_CTX_new(method);
    SSL *ssl;

    SSL_CTX_set_max_proto_version(ctx, version);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, anybody);
    assert_int_equal(SSL_CTX_use_certificate(ctx, x), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(ctx, key), 1);
    ssl = SSL_new(ctx);
    SSL_CTX_free(ctx);
    return ssl;
}

/* Client and server by turns. */
static bool shake(SSL *client, SSL *server)
{
    BIO *one, *other;

    assert_int_equal(BIO_new_bio_pair(&one, 65536, &other, 65536), 1);
    SSL_set_bio(client, one, one);
    SSL_set_bio(server, other, other);
    SSL_set_connect_state(client);
    SSL_set_accept_state(server);
    for (int i = 0; i < 20; i++) {
        int a = SSL_do_handshake(client), b = SSL_do_handshake(server);

        if (a == 1 && b == 1)
            return true;
    }
    return false;
}

static bool handshake(struct holder *h, int version)
{
    EVP_PKEY *server_key;
    struct fault f = {0};
    X509 *mine = certificate(h->key), *other, *seen;
    SSL *client, *server;
    bool ok;

    assert_int_equal(signkey_make("p256", &server_key, &f), 0);
    other = certificate(server_key);
    client = end(TLS_client_method(), mine, h->as, version);
    server = end(TLS_server_method(), other, server_key, version);
    ok = shake(client, server);
    seen = ok ? SSL_get1_peer_certificate(server) : NULL;
    assert_true(!ok || (seen != NULL && X509_cmp(seen, mine) == 0));
    X509_free(seen);
    SSL_free(client);
    SSL_free(server);
    X509_free(mine);
    X509_free(other);
    EVP_PKEY_free(server_key);
    return ok;
}

static void a_client_of_tls_13_shows_itself(void **state)
{
    static const char *const types[] = {"p256", "p384", "rsa2048"};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct holder h;

        open_holder(&h, types[i]);
        assert_true(handshake(&h, TLS1_3_VERSION));
        assert_int_equal(h.asked, 1);
        assert_string_equal(h.refused, "");
        close_holder(&h);
    }
}

static void of_tls_12_it_does_not(void **state)
{
    struct holder h;

    (void)state;
    open_holder(&h, "p256");
    assert_false(handshake(&h, TLS1_2_VERSION));
    assert_string_equal(h.refused, "hostkey.content");
    assert_string_equal(h.away.why.rule, "hostkey.content");
    close_holder(&h);
}

/* A certificate that does not belong to the key is found by OpenSSL, as for any other. */
static void another_certificate_is_not_its(void **state)
{
    struct holder h, other;
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    X509 *x;

    (void)state;
    open_holder(&h, "p256");
    open_holder(&other, "p256");
    x = certificate(other.key);
    assert_int_equal(SSL_CTX_use_certificate(ctx, x), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(ctx, h.as), 0);
    X509_free(x);
    SSL_CTX_free(ctx);
    close_holder(&h);
    close_holder(&other);
}

/* ---- what is refused ---- */

static void refused(const struct holder *h, enum sig_alg alg, struct slice content,
                    const char *rule)
{
    struct fault f = {0};

    assert_int_equal(content_check(content, &h->parsed, alg, &f), -FAULT_DENIED);
    assert_string_equal(f.rule, rule);
}

static size_t verify_content(const char *context, size_t hash, uint8_t out[256])
{
    size_t n = strlen(context) + 1;

    memset(out, 0x20, 64);
    memcpy(out + 64, context, n);
    memset(out + 64 + n, 0x5a, hash);
    return 64 + n + hash;
}

static void nothing_else_is_signed(void **state)
{
    static const char client[] = "TLS 1.3, client CertificateVerify";
    uint8_t c[256], info_twice[4096];
    struct holder h, other;
    struct fault f = {0};
    struct buf info;
    size_t n;

    (void)state;
    open_holder(&h, "p256");
    open_holder(&other, "p256");
    buf_init(&info, CSR_MAX);
    n = verify_content(client, 32, c);
    assert_int_equal(content_check(slice_of(c, n), &h.parsed, SIG_ECDSA_SHA256, &f), 0);
    refused(&h, SIG_ECDSA_SHA256, slice_of(c, n - 1), "hostkey.content");
    refused(&h, SIG_ECDSA_SHA256, slice_of(c, n + 1), "hostkey.content");
    refused(&h, SIG_RSA_PSS_SHA256, slice_of(c, n), "hostkey.algorithm");
    refused(&h, SIG_NONE, slice_of(c, n), "hostkey.algorithm");
    c[0] = 0x21;
    refused(&h, SIG_ECDSA_SHA256, slice_of(c, n), "hostkey.content");
    n = verify_content("TLS 1.3, server CertificateVerify", 32, c);
    refused(&h, SIG_ECDSA_SHA256, slice_of(c, n), "hostkey.content");
    refused(&h, SIG_ECDSA_SHA256, SLICE_NONE, "hostkey.content");
    refused(&h, SIG_ECDSA_SHA256, slice_of(c, 32), "hostkey.content");

    put_info(buf_slice(&other.spki), &info);
    refused(&h, SIG_ECDSA_SHA256, buf_slice(&info), "hostkey.content");
    buf_reset(&info);
    put_info(buf_slice(&h.spki), &info);
    assert_int_equal(content_check(buf_slice(&info), &h.parsed, SIG_ECDSA_SHA256, &f), 0);
    for (n = 0; n < info.n; n++)
        refused(&h, SIG_ECDSA_SHA256, slice_of(info.p, n), "hostkey.content");
    memcpy(info_twice, info.p, info.n);
    info_twice[info.n] = 0;
    refused(&h, SIG_ECDSA_SHA256, slice_of(info_twice, info.n + 1), "hostkey.content");
    buf_free(&info);
    close_holder(&h);
    close_holder(&other);
}

static void rsa_signs_handshakes_by_pss_alone(void **state)
{
    struct fault f = {0};
    uint8_t c[256];
    struct holder h;
    size_t n = verify_content("TLS 1.3, client CertificateVerify", 48, c);

    (void)state;
    open_holder(&h, "rsa2048");
    refused(&h, SIG_RSA_SHA256, slice_of(c, n), "hostkey.algorithm");
    assert_int_equal(content_check(slice_of(c, n), &h.parsed, SIG_RSA_PSS_SHA384, &f), 0);
    close_holder(&h);
}

static void messages_come_back_as_they_were(void **state)
{
    struct hostkey_ask in = {.uri = "pkcs11:token=t;id=%01",
                             .type = "p256",
                             .alg = SIG_ECDSA_SHA384},
                       out;
    struct slice octets;
    struct buf b;

    (void)state;
    buf_init(&b, 65536);
    in.content = slice_str("what is signed");
    hostkey_ask_put(&b, &in);
    assert_int_equal(hostkey_ask_get(buf_slice(&b), &out), 0);
    assert_string_equal(out.uri, in.uri);
    assert_string_equal(out.type, in.type);
    assert_int_equal(out.alg, in.alg);
    assert_true(slice_eq(out.content, in.content));
    for (size_t n = 0; n < b.n; n++)
        assert_int_equal(hostkey_ask_get(slice_of(b.p, n), &out), -1);
    buf_reset(&b);
    hostkey_answer_put(&b, slice_str("signature"));
    assert_int_equal(hostkey_answer_get(buf_slice(&b), &octets), 0);
    assert_true(slice_eq(octets, slice_str("signature")));
    buf_reset(&b);
    hostkey_answer_put(&b, SLICE_NONE);
    assert_int_equal(hostkey_answer_get(buf_slice(&b), &octets), -1);
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_signed_elsewhere),
        cmocka_unit_test(a_client_of_tls_13_shows_itself),
        cmocka_unit_test(of_tls_12_it_does_not),
        cmocka_unit_test(another_certificate_is_not_its),
        cmocka_unit_test(nothing_else_is_signed),
        cmocka_unit_test(rsa_signs_handshakes_by_pss_alone),
        cmocka_unit_test(messages_come_back_as_they_were),
    };

    return cmocka_run_group_tests_name("hostkey_sign", tests, NULL, NULL);
}
