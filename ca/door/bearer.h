/*
 * Who asks, when that is neither an operator nor a token's bearer: an adapter was shown something,
 * and proves it as the door's first step, on a worker. What was proven bounds the request: names
 * and subject of the bearer and nothing else. Rules: "renew.subject", "renew.names",
 * "bearer.subject", "bearer.name", and those of the adapter.
 */
#ifndef CA_DOOR_BEARER_H
#define CA_DOOR_BEARER_H

#include "ca/policy/policy.h"
#include "ca/store/store.h"

struct job;

struct door_bearer {
    char requester[64];    /* on record: "certificate:0123..." */
    char counted[64];      /* for the limit of requesters, the same before and after a renewal:
                              "identity:0123..."; "": as on record */
    struct san_list names; /* the only ones that may be certified; they point into the evidence */
    char *const *patterns; /* ... and those that match one of these */
    size_t n_patterns;
    char upn[256], sid[192];
    struct slice subject; /* Name, whole; the one that may be certified whatever the names are */
    char owner[128];
    struct { /* the certificate that is to be renewed; also where it is refused */
        bool known;
        struct cert_ref ref;
        uint8_t identity[IDENTITY_LEN];
    } meant;
    bool renews;                /* subject and names must stay as they are: those above */
    uint8_t serial[SERIAL_LEN]; /* ... of this certificate */
    /* ... unless the adapter lets them change: the request itself still has those above. */
    bool renamed;
    struct slice
        new_subject; /* empty: stays. But for a CN that is a name, of the present's parts */
    bool has_new_names;
    struct san_list new_names;
};

struct door_evidence {
    /* Fills `out`, which is zeroed; 0, or why it is not believed, with a requester where it is
     * clear who that is all the same. NULL: the request's token says who asks. */
    int (*prove)(struct door_evidence *e, struct door_bearer *out, struct fault *f);
    /* Does the request go with the evidence? After its proof of possession. `b` is what was proven,
     * NULL with a token; new names are put there. */
    int (*check)(const struct door_evidence *e, const struct csr *csr, struct door_bearer *b,
                 struct fault *f);
    /* Makes the key that is certified in place of the request's, of which neither key nor signature
     * is looked at then (RFC 7030 4.4.1): its SubjectPublicKeyInfo into `spki`. Once, when it is
     * clear who asks and that the names are theirs. NULL: the request's own key. */
    int (*make_key)(struct door_evidence *e, const struct csr *csr, struct buf *spki,
                    struct fault *f);
};

/* A pattern with its kind in front: "dns:.example.com". */
bool bearer_name_matches(const char *pattern, const struct san *s);
/* Proves the evidence (j->evidence), and from then on j->who is the bearer. */
int bearer_authorise(struct job *j, struct fault *f) WARN_UNUSED;
/* After the CSR was parsed. */
int bearer_names(struct job *j, struct policy_authorisation *out, struct fault *f) WARN_UNUSED;
/* After the decision: what comes out is what the bearer may have. */
int bearer_check(const struct job *j, struct fault *f) WARN_UNUSED;

#endif
