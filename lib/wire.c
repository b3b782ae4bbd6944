#include "lib/wire.h"

#include <string.h>

#include "lib/utf8.h"

static void put_be(struct buf *b, uint64_t v, size_t n)
{
    uint8_t octets[8];

    for (size_t i = 0; i < n; i++)
        octets[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
    buf_put(b, octets, n);
}

void wire_put_u8(struct buf *b, uint8_t v)
{
    put_be(b, v, 1);
}

void wire_put_u16(struct buf *b, uint16_t v)
{
    put_be(b, v, 2);
}

void wire_put_u32(struct buf *b, uint32_t v)
{
    put_be(b, v, 4);
}

void wire_put_u64(struct buf *b, uint64_t v)
{
    put_be(b, v, 8);
}

void wire_put_i64(struct buf *b, int64_t v)
{
    put_be(b, (uint64_t)v, 8);
}

void wire_put_bytes(struct buf *b, struct slice s)
{
    if (s.n > UINT32_MAX) {
        b->failed = true;
        return;
    }
    wire_put_u32(b, (uint32_t)s.n);
    buf_put_slice(b, s);
}

void wire_put_text(struct buf *b, const char *s)
{
    wire_put_bytes(b, slice_str(s));
}

void wire_put_fixed(struct buf *b, const void *p, size_t n)
{
    buf_put(b, p, n);
}

void wire_in_init(struct wire_in *w, struct slice s)
{
    *w = (struct wire_in){.rest = s};
}

/* The next n octets; SLICE_NONE and the sticky error when there are fewer. */
static struct slice take(struct wire_in *w, size_t n)
{
    struct slice s = SLICE_NONE;

    if (w->failed || n > w->rest.n) {
        w->failed = true;
        return s;
    }
    s = slice_of(w->rest.p, n);
    if (n > 0)
        w->rest = slice_of(w->rest.p + n, w->rest.n - n);
    return s;
}

static uint64_t get_be(struct wire_in *w, size_t n)
{
    struct slice s = take(w, n);
    uint64_t v = 0;

    for (size_t i = 0; i < s.n; i++)
        v = v << 8 | s.p[i];
    return v;
}

uint8_t wire_get_u8(struct wire_in *w)
{
    return (uint8_t)get_be(w, 1);
}

bool wire_get_flag(struct wire_in *w)
{
    uint8_t v = wire_get_u8(w);

    if (v > 1)
        w->failed = true;
    return v == 1;
}

uint16_t wire_get_u16(struct wire_in *w)
{
    return (uint16_t)get_be(w, 2);
}

uint32_t wire_get_u32(struct wire_in *w)
{
    return (uint32_t)get_be(w, 4);
}

uint64_t wire_get_u64(struct wire_in *w)
{
    return get_be(w, 8);
}

int64_t wire_get_i64(struct wire_in *w)
{
    return (int64_t)get_be(w, 8);
}

struct slice wire_get_bytes(struct wire_in *w, size_t max)
{
    uint32_t n = wire_get_u32(w);

    if (n > max) {
        w->failed = true;
        return SLICE_NONE;
    }
    return take(w, n);
}

void wire_get_text(struct wire_in *w, char *out, size_t cap)
{
    struct slice s;

    if (cap == 0) {
        w->failed = true;
        return;
    }
    s = wire_get_bytes(w, cap - 1);
    if (s.n > 0 && (memchr(s.p, 0, s.n) != NULL || !utf8_valid(s))) {
        w->failed = true;
        s = SLICE_NONE;
    }
    if (s.n > 0)
        memcpy(out, s.p, s.n);
    out[s.n] = 0;
}

void wire_get_fixed(struct wire_in *w, void *out, size_t n)
{
    struct slice s = take(w, n);

    if (n == 0)
        return;
    if (s.p == NULL)
        memset(out, 0, n);
    else
        memcpy(out, s.p, n);
}

uint32_t wire_get_count(struct wire_in *w, uint32_t max, size_t least)
{
    uint32_t n = wire_get_u32(w);

    if (n > max || (least > 0 && n > w->rest.n / least)) {
        w->failed = true;
        return 0;
    }
    return n;
}

bool wire_failed(const struct wire_in *w)
{
    return w->failed;
}

bool wire_in_done(const struct wire_in *w)
{
    return !w->failed && w->rest.n == 0;
}
