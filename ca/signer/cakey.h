/*
 * The key of a configured issuer on its way to a certificate: made in the token where it is
 * missing, and shown to the CA above by a certification request (RFC 2986), which the signer
 * writes itself: for the configured subject, about that key, and about nothing else.
 */
#ifndef CA_SIGNER_CAKEY_H
#define CA_SIGNER_CAKEY_H

#include "ca/signer/work.h"

/* Reads a MSG_CA_CSR into the job; touches no token. Rules "signer.request", "signer.generation".
 */
int cakey_read(const struct work *w, struct job *j, struct fault *f) WARN_UNUSED;
/* Serves it; the request becomes the job's answer. The request is in the signer's own
 * record before it is signed. From any signing thread. Rules "signer.issuer",
 * "signer.key". */
int cakey_csr(struct work *w, struct job *j) WARN_UNUSED;

/* While it is held, no key of an issuer is made and none is taken into use. */
void cakey_lock(void);
void cakey_unlock(void);

#endif
