/*
 * CSR attributes: what an EST server wants to find in certification requests (RFC 7030 4.5.2, RFC
 * 8951 3.4), also as the template of RFC 9908 3.4. No input or output.
 */
#ifndef EST_CSRATTRS_H
#define EST_CSRATTRS_H

#include "lib/conf.h"

#define CSRATTRS_TYPE "application/csrattrs"
#define CSRATTRS_MAX 32 /* of each kind of thing */
#define CSRATTRS_BODY_MAX 65536

/* Appends CsrAttrs for a profile, in both forms (RFC 9908 4): its purposes; subjectAltName where it
 * needs one; the attributes that a subject must have; the key where it takes one algorithm only;
 * challengePassword where the request must be linked to its channel. Where it wants nothing in
 * particular that is the empty SEQUENCE, for which a server may as well answer 204. */
void csrattrs_put(struct buf *out, const struct conf_profile *p, bool linking);

/* All slices point into the input. */
struct csrattrs {
    bool linking;
    bool templated; /* everything else below is of a template, which goes first (RFC 9908 4) */
    size_t n_keys;
    struct {
        enum key_type type;
        unsigned bits;   /* 0: any size */
    } key[CSRATTRS_MAX]; /* any of these; none: no matter */
    size_t n_subject;
    struct {
        struct slice oid;
        struct slice value; /* whole, with its tag; empty: for the client to fill in */
    } subject[CSRATTRS_MAX];
    size_t n_extensions;
    struct {
        struct slice oid;
        bool critical, has_value;
        struct slice value;
    } extension[CSRATTRS_MAX];
    size_t n_others;
    struct slice other[CSRATTRS_MAX]; /* OIDs that mean nothing here, to be ignored (4.5.2) */
};

/* Rules: "est.csrattrs.der", "est.csrattrs.count". */
int csrattrs_get(struct slice der, struct csrattrs *out, struct fault *f) WARN_UNUSED;

#endif
