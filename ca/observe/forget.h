/*
 * What no scan has looked at for inventory.forget_unseen is forgotten, and with it what was found
 * there: it is scanned no more. What a log shows nobody looks at again: that is forgotten so long
 * after the certificate has ended. A slice of the rows is read at a time, so that a pass over a
 * million takes hours and nobody waits for it; nothing is written where nothing is old, nor while
 * the clock is in doubt. A pass through all begins as often as what is old can matter. Everything
 * on the loop.
 */
#ifndef CA_OBSERVE_FORGET_H
#define CA_OBSERVE_FORGET_H

#include "ca/store/observations.h"
#include "lib/conf.h"
#include "lib/loop.h"

struct forgetter;

/* NULL where nothing is to be forgotten. */
struct forgetter *forgetter_new(const struct conf *conf, struct loop *loop, struct store *store);
/* Begins nothing more. NULL is fine, as it is below. */
void forgetter_drain(struct forgetter *g);
/* After the store is stopped. */
void forgetter_free(struct forgetter *g);

#endif
