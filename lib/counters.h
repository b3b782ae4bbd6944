/*
 * What the programs that face the network count since their start, for metrics: counted by any
 * thread, told to cerca-ca now and then (MSG_COUNTERS), and written there as metrics.
 */
#ifndef LIB_COUNTERS_H
#define LIB_COUNTERS_H

#include "lib/metrics.h"

/* Behind each operation of EST, in this order: what became of a request. */
enum { EST_DONE, EST_WAITING, EST_REFUSED, EST_FAILED, EST_OUTCOMES };

enum counter {
    COUNT_HTTP_2XX,
    COUNT_HTTP_3XX,
    COUNT_HTTP_4XX,
    COUNT_HTTP_5XX,
    /* What OCSP said of each certificate that was asked for ... */
    COUNT_OCSP_GOOD,
    COUNT_OCSP_REVOKED,
    COUNT_OCSP_UNKNOWN,
    /* ... or of the whole request (RFC 6960 4.2.1) ... */
    COUNT_OCSP_MALFORMED,
    COUNT_OCSP_INTERNAL,
    COUNT_OCSP_TRY_LATER,
    COUNT_OCSP_UNAUTHORIZED,
    /* ... and whether its answer was signed for it. */
    COUNT_OCSP_CACHED,
    COUNT_OCSP_SIGNED,
    COUNT_EST_CACERTS,
    COUNT_EST_SIMPLEENROLL = COUNT_EST_CACERTS + EST_OUTCOMES,
    COUNT_EST_SIMPLEREENROLL = COUNT_EST_SIMPLEENROLL + EST_OUTCOMES,
    COUNT_EST_SERVERKEYGEN = COUNT_EST_SIMPLEREENROLL + EST_OUTCOMES,
    COUNT_EST_CSRATTRS = COUNT_EST_SERVERKEYGEN + EST_OUTCOMES,
    COUNTERS = COUNT_EST_CSRATTRS + EST_OUTCOMES
};

void counter_add(enum counter c);
/* An answer with that status of HTTP. */
void counter_http(unsigned status);
/* A request for an operation of EST, answered with that status of HTTP. */
void counter_est(enum counter operation, unsigned status);

struct counters {
    uint64_t n[COUNTERS];
};
/* Those of this process. */
void counters_now(struct counters *out);

/* The body of MSG_COUNTERS. */
void counters_put(struct buf *b, const struct counters *c);
int counters_get(struct slice body, struct counters *out) WARN_UNUSED;

/* As metrics, whole families. */
struct counters_told {
    const char *program;             /* "cerca-public", "cerca-enroll" */
    const struct counters *counters; /* NULL: it has told nothing yet */
};
void counters_write(struct buf *out, const struct counters_told *told, size_t n);

#endif
