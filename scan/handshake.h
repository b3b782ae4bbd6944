/*
 * A whole handshake of TLS 1.0 to 1.3 with OpenSSL over a non-blocking socket, with every security
 * level off: it is to see what is served, and trusts nothing. Bounded in octets; what the server
 * shows is in `served` even if the handshake fails behind it.
 */
#ifndef SCAN_HANDSHAKE_H
#define SCAN_HANDSHAKE_H

#include "lib/fault.h"
#include "scan/served.h"

#define HANDSHAKE_OCTETS (256 << 10) /* that a server may send */

struct handshakes; /* what all of them share */
int handshakes_new(struct handshakes **out, struct fault *f) WARN_UNUSED;
void handshakes_free(struct handshakes *h); /* NULL is fine */

enum handshake_want {
    HANDSHAKE_READ = 1,  /* call again when the socket is readable, */
    HANDSHAKE_WRITE = 2, /* writable */
    HANDSHAKE_ENDED = 3, /* `outcome` says how */
};

struct handshake;
/* fd stays the caller's, connected. `sni` "": none. */
struct handshake *handshake_new(struct handshakes *all, int fd, const char *sni);
void handshake_free(struct handshake *h); /* NULL is fine */
enum handshake_want handshake_step(struct handshake *h);
/* Fills outcome, alert, what was chosen, chain, staple, demand and detail into `out`; its slices
 * are good until handshake_free. When it has ended or, as it is, before. */
void handshake_tell(const struct handshake *h, struct scan_result *out);

#endif
