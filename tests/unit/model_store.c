#include "tests/unit/model_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define ISSUERS 4

struct store {
    size_t size, max, issuers;
    struct store_issuer issuer[ISSUERS];
    uint64_t n;
    struct store_change change[];
};

struct store *model_new(size_t changes_max)
{
    size_t size = sizeof(struct store) + changes_max * sizeof(struct store_change);
    struct store *s =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (s == MAP_FAILED)
        abort();
    s->size = size;
    s->max = changes_max;
    return s;
}

void model_free(struct store *s)
{
    munmap(s, s->size);
}

void model_issuer(struct store *s, uint16_t number, const char *name, uint8_t key)
{
    struct store_issuer *i = &s->issuer[s->issuers];

    for (size_t k = 0; k < s->issuers; k++)
        if (s->issuer[k].number == number)
            i = &s->issuer[k];
    if (i == &s->issuer[s->issuers] && s->issuers++ == ISSUERS)
        abort();
    i->number = number;
    snprintf(i->name, sizeof i->name, "%s", name);
    memset(i->spki_hash, key, sizeof i->spki_hash);
}

void model_issuer_key(struct store *s, uint16_t number, const uint8_t hash[32])
{
    for (size_t k = 0; k < s->issuers; k++)
        if (s->issuer[k].number == number)
            memcpy(s->issuer[k].spki_hash, hash, 32);
}

uint64_t model_change(struct store *s, const struct store_change *c)
{
    uint64_t n = s->n;

    if (n == s->max)
        abort();
    s->change[n] = *c;
    s->change[n].number = n + 1;
    __atomic_store_n(&s->n, n + 1, __ATOMIC_RELEASE);
    return n + 1;
}

const struct store_change *model_changes(const struct store *s, uint64_t first)
{
    return &s->change[first - 1];
}

uint64_t model_newest(const struct store *s)
{
    return __atomic_load_n(&s->n, __ATOMIC_ACQUIRE);
}

void model_forget(struct store *s, uint64_t number)
{
    s->n = number;
}

int model_issuers(struct store *s, store_issuer_each fn, void *arg, struct fault *f)
{
    int rc = 0;

    fault_clear(f);
    for (size_t k = 0; rc == 0 && k < s->issuers; k++)
        rc = fn(arg, &s->issuer[k]);
    return rc;
}

int model_stats(struct store *s, struct store_stats *out, struct fault *f)
{
    fault_clear(f);
    *out = (struct store_stats){.change = model_newest(s)};
    return 0;
}

int model_since(struct store *s, uint64_t after, struct store_change *out, size_t max, size_t *n,
                struct fault *f)
{
    uint64_t newest = model_newest(s);

    fault_clear(f);
    *n = 0;
    while (after + *n < newest && *n < max) {
        out[*n] = s->change[after + *n];
        ++*n;
    }
    return 0;
}

static int ref_cmp(const struct cert_ref *a, const struct cert_ref *b)
{
    int order = memcmp(a->serial, b->serial, SERIAL_LEN);

    return order ? order : (int)a->issuer - (int)b->issuer;
}

static int by_ref_newest_first(const void *a, const void *b)
{
    const struct store_change *x = a, *y = b;
    int order = ref_cmp(&x->ref, &y->ref);

    return order ? order : (x->number < y->number) - (x->number > y->number);
}

int model_states(struct store *s, const struct cert_ref *after, struct store_change *out,
                 size_t max, size_t *n, struct fault *f)
{
    size_t count = (size_t)model_newest(s);
    struct store_change *all = xcalloc(count + 1, sizeof *all);
    struct cert_ref seen = after ? *after : (struct cert_ref){0};

    fault_clear(f);
    *n = 0;
    memcpy(all, s->change, count * sizeof *all);
    qsort(all, count, sizeof *all, by_ref_newest_first);
    for (size_t k = 0; k < count && *n < max; k++) {
        if (ref_cmp(&all[k].ref, &seen) <= 0)
            continue;
        seen = all[k].ref;
        if (all[k].state != CERT_OPEN)
            out[(*n)++] = all[k];
    }
    free(all);
    return 0;
}
