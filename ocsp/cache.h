/*
 * Signed answers, kept within a bound of memory; the oldest go first, but for those that were asked
 * for meanwhile.
 * What is kept of one is what stands before the certificates, so that all share the responder's.
 *
 * An answer is given out only while nothing that it says has changed: the status row's revision,
 * the delegate, and half of the time to its nextUpdate. Safe for any number of threads: the cache
 * is made of stripes by serial, each with a lock of its own.
 */
#ifndef OCSP_CACHE_H
#define OCSP_CACHE_H

#include "lib/tbs.h"

struct ocsp_cache;

/* max: octets of all answers with what finding them takes; 0 keeps nothing. */
struct ocsp_cache *ocsp_cache_new(size_t max);
void ocsp_cache_free(struct ocsp_cache *c); /* NULL is fine */

struct ocsp_cache_key {
    uint8_t serial[SERIAL_LEN];
    uint16_t issuer;
    uint8_t variant; /* of the CertID: the answer repeats it as it was asked */
};

struct ocsp_cached {
    uint64_t change;   /* revision of the status row */
    uint32_t delegate; /* id of who signed */
    int64_t this_update, next_update;
    int64_t renew_at;
    uint8_t etag[16];
};

/* `want` says the revision and delegate of now. When there is such an answer, fills the rest
 * of *want and appends the answer; false: sign anew. */
bool ocsp_cache_get(struct ocsp_cache *c, const struct ocsp_cache_key *k, int64_t now,
                    struct ocsp_cached *want, struct buf *answer);
/* Keeps an answer in place of an older one, and drops what is kept of the same certificate for
 * other variants with an earlier thisUpdate. Keeps it not when *newest, the newest thisUpdate
 * of any answer of this issuer, is later by now: someone else may have answered with it. */
void ocsp_cache_put(struct ocsp_cache *c, const struct ocsp_cache_key *k,
                    const struct ocsp_cached *about, struct slice answer, const int64_t *newest);
/* An answer for this certificate that is not kept had this thisUpdate: drops what is earlier. */
void ocsp_cache_outdate(struct ocsp_cache *c, const struct ocsp_cache_key *k, int64_t this_update);

void ocsp_cache_size(struct ocsp_cache *c, size_t *answers, size_t *octets, uint64_t *hits);

#endif
