#include "lib/proto_ca.h"

#include <string.h>

#define CA_DER_MAX 40960

void csr_request_put(struct buf *b, const struct csr_request *r)
{
    wire_put_text(b, r->issuer);
    wire_put_fixed(b, r->generation, sizeof(r->generation));
    wire_put_u8(b, r->make_key);
}

int csr_request_get(struct slice body, struct csr_request *out)
{
    struct wire_in w;

    memset(out, 0, sizeof(*out));
    wire_in_init(&w, body);
    wire_get_text(&w, out->issuer, sizeof(out->issuer));
    wire_get_fixed(&w, out->generation, sizeof(out->generation));
    out->make_key = wire_get_flag(&w);
    return wire_in_done(&w) ? 0 : -1;
}

void ca_name_put(struct buf *b, const struct ca_name *n)
{
    wire_put_text(b, n->name);
    wire_put_u8(b, n->dry_run);
}

int ca_name_get(struct slice body, struct ca_name *out)
{
    struct wire_in w;

    memset(out, 0, sizeof(*out));
    wire_in_init(&w, body);
    wire_get_text(&w, out->name, sizeof(out->name));
    out->dry_run = wire_get_flag(&w);
    return wire_in_done(&w) ? 0 : -1;
}

void ca_cross_put(struct buf *b, const struct ca_cross *c)
{
    wire_put_text(b, c->subject);
    wire_put_text(b, c->by);
    wire_put_u8(b, c->dry_run);
}

int ca_cross_get(struct slice body, struct ca_cross *out)
{
    struct wire_in w;

    memset(out, 0, sizeof(*out));
    wire_in_init(&w, body);
    wire_get_text(&w, out->subject, sizeof(out->subject));
    wire_get_text(&w, out->by, sizeof(out->by));
    out->dry_run = wire_get_flag(&w);
    return wire_in_done(&w) ? 0 : -1;
}

void ca_install_put(struct buf *b, const struct ca_install *i)
{
    wire_put_u32(b, i->n);
    for (uint32_t k = 0; k < i->n; k++)
        wire_put_bytes(b, i->certificate[k]);
    wire_put_u8(b, i->dry_run);
}

int ca_install_get(struct slice body, struct ca_install *out)
{
    struct wire_in w;

    memset(out, 0, sizeof(*out));
    wire_in_init(&w, body);
    out->n = wire_get_count(&w, CA_INSTALL_MAX, 4);
    for (uint32_t k = 0; k < out->n; k++)
        out->certificate[k] = wire_get_bytes(&w, CA_DER_MAX);
    out->dry_run = wire_get_flag(&w);
    return wire_in_done(&w) && out->n > 0 ? 0 : -1;
}

void ca_done_put(struct buf *b, const struct ca_done *d)
{
    wire_put_text(b, d->name);
    wire_put_u8(b, d->was_there);
    wire_put_i64(b, d->not_after);
    wire_put_fixed(b, d->fingerprint, sizeof(d->fingerprint));
    wire_put_bytes(b, d->certificate);
}

void ca_done_get(struct wire_in *w, struct ca_done *out)
{
    memset(out, 0, sizeof(*out));
    wire_get_text(w, out->name, sizeof(out->name));
    out->was_there = wire_get_flag(w);
    out->not_after = wire_get_i64(w);
    wire_get_fixed(w, out->fingerprint, sizeof(out->fingerprint));
    out->certificate = wire_get_bytes(w, CA_DER_MAX);
}
