#include "scan/space.h"

#include <stdlib.h>
#include <string.h>

void space_init(struct space *s)
{
    memset(s, 0, sizeof(*s));
}

static void free_range(struct space_range *r)
{
    for (size_t i = 0; i < r->n_names; i++)
        free(r->names[i]);
    free(r->names);
    free(r->port);
    free(r->name);
}

void space_free(struct space *s)
{
    for (size_t i = 0; i < s->n_ranges; i++)
        free_range(&s->range[i]);
    free(s->range);
    free(s->exclusion);
    space_init(s);
}

/* last - first + 1, or UINT64_MAX if that does not fit. */
static uint64_t addresses(const struct scan_range *r)
{
    uint64_t high = 0, low = 0, borrow_low = 0;
    uint64_t first[2] = {0, 0}, last[2] = {0, 0};

    for (size_t i = 0; i < 16; i++) {
        first[i / 8] = first[i / 8] << 8 | r->first[i];
        last[i / 8] = last[i / 8] << 8 | r->last[i];
    }
    low = last[1] - first[1];
    borrow_low = last[1] < first[1];
    high = last[0] - first[0] - borrow_low;
    return high != 0 || low == UINT64_MAX ? UINT64_MAX : low + 1;
}

static void add_exclusion(struct space *s, const struct scan_range *r)
{
    if (s->n_exclusions == s->cap_exclusions) {
        s->cap_exclusions = s->cap_exclusions == 0 ? 16 : 2 * s->cap_exclusions;
        s->exclusion = xreallocarray(s->exclusion, s->cap_exclusions, sizeof(*s->exclusion));
    }
    memcpy(s->exclusion[s->n_exclusions].first, r->first, 16);
    memcpy(s->exclusion[s->n_exclusions].last, r->last, 16);
    s->n_exclusions++;
    s->sorted = false;
}

static char *copy_name(struct slice name)
{
    char *out = xcalloc(1, name.n + 1);

    memcpy(out, name.p, name.n);
    return out;
}

static void copy_range(struct space *s, const struct scan_range *r)
{
    struct space_range *to;

    if (s->n_ranges == s->cap_ranges) {
        s->cap_ranges = s->cap_ranges == 0 ? 16 : 2 * s->cap_ranges;
        s->range = xreallocarray(s->range, s->cap_ranges, sizeof(*s->range));
    }
    to = &s->range[s->n_ranges++];
    memset(to, 0, sizeof(*to));
    to->before = s->n;
    to->name = r->name[0] != 0 ? xstrdup(r->name) : NULL;
    memcpy(to->first, r->first, sizeof(to->first));
    to->bare = r->bare;
    to->n_ports = r->n_ports;
    to->port = xmemdup(r->port, r->n_ports * sizeof(r->port[0]));
    to->n_names = r->n_names;
    if (r->n_names > 0)
        to->names = xcalloc(r->n_names, sizeof(*to->names));
    for (size_t i = 0; i < r->n_names; i++)
        to->names[i] = copy_name(r->names[i]);
}

int space_add(struct space *s, const struct scan_range *r, struct fault *f)
{
    uint64_t n;

    if (s->n_ranges + s->n_exclusions == SCAN_RANGES_MAX)
        return fault_set(f, FAULT_TOO_LARGE, "scan.ranges",
                         "more than %u names and ranges of addresses in one scan",
                         (unsigned)SCAN_RANGES_MAX);
    if (r->exclude) {
        add_exclusion(s, r);
        return 0;
    }
    n = r->name[0] != 0 ? 1 : addresses(r);
    if (n > SCAN_TARGETS_MAX || n * r->n_ports > SCAN_TARGETS_MAX - s->n)
        return fault_set(f, FAULT_TOO_LARGE, "scan.targets",
                         "more than 2^32 targets (addresses times ports) in one scan");
    copy_range(s, r);
    s->n += n * r->n_ports;
    return 0;
}

static void add_to(uint8_t address[16], uint64_t n)
{
    for (size_t i = 16; i > 0 && n > 0; i--) {
        n += address[i - 1];
        address[i - 1] = (uint8_t)n;
        n >>= 8;
    }
}

void space_at(const struct space *s, uint64_t i, struct space_target *out)
{
    size_t low = 0, high = s->n_ranges - 1;
    const struct space_range *r;

    while (low < high) { /* the last that begins at i or before */
        size_t middle = high - (high - low) / 2;

        if (s->range[middle].before <= i)
            low = middle;
        else
            high = middle - 1;
    }
    r = &s->range[low];
    i -= r->before;
    out->range = r;
    out->port = r->port[i % r->n_ports];
    memcpy(out->address, r->first, sizeof(out->address));
    add_to(out->address, i / r->n_ports);
}

static int by_first(const void *a, const void *b)
{
    return memcmp(((const struct space_exclusion *)a)->first,
                  ((const struct space_exclusion *)b)->first, 16);
}

/* What overlaps becomes one. */
static void sort_exclusions(struct space *s)
{
    size_t n = 0;

    qsort(s->exclusion, s->n_exclusions, sizeof(*s->exclusion), by_first);
    for (size_t i = 0; i < s->n_exclusions; i++) {
        struct space_exclusion *before = n > 0 ? &s->exclusion[n - 1] : NULL;

        if (before == NULL || memcmp(s->exclusion[i].first, before->last, 16) > 0)
            s->exclusion[n++] = s->exclusion[i];
        else if (memcmp(s->exclusion[i].last, before->last, 16) > 0)
            memcpy(before->last, s->exclusion[i].last, 16);
    }
    s->n_exclusions = n;
    s->sorted = true;
}

bool space_excluded(struct space *s, const uint8_t address[16])
{
    size_t low = 0, high;

    if (s->n_exclusions == 0)
        return false;
    if (!s->sorted)
        sort_exclusions(s);
    high = s->n_exclusions;
    while (low < high) { /* how many begin at the address or before */
        size_t middle = low + (high - low) / 2;

        if (memcmp(s->exclusion[middle].first, address, 16) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 && memcmp(address, s->exclusion[low - 1].last, 16) <= 0;
}
