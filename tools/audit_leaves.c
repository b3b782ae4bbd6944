#include "tools/audit_leaves.h"

#include <stdlib.h>

static void add(struct leaves *l, const struct audit_leaf *leaf)
{
    if (l->n % TILE_WIDTH == 0)
        l->hash = xreallocarray(l->hash, (size_t)l->n + TILE_WIDTH, sizeof(l->hash[0]));
    audit_leaf_hash(leaf, l->hash[l->n++]);
}

int leaves_read(struct leaves *l, struct tool *t, int64_t log, uint64_t n, struct fault *f)
{
    struct audit_stream *s = xcalloc(1, sizeof(*s));
    struct audit_leaf leaf;
    const uint8_t *none;
    int rc = 0;

    audit_stream_begin(s, t, log, 0, 0);
    while (rc == 0 && l->n < n) {
        rc = audit_stream_next(s, &leaf, &none, f);
        if (rc == 0)
            add(l, &leaf);
    }
    audit_stream_end(s);
    free(s);
    return rc > 0 ? fault_set(f, FAULT_INTERNAL, "audit.truncated",
                              "the log is shorter than its newest checkpoint")
                  : rc;
}

void leaves_free(struct leaves *l)
{
    free(l->hash);
    *l = (struct leaves){0};
}

int leaves_node_at(void *arg, unsigned level, uint64_t index, uint8_t out[32])
{
    const struct leaves *l = arg;
    struct merkle tree = {.size = 0};
    uint64_t first;

    if (level >= 63 || index > l->n >> level || (index + 1) << level > l->n)
        return -FAULT_INTERNAL;
    first = index << level;
    for (uint64_t i = 0; i < (uint64_t)1 << level; i++)
        merkle_add(&tree, l->hash[first + i]);
    merkle_root(&tree, out);
    return 0;
}
