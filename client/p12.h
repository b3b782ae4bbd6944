/* PKCS#12 (RFC 7292): a key with its certificate and chain, sealed with a password. */
#ifndef CLIENT_P12_H
#define CLIENT_P12_H

#include "lib/buf.h"
#include "lib/fault.h"

/* `key`: PKCS#8 PEM. `leaf` and `chain` (concatenated) are DER. `name` is shown by programs that
 * list what they hold. AES-256-CBC under PBKDF2 with HMAC-SHA-256 (RFC 9579's predecessor profile,
 * RFC 8018), MAC with SHA-256; `legacy`: 3DES and SHA-1, all that old programs read. */
int p12_make(struct slice key, struct slice leaf, struct slice chain, const char *name,
             const char *password, bool legacy, struct buf *out, struct fault *f) WARN_UNUSED;
/* The same key as encrypted PKCS#8 PEM, for while its certificate is not there yet. */
int p12_seal_key(struct slice key, const char *password, struct buf *out,
                 struct fault *f) WARN_UNUSED;

#endif
