/*
 * The Merkle tree of RFC 9162 2.1 (the same as RFC 6962 2.1), over SHA-256: how it grows, its
 * root, its proofs. Pure.
 *
 * A leaf of the audit log is what SHA-256(salt || record) gives, 32 octets; the tree hashes that
 * once more, with the octet 0x00 in front. So a record can be dropped while its leaf stays.
 */
#ifndef LIB_MERKLE_H
#define LIB_MERKLE_H

#include "lib/buf.h"

/* SHA-256(salt || record): the leaf's data. */
void merkle_data(struct slice salt, struct slice record, uint8_t out[32]);
/* SHA-256(0x00 || data) */
void merkle_leaf_of(const uint8_t data[32], uint8_t out[32]);
/* Both. */
void merkle_leaf(struct slice salt, struct slice record, uint8_t out[32]);
/* SHA-256(0x01 || left || right) */
void merkle_node(const uint8_t left[32], const uint8_t right[32], uint8_t out[32]);
/* The root over n hashes, a power of two up to 256, of subtrees equally large. */
void merkle_fold(const uint8_t *hashes, size_t n, uint8_t out[32]);

/* The tree as it grows: the roots of its perfect subtrees, largest first. */
struct merkle {
    uint64_t size;
    uint8_t peak[64][32];
};
#define MERKLE_BYTES_MAX (8 + 64 * 32)

void merkle_add(struct merkle *m, const uint8_t leaf[32]);
void merkle_root(const struct merkle *m, uint8_t out[32]); /* of the empty tree: SHA-256("") */
/* Compact form for the store's meta row: the size, then a hash for each bit set. */
void merkle_put(struct buf *b, const struct merkle *m);
int merkle_get(struct slice s, struct merkle *out) WARN_UNUSED;

/* ---- proofs ---- */

/* The root of the perfect subtree over the 2^level leaves from index << level on. 0, or a fault
 * code, which ends what asked. */
typedef int (*merkle_node_at)(void *arg, unsigned level, uint64_t index, uint8_t out[32]);

#define MERKLE_PATH_MAX 66
struct merkle_path {
    size_t n;
    uint8_t hash[MERKLE_PATH_MAX][32];
};

/* RFC 9162 2.1.3.1; index < size. */
int merkle_inclusion(uint64_t index, uint64_t size, merkle_node_at at, void *arg,
                     struct merkle_path *out) WARN_UNUSED;
/* RFC 9162 2.1.4.1; 0 < from <= to. */
int merkle_consistency(uint64_t from, uint64_t to, merkle_node_at at, void *arg,
                       struct merkle_path *out) WARN_UNUSED;
/* RFC 9162 2.1.3.2 */
bool merkle_inclusion_holds(const uint8_t leaf[32], uint64_t index, uint64_t size,
                            const struct merkle_path *path, const uint8_t root[32]);
/* RFC 9162 2.1.4.2 */
bool merkle_consistency_holds(uint64_t from, const uint8_t from_root[32], uint64_t to,
                              const uint8_t to_root[32], const struct merkle_path *path);

#endif
