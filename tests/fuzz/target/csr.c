/* Certification requests (lib/csr.h), and what EST reads out of them; against OpenSSL. */
#include <stdlib.h>

#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "est/keygen.h"
#include "est/linking.h"
#include "lib/csr.h"
#include "lib/keycheck.h"
#include "lib/oid.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/peer.h"

static void check_sans(X509_REQ *r, const struct csr *c)
{
    STACK_OF(X509_EXTENSION) *list = X509_REQ_get_extensions(r);
    GENERAL_NAMES *names = X509V3_get_d2i(list, NID_subject_alt_name, NULL, NULL);

    peer_same_names(names, &c->sans);
    GENERAL_NAMES_free(names);
    sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
}

/* One whose value OpenSSL decodes, and we leave as it is. */
static bool has_unread_attribute(const struct csr *c)
{
    size_t known = csr_find(c, oid_extension_request) != NULL ? 1 : 0;

    if (csr_find(c, oid_challenge_password) != NULL)
        known++;
    return c->n_attributes > known;
}

/* What we take OpenSSL takes, reads the same, and says the same of the signature. */
static void check_peer(struct slice der, const struct csr *c)
{
    const unsigned char *p = der.p;
    X509_REQ *r = d2i_X509_REQ(NULL, &p, (long)der.n);
    const ASN1_BIT_STRING *signature;
    const X509_ALGOR *alg;
    struct fault f;
    int attributes;

    if (r == NULL && has_unread_attribute(c))
        return;
    peer_takes(r, p, der);
    FUZZ_CHECK(peer_same(c->subject, (peer_writer)i2d_X509_NAME, X509_REQ_get_subject_name(r)));
    FUZZ_CHECK(peer_same(c->key.der, (peer_writer)i2d_X509_PUBKEY, X509_REQ_get_X509_PUBKEY(r)));
    X509_REQ_get0_signature(r, &signature, &alg);
    FUZZ_CHECK(slice_eq(c->signature, slice_of(signature->data, (size_t)signature->length)));
    attributes = X509_REQ_get_attr_count(r); /* -1: they are left out */
    FUZZ_CHECK((attributes < 0 ? 0 : attributes) == (int)c->n_attributes);
    check_sans(r, c);
    FUZZ_CHECK((csr_verify(c, &f) == 0) == (X509_REQ_verify(r, X509_REQ_get0_pubkey(r)) == 1));
    X509_REQ_free(r);
}

/* What EST reads further out of any request. */
static void check_est(struct slice der, const struct csr *c)
{
    static struct name_change change;
    struct keygen_wish wish;
    struct fault f;
    bool there;
    int rc;

    (void)link_check(c, slice_str("the binding!"));
    rc = name_change_get(c, &change, &there, &f);
    if (rc != 0)
        fuzz_refused(rc, &f);
    FUZZ_CHECK(fuzz_inside(change.subject, der));
    rc = keygen_wish_get(c, &wish, &f);
    if (rc != 0)
        fuzz_refused(rc, &f);
    FUZZ_CHECK(fuzz_inside(wish.symmetric, der) && fuzz_inside(wish.asymmetric, der));
}

static void run(struct slice in)
{
    static struct csr c, keyless;
    struct fault f, g;
    int rc = csr_parse(in, &c, &f), other = csr_parse_keyless(in, &keyless, &g);

    if (other != 0)
        fuzz_refused(other, &g);
    else
        check_est(in, &keyless);
    if (rc != 0) {
        fuzz_refused(rc, &f);
        return;
    }
    FUZZ_CHECK(other == 0 && keyless.n_attributes == c.n_attributes);
    check_peer(in, &c);
    rc = keycheck(&c.key, &f);
    if (rc != 0)
        fuzz_refused(rc, &f);
}

const struct fuzz_target fuzz_target = {.form = FUZZ_DER, .run = run};
