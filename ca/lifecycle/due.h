/*
 * What has to be looked at again, and when: a heap in memory of what is due within about a day. The
 * rest needs no schedule, for all is evaluated anew every day. One thread.
 */
#ifndef CA_LIFECYCLE_DUE_H
#define CA_LIFECYCLE_DUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DUE_MAX ((size_t)1 << 21)

enum due_kind { DUE_LINE = 0, DUE_ALERT = 1 }; /* `id` is an identity; an alert's key */
struct due_entry {
    int64_t at;
    uint8_t id[16];
    uint8_t kind;
};

struct due {
    struct due_entry *heap;
    size_t n, room;
    bool lost; /* there was no room for one: evaluate all again, soon */
};
void due_free(struct due *d);
void due_push(struct due *d, int64_t at, enum due_kind kind, const uint8_t id[16]);
/* The first, when it is due at `now`. */
bool due_pop(struct due *d, int64_t now, struct due_entry *out);
/* INT64_MAX: nothing is scheduled. */
int64_t due_first(const struct due *d);

#endif
