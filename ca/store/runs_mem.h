/*
 * The newest entries of an index of runs: found by the octets they begin with, taken back from
 * the end when their transaction is, and sorted once they are written out. A fixed size of memory.
 * One thread, or a lock of the caller's.
 */
#ifndef CA_STORE_RUNS_MEM_H
#define CA_STORE_RUNS_MEM_H

#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"

#define RUN_ENTRY 50 /* octets of an entry, of every index */

struct run_mem {
    size_t n, max;
    size_t hashed; /* an entry is found by this many octets */
    uint8_t (*entry)[RUN_ENTRY];
    uint32_t *older; /* the one before in the same bucket; RUN_NONE: none */
    uint32_t *bucket;
    size_t buckets;
    uint32_t *order; /* after run_mem_sort */
    uint64_t seed;
};
#define RUN_NONE UINT32_MAX

/* One entry. <0: no more; 0: the next; N: the next that does not begin with the same N octets. */
typedef int (*run_each)(void *arg, const uint8_t entry[RUN_ENTRY]);

void run_mem_init(struct run_mem *m, size_t max, size_t hashed);
void run_mem_free(struct run_mem *m);
void run_mem_clear(struct run_mem *m);
/* False when it is full. */
bool run_mem_add(struct run_mem *m, const uint8_t entry[RUN_ENTRY]) WARN_UNUSED;
/* Forgets all but the oldest n. */
void run_mem_back_to(struct run_mem *m, size_t n);
/* Those that begin with the `hashed` octets at `prefix`, newest first. False: fn wants no more. */
bool run_mem_find(const struct run_mem *m, const uint8_t *prefix, run_each fn, void *arg);
/* All of them, oldest first; likewise. */
bool run_mem_each(const struct run_mem *m, run_each fn, void *arg);
void run_mem_sort(struct run_mem *m);
/* Sorted: the position of the first entry behind `after`. */
size_t run_mem_behind(const struct run_mem *m, const uint8_t after[RUN_ENTRY]);
const uint8_t *run_mem_at(const struct run_mem *m, size_t position);

#endif
