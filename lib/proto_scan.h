/*
 * Messages between cerca-scan and who gives it work: `cerca scan` over a socket pair, or cerca-ca
 * over the scan socket. The worker knows nothing but its work:
 *
 *   worker                                 peer
 *   MSG_SCAN_READY (empty)            ->
 *                                     <-   MSG_SCAN_JOB, any number of MSG_SCAN_TARGETS, then
 *                                     <-   MSG_SCAN_GO (empty)
 *   MSG_SCAN_RESULT, MSG_SCAN_PROGRESS ->  in any order, as they come
 *                                     <-   MSG_SCAN_STOP (empty), any time: start nothing more
 *   MSG_SCAN_DONE                     ->   the last progress; then another MSG_SCAN_JOB may come
 *
 * All with the frame id of MSG_SCAN_JOB. What is refused is answered by MSG_FAULT, and that job is
 * over. get functions return 0, or -1 with a malformed body.
 */
#ifndef LIB_PROTO_SCAN_H
#define LIB_PROTO_SCAN_H

#include "lib/scanresult.h"
#include "lib/wire.h"

/* MSG_SCAN_RESULT. Slices of what is read point into the body. The largest fits a frame. */
void scan_result_put(struct buf *b, const struct scan_result *r);
int scan_result_get(struct slice body, struct scan_result *out) WARN_UNUSED;

/* MSG_SCAN_JOB */
#define SCAN_TIMEOUT_MS 10000
#define SCAN_TIMEOUT_MAX_MS 600000
#define SCAN_CONNECTIONS 1000
#define SCAN_CONNECTIONS_MAX 16384
#define SCAN_PREFIX4 24
#define SCAN_PREFIX6 64
struct scan_job {
    uint64_t seed;        /* of the order: the same seed and targets, the same order */
    uint64_t position;    /* where in that order to begin: what a pause left */
    uint32_t timeout_ms;  /* of one target and name, all its connections; from 1 on */
    uint32_t connections; /* at one time; 1 to SCAN_CONNECTIONS_MAX */
    uint32_t rate;        /* new connections a second, of all; 0: no cap */
    uint32_t per_network; /* of them to one network; 0: no cap */
    uint8_t prefix4;      /* what a network is, bits: 1 to 32 */
    uint8_t prefix6;      /* 1 to 128 */
    bool handshake_only;  /* do not ask for versions and suites */
};
void scan_job_put(struct buf *b, const struct scan_job *j);
int scan_job_get(struct slice body, struct scan_job *out) WARN_UNUSED;

/* MSG_SCAN_TARGETS: a u32 count, then each range. */
#define SCAN_RANGES_MAX 65536                /* of one job, exclusions counted */
#define SCAN_PORTS_MAX 64                    /* of one range */
#define SCAN_NAMES_MAX 64                    /* likewise */
#define SCAN_TARGETS_MAX ((uint64_t)1 << 32) /* of one job: addresses times ports */
struct scan_port {
    uint16_t port;
    enum scan_starttls starttls;
};
struct scan_range {
    bool exclude; /* nothing in it is connected to; it has addresses only */
    /* A DNS name, all of whose addresses are asked; or "", and the addresses from `first` to
     * `last`, both of them, IPv4 as ::ffff:a.b.c.d. */
    char name[SCAN_HOST_MAX];
    uint8_t first[16], last[16];
    uint8_t n_ports;
    struct scan_port port[SCAN_PORTS_MAX];
    /* A result for each: asked without a name, and with each of these as SNI, 1 to 253 octets of
     * visible ASCII. Versions and suites are asked for with the first that gets an answer. */
    bool bare;
    uint8_t n_names;
    struct slice names[SCAN_NAMES_MAX];
};
void scan_range_put(struct buf *b, const struct scan_range *r);
/* Reads one from w; the error sticks to w. */
void scan_range_get(struct wire_in *w, struct scan_range *out);

/* MSG_SCAN_PROGRESS, MSG_SCAN_DONE. Targets are addresses times ports, in the order of the scan;
 * a name is one target a port. */
struct scan_progress {
    uint64_t total, excluded; /* in all; of them: those passed over */
    uint64_t started;         /* position of the next one that begins */
    uint64_t done;            /* how many have ended, this run */
    uint64_t finished;        /* all before this position have ended: where to go on another time */
    uint64_t results;         /* sent */
    uint32_t connections;     /* open */
};
void scan_progress_put(struct buf *b, const struct scan_progress *p);
int scan_progress_get(struct slice body, struct scan_progress *out) WARN_UNUSED;

#endif
