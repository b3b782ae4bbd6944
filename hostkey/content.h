/*
 * What a host's key in a token may sign. Whoever asks shows the content itself, which is parsed
 * here again; a hash alone is signed for nobody, since it could be one of anything.
 */
#ifndef HOSTKEY_CONTENT_H
#define HOSTKEY_CONTENT_H

#include "lib/key.h"

/* Exactly one of:
 *   a CertificationRequestInfo (RFC 2986 4.1) for that very key;
 *   what a TLS 1.3 client signs in its CertificateVerify (RFC 8446 4.4.3): 64 blanks, its context
 *   string, a zero octet, a hash of the handshake. Never the server's: its context is another.
 * The algorithm must be of the key; in TLS 1.3 RSA is PSS (4.2.3). Rules "hostkey.content",
 * "hostkey.algorithm". */
int content_check(struct slice content, const struct spki *key, enum sig_alg alg,
                  struct fault *f) WARN_UNUSED;

#endif
