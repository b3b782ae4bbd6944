/*
 * Building a CRL: entries come in order from whoever has them and go to a file, in front of
 * which room is left for the head, whose length is known last. Memory is bounded however many
 * entries there are.
 *
 * The file is a draft: the TBSCertList begins at octet `start`. Once it is signed,
 * crl_assemble writes the whole CRL to another file.
 */
#ifndef CRL_BUILD_H
#define CRL_BUILD_H

#include "lib/crl.h"

#define CRL_SOURCE_BATCH 512

/* The next entries, at most max, in strictly rising order of serial; *n is 0 at the end. */
typedef int (*crl_source)(void *arg, struct crl_entry *out, size_t max, size_t *n, struct fault *f);

struct crl_draft {
    int fd;          /* the caller's */
    uint64_t start;  /* where the TBSCertList begins ... */
    uint64_t octets; /* ... and its length */
    uint64_t entries;
};

/* Writes the draft to fd, an empty file. Rules "crl.write", "crl.order", "crl.size", and the
 * source's. */
int crl_build(int fd, const struct crl_spec *spec, crl_source next, void *arg,
              struct crl_draft *out, struct fault *f) WARN_UNUSED;
/* Is this the signature of the draft? Rule "crl.signature". */
int crl_verify(const struct crl_draft *d, const struct spki *key, enum sig_alg alg,
               struct slice signature, struct fault *f) WARN_UNUSED;
/* Writes the CertificateList to fd, an empty file. */
int crl_assemble(const struct crl_draft *d, enum sig_alg alg, struct slice signature, int fd,
                 uint64_t *octets, struct fault *f) WARN_UNUSED;

#endif
