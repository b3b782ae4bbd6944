/*
 * Counts of certificates by a text that each of them has: owner, issuer, kind of key. Memory is
 * bounded whatever the texts are: past TALLY_MAX different ones, what is new counts as "(others)".
 */
#ifndef TOOLS_TALLY_H
#define TOOLS_TALLY_H

#include "lib/proto.h"

#define TALLY_MAX 4096

struct tally_row {
    char name[128];
    uint64_t all;
    uint64_t active;             /* valid now */
    uint64_t soon;               /* of those: end within REPORT_SOON ... */
    uint64_t bare;               /* ... and have no renewal */
    uint64_t critical, excepted; /* of findings, of which `active` are the others than excepted */
    uint64_t reviewed;
    int64_t oldest; /* the first of their reviews; 0: none */
};
struct tally {
    size_t n;
    bool full; /* some counted as others */
    struct tally_row *row;
    uint16_t slot[2 * TALLY_MAX + 1]; /* row + 1, by hash */
};
void tally_init(struct tally *t);
void tally_free(struct tally *t);
/* The row of a name, cut where it is longer. Good until the next call. */
struct tally_row *tally_of(struct tally *t, const char *name);
/* By active ones, the most first, then by name. No tally_of afterwards. */
void tally_sort(struct tally *t);

#endif
