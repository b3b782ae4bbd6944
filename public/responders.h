/*
 * The OCSP responder's keys and delegates: for each issuer in the view one key in memory, made
 * here, and the certificate that cerca-ca issues for it, asked for on the delegate socket and anew,
 * for a new key, at half its life. Belongs to the loop's thread.
 */
#ifndef PUBLIC_RESPONDERS_H
#define PUBLIC_RESPONDERS_H

#include "lib/conf.h"
#include "lib/loop.h"
#include "ocsp/responder.h"

struct responders;

/* Begins at once, with what is kept at `keep_fd` (lib/keep.h; -1: nothing). Without a cerca-ca
 * at the socket it goes on trying. `r` stays the caller's. */
struct responders *responders_new(struct loop *l, const struct conf *c, struct ocsp_responder *r,
                                  int keep_fd);
/* Before the loop and the responder. NULL is fine. */
void responders_free(struct responders *s);

#endif
