#include "lib/proto_enroll.h"

#include <string.h>

void enroll_request_put(struct buf *b, const struct enroll_request *r)
{
    wire_put_text(b, r->label);
    wire_put_u8(b, r->renew);
    wire_put_u8(b, r->make_key);
    wire_put_text(b, r->address);
    wire_put_bytes(b, r->csr);
    wire_put_bytes(b, r->chain);
    wire_put_bytes(b, r->binding);
    wire_put_u8(b, r->has_secret);
    wire_put_text(b, r->user);
    wire_put_bytes(b, r->secret);
}

int enroll_request_get(struct slice body, struct enroll_request *out)
{
    struct wire_in w;

    memset(out, 0, sizeof(*out));
    wire_in_init(&w, body);
    wire_get_text(&w, out->label, sizeof(out->label));
    out->renew = wire_get_flag(&w);
    out->make_key = wire_get_flag(&w);
    wire_get_text(&w, out->address, sizeof(out->address));
    out->csr = wire_get_bytes(&w, CSR_MAX);
    out->chain = wire_get_bytes(&w, ENROLL_CHAIN_MAX);
    out->binding = wire_get_bytes(&w, ENROLL_BINDING_MAX);
    out->has_secret = wire_get_flag(&w);
    wire_get_text(&w, out->user, sizeof(out->user));
    out->secret = wire_get_bytes(&w, ENROLL_SECRET_MAX);
    return wire_in_done(&w) ? 0 : -1;
}

void enroll_refusal_put(struct buf *b, const struct enroll_refusal *r)
{
    struct buf why;

    buf_init(&why, FRAME_BODY_MAX);
    fault_put(&why, &r->why);
    wire_put_text(b, r->address);
    wire_put_u32(b, r->n);
    wire_put_bytes(b, buf_slice(&why));
    buf_free(&why);
}

int enroll_refusal_get(struct slice body, struct enroll_refusal *out)
{
    struct slice why;
    struct wire_in w;

    memset(out, 0, sizeof(*out));
    wire_in_init(&w, body);
    wire_get_text(&w, out->address, sizeof(out->address));
    out->n = wire_get_u32(&w);
    why = wire_get_bytes(&w, FRAME_BODY_MAX);
    return wire_in_done(&w) && out->n > 0 && fault_get(why, &out->why) == 0 ? 0 : -1;
}

void enroll_keyed_put(struct buf *b, const struct enroll_keyed *k)
{
    wire_put_u8(b, k->sealed);
    wire_put_bytes(b, k->key);
    wire_put_bytes(b, k->certificate);
}

int enroll_keyed_get(struct slice body, struct enroll_keyed *out)
{
    struct wire_in w;

    memset(out, 0, sizeof(*out));
    wire_in_init(&w, body);
    out->sealed = wire_get_flag(&w);
    out->key = wire_get_bytes(&w, FRAME_BODY_MAX);
    out->certificate = wire_get_bytes(&w, FRAME_BODY_MAX);
    return wire_in_done(&w) ? 0 : -1;
}

void enroll_label_put(struct buf *b, const char *label)
{
    wire_put_text(b, label);
}

int enroll_label_get(struct slice body, char label[ENROLL_LABEL_SIZE])
{
    struct wire_in w;

    wire_in_init(&w, body);
    wire_get_text(&w, label, ENROLL_LABEL_SIZE);
    return wire_in_done(&w) ? 0 : -1;
}
