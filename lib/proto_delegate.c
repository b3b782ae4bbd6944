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

void delegate_states_put(struct buf *b, const struct delegate_state *s, uint32_t n)
{
    wire_put_u32(b, n);
    for (uint32_t i = 0; i < n; i++) {
        wire_put_fixed(b, s[i].owner, sizeof s[i].owner);
        wire_put_i64(b, s[i].not_before);
        wire_put_i64(b, s[i].not_after);
        wire_put_i64(b, s[i].next);
        wire_put_u8(b, s[i].blind);
    }
}

int delegate_states_get(struct slice body, struct delegate_state out[DELEGATE_STATES_MAX],
                        uint32_t *n)
{
    struct wire_in w;

    wire_in_init(&w, body);
    *n = wire_get_count(&w, DELEGATE_STATES_MAX, 32 + 3 * 8 + 1);
    for (uint32_t i = 0; i < *n; i++) {
        wire_get_fixed(&w, out[i].owner, sizeof out[i].owner);
        out[i].not_before = wire_get_i64(&w);
        out[i].not_after = wire_get_i64(&w);
        out[i].next = wire_get_i64(&w);
        out[i].blind = wire_get_flag(&w);
    }
    return wire_in_done(&w) ? 0 : -1;
}
