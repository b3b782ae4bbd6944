/*
 * Writes the hash tiles of the audit log (lib/tile.h) below a folder of the public view:
 *
 *   tile/0/x001/x234/067       full: written once, never changed
 *   tile/0/x001/x234/068.p/40  partial: for the size of a checkpoint; removed once it is full
 *
 * They are derived from the store and can always be written again. What is below the size of
 * the newest checkpoint was synced before that was signed; what is above is not relied on.
 *
 * One thread at a time, save tiles_read.
 */
#ifndef CA_LEDGER_TILES_H
#define CA_LEDGER_TILES_H

#include "lib/tile.h"

struct tiles;

/* Goes on from the tree of `size` leaves with this root, when its tiles are there; else from the
 * empty one (tiles_size tells). `dir` is made. */
int tiles_open(const char *dir, uint64_t size, const uint8_t root[32], struct tiles **out,
               struct fault *f) WARN_UNUSED;
void tiles_close(struct tiles *t);
uint64_t tiles_size(const struct tiles *t);
void tiles_root(const struct tiles *t, uint8_t out[32]);
/* The next leaf. After a failure the tiles are closed and opened anew. */
int tiles_add(struct tiles *t, const uint8_t leaf[32], struct fault *f) WARN_UNUSED;
/* Writes the partial tiles of the present size, and syncs all. */
int tiles_flush(struct tiles *t, struct fault *f) WARN_UNUSED;
/* 32 * width octets; from the full tile where the partial one is gone. -FAULT_NOT_FOUND. */
int tiles_read(const char *dir, const struct tile *t, uint8_t *out, struct fault *f) WARN_UNUSED;

#endif
