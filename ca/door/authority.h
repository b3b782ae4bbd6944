/*
 * Authorities: the issuers of the configuration, each joined with its
 * certificate, its number in the store, and the signer that holds its key. The list is constant
 * once loaded. A certificate may be installed later, by the loop: other threads hold
 * authorities_read while they look at one.
 */
#ifndef CA_DOOR_AUTHORITY_H
#define CA_DOOR_AUTHORITY_H

#include <pthread.h>

#include "ca/door/signer_link.h"
#include "ca/policy/policy.h"
#include "ca/store/store.h"
#include "lib/cert.h"

struct authority {
    const struct conf_issuer *conf;
    struct signer_link *link; /* NULL: its key is not here */
    uint16_t number;          /* in the store; 0: not known yet (no certificate) */
    struct buf certificate;   /* DER; empty: not made yet */
    struct buf chain; /* DER, concatenated: its own certificate and those above, without the root */
    struct cert parsed;          /* of certificate */
    int64_t taken_at;            /* when this process took it */
    struct policy_issuer policy; /* the same as policy sees it, with those above */
    struct buf name;             /* its subject as the configuration says it, DER */
    uint8_t key_id[20];
    uint8_t spki_hash[32];
    uint8_t fingerprint[32];
    struct pubkey **verify; /* one for each worker */
};

struct authorities {
    struct authority *item;
    size_t n;
    unsigned workers;
    struct policy_own_keys own;
    pthread_rwlock_t lock; /* over certificates and own */
};

/* Around a step of work on a thread other than the loop's; short, and not nested. */
void authorities_read(struct authorities *all);
void authorities_done(struct authorities *all);
/* For what goes with the certificates and is read under the same lock; ends with
 * authorities_done. */
void authorities_change(struct authorities *all);

/* Reads the certificates (an issuer without a file is left without one), checks that
 * each belongs to its configuration (subject, issuer, CA, signed by its parent), and finds their
 * numbers. */
int authorities_load(const struct conf *conf, struct store *s, unsigned workers,
                     struct authorities **out, struct fault *f) WARN_UNUSED;
void authorities_free(struct authorities *a);
/* Would this be a certificate for that authority at `now`: subject, key (that of the certificate
 * which it has), path length, validity, the signature of `above`, its parent's certificate (NULL:
 * the one installed)? Rules "issuer.certificate", "issuer.key", "validity.issuer". */
int authority_check_certificate(struct authorities *all, const struct authority *a,
                                const struct cert *above, const struct cert *c, int64_t now,
                                struct fault *f) WARN_UNUSED;
/* Gives an authority its certificate, in the store and here; a failure leaves what was. */
int authority_set_certificate(struct authorities *all, struct authority *a, struct store *s,
                              struct slice der, struct fault *f) WARN_UNUSED;
struct authority *authority_named(struct authorities *all, const char *name);
struct authority *authority_numbered(const struct authorities *all, uint16_t number);
/* The authority above; NULL for a root. */
struct authority *authority_parent(struct authorities *all, const struct authority *a);
/* A signer_hello for a link's keys: every issuer that has a certificate must find its own
 * key there (rule "hsm.key"). `arg` is the struct authorities. */
int authorities_check_keys(void *arg, const struct signer_key *keys, size_t n,
                           struct fault *f) WARN_UNUSED;

#endif
