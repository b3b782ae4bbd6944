/*
 * The courier: asks cerca-ca what is due for each channel, delivers, tells what came of it. Several
 * deliveries of a channel at once and all channels side by side, so that none waits for another. It
 * keeps nothing: whatever was not told when it ends is due again.
 */
#ifndef DELIVER_COURIER_H
#define DELIVER_COURIER_H

#include "deliver/channels.h"
#include "lib/loop.h"

#define COURIER_AT_ONCE 4 /* deliveries of one channel */

struct courier;

int courier_new(struct loop *l, const struct conf *conf, const struct channel_keys *keys,
                struct courier **out, struct fault *f) WARN_UNUSED;
/* Takes nothing new. */
void courier_drain(struct courier *c);
/* Deliveries under way, told ones not counted. */
size_t courier_busy(const struct courier *c);
/* NULL is fine. */
void courier_free(struct courier *c);

#endif
