#include "tools/audit_stream.h"

#include <inttypes.h>
#include <string.h>

void audit_stream_begin(struct audit_stream *s, struct tool *t, int64_t log, uint64_t first,
                        uint64_t tiled)
{
    memset(s, 0, sizeof(*s));
    s->tool = t;
    s->log = log;
    s->tiled = log == AUDIT_LOG_NOW ? tiled : 0;
    s->next = first;
    s->more = true;
    buf_init(&s->page, FRAME_BODY_MAX);
}

void audit_stream_end(struct audit_stream *s)
{
    buf_free(&s->page);
}

int audit_stream_hash(struct audit_stream *s, uint64_t index, const uint8_t **hash, struct fault *f)
{
    struct tile t = {.level = 0, .n = index / TILE_WIDTH, .width = TILE_WIDTH};

    *hash = NULL;
    if (index >= s->tiled)
        return 0;
    if (!s->has_tile || s->tile_n != t.n) {
        if (s->tiled - t.n * TILE_WIDTH < TILE_WIDTH)
            t.width = (unsigned)(s->tiled % TILE_WIDTH);
        s->has_tile = false;
        int rc = audit_read_tile(s->tool, &t, s->tile, f);
        if (rc != 0)
            return rc;
        s->has_tile = true;
        s->tile_n = t.n;
    }
    *hash = s->tile + 32 * (index % TILE_WIDTH);
    return 0;
}

/* Copied, since tiles are asked for while it is read. */
static int next_page(struct audit_stream *s, struct fault *f)
{
    struct audit_read r = {
        .log = s->log, .from = s->next, .limit = AUDIT_LIMIT_MAX, .generic = true};
    struct audit_page page;
    int rc = audit_page(s->tool, &r, &page, f);

    if (rc != 0)
        return rc;
    buf_reset(&s->page);
    buf_put_slice(&s->page, page.leaves.rest);
    wire_in_init(&s->leaves, buf_slice(&s->page));
    s->left = page.n;
    s->more = page.more;
    return 0;
}

int audit_stream_next(struct audit_stream *s, struct audit_leaf *leaf, const uint8_t **hash,
                      struct fault *f)
{
    int rc;

    while (s->left == 0) {
        if (!s->more)
            return 1;
        rc = next_page(s, f);
        if (rc != 0)
            return rc;
    }
    audit_leaf_get(&s->leaves, leaf);
    s->left--;
    if (wire_failed(&s->leaves) || leaf->index != s->next)
        return fault_set(f, FAULT_MALFORMED, "audit.missing", "cerca-ca sent no record %" PRIu64,
                         s->next);
    s->next++;
    return audit_stream_hash(s, leaf->index, hash, f);
}
