/*
 * The Nth allocation of OpenSSL's fails, once, for the first thirty that a piece of work makes and
 * some 120 spread over all of them; with CERCA_CAMPAIGN=full for every N (make faults, make
 * coverage). (Those of our own end the process when they fail, lib/buf.h, and so do some of
 * OpenSSL's: that is an outcome too.)
 *
 * Each round is the same work again. It has to give what it gives with nothing failing, or to be
 * refused with a fault; OpenSSL must not hold more allocations after each than before it, and under
 * LeakSanitizer nothing may be lost. The last round, in which nothing is left to fail, has to
 * succeed, in the process in which all those before it failed. Rounds are in a child, so that one
 * that ends the process costs no more than that.
 */
#ifndef TESTS_UNIT_NOMEM_HELP_H
#define TESTS_UNIT_NOMEM_HELP_H

#include "lib/fault.h"

/* First thing in main: OpenSSL takes other functions only before it has allocated anything. */
void nomem_begin(void);

/* Does it, and appends what came of it, the same each time. 0, or a negative code and a fault. */
typedef int (*nomem_work)(struct buf *out, struct fault *f);
/* At least `least` rounds have to have met a failure. */
void nomem_every(nomem_work work, uint64_t least);
/* For the work: nothing fails from here on; what comes only looks at what was made. */
void nomem_rest(void);

#endif
