#include "token/keyobj.h"

#include <string.h>

#include "token/object.h"
#include "token/keypub.h"

static const uint8_t curve_p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
static const uint8_t curve_p384[] = {0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22};
static const uint8_t curve_p521[] = {0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23};

struct slice keyobj_curve(enum key_type type)
{
    switch (type) {
    case KEY_P256:
        return slice_of(curve_p256, sizeof(curve_p256));
    case KEY_P384:
        return slice_of(curve_p384, sizeof(curve_p384));
    case KEY_P521:
        return slice_of(curve_p521, sizeof(curve_p521));
    default:
        return SLICE_NONE;
    }
}

void keyobj_free(struct keyobj *k)
{
    if (k == NULL)
        return;
    buf_free(&k->spki);
    memset(k, 0, sizeof(*k));
}

int keyobj_uri(const struct keyobj_want *w, const struct p11uri *token, struct p11uri *out,
               struct fault *f)
{
    int rc = p11uri_parse(w->uri, out, f);

    if (rc != 0)
        return rc;
    if (!p11uri_names_object(out))
        return fault_set(f, FAULT_CONFIG, "signer.key.uri", "%s: %s has no object and no id",
                         w->who, w->uri);
    if (out->type != P11URI_ANY && out->type != P11URI_PRIVATE)
        return fault_set(f, FAULT_CONFIG, "signer.key.uri", "%s: %s is no private key", w->who,
                         w->uri);
    if (!p11uri_same_token(out, token))
        return fault_set(f, FAULT_CONFIG, "signer.key.uri",
                         "%s: %s names another token than its own", w->who, w->uri);
    return 0;
}

static struct slice attr_slice(const struct p11uri_attr *a)
{
    return a->set ? slice_of(a->p, a->n) : SLICE_NONE;
}

static int find_private(struct token *t, const struct keyobj_want *w, CK_OBJECT_HANDLE *out,
                        struct fault *f)
{
    struct p11uri uri;
    unsigned count;
    int rc = keyobj_uri(w, &t->uri, &uri, f);

    *out = 0;
    if (rc == 0)
        rc = object_find(t, CKO_PRIVATE_KEY, attr_slice(&uri.object), attr_slice(&uri.id), out,
                         &count, f);
    if (rc != 0)
        return rc;
    if (count == 0)
        return fault_set(f, FAULT_NOT_FOUND, "signer.key.absent",
                         "%s: the token has no private key %s", w->who, w->uri);
    if (count > 1)
        return fault_set(f, FAULT_CONFIG, "signer.key.ambiguous",
                         "%s: several private keys fit %s; add id to it", w->who, w->uri);
    return 0;
}

static int check_type(const struct keyobj_want *w, struct slice spki, struct fault *f)
{
    char have[24], want[24];
    struct spki k;
    int rc = spki_parse(spki, &k, f);

    if (rc != 0)
        return rc;
    if (w->type == KEY_NONE || (k.type == w->type && (k.type != KEY_RSA || k.bits == w->bits)))
        return 0;
    key_describe(k.type, k.bits, have);
    key_describe(w->type, w->bits, want);
    return fault_set(f, FAULT_CONFIG, "signer.key.type",
                     "%s: the key %s in the token is %s, the configuration says %s", w->who, w->uri,
                     have, want);
}

int keyobj_find(struct token *t, const struct keyobj_want *w, struct keyobj *out, struct fault *f)
{
    bool signs;
    int rc;

    memset(out, 0, sizeof(*out));
    buf_init(&out->spki, OBJECT_ATTRIBUTE_MAX);
    rc = find_private(t, w, &out->handle, f);
    if (rc == 0)
        rc = object_is(t, out->handle, CKA_SIGN, true, &signs, f);
    if (rc == 0 && !signs)
        rc = fault_set(f, FAULT_CONFIG, "signer.key.attribute",
                       "%s: the key %s may not sign (CKA_SIGN)", w->who, w->uri);
    if (rc == 0)
        rc = keypub_read(t, out->handle, w->who, &out->spki, f);
    if (rc == 0)
        rc = check_type(w, buf_slice(&out->spki), f);
    if (rc != 0)
        keyobj_free(out);
    return rc;
}

struct wanted {
    CK_ATTRIBUTE_TYPE type;
    bool want;
    const char *name;
};

static int check_attribute(struct token *t, CK_OBJECT_HANDLE key, const struct wanted *w,
                           struct fault *f)
{
    bool right;
    int rc = object_is(t, key, w->type, w->want, &right, f);

    if (rc != 0 || right)
        return rc;
    return fault_set(f, FAULT_CONFIG, "signer.key.attribute", "%s is not %s", w->name,
                     w->want ? "true" : "false");
}

int keyobj_check_made(struct token *t, CK_OBJECT_HANDLE key, struct fault *f)
{
    static const struct wanted wanted[] = {
        {CKA_PRIVATE, true, "CKA_PRIVATE"},
        {CKA_SENSITIVE, true, "CKA_SENSITIVE"},
        {CKA_ALWAYS_SENSITIVE, true, "CKA_ALWAYS_SENSITIVE"},
        {CKA_EXTRACTABLE, false, "CKA_EXTRACTABLE"},
        {CKA_NEVER_EXTRACTABLE, true, "CKA_NEVER_EXTRACTABLE"},
        {CKA_SIGN, true, "CKA_SIGN"},
    };
    int rc = 0;

    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]) && rc == 0; i++)
        rc = check_attribute(t, key, &wanted[i], f);
    return rc;
}

int keyobj_check(struct token *t, CK_OBJECT_HANDLE key, struct fault *f)
{
    static const struct wanted local = {CKA_LOCAL, true, "CKA_LOCAL"};
    int rc = keyobj_check_made(t, key, f);

    return rc != 0 ? rc : check_attribute(t, key, &local, f);
}
