#include "lib/proto_metrics.h"

#include <string.h>

void metrics_ask_put(struct buf *b, uint32_t part)
{
    wire_put_u32(b, part);
}

int metrics_ask_get(struct slice body, uint32_t *part)
{
    struct wire_in w;

    wire_in_init(&w, body);
    *part = wire_get_u32(&w);
    return wire_in_done(&w) && *part < METRICS_PARTS_MAX ? 0 : -1;
}

void metrics_part_put(struct buf *b, const struct metrics_part *p)
{
    wire_put_u8(b, p->more);
    wire_put_bytes(b, p->text);
}

int metrics_part_get(struct slice body, struct metrics_part *out)
{
    struct wire_in w;

    memset(out, 0, sizeof *out);
    wire_in_init(&w, body);
    out->more = wire_get_flag(&w);
    out->text = wire_get_bytes(&w, METRICS_PART_MAX);
    return wire_in_done(&w) ? 0 : -1;
}
