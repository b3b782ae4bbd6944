/*
 * One target, asked now by a handshake: what does it serve? For who has just installed a
 * certificate and wants to see it. Blocks; a thread of the caller's, which needs nothing but a
 * resolver and outgoing connections.
 */
#ifndef SCAN_PROBE_H
#define SCAN_PROBE_H

#include "lib/fault.h"
#include "lib/scanresult.h"

struct scan_probe {
    const char *host; /* a name or an address; of a name its addresses are tried in their order */
    uint16_t port;
    enum scan_starttls starttls;
    const char *sni;     /* "": none is sent. NULL: `host`, if it is a name */
    uint32_t timeout_ms; /* of everything, the resolver counted */
};

struct scan_probed {
    struct scan_result result; /* its slices point into `octets` */
    struct buf octets;
    bool has_leaf;           /* there is a first certificate; `serial` is "" if it does not parse */
    uint8_t fingerprint[32]; /* SHA-256 of it */
    char serial[128];        /* hexadecimal, lower-case, cut to fit */
};

/* 0 with any outcome, SCAN_SERVED or not; a fault only if nothing could be tried at all (rule
 * "probe"). The chain is not verified: that it is ours is seen by the fingerprint. Freed by
 * scan_probed_free whatever is returned. */
int scan_probe(const struct scan_probe *p, struct scan_probed *out, struct fault *f) WARN_UNUSED;
void scan_probed_free(struct scan_probed *p);

#endif
