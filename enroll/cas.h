/* The answers to cacerts (RFC 7030 4.1), asked of cerca-ca every few seconds, so that who asks
 * without saying who they are costs it nothing. */
#ifndef ENROLL_CAS_H
#define ENROLL_CAS_H

#include "lib/ca_link.h"

#define CAS_MAX ((size_t)4 << 20)

struct cas;

/* On the loop. */
struct cas *cas_new(struct loop *l, const struct conf *c, struct ca_link *k);
/* From any thread: that label's, a certs-only message (est/certs.h), into `out`. -1: not known
 * yet. */
int cas_get(struct cas *s, const struct conf_est *label, struct buf *out) WARN_UNUSED;
/* On the loop: all are known. */
bool cas_ready(const struct cas *s);
/* After ca_link_close, when nobody asks any more. NULL is fine. */
void cas_free(struct cas *s);

#endif
