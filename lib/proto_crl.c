#include <string.h>

#include "lib/proto.h"

void crl_sign_request_put(struct buf *b, const struct crl_sign_request *r)
{
    wire_put_text(b, r->issuer);
    wire_put_fixed(b, r->generation, sizeof(r->generation));
    wire_put_u64(b, r->start);
    wire_put_u64(b, r->octets);
}

int crl_sign_request_get(struct slice body, struct crl_sign_request *out)
{
    struct wire_in w;

    memset(out, 0, sizeof(*out));
    wire_in_init(&w, body);
    wire_get_text(&w, out->issuer, sizeof(out->issuer));
    wire_get_fixed(&w, out->generation, sizeof(out->generation));
    out->start = wire_get_u64(&w);
    out->octets = wire_get_u64(&w);
    if (!wire_in_done(&w) || out->octets == 0 || out->octets > CRL_DRAFT_MAX ||
        out->start > CRL_DRAFT_MAX)
        return -1;
    return 0;
}

void crl_request_put(struct buf *b, const char *issuer, const char *list)
{
    wire_put_text(b, issuer);
    wire_put_text(b, list);
}

int crl_request_get(struct slice body, struct crl_request *out)
{
    struct wire_in w;

    memset(out, 0, sizeof(*out));
    wire_in_init(&w, body);
    wire_get_text(&w, out->issuer, sizeof(out->issuer));
    wire_get_text(&w, out->list, sizeof(out->list));
    return wire_in_done(&w) ? 0 : -1;
}

void crl_row_put(struct buf *b, const struct crl_row *r)
{
    wire_put_text(b, r->issuer);
    wire_put_text(b, r->list);
    wire_put_text(b, r->state);
    wire_put_text(b, r->text);
    wire_put_u8(b, r->installed);
    wire_put_u64(b, r->number);
    wire_put_u64(b, r->base);
    wire_put_i64(b, r->this_update);
    wire_put_i64(b, r->next_update);
    wire_put_i64(b, r->next);
    wire_put_u64(b, r->entries);
    wire_put_u64(b, r->octets);
}

void crl_row_get(struct wire_in *w, struct crl_row *out)
{
    memset(out, 0, sizeof(*out));
    wire_get_text(w, out->issuer, sizeof(out->issuer));
    wire_get_text(w, out->list, sizeof(out->list));
    wire_get_text(w, out->state, sizeof(out->state));
    wire_get_text(w, out->text, sizeof(out->text));
    out->installed = wire_get_flag(w);
    out->number = wire_get_u64(w);
    out->base = wire_get_u64(w);
    out->this_update = wire_get_i64(w);
    out->next_update = wire_get_i64(w);
    out->next = wire_get_i64(w);
    out->entries = wire_get_u64(w);
    out->octets = wire_get_u64(w);
}
