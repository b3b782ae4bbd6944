/* Certificates: the strict reader, the tolerant one, lint; against OpenSSL. */
#include <stdlib.h>
#include <string.h>

#include <openssl/x509.h>

#include "lib/anycert.h"
#include "lib/cert.h"
#include "lib/keycheck.h"
#include "lib/lint.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/peer.h"

static void count(void *arg, const struct lint_rule *rule, const char *why)
{
    FUZZ_CHECK(rule->name[0] != '\0' && why[0] != '\0');
    (*(size_t *)arg)++;
}

/* Anything may be linted, and what OpenSSL refuses is never found to be without fault. */
static void check_lint(struct slice der, const X509 *x)
{
    size_t findings = 0;

    lint_certificate(der, der, count, &findings);
    FUZZ_CHECK(x != NULL || findings > 0);
}

/* How many names there are; one that is there again does not count. */
static size_t different(const struct san_list *l)
{
    static struct san_list once;
    struct fault f;

    once.n = 0;
    for (size_t i = 0; i < l->n; i++)
        FUZZ_CHECK(san_list_add(&once, &l->item[i], &f) == 0);
    return once.n;
}

/* The tolerant reader refuses nothing that the strict one takes, and reads the same. */
static void check_tolerant(struct slice der, const struct cert *strict)
{
    static struct anycert c;
    struct anycert_key key;
    struct anycert_alg alg;
    uint8_t names[SAN_IDENTITY];
    struct fault f;
    int rc = anycert_parse(der, &c, &f);

    FUZZ_CHECK(rc == 0 || strict == NULL);
    if (rc < 0) {
        fuzz_refused(rc, &f);
        return;
    }
    anycert_names_id(&c, names);
    anycert_key(c.spki, &key);
    anycert_alg(c.sig_alg, &alg);
    FUZZ_CHECK(memchr(key.name, '\0', sizeof(key.name)) != NULL && key.name[0] != '\0');
    FUZZ_CHECK(memchr(alg.name, '\0', sizeof(alg.name)) != NULL && alg.name[0] != '\0');
    if (strict == NULL)
        return;
    FUZZ_CHECK(c.alg == strict->alg && c.key == strict->key.type && c.bits == strict->key.bits);
    FUZZ_CHECK(c.sans.n == different(&strict->sans) && c.not_after == strict->not_after);
    FUZZ_CHECK(c.ca == strict->ca && c.eku == strict->eku && !c.extensions_odd);
    FUZZ_CHECK(slice_eq(c.signature, strict->signature) && slice_eq(c.tbs, strict->tbs));
}

static void check_text(const struct cert *c)
{
    struct buf out;

    buf_init(&out, (size_t)64 * CERT_MAX);
    name_print(c->subject, &out);
    name_print(c->issuer, &out);
    for (size_t i = 0; i < c->sans.n; i++)
        san_print(&c->sans.item[i], &out);
    FUZZ_CHECK(!buf_failed(&out));
    buf_free(&out);
}

static void check_peer(const struct cert *c, X509 *x)
{
    const ASN1_BIT_STRING *signature;
    const X509_ALGOR *alg;
    GENERAL_NAMES *names;

    FUZZ_CHECK(x != NULL);
    FUZZ_CHECK(X509_get_version(x) + 1 == (long)c->version);
    FUZZ_CHECK(peer_same_number(c->serial, X509_get0_serialNumber(x)));
    FUZZ_CHECK(peer_same(c->subject, (peer_writer)i2d_X509_NAME, X509_get_subject_name(x)));
    FUZZ_CHECK(peer_same(c->issuer, (peer_writer)i2d_X509_NAME, X509_get_issuer_name(x)));
    FUZZ_CHECK(peer_same(c->key.der, (peer_writer)i2d_X509_PUBKEY, X509_get_X509_PUBKEY(x)));
    FUZZ_CHECK(peer_same_time(c->not_before, X509_get0_notBefore(x)));
    FUZZ_CHECK(peer_same_time(c->not_after, X509_get0_notAfter(x)));
    X509_get0_signature(&signature, &alg, x);
    FUZZ_CHECK(slice_eq(c->signature, slice_of(signature->data, (size_t)signature->length)));
    FUZZ_CHECK(X509_get_ext_count(x) < 0 ? c->n_extensions == 0
                                         : X509_get_ext_count(x) == (int)c->n_extensions);
    names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
    peer_same_names(names, &c->sans);
    GENERAL_NAMES_free(names);
}

static void run(struct slice in)
{
    static struct cert c;
    const unsigned char *p = in.p;
    X509 *x = d2i_X509(NULL, &p, (long)in.n);
    struct fault f;
    int rc;

    if (x != NULL && p != in.p + in.n) {
        X509_free(x);
        x = NULL;
    }
    check_lint(in, x);
    rc = cert_parse(in, &c, &f);
    check_tolerant(in, rc == 0 ? &c : NULL);
    if (rc < 0) {
        fuzz_refused(rc, &f);
    } else {
        check_peer(&c, x);
        check_text(&c);
        rc = lint_tbs(&c, &f);
        FUZZ_CHECK(rc == 0 || strncmp(f.rule, "lint.", 5) == 0);
        rc = keycheck(&c.key, &f);
        if (rc < 0)
            fuzz_refused(rc, &f);
    }
    X509_free(x);
}

const struct fuzz_target fuzz_target = {.form = FUZZ_DER, .run = run};
