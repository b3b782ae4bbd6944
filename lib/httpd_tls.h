/*
 * TLS for lib/httpd.h, by GnuTLS: 1.2 and 1.3, with ephemeral keys alone. A client is asked for a
 * certificate and may have none. Nothing is said here about one that comes but that its bearer has
 * the key to it; whose it is, and whether it is any good, others find out. With a key that is
 * neither RSA of at most 8192 bits and an exponent of 64, ECDSA nor EdDSA the handshake fails.
 *
 * The server's own certificate may be replaced while it serves: connections keep the one with which
 * they began. All functions may be called from any thread.
 */
#ifndef LIB_HTTPD_TLS_H
#define LIB_HTTPD_TLS_H

#include "lib/httpd.h"

/* The suites that are offered, for whoever has to list them. */
#define HTTPD_TLS_13 "AES-GCM, AES-128-CCM and ChaCha20-Poly1305"
#define HTTPD_TLS_12 "ECDHE or DHE with AES-GCM, AES-CCM or ChaCha20-Poly1305"

#define HTTPD_PEER_CHAIN_MAX                                                                       \
    24576 /* octets of a client's chain; a longer one is as if not there                           \
           */

struct httpd_tls *httpd_tls_new(void);
/* After the server. NULL is fine. */
void httpd_tls_free(struct httpd_tls *t);
/* For new connections from now on: a key, PKCS#8 DER, and its chain, concatenated DER, the leaf
 * first. Until the first call all of them fail. Rule "tls.certificate". */
int httpd_tls_show(struct httpd_tls *t, struct slice key, struct slice chain,
                   struct fault *f) WARN_UNUSED;

/* What the client of this request showed: its chain, concatenated DER, the leaf first; nothing
 * when it has no certificate. */
void http_request_peer(const struct http_request *r, struct buf *out);
/* The channel binding of its connection: tls-exporter (RFC 9266) in TLS 1.3, tls-unique (RFC 5929)
 * in 1.2 with extended master secret (RFC 7627), without it nothing. */
void http_request_binding(const struct http_request *r, struct buf *out);

#endif
