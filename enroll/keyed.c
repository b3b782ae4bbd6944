#include "enroll/keyed.h"

#include "est/certs.h"
#include "est/keygen.h"

void reply_key(const struct enroll_keyed *k, struct http_answer *out)
{
    struct buf body, certs;

    buf_init(&body, KEYGEN_BODY_MAX);
    buf_init(&certs, k->certificate.n + 128);
    certs_put(&certs, &k->certificate, 1);
    keygen_answer_put(&body, k->key, k->sealed, buf_slice(&certs));
    buf_free(&certs);
    out->status = 200;
    out->type = KEYGEN_TYPE_FULL;
    out->max_age = -1;
    http_answer_keep(out, &body);
}
