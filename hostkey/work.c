#include "hostkey/work.h"

#include <string.h>

#include "hostkey/content.h"
#include "lib/log.h"
#include "lib/proto.h"
#include "lib/step.h"
#include "token/keyobj.h"
#include "token/object.h"
#include "token/signop.h"

static struct keyobj_want want_of(const struct hostkey_ask *a)
{
    return (struct keyobj_want){.who = "host key", .uri = a->uri};
}

/* ---- which key ---- */

static int may_use(const struct hostkey *h, const char *uri, struct fault *f)
{
    for (size_t i = 0; i < h->n_only; i++)
        if (strcmp(h->only[i], uri) == 0)
            return 0;
    return h->n_only == 0 ? 0
                          : fault_set(f, FAULT_DENIED, "hostkey.allowed",
                                      "this process was not started for that key");
}

static int may_change(const struct hostkey *h, struct fault *f)
{
    return h->n_only == 0 ? 0
                          : fault_set(f, FAULT_DENIED, "hostkey.allowed",
                                      "this process was started to use keys, not to change any");
}

static int find(struct hostkey *h, const struct hostkey_ask *a, struct keyobj *key, struct fault *f)
{
    const struct keyobj_want w = want_of(a);
    int rc = may_use(h, a->uri, f);

    return rc == 0 ? keyobj_find(&h->token, &w, key, f) : rc;
}

/* ---- operations ---- */

static int show(struct hostkey *h, const struct hostkey_ask *a, struct buf *out, struct fault *f)
{
    struct keyobj key;
    int rc = find(h, a, &key, f);

    if (rc != 0)
        return rc;
    hostkey_answer_put(out, buf_slice(&key.spki));
    keyobj_free(&key);
    return MSG_HOSTKEY_PUBLIC;
}

/* One that is there already was made by an attempt that was interrupted: the same name is asked for
 * by nobody else. */
static int make(struct hostkey *h, const struct hostkey_ask *a, struct buf *out, struct fault *f)
{
    struct keyobj_want w = want_of(a);
    struct keyobj key;
    int rc = may_change(h, f);

    if (rc == 0 && key_type_parse(a->type, &w.type, &w.bits) != 0)
        rc = fault_set(f, FAULT_CONFIG, "hostkey.message", "%s is no type of key", a->type);
    if (rc == 0)
        rc = keyobj_find(&h->token, &w, &key, f);
    if (rc == 0)
        keyobj_free(&key);
    if (rc == -FAULT_NOT_FOUND) {
        rc = keyobj_generate(&h->token, &w, f);
        if (rc == 0)
            log_info("hostkey.made", "key", a->uri, "type", a->type, NULL);
        STEP("hostkey-made");
    }
    return rc == 0 ? show(h, a, out, f) : rc;
}

static int sign(struct hostkey *h, const struct hostkey_ask *a, struct buf *out, struct fault *f)
{
    struct keyobj key;
    struct buf signature;
    uint8_t hash[64];
    struct spki spki;
    int rc = find(h, a, &key, f);

    if (rc != 0)
        return rc;
    buf_init(&signature, SIGNATURE_MAX);
    rc = spki_parse(buf_slice(&key.spki), &spki, f);
    if (rc == 0)
        rc = content_check(a->content, &spki, a->alg, f);
    if (rc == 0) {
        sig_alg_hash(a->alg, a->content, hash);
        rc =
            signop(h->token.call, h->token.session, key.handle, &spki, a->alg, hash, &signature, f);
    }
    if (rc == 0)
        hostkey_answer_put(out, buf_slice(&signature));
    buf_free(&signature);
    keyobj_free(&key);
    return rc == 0 ? MSG_HOSTKEY_SIGNED : rc;
}

/* All of that class, one after the other. */
static int destroy_class(struct hostkey *h, CK_OBJECT_CLASS class, const struct p11uri *u,
                         struct fault *f)
{
    const struct slice id = slice_of(u->id.p, u->id.n);

    for (int i = 0; i < 4; i++) {
        CK_OBJECT_HANDLE object;
        unsigned count;
        int rc = object_find(&h->token, class, SLICE_NONE, id, &object, &count, f);

        if (rc != 0 || count == 0)
            return rc;
        rc = object_destroy(&h->token, object, f);
        if (rc != 0)
            return rc;
    }
    return fault_set(f, FAULT_UNAVAILABLE, "hostkey.destroy", "the token keeps the key");
}

/* The private half first: where only that is gone, the other is harmless. Only by an id, which
 * nobody else has; a label may be anybody's. */
static int destroy(struct hostkey *h, const struct hostkey_ask *a, struct fault *f)
{
    const struct keyobj_want w = want_of(a);
    struct p11uri uri;
    int rc = may_change(h, f);

    if (rc == 0)
        rc = keyobj_uri(&w, &h->token.uri, &uri, f);
    if (rc == 0 && !uri.id.set)
        rc = fault_set(f, FAULT_DENIED, "hostkey.allowed", "a key is destroyed by its id only");
    if (rc == 0)
        rc = destroy_class(h, CKO_PRIVATE_KEY, &uri, f);
    STEP("hostkey-half-destroyed");
    if (rc == 0)
        rc = destroy_class(h, CKO_PUBLIC_KEY, &uri, f);
    if (rc == 0)
        log_info("hostkey.destroyed", "key", a->uri, NULL);
    return rc == 0 ? MSG_HOSTKEY_DESTROYED : rc;
}

int hostkey_do(struct hostkey *h, uint16_t type, struct slice body, struct buf *out,
               struct fault *f)
{
    struct hostkey_ask a;

    buf_reset(out);
    if (hostkey_ask_get(body, &a) != 0)
        return fault_set(f, FAULT_MALFORMED, "hostkey.message", "a broken message");
    switch (type) {
    case MSG_HOSTKEY_MAKE:
        return make(h, &a, out, f);
    case MSG_HOSTKEY_SHOW:
        return show(h, &a, out, f);
    case MSG_HOSTKEY_SIGN:
        return sign(h, &a, out, f);
    case MSG_HOSTKEY_DESTROY:
        return destroy(h, &a, f);
    default:
        return fault_set(f, FAULT_MALFORMED, "hostkey.message", "an unknown message");
    }
}
