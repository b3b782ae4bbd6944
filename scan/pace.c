#include "scan/pace.h"

#include <stdlib.h>
#include <string.h>

#define SECOND_NS UINT64_C(1000000000)

void pace_init(struct pace *p, const struct scan_job *job)
{
    memset(p, 0, sizeof(*p));
    p->all_every = job->rate == 0 ? 0 : SECOND_NS / job->rate;
    p->one_every = job->per_network == 0 ? 0 : SECOND_NS / job->per_network;
    p->prefix4 = job->prefix4;
    p->prefix6 = job->prefix6;
    p->key = job->seed;
    if (p->one_every != 0)
        p->one_next = xcalloc(PACE_NETWORKS, sizeof(*p->one_next));
}

void pace_free(struct pace *p)
{
    free(p->one_next);
    p->one_next = NULL;
}

static uint64_t take(uint64_t *next, uint64_t every, uint64_t now_us)
{
    uint64_t now = now_us * 1000, at = *next > now ? *next : now;

    *next = at + every;
    return (at - now + 999) / 1000;
}

static size_t place(const struct pace *p, const uint8_t address[16])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    unsigned bits = memcmp(address, mapped, 12) == 0 ? 96 + p->prefix4 : p->prefix6;
    uint64_t h = p->key ^ 0xcbf29ce484222325;

    for (unsigned i = 0; i < 16 && bits > 0; i++) { /* FNV-1a */
        uint8_t octet = address[i];

        if (bits < 8)
            octet &= (uint8_t)(0xff << (8 - bits));
        bits -= bits < 8 ? bits : 8;
        h = (h ^ octet) * 0x100000001b3;
    }
    return (size_t)((h ^ h >> 29) % PACE_NETWORKS);
}

uint64_t pace_network(struct pace *p, const uint8_t address[16], uint64_t now_us)
{
    return p->one_every == 0 ? 0 : take(&p->one_next[place(p, address)], p->one_every, now_us);
}

uint64_t pace_all(struct pace *p, uint64_t now_us)
{
    return p->all_every == 0 ? 0 : take(&p->all_next, p->all_every, now_us);
}

uint64_t pace_ahead(const struct pace *p, uint64_t now_us)
{
    return p->all_next > now_us * 1000 ? (p->all_next - now_us * 1000) / 1000 : 0;
}
