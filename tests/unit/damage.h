/* Octets damaged as strangers damage them, the same on every machine. */
#ifndef TESTS_UNIT_DAMAGE_H
#define TESTS_UNIT_DAMAGE_H

#include "lib/buf.h"

#define DAMAGE_MAX 8192 /* octets of what is damaged, and of what becomes of it */

void damage_seed(uint64_t n);  /* not 0 */
size_t damage_below(size_t n); /* 0 below 0 */
/* A damaged copy in an allocation of its own size, for the sanitizers. The caller frees it. */
struct slice damaged(struct slice good);

#endif
