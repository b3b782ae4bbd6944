/* Hints when to renew (lib/proto_enroll.h). */
#include <string.h>

#include "lib/proto_enroll.h"

void enroll_hint_request_put(struct buf *b, const struct enroll_hint_request *r)
{
    wire_put_text(b, r->address);
    wire_put_bytes(b, r->chain);
    wire_put_u8(b, (uint8_t)r->of);
    if (r->of == HINT_OF_FINGERPRINT)
        wire_put_fixed(b, r->fingerprint, sizeof(r->fingerprint));
    if (r->of == HINT_OF_SERIAL) {
        wire_put_fixed(b, r->serial, sizeof(r->serial));
        wire_put_bytes(b, r->keyid);
    }
}

int enroll_hint_request_get(struct slice body, struct enroll_hint_request *out)
{
    struct wire_in w;
    uint8_t of;

    memset(out, 0, sizeof(*out));
    wire_in_init(&w, body);
    wire_get_text(&w, out->address, sizeof(out->address));
    out->chain = wire_get_bytes(&w, ENROLL_CHAIN_MAX);
    of = wire_get_u8(&w);
    if (of == HINT_OF_FINGERPRINT)
        wire_get_fixed(&w, out->fingerprint, sizeof(out->fingerprint));
    if (of == HINT_OF_SERIAL) {
        wire_get_fixed(&w, out->serial, sizeof(out->serial));
        out->keyid = wire_get_bytes(&w, ENROLL_KEYID_MAX);
    }
    if (!wire_in_done(&w) || of > HINT_OF_SERIAL || out->chain.n == 0 ||
        (of == HINT_OF_SERIAL && out->keyid.n == 0))
        return -1;
    out->of = (enum hint_of)of;
    return 0;
}

void enroll_hint_put(struct buf *b, const struct enroll_hint *h)
{
    wire_put_fixed(b, h->fingerprint, sizeof(h->fingerprint));
    wire_put_i64(b, h->not_after);
    wire_put_i64(b, h->start);
    wire_put_i64(b, h->end);
    wire_put_u32(b, h->retry_after);
    wire_put_text(b, h->explanation);
}

int enroll_hint_get(struct slice body, struct enroll_hint *out)
{
    struct wire_in w;

    memset(out, 0, sizeof(*out));
    wire_in_init(&w, body);
    wire_get_fixed(&w, out->fingerprint, sizeof(out->fingerprint));
    out->not_after = wire_get_i64(&w);
    out->start = wire_get_i64(&w);
    out->end = wire_get_i64(&w);
    out->retry_after = wire_get_u32(&w);
    wire_get_text(&w, out->explanation, sizeof(out->explanation));
    return wire_in_done(&w) && out->start < out->end ? 0 : -1;
}
