/* Certificate revocation lists (lib/crl.h), and the agent's judgement of one; against OpenSSL. */
#include <stdlib.h>

#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "agent/trust/inner.h"
#include "lib/crl.h"
#include "lib/name.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/peer.h"

#define NOW 1800000000

/* Octets one by one as well as all at once come out the same. */
struct source {
    struct slice rest;
    size_t most;
};

static int64_t take(void *arg, uint8_t *out, size_t max)
{
    struct source *s = arg;

    return crl_memory_read(&s->rest, out, max < s->most ? max : s->most);
}

static void check_entry(const struct crl_entry *e, X509_CRL *x, int i)
{
    X509_REVOKED *r = sk_X509_REVOKED_value(X509_CRL_get_REVOKED(x), i);
    ASN1_ENUMERATED *reason;

    FUZZ_CHECK(r != NULL);
    FUZZ_CHECK(
        peer_same_number(slice_of(e->serial, e->serial_len), X509_REVOKED_get0_serialNumber(r)));
    FUZZ_CHECK(peer_same_time(e->revoked, X509_REVOKED_get0_revocationDate(r)));
    reason = X509_REVOKED_get_ext_d2i(r, NID_crl_reason, NULL, NULL);
    FUZZ_CHECK(reason == NULL ? e->reason == 0 : ASN1_ENUMERATED_get(reason) == e->reason);
    ASN1_ENUMERATED_free(reason);
}

static void check_peer(const struct crl_info *i, X509_CRL *x)
{
    const ASN1_BIT_STRING *signature;
    const X509_ALGOR *alg;
    ASN1_INTEGER *number;

    FUZZ_CHECK(peer_same(i->issuer, (peer_writer)i2d_X509_NAME, X509_CRL_get_issuer(x)));
    FUZZ_CHECK(peer_same_time(i->this_update, X509_CRL_get0_lastUpdate(x)));
    if (i->next_update != 0)
        FUZZ_CHECK(peer_same_time(i->next_update, X509_CRL_get0_nextUpdate(x)));
    X509_CRL_get0_signature(x, &signature, &alg);
    FUZZ_CHECK(slice_eq(i->signature, slice_of(signature->data, (size_t)signature->length)));
    number = X509_CRL_get_ext_d2i(x, NID_crl_number, NULL, NULL);
    FUZZ_CHECK((number != NULL) == i->has_number);
    if (number != NULL) {
        uint64_t n;

        FUZZ_CHECK(ASN1_INTEGER_get_uint64(&n, number) == 1 && n == i->number);
    }
    ASN1_INTEGER_free(number);
}

/* All of it; `x`: compared with that. */
static int read_all(struct slice in, size_t most, X509_CRL *x, struct fault *f)
{
    struct source s = {in, most};
    struct crl_input input = {.read = take, .arg = &s, .size = in.n};
    struct crl_reader *r = NULL;
    struct crl_entry e;
    int n = 0, rc = crl_read_begin(&input, &r, f);

    while (rc == 0 && (rc = crl_read_entry(r, &e, NULL, f)) == 1) {
        FUZZ_CHECK(e.serial_len <= CRL_SERIAL_MAX);
        if (x != NULL)
            check_entry(&e, x, n);
        n++;
        rc = 0;
    }
    if (rc == 0)
        rc = crl_read_end(r, f);
    if (rc == 0) {
        FUZZ_CHECK(crl_read_info(r)->entries == (uint64_t)n);
        if (x != NULL)
            check_peer(crl_read_info(r), x);
    } else {
        fuzz_refused(rc, f);
    }
    crl_reader_free(r);
    return rc;
}

/* An issuer's name is compared, not read. */
static bool has_odd_issuer(struct slice in)
{
    struct crl_input input = {.read = crl_memory_read, .arg = &in, .size = in.n};
    struct crl_reader *r = NULL;
    struct fault f;
    bool odd = crl_read_begin(&input, &r, &f) != 0 ||
               name_check(crl_read_info(r)->issuer, NULL, NULL, &f) != 0;

    crl_reader_free(r);
    return odd;
}

static void check_agent(struct slice in)
{
    struct trust_item item = {0};
    struct fault f;
    struct buf der;

    buf_init(&der, in.n + 1);
    buf_put_slice(&der, in);
    if (trust_check_crl(&der, SLICE_NONE, NOW, &item, &f) < 0)
        FUZZ_CHECK(f.code != FAULT_NONE);
    buf_free(&der);
}

static void run(struct slice in)
{
    struct fault f, g;
    int rc = read_all(in, in.n, NULL, &f), slow = read_all(in, 1, NULL, &g);

    FUZZ_CHECK(rc == slow);
    check_agent(in);
    if (rc == 0) {
        const unsigned char *p = in.p;
        X509_CRL *x = d2i_X509_CRL(NULL, &p, (long)in.n);

        if (x == NULL && has_odd_issuer(in))
            return;
        peer_takes(x, p, in);
        FUZZ_CHECK(read_all(in, 7, x, &f) == 0);
        X509_CRL_free(x);
    }
}

const struct fuzz_target fuzz_target = {.form = FUZZ_DER, .run = run};
