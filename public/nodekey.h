/*
 * The OCSP responder with a key of its own (ocsp.key_file), on validation nodes and wherever a
 * reboot must not need the token: the certificates for it lie in the view (lib/viewfile.h), put
 * there by cerca-ca. Belongs to the loop's thread.
 */
#ifndef PUBLIC_NODEKEY_H
#define PUBLIC_NODEKEY_H

#include <openssl/evp.h>

#include "ocsp/responder.h"

/* Reads the key; before the jail. Rule "ocsp.key_file": none there, neither P-256 nor RSA, or a
 * file that others may read. */
int nodekey_load(const char *path, EVP_PKEY **out, struct fault *f) WARN_UNUSED;

struct nodekey;

/* Takes the key over. */
struct nodekey *nodekey_new(EVP_PKEY *key, const char *view_dir, struct ocsp_responder *r);
void nodekey_free(struct nodekey *k);
/* Puts to work what is new in the folders of these issuers (ocsp_responder_issuers). */
void nodekey_look(struct nodekey *k, const struct ocsp_issuer_state *i, size_t n);

#endif
