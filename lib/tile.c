#include "lib/tile.h"

#include <inttypes.h>
#include <string.h>

#include "lib/merkle.h"

static void put_place(struct buf *b, uint64_t n, unsigned width)
{
    uint64_t part[7];
    size_t parts = 0;

    do {
        part[parts++] = n % 1000;
        n /= 1000;
    } while (n > 0);
    while (parts > 0) {
        parts--;
        buf_printf(b, "/%s%03" PRIu64, parts > 0 ? "x" : "", part[parts]);
    }
    if (width < TILE_WIDTH)
        buf_printf(b, ".p/%u", width);
}

void tile_path(struct buf *b, const struct tile *t)
{
    buf_printf(b, "tile/%u", t->level);
    put_place(b, t->n, t->width);
}

void tile_data_path(struct buf *b, uint64_t n, unsigned width)
{
    buf_put_str(b, "tile/data");
    put_place(b, n, width);
}

void tile_of(uint64_t size, unsigned level, uint64_t index, struct tile *out, size_t *first,
             size_t *count)
{
    unsigned within = level % 8;
    uint64_t at = index << within, all;

    out->level = level / 8;
    out->n = at / TILE_WIDTH;
    all = (size >> (8 * out->level)) - out->n * TILE_WIDTH;
    out->width = all < TILE_WIDTH ? (unsigned)all : TILE_WIDTH;
    *first = (size_t)(at % TILE_WIDTH);
    *count = (size_t)1 << within;
}

static const uint8_t *find(struct tile_reader *r, const struct tile *t)
{
    size_t i;

    for (i = 0; i < 4; i++)
        if (r->at[i].level == t->level && r->at[i].n == t->n && r->at[i].width == t->width)
            return r->bytes[i];
    i = r->next++ % 4;
    r->at[i].width = 0;
    if (r->read(r->arg, t, r->bytes[i], &r->fault) != 0)
        return NULL;
    r->at[i] = *t;
    return r->bytes[i];
}

int tile_node_at(void *reader, unsigned level, uint64_t index, uint8_t out[32])
{
    struct tile_reader *r = reader;
    size_t first, count;
    const uint8_t *bytes;
    struct tile t;

    tile_of(r->size, level, index, &t, &first, &count);
    bytes = find(r, &t);
    if (bytes == NULL)
        return -(int)r->fault.code;
    merkle_fold(bytes + 32 * first, count, out);
    return 0;
}
