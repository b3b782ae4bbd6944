/*
 * Heads of Certificate Transparency logs: what a log has signed about its tree, as get-sth answers
 * (RFC 6962 4.3), or as a checkpoint (c2sp.org/static-ct-api, type 0x05 of c2sp.org/signed-note).
 * Both have the same signature of the same octets (RFC 6962 3.5).
 */
#ifndef CLIENT_CTHEAD_H
#define CLIENT_CTHEAD_H

#include "lib/fault.h"
#include "lib/key.h"
#include "lib/wire.h"

#define CT_HEAD_MAX 16384 /* octets of either form */

struct ct_head {
    uint64_t size, time_ms;
    uint8_t root[32];
    uint8_t alg[2]; /* SignatureAndHashAlgorithm: hash, signature (RFC 5246 7.4.1.4.1) */
    uint8_t signature[SIGNATURE_MAX];
    size_t n;
};

/* Rule "ct.head". */
int ct_head_get_json(struct slice text, struct ct_head *out, struct fault *f) WARN_UNUSED;
/* `key_hash`: SHA-256 of the log's SubjectPublicKeyInfo. Also "ct.signature": that key has signed
 * nothing. */
int ct_head_get_checkpoint(struct slice note, const uint8_t key_hash[32], struct ct_head *out,
                           struct fault *f) WARN_UNUSED;
/* Is it the signature of that key (ECDSA or RSA with SHA-256)? Rule "ct.signature". */
int ct_head_verify(const struct ct_head *h, struct slice spki, struct fault *f) WARN_UNUSED;

/* Between processes. */
void ct_head_put(struct buf *b, const struct ct_head *h);
int ct_head_get(struct slice s, struct ct_head *out) WARN_UNUSED;

#endif
