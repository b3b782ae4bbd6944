/*
 * ClientHellos that ask which version and which of some cipher suites a server takes (RFC 5246
 * 7.4.1.2, RFC 8446 4.1.2). Nobody goes on with the answer, so there are no keys in them: for TLS
 * 1.3 the list of key shares is empty, which asks for a HelloRetryRequest (RFC 8446 4.2.8), and
 * that names the suite too.
 */
#ifndef SCAN_HELLO_H
#define SCAN_HELLO_H

#include "lib/buf.h"
#include "lib/tls_suite.h"

struct hello {
    enum tls_version version; /* this one and no other */
    const char *sni;          /* "": none */
    const uint16_t *suites;
    size_t n_suites;
    uint8_t random[32];
};
/* The record with it. */
void hello_put(struct buf *b, const struct hello *h);

#endif
