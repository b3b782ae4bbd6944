/*
 * Tells cerca-ca what this program has counted (lib/counters.h): every second, whenever that is not
 * what was told last, and else every ten.
 */
#ifndef ENROLL_TELLING_H
#define ENROLL_TELLING_H

#include "lib/ca_link.h"

struct telling;

struct telling *telling_new(struct loop *l, struct ca_link *k);
/* After ca_link_close. NULL is fine. */
void telling_free(struct telling *t);

#endif
