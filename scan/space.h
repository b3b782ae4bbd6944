/*
 * The targets of a scan by number: each address with each port of each range is one; a name is one
 * a port. And what is excluded.
 */
#ifndef SCAN_SPACE_H
#define SCAN_SPACE_H

#include "lib/fault.h"
#include "lib/proto_scan.h"

struct space_range {
    uint64_t before; /* targets of the ranges before it */
    char *name;      /* NULL: addresses */
    uint8_t first[16];
    bool bare;
    uint8_t n_ports, n_names;
    struct scan_port *port;
    char **names;
};

struct space_exclusion {
    uint8_t first[16], last[16];
};

struct space {
    uint64_t n; /* targets */
    struct space_range *range;
    size_t n_ranges, cap_ranges;
    struct space_exclusion *exclusion;
    size_t n_exclusions, cap_exclusions;
    bool sorted; /* exclusions by their first address, none overlaps another */
};

void space_init(struct space *s);
void space_free(struct space *s);
/* Copies it. Rules "scan.ranges", "scan.targets". */
int space_add(struct space *s, const struct scan_range *r, struct fault *f) WARN_UNUSED;

struct space_target {
    const struct space_range *range;
    uint8_t address[16]; /* without a name in the range */
    struct scan_port port;
};
/* i is below n. */
void space_at(const struct space *s, uint64_t i, struct space_target *out);
bool space_excluded(struct space *s, const uint8_t address[16]);

#endif
