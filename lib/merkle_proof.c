/* Proofs, as RFC 9162 2.1.3 and 2.1.4 write them down. */
#include <string.h>

#include "lib/fault.h"
#include "lib/merkle.h"

struct prover {
    merkle_node_at at;
    void *arg;
    struct merkle_path *path;
};

/* "k is the largest power of two smaller than n" */
static uint64_t split(uint64_t n)
{
    return UINT64_C(1) << (63 - __builtin_clzll(n - 1));
}

/* MTH(D[first:first + n]), where `first` is a multiple of what n is split by. */
static int range(const struct prover *p, uint64_t first, uint64_t n, uint8_t out[32])
{
    uint8_t left[32];
    unsigned level = (unsigned)__builtin_ctzll(n);
    uint64_t k;
    int rc;

    if ((n & (n - 1)) == 0)
        return p->at(p->arg, level, first >> level, out);
    k = split(n);
    rc = range(p, first, k, left);
    if (rc == 0)
        rc = range(p, first + k, n - k, out);
    if (rc == 0)
        merkle_node(left, out, out);
    return rc;
}

static int append(struct prover *p, uint64_t first, uint64_t n)
{
    if (p->path->n == MERKLE_PATH_MAX)
        return -FAULT_INTERNAL;
    return range(p, first, n, p->path->hash[p->path->n++]);
}

static int path_of(struct prover *p, uint64_t index, uint64_t first, uint64_t n)
{
    uint64_t k;
    int rc;

    if (n == 1)
        return 0;
    k = split(n);
    if (index < first + k) {
        rc = path_of(p, index, first, k);
        return rc == 0 ? append(p, first + k, n - k) : rc;
    }
    rc = path_of(p, index, first + k, n - k);
    return rc == 0 ? append(p, first, k) : rc;
}

/* SUBPROOF(m, D[first:first + n], whole) */
static int subproof(struct prover *p, uint64_t m, uint64_t first, uint64_t n, bool whole)
{
    uint64_t k;
    int rc;

    if (m == n)
        return whole ? 0 : append(p, first, n);
    k = split(n);
    if (m <= k) {
        rc = subproof(p, m, first, k, whole);
        return rc == 0 ? append(p, first + k, n - k) : rc;
    }
    rc = subproof(p, m - k, first + k, n - k, false);
    return rc == 0 ? append(p, first, k) : rc;
}

int merkle_inclusion(uint64_t index, uint64_t size, merkle_node_at at, void *arg,
                     struct merkle_path *out)
{
    struct prover p = {at, arg, out};

    out->n = 0;
    return index < size ? path_of(&p, index, 0, size) : -FAULT_NOT_FOUND;
}

int merkle_consistency(uint64_t from, uint64_t to, merkle_node_at at, void *arg,
                       struct merkle_path *out)
{
    struct prover p = {at, arg, out};

    out->n = 0;
    return from > 0 && from <= to ? subproof(&p, from, 0, to, true) : -FAULT_NOT_FOUND;
}

bool merkle_inclusion_holds(const uint8_t leaf[32], uint64_t index, uint64_t size,
                            const struct merkle_path *path, const uint8_t root[32])
{
    uint64_t fn = index, sn = size - 1;
    uint8_t r[32];

    if (index >= size)
        return false;
    memcpy(r, leaf, sizeof r);
    for (size_t i = 0; i < path->n; i++) {
        if (sn == 0)
            return false;
        if ((fn & 1) == 0 && fn != sn) {
            merkle_node(r, path->hash[i], r);
        } else {
            merkle_node(path->hash[i], r, r);
            for (; (fn & 1) == 0 && fn != 0; fn >>= 1)
                sn >>= 1;
        }
        fn >>= 1;
        sn >>= 1;
    }
    return sn == 0 && memcmp(r, root, sizeof r) == 0;
}

bool merkle_consistency_holds(uint64_t from, const uint8_t from_root[32], uint64_t to,
                              const uint8_t to_root[32], const struct merkle_path *path)
{
    uint64_t fn = from - 1, sn = to - 1;
    const uint8_t *first = from_root;
    uint8_t fr[32], sr[32];
    size_t i = 0;

    if (from == 0 || from > to)
        return false;
    if (from == to)
        return path->n == 0 && memcmp(from_root, to_root, 32) == 0;
    if ((from & (from - 1)) != 0) {
        if (path->n == 0)
            return false;
        first = path->hash[i++];
    }
    for (; fn & 1; fn >>= 1)
        sn >>= 1;
    memcpy(fr, first, sizeof fr);
    memcpy(sr, first, sizeof sr);
    for (; i < path->n; i++) {
        if (sn == 0)
            return false;
        if ((fn & 1) == 0 && fn != sn) {
            merkle_node(sr, path->hash[i], sr);
        } else {
            merkle_node(path->hash[i], fr, fr);
            merkle_node(path->hash[i], sr, sr);
            for (; (fn & 1) == 0 && fn != 0; fn >>= 1)
                sn >>= 1;
        }
        fn >>= 1;
        sn >>= 1;
    }
    return sn == 0 && memcmp(fr, from_root, sizeof fr) == 0 && memcmp(sr, to_root, sizeof sr) == 0;
}
