#include "ca/store/runs_mem.h"

#include <stdlib.h>
#include <string.h>

#include "lib/key.h"

void run_mem_init(struct run_mem *m, size_t max, size_t hashed)
{
    memset(m, 0, sizeof(*m));
    m->max = max;
    m->hashed = hashed;
    for (m->buckets = 1; m->buckets < max; m->buckets *= 2)
        ;
    m->entry = xcalloc(max, sizeof(m->entry[0]));
    m->older = xcalloc(max, sizeof(m->older[0]));
    m->order = xcalloc(max, sizeof(m->order[0]));
    m->bucket = xcalloc(m->buckets, sizeof(m->bucket[0]));
    random_bytes(&m->seed, sizeof(m->seed));
    run_mem_clear(m);
}

void run_mem_free(struct run_mem *m)
{
    free(m->entry);
    free(m->older);
    free(m->order);
    free(m->bucket);
    memset(m, 0, sizeof(*m));
}

void run_mem_clear(struct run_mem *m)
{
    memset(m->bucket, 0xff, m->buckets * sizeof(m->bucket[0]));
    m->n = 0;
}

/* Requesters choose some of these octets: the seed keeps them from choosing the bucket. */
static uint32_t *bucket_of(const struct run_mem *m, const uint8_t *octets)
{
    uint64_t h = m->seed, word;
    for (size_t i = 0; i + sizeof(word) <= m->hashed; i += sizeof(word)) {
        memcpy(&word, octets + i, sizeof(word));
        h = (h ^ word) * 0x9e3779b97f4a7c15ULL;
        h ^= h >> 32;
    }
    return &m->bucket[h & (m->buckets - 1)];
}

bool run_mem_add(struct run_mem *m, const uint8_t entry[RUN_ENTRY])
{
    if (m->n == m->max)
        return false;
    uint32_t *bucket = bucket_of(m, entry);
    memcpy(m->entry[m->n], entry, RUN_ENTRY);
    m->older[m->n] = *bucket;
    *bucket = (uint32_t)m->n++;
    return true;
}

void run_mem_back_to(struct run_mem *m, size_t n)
{
    while (m->n > n) {
        m->n--;
        *bucket_of(m, m->entry[m->n]) = m->older[m->n];
    }
}

bool run_mem_find(const struct run_mem *m, const uint8_t *prefix, run_each fn, void *arg)
{
    for (uint32_t i = *bucket_of(m, prefix); i != RUN_NONE; i = m->older[i])
        if (memcmp(m->entry[i], prefix, m->hashed) == 0 && fn(arg, m->entry[i]) < 0)
            return false;
    return true;
}

bool run_mem_each(const struct run_mem *m, run_each fn, void *arg)
{
    for (size_t i = 0; i < m->n; i++)
        if (fn(arg, m->entry[i]) < 0)
            return false;
    return true;
}

static int order_cmp(const void *pa, const void *pb, void *arg)
{
    const struct run_mem *m = arg;
    uint32_t a = *(const uint32_t *)pa, b = *(const uint32_t *)pb;
    return memcmp(m->entry[a], m->entry[b], RUN_ENTRY);
}

void run_mem_sort(struct run_mem *m)
{
    for (size_t i = 0; i < m->n; i++)
        m->order[i] = (uint32_t)i;
    qsort_r(m->order, m->n, sizeof(m->order[0]), order_cmp, m);
}

size_t run_mem_behind(const struct run_mem *m, const uint8_t after[RUN_ENTRY])
{
    size_t from = 0, to = m->n;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (memcmp(run_mem_at(m, middle), after, RUN_ENTRY) <= 0)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

const uint8_t *run_mem_at(const struct run_mem *m, size_t position)
{
    return m->entry[m->order[position]];
}
