#include "lib/merkle.h"

#include <string.h>

#include "lib/fault.h"
#include "lib/key.h"
#include "lib/wire.h"

/* RFC 9162 2.1.1: one octet in front keeps leaves and inner nodes apart. */
enum { LEAF_PREFIX = 0x00, NODE_PREFIX = 0x01 };

void merkle_node(const uint8_t left[32], const uint8_t right[32], uint8_t out[32])
{
    uint8_t in[65];

    in[0] = NODE_PREFIX;
    memcpy(in + 1, left, 32);
    memcpy(in + 33, right, 32);
    sha256(slice_of(in, sizeof in), out);
}

static unsigned peaks(uint64_t size)
{
    return (unsigned)__builtin_popcountll(size);
}

void merkle_data(struct slice salt, struct slice record, uint8_t out[32])
{
    sha256_two(salt, record, out);
}

void merkle_leaf_of(const uint8_t data[32], uint8_t out[32])
{
    uint8_t in[33];

    in[0] = LEAF_PREFIX;
    memcpy(in + 1, data, 32);
    sha256(slice_of(in, sizeof in), out);
}

void merkle_leaf(struct slice salt, struct slice record, uint8_t out[32])
{
    uint8_t data[32];

    merkle_data(salt, record, data);
    merkle_leaf_of(data, out);
}

void merkle_fold(const uint8_t *hashes, size_t n, uint8_t out[32])
{
    uint8_t level[128][32];

    if (n == 1) {
        memcpy(out, hashes, 32);
        return;
    }
    for (size_t i = 0; i < n / 2; i++)
        merkle_node(hashes + 64 * i, hashes + 64 * i + 32, level[i]);
    for (n /= 2; n > 1; n /= 2)
        for (size_t i = 0; i < n / 2; i++)
            merkle_node(level[2 * i], level[2 * i + 1], level[i]);
    memcpy(out, level[0], 32);
}

/* A perfect subtree that gets a sibling of its own size becomes its left half:
 * the carry of a binary counter. */
void merkle_add(struct merkle *m, const uint8_t leaf[32])
{
    unsigned n = peaks(m->size);
    uint8_t h[32];

    memcpy(h, leaf, 32);
    for (uint64_t carry = m->size; carry & 1; carry >>= 1)
        merkle_node(m->peak[--n], h, h);
    memcpy(m->peak[n], h, 32);
    m->size++;
}

/* RFC 9162 2.1.1 splits at the largest power of two below the size, so the
 * peaks hang to the left of one path that ends in the smallest. */
void merkle_root(const struct merkle *m, uint8_t out[32])
{
    unsigned n = peaks(m->size);

    if (n == 0) {
        sha256(SLICE_NONE, out);
        return;
    }
    memcpy(out, m->peak[--n], 32);
    while (n > 0)
        merkle_node(m->peak[--n], out, out);
}

void merkle_put(struct buf *b, const struct merkle *m)
{
    wire_put_u64(b, m->size);
    wire_put_fixed(b, m->peak, 32 * (size_t)peaks(m->size));
}

int merkle_get(struct slice s, struct merkle *out)
{
    struct wire_in w;

    memset(out, 0, sizeof *out);
    wire_in_init(&w, s);
    out->size = wire_get_u64(&w);
    wire_get_fixed(&w, out->peak, 32 * (size_t)peaks(out->size));
    if (wire_in_done(&w))
        return 0;
    memset(out, 0, sizeof *out);
    return -FAULT_MALFORMED;
}
