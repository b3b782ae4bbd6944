/*
 * Hash tiles (c2sp.org/tlog-tiles): the tree cut into pieces of height 8. A tile at level L holds
 * up to 256 roots of perfect subtrees of 256^L leaves each, 32 octets a piece; the n-th one begins
 * at root 256 * n. What is full never changes; a tree of any size has at most one partial tile a
 * level. So any proof needs a few tiles, whatever the size.
 */
#ifndef LIB_TILE_H
#define LIB_TILE_H

#include "lib/buf.h"
#include "lib/fault.h"

#define TILE_WIDTH 256
#define TILE_BYTES (32 * TILE_WIDTH)
#define TILE_LEVELS 8

struct tile {
    unsigned level; /* below TILE_LEVELS */
    uint64_t n;
    unsigned width; /* 1 to TILE_WIDTH */
};

/* "tile/0/x001/x234/067", and ".p/40" behind it when it is partial. */
void tile_path(struct buf *b, const struct tile *t);
/* "tile/data/x001/x234/067": the entries themselves (c2sp.org/static-ct-api). */
void tile_data_path(struct buf *b, uint64_t n, unsigned width);
/* The tile that holds the root of the perfect subtree of 2^level leaves number `index`, in a tree
 * of `size` leaves; the root is over *count hashes from *first on. */
void tile_of(uint64_t size, unsigned level, uint64_t index, struct tile *out, size_t *first,
             size_t *count);

/* Proofs from tiles: a merkle_node_at (lib/merkle.h) with a struct tile_reader behind it. */
struct tile_reader {
    uint64_t size; /* of the tree */
    /* Fills exactly 32 * t->width octets. */
    int (*read)(void *arg, const struct tile *t, uint8_t *out, struct fault *f);
    void *arg;
    struct fault fault; /* why a proof failed */
    struct tile at[4];  /* read last */
    uint8_t bytes[4][TILE_BYTES];
    unsigned next;
};
int tile_node_at(void *reader, unsigned level, uint64_t index, uint8_t out[32]);

#endif
