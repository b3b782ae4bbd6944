/*
 * Who fails again and again has to wait: a few failures are free, then each one doubles the wait,
 * up to a bound; it is forgotten after a quiet while. For secrets that are presented: the key is
 * a uid, or a hash of an address or identity. Bounded: the one quiet for longest makes room. Any
 * thread.
 */
#ifndef LIB_SLOW_H
#define LIB_SLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SLOW_FREE 3     /* failures without a wait */
#define SLOW_MAX 60     /* seconds, the longest wait */
#define SLOW_FORGET 600 /* quiet seconds after which a key is as new */
#define SLOW_KEYS 256

struct slow;

struct slow *slow_new(void);
void slow_free(struct slow *s);
/* Seconds until `key` may try again; 0: now. */
uint32_t slow_wait(struct slow *s, uint64_t key);
void slow_failed(struct slow *s, uint64_t key);
/* A secret that was looked at, and whether it is right. 0: that may be said, and a wrong one counts
 * for each of the keys; or the seconds that one of them has to wait, and then nothing may be said:
 * of many tries at once no more get an answer than of as many one after the other. */
uint32_t slow_verdict(struct slow *s, const uint64_t *key, size_t n, bool right);

#endif
