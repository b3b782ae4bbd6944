#include "lib/proto_hostkey.h"

#include <string.h>

void hostkey_ask_put(struct buf *b, const struct hostkey_ask *a)
{
    wire_put_text(b, a->uri);
    wire_put_text(b, a->type);
    wire_put_u8(b, (uint8_t)a->alg);
    wire_put_bytes(b, a->content);
}

int hostkey_ask_get(struct slice body, struct hostkey_ask *out)
{
    struct wire_in w;
    uint8_t alg;

    memset(out, 0, sizeof(*out));
    wire_in_init(&w, body);
    wire_get_text(&w, out->uri, sizeof(out->uri));
    wire_get_text(&w, out->type, sizeof(out->type));
    alg = wire_get_u8(&w);
    out->content = wire_get_bytes(&w, HOSTKEY_CONTENT_MAX);
    if (!wire_in_done(&w) || alg > SIG_ALG_MAX)
        return -1;
    out->alg = (enum sig_alg)alg;
    return 0;
}

void hostkey_answer_put(struct buf *b, struct slice octets)
{
    wire_put_bytes(b, octets);
}

int hostkey_answer_get(struct slice body, struct slice *out)
{
    struct wire_in w;

    wire_in_init(&w, body);
    *out = wire_get_bytes(&w, HOSTKEY_ANSWER_MAX);
    return wire_in_done(&w) && out->n > 0 ? 0 : -1;
}
