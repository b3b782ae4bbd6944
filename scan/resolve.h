/*
 * Looks names up on threads of its own, since the resolver of the system blocks. Belongs to the
 * loop's thread.
 */
#ifndef SCAN_RESOLVE_H
#define SCAN_RESOLVE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/loop.h"

#define RESOLVE_ADDRESSES_MAX 8 /* of one name */
#define RESOLVE_THREADS 16

struct resolver;
struct resolver *resolver_new(struct loop *l);
/* Requests that are under way are forgotten: their threads end by themselves. NULL is fine. */
void resolver_free(struct resolver *r);

/* Addresses as scan_range has them, each once; none: `why` says why, and `here` that it is for want
 * of something on this machine, which says nothing of the name. */
typedef void (*resolved)(void *arg, const uint8_t (*address)[16], size_t n, bool here,
                         const char *why);
struct resolution;
/* `fn` is called from the loop, later, unless it is cancelled before. */
struct resolution *resolver_ask(struct resolver *r, const char *name, resolved fn, void *arg);
void resolution_cancel(struct resolution *q);

#endif
