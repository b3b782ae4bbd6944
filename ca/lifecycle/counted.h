/*
 * Sums over all lines that stay exact while single lines are judged anew: of each line is kept what
 * it was counted as, 24 octets, so that counting it again replaces that. In memory; made by a whole
 * evaluation. One thread.
 */
#ifndef CA_LIFECYCLE_COUNTED_H
#define CA_LIFECYCLE_COUNTED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "watch/rules/finding.h"
#include "watch/rules/line.h"

/* One line. The bits are those of enum finding. */
struct counted_as {
    uint32_t found, excepted;
    uint8_t state; /* enum line_state */
    uint32_t ends; /* the day since 1970, below 1 << 24; 0: it is not counted by its end */
};
_Static_assert(FINDINGS <= 32, "findings of a line are kept in 32 bits");

#define COUNTED_DAYS 400
struct counted_sums {
    uint64_t lines;
    uint64_t by_state[LINE_ENDED + 1];
    uint64_t found[FINDINGS], excepted[FINDINGS];
    /* Lines by the day that they end on; `first_day` is that of the newest whole evaluation. */
    int64_t first_day;
    uint32_t ends_on[COUNTED_DAYS];
    /* Those of them whose renewal is due at least: a life of a week that has just begun is none. */
    uint32_t due_on[COUNTED_DAYS];
};

struct counted_line;
struct counted {
    struct counted_line *slot; /* a hash table: a power of two, or none */
    size_t room, n;
    uint8_t round; /* 0 or 1: of the newest whole evaluation */
    struct counted_sums sums;
};
void counted_free(struct counted *c);
/* A whole evaluation begins, on that day; at its end what it did not meet is forgotten. */
void counted_begin(struct counted *c, int64_t day);
void counted_end(struct counted *c);
void counted_put(struct counted *c, const uint8_t identity[16], const struct counted_as *as);
void counted_remove(struct counted *c, const uint8_t identity[16]);

#endif
