/*
 * SHA-256 of what comes in pieces, on a thread of its own: who writes a stream to a disk has it
 * hashed while the disk works.
 */
#ifndef LIB_HASHER_H
#define LIB_HASHER_H

#include <stdint.h>

#include "lib/buf.h"

struct hasher;
/* Ends the process when there is no memory; without a thread it hashes on the caller's. The thread
 * has the caller's priority. */
struct hasher *hasher_begin(void);
/* The octets stay as they are until hasher_wait returns; one piece at a time. */
void hasher_add(struct hasher *h, struct slice s);
void hasher_wait(struct hasher *h);
/* Frees it; h may be NULL, `out` too. */
void hasher_end(struct hasher *h, uint8_t out[32]);

#endif
