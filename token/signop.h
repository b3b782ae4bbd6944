/*
 * One signature with a key of the token, over a hash made here.
 *
 * Hash and sign in one mechanism would send the whole draft to the token and is missing
 * from many; CKM_ECDSA, CKM_RSA_PKCS and CKM_RSA_PKCS_PSS are everywhere. PSS goes to the
 * module's own mechanism because the other way, padding here and CKM_RSA_X_509,
 * needs a raw RSA operation that good tokens refuse.
 */
#ifndef TOKEN_SIGNOP_H
#define TOKEN_SIGNOP_H

#include <p11-kit/pkcs11.h>

#include "lib/buf.h"
#include "lib/fault.h"
#include "lib/key.h"

/* Signs hash[sig_alg_hash_len] and puts the signature as certificates carry it
 * (ECDSA: the DER of RFC 3279 2.2.3) into out, emptied first. `key` is the
 * public half of `handle`: it tells curve and size. */
int signop(CK_FUNCTION_LIST *call, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE handle,
           const struct spki *key, enum sig_alg alg, const uint8_t *hash, struct buf *out,
           struct fault *f) WARN_UNUSED;

#endif
