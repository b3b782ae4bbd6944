/*
 * What a server shows in its handshake, taken from the messages as they come, before OpenSSL reads
 * them: so the chain is as served and in that order, and a certificate that does not parse is
 * there too. Messages are those of RFC 5246 7.4 and RFC 8446 4.4, with their four octets of head.
 */
#ifndef SCAN_SERVED_H
#define SCAN_SERVED_H

#include "lib/scanresult.h"

enum served_fault {
    SERVED_OK = 0,
    SERVED_MALFORMED = 1,
    SERVED_TOO_LARGE = 2, /* past a bound of lib/scanresult.h */
};

/* Looks at one message that came from the server and puts into `out` what is in it: chain, stapled
 * response, demand for a client certificate. `octets` keeps what the slices in `out` show (by
 * offsets until served_point: the buffer may move). */
struct served {
    struct buf octets;
    struct {
        size_t at, n;
    } chain[SCAN_CHAIN_MAX], ocsp;
    uint8_t n_chain;
    bool has_chain, has_ocsp;
    bool demands_client;
    uint16_t client_cas;
};
void served_init(struct served *s);
void served_free(struct served *s);
void served_reset(struct served *s);
enum served_fault served_take(struct served *s, struct slice message, enum tls_version version);
/* Fills in the parts of the result; its slices are good as long as `s` is not changed. */
void served_point(const struct served *s, struct scan_result *out);

#endif
