/*
 * What is refused here, before cerca-ca is asked: told to cerca-ca, which records it (SECURITY.md).
 * The first of an address goes at once, the others as a number every second, so that who knocks
 * costs cerca-ca no more than that. Bounded: past REFUSALS_MAX addresses in a second the others
 * count as one.
 */
#ifndef ENROLL_REFUSALS_H
#define ENROLL_REFUSALS_H

#include "lib/ca_link.h"

#define REFUSALS_MAX 64

struct refusals;

struct refusals *refusals_new(struct loop *l, struct ca_link *k);
/* From any thread. */
void refusals_add(struct refusals *r, const char *address, const struct fault *f);
/* On the loop: sends what was counted; true: there is nothing that cerca-ca has not noted. */
bool refusals_flush(struct refusals *r);
/* After ca_link_close, when nobody adds any more. NULL is fine. */
void refusals_free(struct refusals *r);

#endif
