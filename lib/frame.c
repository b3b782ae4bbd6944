#include "lib/frame.h"

static uint64_t get_be(const uint8_t *p, size_t n)
{
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++)
        v = v << 8 | p[i];
    return v;
}

static void put_be(uint8_t *p, size_t n, uint64_t v)
{
    for (size_t i = n; i > 0; i--) {
        p[i - 1] = (uint8_t)v;
        v >>= 8;
    }
}

void frame_put_header(uint8_t out[FRAME_HEADER], uint16_t type, uint64_t id)
{
    out[0] = FRAME_VERSION;
    out[1] = 0;
    put_be(out + 2, 2, type);
    put_be(out + 4, 8, id);
}

int frame_parse(struct slice datagram, struct frame *out)
{
    *out = (struct frame){.fd = -1};
    if (datagram.n < FRAME_HEADER || datagram.n > FRAME_HEADER + FRAME_BODY_MAX)
        return -1;
    if (datagram.p[0] != FRAME_VERSION || datagram.p[1] != 0)
        return -1;
    out->type = (uint16_t)get_be(datagram.p + 2, 2);
    out->id = get_be(datagram.p + 4, 8);
    out->body = slice_of(datagram.p + FRAME_HEADER, datagram.n - FRAME_HEADER);
    return 0;
}
