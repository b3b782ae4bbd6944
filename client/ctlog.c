/* Outside of the jail: what came out of it is read anew. */
#include "client/ctlog_inner.h"

#include <stdlib.h>
#include <string.h>

#include "client/jail.h"

#define MARGIN 5 /* seconds that a child has beyond its requests */

static int run(const struct ct_log *l, int (*work)(void *arg, struct buf *out, struct fault *f),
               struct ct_asking *a, struct buf *out, struct fault *f)
{
    const struct jail jail = {.name = "cerca-ct",
                              .files = {l->trust},
                              .limit = (l->timeout_ms * 1000LL + CT_ROUND_US) / 1000000 + MARGIN};

    a->log = l;
    return jail_run(&jail, work, a, out, f);
}

static int lied(struct fault *f)
{
    return fault_set(f, FAULT_INTERNAL, "jail.failed", "the process of cerca-ct lied");
}

int ct_log_head(const struct ct_log *l, struct ct_head *out, struct fault *f)
{
    struct ct_asking a = {.size = 0};
    struct buf said;
    int rc;

    memset(out, 0, sizeof(*out));
    buf_init(&said, CT_HEAD_MAX);
    rc = run(l, ct_child_head, &a, &said, f);
    if (rc == 0 && ct_head_get(buf_slice(&said), out) != 0)
        rc = lied(f);
    if (rc == 0)
        rc = ct_head_verify(out, l->spki, f);
    buf_free(&said);
    return rc;
}

/* ---- entries ---- */

static int take_one(const struct ct_log *l, struct wire_in *w, uint64_t index, ct_entry_take take,
                    void *arg, struct fault *f)
{
    enum ct_what what = CT_OTHER, again = CT_OTHER;
    struct ct_entry e;
    struct slice timestamped, precert;
    uint8_t hash[32], word = wire_get_u8(w);
    int rc;

    memset(&e, 0, sizeof(e));
    if (word > CT_UNREAD)
        return lied(f);
    what = (enum ct_what)word;
    if (what != CT_UNDER) {
        wire_get_fixed(w, hash, sizeof(hash));
        return wire_failed(w) ? lied(f) : take(arg, index, hash, what, &e, f);
    }
    timestamped = wire_get_bytes(w, CT_ROUND_MAX);
    precert = wire_get_bytes(w, CT_ROUND_MAX);
    if (wire_failed(w))
        return lied(f);
    ct_entry_hash(timestamped, hash);
    rc = ct_timestamped_get(timestamped, precert, &e, f);
    if (rc == 0)
        rc = ct_entry_look(&e, l->domains, &again, f);
    if (rc == 0 && again != CT_UNDER)
        rc = lied(f);
    return rc == 0 ? take(arg, index, hash, what, &e, f) : rc;
}

int ct_log_entries(const struct ct_log *l, uint64_t size, uint64_t first, uint64_t end,
                   ct_entry_take take, void *arg, uint64_t *next, struct fault *f)
{
    struct ct_asking a = {.size = size, .first = first, .end = end};
    struct buf said;
    struct wire_in w;
    int rc;

    *next = first;
    buf_init(&said, CT_ROUND_MAX);
    rc = run(l, ct_child_entries, &a, &said, f);
    wire_in_init(&w, buf_slice(&said));
    while (rc == 0 && *next < end && w.rest.n > 0) {
        rc = take_one(l, &w, *next, take, arg, f);
        *next += rc == 0;
    }
    if (rc == 0 && (!wire_in_done(&w) || *next == first))
        rc = lied(f);
    buf_free(&said);
    return rc;
}

/* ---- a tree that was left earlier ---- */

int ct_log_tree(const struct ct_log *l, uint64_t size, const uint8_t root[32], uint64_t now,
                struct merkle *out, struct fault *f)
{
    struct ct_asking a = {.size = now, .first = size};
    uint8_t got[32];
    struct buf said;
    int rc = 0;

    memset(out, 0, sizeof(*out));
    if (size > 0 && (size & (size - 1)) == 0) { /* one peak: the root */
        out->size = size;
        memcpy(out->peak[0], root, 32);
        return 0;
    }
    buf_init(&said, MERKLE_BYTES_MAX);
    if (size > 0) {
        rc = run(l, ct_child_tree, &a, &said, f);
        if (rc == 0 && (merkle_get(buf_slice(&said), out) != 0 || out->size != size))
            rc = lied(f);
    }
    merkle_root(out, got);
    if (rc == 0 && memcmp(got, root, sizeof(got)) != 0)
        rc = fault_set(f, FAULT_CONFLICT, "ct.tree",
                       "the log's tree is another than the one that was seen");
    buf_free(&said);
    return rc;
}
