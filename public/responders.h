/*
 * The OCSP responder's keys and delegates: for each issuer in the view one key in memory, made
 * here, and the certificate that cerca-ca issues for it, asked for on the delegate socket and anew,
 * for a new key, at half its life. Or one key of its own for all of them, whose certificates come
 * with the view (public/nodekey.h). Belongs to the loop's thread.
 */
#ifndef PUBLIC_RESPONDERS_H
#define PUBLIC_RESPONDERS_H

#include <openssl/evp.h>

#include "lib/conf.h"
#include "lib/loop.h"
#include "ocsp/responder.h"

struct responders;

/* Begins at once, with what is kept at `keep_fd` (lib/keep.h; -1: nothing). Without a cerca-ca
 * at the socket it goes on trying. `r` stays the caller's; `own_key` (NULL: none) is taken over. */
struct responders *responders_new(struct loop *l, const struct conf *c, struct ocsp_responder *r,
                                  EVP_PKEY *own_key, int keep_fd);
/* Before the loop and the responder. NULL is fine. */
void responders_free(struct responders *s);

#endif
