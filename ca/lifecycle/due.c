#include "ca/lifecycle/due.h"

#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"

void due_free(struct due *d)
{
    free(d->heap);
    memset(d, 0, sizeof(*d));
}

static void swap(struct due *d, size_t a, size_t b)
{
    struct due_entry e = d->heap[a];

    d->heap[a] = d->heap[b];
    d->heap[b] = e;
}

void due_push(struct due *d, int64_t at, enum due_kind kind, const uint8_t id[16])
{
    size_t i = d->n;

    if (d->n == DUE_MAX) {
        d->lost = true;
        return;
    }
    if (d->n == d->room) {
        d->room = d->room == 0 ? 256 : 2 * d->room;
        d->heap = xreallocarray(d->heap, d->room, sizeof(d->heap[0]));
    }
    d->heap[i] = (struct due_entry){.at = at, .kind = (uint8_t)kind};
    memcpy(d->heap[i].id, id, sizeof(d->heap[i].id));
    d->n++;
    for (; i > 0 && d->heap[(i - 1) / 2].at > d->heap[i].at; i = (i - 1) / 2)
        swap(d, i, (i - 1) / 2);
}

bool due_pop(struct due *d, int64_t now, struct due_entry *out)
{
    size_t i = 0;

    if (d->n == 0 || d->heap[0].at > now)
        return false;
    *out = d->heap[0];
    d->heap[0] = d->heap[--d->n];
    for (;;) {
        size_t least = 2 * i + 1;

        if (least >= d->n)
            return true;
        if (least + 1 < d->n && d->heap[least + 1].at < d->heap[least].at)
            least++;
        if (d->heap[i].at <= d->heap[least].at)
            return true;
        swap(d, i, least);
        i = least;
    }
}

int64_t due_first(const struct due *d)
{
    return d->n == 0 ? INT64_MAX : d->heap[0].at;
}
