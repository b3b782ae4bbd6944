/*
 * Renewals that were refused: of each identity the last one, so that people learn why nothing takes
 * the place of a certificate, and it is known after a restart. The row stays; it counts for as long
 * as the certificate that was to be renewed is the newest of its line (attempt_counts).
 *
 *   attempt    identity -> struct attempt
 */
#ifndef CA_STORE_ATTEMPTS_H
#define CA_STORE_ATTEMPTS_H

#include "ca/store/inventory.h"

/* Who keeps asking to renew one certificate is written once in so many seconds, and for another
 * reason once in so many. */
#define ATTEMPT_EVERY 60
#define ATTEMPT_ANOTHER 5

struct attempt {
    uint8_t identity[IDENTITY_LEN]; /* of `ref` */
    struct cert_ref ref;            /* the certificate that was to be renewed */
    int64_t first, last;            /* refused since then; the last one that was written */
    uint32_t times;                 /* written */
    char by[64], origin[64];        /* "certificate:0123...", "est 192.0.2.1" */
    char rule[64], text[256];       /* of the fault */
};
/* Is it the newest certificate of its line that could not be renewed? */
bool attempt_counts(const struct attempt *a, const struct cert_ref *newest);
/* Is `next` one more that need not be written? */
bool attempt_too_soon(const struct attempt *last, const struct attempt *next);

/* STORE_ATTEMPT: op->attempt is kept; of it the store puts first, last (op->time) and times.
 * STORE_SAME when it comes too soon. A change of the reason or the certificate has a number in the
 * change sequence, as an annotation has. Not recorded: the refusal is. */

/* *known is false when none was ever refused. */
int store_attempt(struct store *s, const uint8_t identity[IDENTITY_LEN], struct attempt *out,
                  bool *known, struct fault *f) WARN_UNUSED;
/* The same, as of a moment. */
int store_line_attempt(struct store_moment *m, const struct store_line *l, struct attempt *out,
                       bool *known, struct fault *f) WARN_UNUSED;

#endif
