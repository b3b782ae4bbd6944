#include "tools/tally.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS (2 * TALLY_MAX + 1)
#define OTHERS "(others)"

void tally_init(struct tally *t)
{
    memset(t, 0, sizeof(*t));
    t->row = xcalloc(TALLY_MAX + 1, sizeof(*t->row));
}

void tally_free(struct tally *t)
{
    free(t->row);
    t->row = NULL;
    t->n = 0;
}

/* FNV-1a. Whoever chooses names that collide makes this walk 4096 slots: bounded, and slow alone.
 */
static size_t hash(const char *name)
{
    uint64_t h = 14695981039346656037u;

    for (; *name != '\0'; name++)
        h = (h ^ (uint8_t)*name) * 1099511628211u;
    return (size_t)(h % SLOTS);
}

struct tally_row *tally_of(struct tally *t, const char *name)
{
    char cut[sizeof(t->row->name)];
    size_t at;

    (void)snprintf(cut, sizeof(cut), "%s", name);
    for (at = hash(cut); t->slot[at] != 0; at = (at + 1) % SLOTS)
        if (strcmp(t->row[t->slot[at] - 1].name, cut) == 0)
            return &t->row[t->slot[at] - 1];
    if (t->n >= TALLY_MAX && strcmp(cut, OTHERS) != 0) {
        t->full = true;
        return tally_of(t, OTHERS);
    }
    memcpy(t->row[t->n].name, cut, sizeof(cut));
    t->slot[at] = (uint16_t)++t->n;
    return &t->row[t->n - 1];
}

static int most_first(const void *a, const void *b)
{
    const struct tally_row *x = a, *y = b;

    if (x->active != y->active)
        return x->active < y->active ? 1 : -1;
    if (x->all != y->all)
        return x->all < y->all ? 1 : -1;
    return strcmp(x->name, y->name);
}

void tally_sort(struct tally *t)
{
    qsort(t->row, t->n, sizeof(*t->row), most_first);
    memset(t->slot, 0, sizeof(t->slot));
}
