/* What the files of agent/trust share. */
#ifndef AGENT_TRUST_INNER_H
#define AGENT_TRUST_INNER_H

#include "agent/deploy/place.h"
#include "agent/trust/trust.h"

#define TRUST_RAW ".sources" /* in a version: what each source gave, DER */
#define TRUST_CAS_MAX 64     /* certificates of a source or an issuer file */

/* What a source gave: a CRL, or CA certificates one behind the other; DER. */
struct trust_raw {
    struct buf der;
    bool there;
};

/* The octets of a source, as they are. */
int trust_fetch(const struct trust_source *s, int64_t timeout, uint64_t max, struct buf *out,
                struct fault *f) WARN_UNUSED;

/* Certificates of a file or an answer: PEM, DER or PKCS#7, one behind the other. */
int trust_read_certs(struct slice octets, struct buf *der, struct fault *f) WARN_UNUSED;
/* The same of a file. */
int trust_read_file(const char *path, struct buf *der, struct fault *f) WARN_UNUSED;

/* `der`: as it came, DER or PEM; replaced by DER. What a list says goes to `out`. With `issuers`
 * (certificates, DER) its signature is verified; without, it is one of ours. */
int trust_check_crl(struct buf *der, struct slice issuers, int64_t now, struct trust_item *out,
                    struct fault *f) WARN_UNUSED;
/* Is the new list newer than the old one? 1, 0: it is the same, or "trust.number". */
int trust_newer(const struct trust_item *old, struct slice old_der, const struct trust_item *new,
                struct slice new_der, struct fault *f) WARN_UNUSED;
/* `octets`: as they came. Those that are to be trusted go to `out`, DER; expired ones are left out.
 * `anchors`: certificates, DER. */
int trust_check_ca(struct slice octets, struct slice anchors, int64_t now, struct buf *out,
                   struct trust_item *item, struct fault *f) WARN_UNUSED;

/* deploy_fill of a version. */
struct trust_writing {
    const struct agent_trust *t;
    const struct trust_raw *raw; /* one a source */
};
int trust_write(void *writing, const char *folder, struct fault *f) WARN_UNUSED;

/* What is configured of sources and files, for comparison: they are written anew when that changes.
 */
#define TRUST_LAYOUT ".layout" /* in TRUST_RAW */
void trust_layout(const struct agent_trust *t, struct buf *out);

/* The next certificate of several; 0, 1: there is none, or a fault. */
int trust_next_cert(struct slice *certs, struct slice *out, struct fault *f) WARN_UNUSED;

#endif
