/*
 * Asks very many targets what they serve, without blocking: connects (within caps on rate, in all
 * and to each network), says what has to be said before TLS, makes a handshake with each name, then
 * asks for versions and cipher suites by ClientHellos that it does not go on with. Every target
 * gets its results, whatever happens to it; none delays another.
 *
 * Bounded: connections at one time, time and octets of a target. On a loop; its functions and
 * callbacks belong to the loop's thread (names are looked up on threads of its own).
 */
#ifndef SCAN_ENGINE_H
#define SCAN_ENGINE_H

#include "lib/fault.h"
#include "lib/loop.h"
#include "lib/proto_scan.h"

struct engine;

struct engine_events {
    /* One result: good until it returns. */
    void (*result)(void *arg, const struct scan_result *r);
    /* All targets have ended, or all that had begun when it was stopped; once, from the loop. */
    void (*done)(void *arg);
};

int engine_new(struct loop *l, const struct scan_job *job, const struct engine_events *events,
               void *arg, struct engine **out, struct fault *f) WARN_UNUSED;
void engine_free(struct engine *e); /* drops what is open; NULL is fine */
/* Before engine_start; what `r` points to is copied. Rules "scan.ranges", "scan.targets": past a
 * bound. */
int engine_add(struct engine *e, const struct scan_range *r, struct fault *f) WARN_UNUSED;
/* Begins. Without any target it is done at once, in the loop's next turn. */
void engine_start(struct engine *e);
/* Connects no more. What is connected ends that connection within the job's time; a target that
 * would need another one ends without its results, and its position is not `finished`. */
void engine_stop(struct engine *e);
/* No new targets while paused: for a peer that does not keep up with the results. */
void engine_pause(struct engine *e, bool paused);
void engine_progress(const struct engine *e, struct scan_progress *out);

#endif
