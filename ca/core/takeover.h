/*
 * After a restore: what was published by the CA that is lost, and what its signers recorded, is
 * taken over into the store (STORE_PUBLISHED). It may be done again; what is known already changes
 * nothing.
 */
#ifndef CA_CORE_TAKEOVER_H
#define CA_CORE_TAKEOVER_H

#include "ca/store/store.h"

/* Numbers move on past whatever a view that nobody has any more may have known: 48 bits are enough
 * for long. */
#define TAKEOVER_MARGIN (UINT64_C(1) << 24)

struct takeover {
    const struct conf *conf;
    struct store *store;
    uint64_t after;   /* number of the newest change in the backup */
    uint32_t views;   /* issuers whose view was read */
    uint32_t missing; /* and those that had none, or a damaged one */
    uint32_t crls;    /* CRLs whose entries were taken over */
};

/* The greatest change number that any view has. */
int takeover_newest(const struct conf *conf, struct store *s, uint64_t *newest,
                    struct fault *f) WARN_UNUSED;
/* Statuses, and serials that the store does not know. */
int takeover_views(struct takeover *t, struct fault *f) WARN_UNUSED;
/* Serials that were signed and that neither the store nor a view knows: good when there is no view
 * to tell, else revoked, for they were never handed out. Intents
 * of the backup that were signed are good too when there is no view. The numbers of CRLs go on
 * behind those that were signed. After takeover_views. */
int takeover_records(struct takeover *t, struct fault *f) WARN_UNUSED;
/* Revocations of a CRL, PEM or DER. FAULT_MALFORMED "crl.der", FAULT_NOT_FOUND "crl.issuer" when no
 * issuer of the store has signed it. */
int takeover_crl(struct takeover *t, const char *path, struct fault *f) WARN_UNUSED;

#endif
