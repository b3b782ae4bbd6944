/*
 * When the next connection may begin: caps of so many a second, of all and of one network. Who asks
 * gets a turn that is theirs, and waits until then, so nothing has to be tried again.
 */
#ifndef SCAN_PACE_H
#define SCAN_PACE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/proto_scan.h"

#define PACE_NETWORKS 16384 /* places; networks that share one share its cap */

struct pace {
    uint64_t all_every, one_every; /* nanoseconds between two; 0: no cap */
    uint64_t all_next;             /* when the next turn is, nanoseconds */
    uint64_t *one_next;            /* PACE_NETWORKS, or NULL */
    unsigned prefix4, prefix6;     /* bits */
    uint64_t key;                  /* so that nobody outside chooses who shares a place */
};
void pace_init(struct pace *p, const struct scan_job *job);
void pace_free(struct pace *p);
/* Takes the next turn of this address's network, or of all: how long to wait for it,
 * microseconds. `now_us` never goes back. */
uint64_t pace_network(struct pace *p, const uint8_t address[16], uint64_t now_us);
uint64_t pace_all(struct pace *p, uint64_t now_us);
/* How long the next turn of all is away, without taking it. */
uint64_t pace_ahead(const struct pace *p, uint64_t now_us);

#endif
