/*
 * How often each of very many sources may do something in a time: n at once, then one every per/n,
 * so that never more than 2n fall into any time of that length (GCRA, ITU-T I.371). Bounded: of
 * more sources than places some begin anew; which ones nobody outside can choose. Any thread.
 */
#ifndef LIB_RATE_H
#define LIB_RATE_H

#include <stdint.h>

#define RATE_SOURCES 16384 /* places, of 16 octets */

struct rate;

/* n from 1 on, in `per` seconds. */
struct rate *rate_new(uint32_t n, int64_t per);
/* NULL is fine. */
void rate_free(struct rate *r);
/* At `now_us`, which never goes back: 0, counted; or the seconds until it would be. */
uint32_t rate_take(struct rate *r, uint64_t source, uint64_t now_us);

#endif
