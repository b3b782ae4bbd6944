#include "lib/proto_preview.h"

#include <string.h>

void policy_refused_put(struct buf *b, const struct policy_refused *r)
{
    wire_put_fixed(b, r->serial, SERIAL_LEN);
    wire_put_text(b, r->profile);
    wire_put_text(b, r->name);
    wire_put_text(b, r->rule);
    wire_put_text(b, r->text);
}

void policy_refused_get(struct wire_in *w, struct policy_refused *out)
{
    memset(out, 0, sizeof(*out));
    wire_get_fixed(w, out->serial, SERIAL_LEN);
    wire_get_text(w, out->profile, sizeof(out->profile));
    wire_get_text(w, out->name, sizeof(out->name));
    wire_get_text(w, out->rule, sizeof(out->rule));
    wire_get_text(w, out->text, sizeof(out->text));
}

void policy_previewed_put(struct buf *b, const struct policy_previewed *p)
{
    wire_put_u64(b, p->looked);
    wire_put_u64(b, p->refused);
}

int policy_previewed_get(struct slice body, struct policy_previewed *out)
{
    struct wire_in w;

    wire_in_init(&w, body);
    out->looked = wire_get_u64(&w);
    out->refused = wire_get_u64(&w);
    return wire_in_done(&w) ? 0 : -1;
}
