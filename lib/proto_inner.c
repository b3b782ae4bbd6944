/* Messages among the daemons: signer and control sockets. */
#include "lib/proto.h"

#include <string.h>

#define SPKI_DER_MAX 2048

void hello_put(struct buf *b, const uint8_t generation[8])
{
    wire_put_fixed(b, generation, 8);
}

int hello_get(struct slice body, uint8_t generation[8])
{
    struct wire_in w;

    wire_in_init(&w, body);
    wire_get_fixed(&w, generation, 8);
    return wire_in_done(&w) ? 0 : -1;
}

void signer_key_put(struct buf *b, const struct signer_key *k)
{
    wire_put_text(b, k->issuer);
    wire_put_u8(b, (uint8_t)k->alg);
    wire_put_bytes(b, k->spki);
}

void signer_key_get(struct wire_in *w, struct signer_key *out)
{
    uint8_t alg;

    memset(out, 0, sizeof(*out));
    wire_get_text(w, out->issuer, sizeof(out->issuer));
    alg = wire_get_u8(w);
    if (alg == SIG_NONE || alg > SIG_ALG_MAX)
        w->failed = true;
    else
        out->alg = (enum sig_alg)alg;
    out->spki = wire_get_bytes(w, SPKI_DER_MAX);
}

void sign_request_put(struct buf *b, const struct sign_request *r)
{
    wire_put_text(b, r->issuer);
    wire_put_fixed(b, r->generation, sizeof(r->generation));
    wire_put_bytes(b, r->tbs);
}

int sign_request_get(struct slice body, struct sign_request *out)
{
    struct wire_in w;

    wire_in_init(&w, body);
    wire_get_text(&w, out->issuer, sizeof(out->issuer));
    wire_get_fixed(&w, out->generation, sizeof(out->generation));
    out->tbs = wire_get_bytes(&w, TBS_MAX);
    return wire_in_done(&w) ? 0 : -1;
}

void child_status_put(struct buf *b, const struct child_status *s)
{
    wire_put_text(b, s->program);
    wire_put_text(b, s->token);
    wire_put_u8(b, (uint8_t)s->state);
    wire_put_u32(b, s->pid);
    wire_put_u32(b, s->restarts);
    wire_put_u32(b, s->retry_after_ms);
    wire_put_text(b, s->reason);
}

int child_status_get(struct slice body, struct child_status *out)
{
    struct wire_in w;
    uint8_t state;

    memset(out, 0, sizeof(*out));
    wire_in_init(&w, body);
    wire_get_text(&w, out->program, sizeof(out->program));
    wire_get_text(&w, out->token, sizeof(out->token));
    state = wire_get_u8(&w);
    out->pid = wire_get_u32(&w);
    out->restarts = wire_get_u32(&w);
    out->retry_after_ms = wire_get_u32(&w);
    wire_get_text(&w, out->reason, sizeof(out->reason));
    if (!wire_in_done(&w) || state < CHILD_RUNNING || state > CHILD_STOPPED)
        return -1;
    out->state = (enum child_state)state;
    return 0;
}
