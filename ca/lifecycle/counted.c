#include "ca/lifecycle/counted.h"

#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"

#define ROOM_FIRST 1024

/* An identity is a hash: half of it tells lines apart, and is where to look. */
struct counted_line {
    uint64_t key; /* 0: nobody is here */
    uint32_t found, excepted;
    uint32_t rest; /* day, 24 bits; state, 4 bits; the round, 1 bit */
};

static uint64_t key_of(const uint8_t identity[16])
{
    uint64_t key;

    memcpy(&key, identity, sizeof(key));
    return key == 0 ? 1 : key;
}

static uint32_t rest_of(const struct counted_as *as, uint8_t round)
{
    return as->ends << 8 | (uint32_t)(as->state & 15) << 4 | round;
}

static uint8_t state_of(const struct counted_line *l)
{
    return l->rest >> 4 & 15;
}

void counted_free(struct counted *c)
{
    free(c->slot);
    memset(c, 0, sizeof(*c));
}

/* ---- sums ---- */

static void add_day(struct counted_sums *s, const struct counted_line *l, uint32_t by)
{
    int64_t day = (int64_t)(l->rest >> 8) - s->first_day;

    if (l->rest >> 8 == 0 || day < 0 || day >= COUNTED_DAYS)
        return;
    s->ends_on[day] += by;
    if (state_of(l) != LINE_OK)
        s->due_on[day] += by;
}

/* `by` is 1 or, in effect, -1. */
static void add(struct counted_sums *s, const struct counted_line *l, uint64_t by)
{
    s->lines += by;
    s->by_state[state_of(l)] += by;
    for (unsigned i = 0; (l->found | l->excepted) != 0 && i < FINDINGS; i++) {
        s->found[i] += (l->found & 1u << i) != 0 ? by : 0;
        s->excepted[i] += (l->excepted & 1u << i) != 0 ? by : 0;
    }
    add_day(s, l, (uint32_t)by);
}

/* ---- the table ---- */

/* Where it is, or would be. */
static size_t find(const struct counted *c, uint64_t key)
{
    size_t i = (size_t)key & (c->room - 1);

    while (c->slot[i].key != 0 && c->slot[i].key != key)
        i = (i + 1) & (c->room - 1);
    return i;
}

/* Into a table of that many, but for those of another round where `round` is not -1. */
static void move_all(struct counted *c, size_t room, int round)
{
    struct counted_line *old = c->slot;
    size_t n = c->room;

    c->slot = xcalloc(room, sizeof(c->slot[0]));
    c->room = room;
    c->n = 0;
    for (size_t i = 0; i < n; i++) {
        if (old[i].key == 0)
            continue;
        if (round >= 0 && (old[i].rest & 1) != (unsigned)round) {
            add(&c->sums, &old[i], UINT64_MAX);
            continue;
        }
        c->slot[find(c, old[i].key)] = old[i];
        c->n++;
    }
    free(old);
}

void counted_put(struct counted *c, const uint8_t identity[16], const struct counted_as *as)
{
    struct counted_line *l;

    if (4 * (c->n + 1) > 3 * c->room)
        move_all(c, c->room == 0 ? ROOM_FIRST : 2 * c->room, -1);
    l = &c->slot[find(c, key_of(identity))];
    if (l->key != 0)
        add(&c->sums, l, UINT64_MAX);
    else
        c->n++;
    *l = (struct counted_line){.key = key_of(identity),
                               .found = as->found,
                               .excepted = as->excepted,
                               .rest = rest_of(as, c->round)};
    add(&c->sums, l, 1);
}

/* Those behind it move up, so that none stands behind a gap. */
void counted_remove(struct counted *c, const uint8_t identity[16])
{
    size_t mask = c->room - 1, at, i;

    if (c->room == 0)
        return;
    at = find(c, key_of(identity));
    if (c->slot[at].key == 0)
        return;
    add(&c->sums, &c->slot[at], UINT64_MAX);
    c->n--;
    for (i = (at + 1) & mask; c->slot[i].key != 0; i = (i + 1) & mask) {
        size_t home = (size_t)c->slot[i].key & mask;

        if (((i - home) & mask) < ((i - at) & mask))
            continue;
        c->slot[at] = c->slot[i];
        at = i;
    }
    memset(&c->slot[at], 0, sizeof(c->slot[at]));
}

/* ---- whole evaluations ---- */

void counted_begin(struct counted *c, int64_t day)
{
    c->round ^= 1;
    if (c->sums.first_day == day)
        return;
    c->sums.first_day = day;
    memset(c->sums.ends_on, 0, sizeof(c->sums.ends_on));
    memset(c->sums.due_on, 0, sizeof(c->sums.due_on));
    for (size_t i = 0; i < c->room; i++)
        if (c->slot[i].key != 0)
            add_day(&c->sums, &c->slot[i], 1);
}

void counted_end(struct counted *c)
{
    for (size_t i = 0; i < c->room; i++) {
        if (c->slot[i].key == 0 || (c->slot[i].rest & 1) == c->round)
            continue;
        move_all(c, c->room, c->round);
        return;
    }
}
