/*
 * What an EST client makes of the answer to its request (client/estanswer.c, all of it): media
 * type, body, the CAs' certificates, a key that the server made, in an envelope or not. The first
 * octet says how it was asked for, the answers follow (tests/fuzz/transport.h). What is taken is
 * a certificate of the very key that is kept, with its chain.
 */
#include <stdlib.h>
#include <string.h>

#include "client/estenroll.h"
#include "est/body.h"
#include "est/certs.h"
#include "est/keygen.h"
#include "lib/pem.h"
#include "tests/fuzz/issuer.h"
#include "tests/fuzz/transport.h"

enum { SIGNER = 2, OWN = 3, MADE = 4, OPENER = 5 }; /* keys */

static char *opener_file;
static struct buf issuer, own, made;

static void check_taken(const struct enrollment *e, const struct cert *leaf)
{
    static const char *const labels[] = {"CERTIFICATE", NULL};
    struct slice pem = buf_slice(&e->pem);
    struct buf spki, room;
    struct fault f;

    buf_init(&spki, 4096);
    buf_init(&room, CERT_MAX);
    FUZZ_CHECK(signkey_public(e->key, &spki, &f) == 0);
    FUZZ_CHECK(slice_eq(leaf->key.der, buf_slice(&spki)));
    FUZZ_CHECK(pem_next(&pem, labels, NULL, &room, &f) == 0);
    FUZZ_CHECK(slice_eq(buf_slice(&room), leaf->der));
    buf_free(&spki);
    buf_free(&room);
}

static void run(struct slice in)
{
    static struct cert leaf;
    struct est_enroll_args args = {.est = {.url = "https://est.example"}};
    const struct est_caller caller = {.timeout = 10};
    uint8_t how = fuzz_octet(&in);
    struct est_call call = {.op = how % 2 == 0 ? EST_SIMPLEENROLL : EST_SERVERKEYGEN,
                            .body = slice_str("MAA=")};
    struct enrollment e;
    struct fault f;
    int rc;

    if ((how & 2) != 0)
        args.open_key = opener_file;
    if ((how & 4) != 0)
        args.open_cert = opener_file;
    enrollment_init(&e, &args, call.op);
    e.key = fuzz_key(OWN);
    fuzz_spki(OWN, &e.spki);
    transport_feed(in);
    rc = est_open(&e.est, &caller, &args.est, true, &f);
    FUZZ_CHECK(rc == 0);
    rc = est_call(&e.est, &call, &f);
    if (rc == 0)
        rc = enrollment_take(&e, &leaf, &f);
    if (rc != 0)
        fuzz_refused(rc, &f);
    else
        check_taken(&e, &leaf);
    enrollment_free(&e);
}

/* ---- what there is to begin with ---- */

static void put_certificate(uint8_t key, const char *subject, const char *const (*extensions)[2],
                            struct buf *out)
{
    X509 *above = fuzz_issuer();
    X509 *x = fuzz_certificate(&(struct fuzz_certificate){
        .subject = subject, .key = key, .signer = 1, .above = above, .extensions = extensions});

    buf_init(out, 4096);
    fuzz_der(x, out);
    X509_free(x);
    X509_free(above);
}

static void end(void)
{
    free(opener_file);
    buf_free(&issuer);
    buf_free(&own);
    buf_free(&made);
}

static void begin(void)
{
    static const char *const leaf[][2] = {
        {"keyUsage", "critical,digitalSignature"}, {"subjectKeyIdentifier", "hash"}, {NULL, NULL}};
    EVP_PKEY *key = fuzz_key(OPENER);
    X509 *x = fuzz_issuer();
    struct fault f;
    struct buf pem;

    buf_init(&pem, 4096);
    FUZZ_CHECK(signkey_pem(key, &pem, &f) == 0);
    opener_file = xstrdup(fuzz_file("opener.key", buf_slice(&pem)));
    buf_free(&pem);
    EVP_PKEY_free(key);
    buf_init(&issuer, 4096);
    fuzz_der(x, &issuer);
    X509_free(x);
    put_certificate(OWN, "own.example", leaf, &own);
    put_certificate(MADE, "made.example", leaf, &made);
    (void)atexit(end);
}

/* Status 200, a media type of transport.c, no time to wait, no redirection. */
static void put_answer(struct buf *out, uint8_t type, struct slice body)
{
    buf_put_u8(out, 0);
    buf_put_u8(out, type);
    buf_put_u8(out, 0);
    buf_put_u8(out, 0);
    buf_put_u8(out, (uint8_t)(body.n >> 8));
    buf_put_u8(out, (uint8_t)body.n);
    buf_put_slice(out, body);
}

/* With the boundary that transport.c says. */
static void put_parts(struct buf *out, struct slice body)
{
    struct buf b;

    buf_init(&b, KEYGEN_BODY_MAX);
    while (body.n > 0) {
        const uint8_t *at = memmem(body.p, body.n, KEYGEN_BOUNDARY, strlen(KEYGEN_BOUNDARY));
        size_t n = at == NULL ? body.n : (size_t)(at - body.p);

        buf_put(&b, body.p, n);
        if (at != NULL) {
            buf_put_str(&b, "x");
            n += strlen(KEYGEN_BOUNDARY);
        }
        body = slice_of(body.p + n, body.n - n);
    }
    put_answer(out, 2, buf_slice(&b));
    buf_free(&b);
}

static void put_certs(const struct slice *cert, size_t n, struct buf *der)
{
    buf_init(der, EST_BODY_MAX);
    certs_put(der, cert, n);
}

static void put_key(uint8_t number, struct buf *der)
{
    EVP_PKEY *key = fuzz_key(number);
    struct fault f;

    buf_init(der, 4096);
    FUZZ_CHECK(signkey_der(key, der, &f) == 0);
    EVP_PKEY_free(key);
}

/* MADE for who has OPENER, signed by SIGNER. */
static void put_envelope(struct buf *out)
{
    static const char *const opens[][2] = {
        {"keyUsage", "critical,keyAgreement"}, {"subjectKeyIdentifier", "hash"}, {NULL, NULL}};
    static const char *const signs[][2] = {
        {"keyUsage", "critical,digitalSignature"}, {"subjectKeyIdentifier", "hash"}, {NULL, NULL}};
    struct buf key, recipient, signer, signer_key;
    const struct slice chain = buf_slice(&issuer);
    struct keygen_seal s = {.chain = &chain, .n_chain = 1};
    struct fault f;

    put_key(MADE, &key);
    put_key(SIGNER, &signer_key);
    put_certificate(OPENER, "opener.example", opens, &recipient);
    put_certificate(SIGNER, "signer.example", signs, &signer);
    s.key = buf_slice(&key);
    s.recipient = buf_slice(&recipient);
    s.signer = buf_slice(&signer);
    s.signer_key = buf_slice(&signer_key);
    buf_init(out, EST_BODY_MAX);
    if (keygen_seal(&s, out, &f) != 0)
        fuzz_wrong(__FILE__, __LINE__, f.text);
    buf_free(&key);
    buf_free(&recipient);
    buf_free(&signer);
    buf_free(&signer_key);
}

/* An enrollment, a key as it is, a key in an envelope; each with the CAs' certificates. */
static bool seed(size_t i, struct buf *out)
{
    static const uint8_t hows[] = {0, 1, 3};
    struct slice leaf = buf_slice(i == 0 ? &own : &made);
    const struct slice above = buf_slice(&issuer);
    struct buf certs, cas, key, body, text;

    if (i >= sizeof(hows))
        return false;
    put_certs(&leaf, 1, &certs);
    put_certs(&above, 1, &cas);
    buf_init(&body, KEYGEN_BODY_MAX);
    buf_put_u8(out, hows[i]);
    if (i == 0) {
        est_body_put(&body, buf_slice(&certs));
        put_answer(out, 0, buf_slice(&body));
    } else {
        if (i == 1)
            put_key(MADE, &key);
        else
            put_envelope(&key);
        keygen_answer_put(&body, buf_slice(&key), i == 2, buf_slice(&certs));
        buf_free(&key);
        put_parts(out, buf_slice(&body));
    }
    buf_init(&text, EST_BODY_MAX);
    est_body_put(&text, buf_slice(&cas));
    put_answer(out, 0, buf_slice(&text));
    buf_free(&text);
    buf_free(&body);
    buf_free(&certs);
    buf_free(&cas);
    return true;
}

const struct fuzz_target fuzz_target = {
    .form = FUZZ_OCTETS, .begin = begin, .run = run, .seed = seed};
