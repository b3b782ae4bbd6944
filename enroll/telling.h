/*
 * Tells cerca-ca what this program has counted (lib/counters.h): when there is news, and else every
 * ten seconds.
 */
#ifndef ENROLL_TELLING_H
#define ENROLL_TELLING_H

#include "lib/ca_link.h"

struct telling;

struct telling *telling_new(struct loop *l, struct ca_link *k);
/* Now, if something was counted since; twice a second while somebody is connected. */
void telling_news(struct telling *t);
/* After ca_link_close. NULL is fine. */
void telling_free(struct telling *t);

#endif
