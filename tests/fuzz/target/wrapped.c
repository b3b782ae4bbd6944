/*
 * What comes in whatever wrapping people and servers have it, by the first octet: CA certificates
 * of a source (agent/trust/ca.c) below our issuer, certification requests in files
 * (client/csrfile.h). What is believed is a certificate that OpenSSL reads; an expired one is none.
 */
#include <stdlib.h>

#include "agent/trust/inner.h"
#include "client/csrfile.h"
#include "lib/pem.h"
#include "tests/fuzz/issuer.h"
#include "tests/fuzz/fuzz.h"

#define NOW 1800000000
#define ROOM ((size_t)1 << 17)

static struct buf anchor, below;

static void check_ca(struct slice in)
{
    static char name[] = "source";
    static const struct trust_source source = {.name = name};
    static struct trust_item item;
    struct slice rest, one;
    time_t now = NOW;
    struct buf out;
    struct fault f;
    int rc;

    buf_init(&out, (size_t)TRUST_CAS_MAX * ROOM);
    item.source = &source;
    rc = trust_check_ca(in, buf_slice(&anchor), NOW, &out, &item, &f);
    rest = buf_slice(&out);
    if (rc != 0)
        fuzz_refused(rc, &f);
    else
        FUZZ_CHECK(out.n > 0);
    while (rc == 0 && trust_next_cert(&rest, &one, &f) == 0) {
        const unsigned char *p = one.p;
        X509 *x = d2i_X509(NULL, &p, (long)one.n);

        FUZZ_CHECK(x != NULL && p == one.p + one.n);
        FUZZ_CHECK(X509_cmp_time(X509_get0_notAfter(x), &now) > 0);
        X509_free(x);
    }
    FUZZ_CHECK(rest.n == 0 || rc != 0);
    buf_free(&out);
}

static void check_csr(struct slice in)
{
    struct buf der;
    struct fault f;
    int rc;

    buf_init(&der, ROOM);
    rc = csrfile_read(fuzz_file("csr", in), &der, &f);
    if (rc != 0)
        fuzz_refused(rc, &f);
    else
        FUZZ_CHECK(der.n > 0);
    buf_free(&der);
}

static void end(void)
{
    buf_free(&anchor);
    buf_free(&below);
}

static void begin(void)
{
    static const char *const extensions[][2] = {{"basicConstraints", "critical,CA:TRUE"},
                                                {"keyUsage", "critical,keyCertSign"},
                                                {"subjectKeyIdentifier", "hash"},
                                                {NULL, NULL}};
    X509 *issuer = fuzz_issuer();
    X509 *x = fuzz_certificate(&(struct fuzz_certificate){
        .subject = "Below", .key = 2, .signer = 1, .above = issuer, .extensions = extensions});

    buf_init(&anchor, 4096);
    buf_init(&below, 4096);
    fuzz_der(issuer, &anchor);
    fuzz_der(x, &below);
    X509_free(issuer);
    X509_free(x);
    (void)atexit(end);
}

static void run(struct slice in)
{
    if (fuzz_octet(&in) % 2 == 0)
        check_ca(in);
    else
        check_csr(in);
}

/* One below the issuer as DER, PEM and base64; a request's label around it. */
static bool seed(size_t i, struct buf *out)
{
    buf_put_u8(out, i == 3);
    if (i == 0)
        buf_put_slice(out, buf_slice(&below));
    else if (i == 1)
        pem_put(out, "CERTIFICATE", buf_slice(&below));
    else if (i == 2)
        base64_put(out, buf_slice(&below), 64);
    else
        pem_put(out, "CERTIFICATE REQUEST", buf_slice(&below));
    return i < 4;
}

const struct fuzz_target fuzz_target = {
    .form = FUZZ_TAGGED_DER, .begin = begin, .run = run, .seed = seed};
