/*
 * What scans have seen: one row for each target, which is a host, a port and a name that was asked
 * for there; the last look at it, and the certificate that was last served there.
 *
 *   observation  first octets of SHA-256 over the target -> the row
 *   place        of the certificate's identity (ca/store/installations.h)
 *
 * A look that finds something else than the one before gives changes of the sequence, with the ref
 * of an annotation, to the identities that it is about, so whoever follows it looks at these again.
 */
#ifndef CA_STORE_OBSERVATIONS_H
#define CA_STORE_OBSERVATIONS_H

#include "ca/store/inventory.h"
#include "lib/scanresult.h"

#define OBSERVATION_KEY 16
struct observation {
    char host[SCAN_HOST_MAX]; /* as it was asked for */
    char address[SCAN_ADDRESS_MAX];
    uint16_t port;
    enum scan_starttls starttls;
    char sni[SCAN_HOST_MAX];
    int64_t first, last; /* looks */
    enum scan_outcome outcome;
    enum scan_stage stage;
    char detail[SCAN_DETAIL_MAX];
    bool has_alert;
    uint8_t alert;
    /* of the last handshake that there was */
    uint32_t flaws;  /* COMPARE_BIT (watch/rules/compare.h), by the chain and the handshake alone */
    uint8_t offered; /* as in struct scan_result, as are those below */
    bool has_chosen, demands_client, stapled;
    uint8_t version;
    uint16_t suite;
    uint8_t n_chain;
    bool proved;          /* of this look: whoever shows it has its key, or nobody could */
    bool has_certificate; /* one was ever served or shown there: then, the newest */
    uint8_t fingerprint[32], identity[IDENTITY_LEN];
    struct cert_ref ref;
    int64_t served; /* when, with its key; 0: shown only */
    char by[64];    /* "operator:alice", "scan:nightly" */
};
void observation_key(const struct observation *o, uint8_t out[OBSERVATION_KEY]);

/* STORE_OBSERVE: what was seen at op->time or before. Of a target that served something, `leaf` is
 * that, which comes into the inventory; the others have an empty one. Of `row` the store fills in
 * `first`, and what belongs to the certificate. Not recorded, but for certificates that are new to
 * the inventory. Refused: "store.full", "observe.count". */
#define STORE_OBSERVE_MAX 64
struct store_observe {
    const char *by;
    size_t n;
    struct observation *row;
    struct foreign *leaf; /* n of them */
    size_t fresh;         /* out: certificates that were new */
};

/* STORE_FORGET: drops the rows of these keys whose last look was before `before`; one that was
 * looked at meanwhile stays. Not recorded. Refused: "observe.count". */
#define STORE_FORGET_MAX 256
struct store_forget {
    int64_t before;
    size_t n;
    uint8_t key[STORE_FORGET_MAX][OBSERVATION_KEY];
    size_t dropped; /* out */
};

/* In the order of keys, from behind `after` (NULL: from the start), at most `max` rows, until fn
 * returns other than 0. */
typedef int (*store_observation_each)(void *arg, const uint8_t key[OBSERVATION_KEY],
                                      const struct observation *o);
int store_observations(struct store *s, const uint8_t after[OBSERVATION_KEY], size_t max,
                       store_observation_each fn, void *arg, struct fault *f) WARN_UNUSED;

#endif
