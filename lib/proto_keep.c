/* Messages about keeping a CA: the gate, backups. */
#include <string.h>

#include "lib/proto.h"

void gate_request_put(struct buf *b, const struct gate_request *r)
{
    wire_put_text(b, r->reason);
}

int gate_request_get(struct slice body, struct gate_request *out)
{
    struct wire_in w;

    memset(out, 0, sizeof(*out));
    wire_in_init(&w, body);
    wire_get_text(&w, out->reason, sizeof(out->reason));
    return wire_in_done(&w) ? 0 : -1;
}

void backup_done_put(struct buf *b, const struct backup_done *d)
{
    wire_put_u64(b, d->octets);
    wire_put_u64(b, d->change);
    wire_put_u64(b, d->audit_size);
    wire_put_u64(b, d->certificates);
    wire_put_fixed(b, d->sha256, sizeof(d->sha256));
}

int backup_done_get(struct slice body, struct backup_done *out)
{
    struct wire_in w;

    memset(out, 0, sizeof(*out));
    wire_in_init(&w, body);
    out->octets = wire_get_u64(&w);
    out->change = wire_get_u64(&w);
    out->audit_size = wire_get_u64(&w);
    out->certificates = wire_get_u64(&w);
    wire_get_fixed(&w, out->sha256, sizeof(out->sha256));
    return wire_in_done(&w) ? 0 : -1;
}
