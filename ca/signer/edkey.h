/*
 * The Ed25519 key that cerca-signer holds itself, for checkpoints of the audit log alone: a file
 * of mode 0600 with PKCS#8 PEM (RFC 8410 7), made at provisioning.
 */
#ifndef CA_SIGNER_EDKEY_H
#define CA_SIGNER_EDKEY_H

#include "lib/buf.h"
#include "lib/fault.h"

struct edkey;

/* Makes the file unless it is there. */
int edkey_make(const char *path, bool *made, struct fault *f) WARN_UNUSED;
/* Refuses a file that others than its owner may read. Rules "signer.edkey.*". */
int edkey_open(const char *path, struct edkey **out, struct fault *f) WARN_UNUSED;
void edkey_free(struct edkey *k); /* wipes */
void edkey_public(const struct edkey *k, uint8_t out[32]);
/* RFC 8032 5.1.6, over the whole message. Safe from several threads. */
int edkey_sign(const struct edkey *k, struct slice message, uint8_t out[64],
               struct fault *f) WARN_UNUSED;

#endif
