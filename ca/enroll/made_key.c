/* A key that is made for a client as its request is decided: of which type, and for whom it is
 * sealed (RFC 7030 4.4.1). */
#include <string.h>

#include "ca/enroll/evidence.h"
#include "ca/enroll/maker.h"
#include "lib/der.h"

#define IDENTIFIER_SHOWN 32 /* octets */

static int refuse(const char *rule, const char *field, struct slice id, const char *allowed,
                  struct fault *f)
{
    char hex[2 * IDENTIFIER_SHOWN + 1];

    hex_encode(slice_of(id.p, id.n < IDENTIFIER_SHOWN ? id.n : IDENTIFIER_SHOWN), hex);
    return fault_refuse(f, rule, field, slice_str(hex), allowed);
}

/* 4.4.1: a request that names a key which we do not have ends. */
static int find_recipient(const struct evidence *e, const struct keygen_wish *w,
                          struct slice *recipient, struct fault *f)
{
    static const char field[] = "AsymmetricDecryptKeyIdentifier";
    struct slice in = e->request->chain;
    struct fault ignored;
    struct cert c;

    if (w->symmetric.n > 0)
        return refuse("est.keygen.symmetric", "DecryptKeyIdentifier", w->symmetric,
                      "none: no secret keys are shared with clients here", f);
    if (w->asymmetric.n == 0 && e->label->server_keys_sealed)
        return refuse("est.keygen.plain", field, SLICE_NONE,
                      "the key identifier of the certificate shown in TLS", f);
    if (w->asymmetric.n == 0)
        return 0;
    fault_clear(&ignored);
    if (der_get_whole(&in, DER_SEQUENCE, recipient) != 0 ||
        cert_parse(*recipient, &c, &ignored) != 0 || !slice_eq(c.subject_key_id, w->asymmetric))
        return refuse("est.keygen.recipient", field, w->asymmetric,
                      "the key identifier of the certificate shown in TLS", f);
    return keygen_recipient(*recipient, f);
}

/* The key's value in the request means nothing (4.4.1); its type says what the client can use. */
static const char *choose_type(const struct conf_est *label, const struct csr *csr)
{
    char asked[24];

    key_describe(csr->key.type, csr->key.bits, asked);
    for (size_t i = 0; i < label->n_server_keys; i++)
        if (strcmp(label->server_keys[i], asked) == 0)
            return label->server_keys[i];
    return label->server_keys[0];
}

static int make_key(struct door_evidence *door, const struct csr *csr, struct buf *spki,
                    struct fault *f)
{
    struct evidence *e = (struct evidence *)door;
    struct slice recipient = SLICE_NONE;
    struct keygen_wish wish;
    struct buf key;
    int rc;

    if (keygen_wish_get(csr, &wish, f) != 0 || find_recipient(e, &wish, &recipient, f) != 0)
        return -(int)f->code;
    buf_init(&key, KEYGEN_KEY_MAX);
    buf_init(&e->made, KEYGEN_KEY_MAX);
    rc = maker_make(e->maker, choose_type(e->label, csr), &key, spki, f);
    e->sealed = recipient.n > 0;
    if (rc == 0 && e->sealed)
        rc = maker_seal(e->maker, buf_slice(&key), recipient, &wish, &e->made, f);
    else if (rc == 0)
        buf_put_slice(&e->made, buf_slice(&key));
    buf_free(&key); /* wiped */
    return rc;
}

int evidence_make_key(struct evidence *e, struct maker *m, struct fault *f)
{
    if (e->label->n_server_keys == 0 || m == NULL) {
        (void)fault_refuse(f, "est.keygen.off", "label", slice_str(e->label->name),
                           "a label with server_keys");
        f->code = FAULT_DENIED;
        return -FAULT_DENIED;
    }
    e->maker = m;
    e->door.make_key = make_key;
    return 0;
}
