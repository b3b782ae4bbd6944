#include "lib/proto_policy.h"

#include <string.h>

#define STEP_TEXT_MAX 4096

void explain_step_put(struct buf *b, const struct explain_step *s)
{
    wire_put_text(b, s->step);
    wire_put_u8(b, s->refused);
    wire_put_text(b, s->rule);
    wire_put_bytes(b, s->value);
    wire_put_bytes(b, s->allowed);
    wire_put_text(b, s->text);
}

int explain_step_get(struct slice *steps, struct explain_step *out)
{
    struct wire_in w;

    memset(out, 0, sizeof(*out));
    wire_in_init(&w, *steps);
    wire_get_text(&w, out->step, sizeof(out->step));
    out->refused = wire_get_flag(&w);
    wire_get_text(&w, out->rule, sizeof(out->rule));
    out->value = wire_get_bytes(&w, STEP_TEXT_MAX);
    out->allowed = wire_get_bytes(&w, STEP_TEXT_MAX);
    wire_get_text(&w, out->text, sizeof(out->text));
    if (wire_failed(&w))
        return -1;
    *steps = w.rest;
    return 0;
}

void explained_put(struct buf *b, const struct explained *e)
{
    wire_put_u8(b, e->allowed);
    wire_put_text(b, e->profile);
    wire_put_text(b, e->issuer);
    wire_put_bytes(b, e->steps);
    wire_put_bytes(b, e->tbs);
}

int explained_get(struct slice body, struct explained *out)
{
    struct wire_in w;

    memset(out, 0, sizeof(*out));
    wire_in_init(&w, body);
    out->allowed = wire_get_flag(&w);
    wire_get_text(&w, out->profile, sizeof(out->profile));
    wire_get_text(&w, out->issuer, sizeof(out->issuer));
    out->steps = wire_get_bytes(&w, FRAME_BODY_MAX);
    out->tbs = wire_get_bytes(&w, TBS_MAX);
    return wire_in_done(&w) ? 0 : -1;
}
