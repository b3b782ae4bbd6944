#include <string.h>

#include "lib/proto.h"

void delegate_request_put(struct buf *b, const struct delegate_request *r)
{
    wire_put_bytes(b, slice_of(r->owner, sizeof r->owner));
    wire_put_bytes(b, r->csr);
}

int delegate_request_get(struct slice body, struct delegate_request *out)
{
    struct wire_in w;
    struct slice owner;

    memset(out, 0, sizeof *out);
    wire_in_init(&w, body);
    owner = wire_get_bytes(&w, sizeof out->owner);
    out->csr = wire_get_bytes(&w, CSR_MAX);
    if (!wire_in_done(&w) || owner.n != sizeof out->owner)
        return -1;
    memcpy(out->owner, owner.p, owner.n);
    return 0;
}
