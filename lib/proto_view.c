#include <string.h>

#include "lib/proto.h"

void view_exported_put(struct buf *b, const struct view_exported *e)
{
    wire_put_u64(b, e->number);
    wire_put_i64(b, e->time);
    wire_put_u64(b, e->files);
    wire_put_u64(b, e->octets);
    wire_put_u64(b, e->new_octets);
}

int view_exported_get(struct slice body, struct view_exported *out)
{
    struct wire_in w;

    memset(out, 0, sizeof *out);
    wire_in_init(&w, body);
    out->number = wire_get_u64(&w);
    out->time = wire_get_i64(&w);
    out->files = wire_get_u64(&w);
    out->octets = wire_get_u64(&w);
    out->new_octets = wire_get_u64(&w);
    return wire_in_done(&w) ? 0 : -1;
}
