#include <string.h>

#include "token/ckr.h"
#include "token/keyobj.h"
#include "token/object.h"
#include "token/watch.h"
#include "lib/log.h"

#define GENERATE_LEAST_MS 120000 /* RSA-4096 in a small token */
#define TEMPLATE_MAX 16

struct template
{
    CK_ULONG n;
    CK_ATTRIBUTE a[TEMPLATE_MAX];
};

static CK_BBOOL yes = CK_TRUE;
static CK_BBOOL no = CK_FALSE;

static void add(struct template *t, CK_ATTRIBUTE_TYPE type, void *value, size_t n)
{
    t->a[t->n++] = (CK_ATTRIBUTE){type, value, n};
}

static void add_flag(struct template *t, CK_ATTRIBUTE_TYPE type, bool value)
{
    add(t, type, value ? &yes : &no, sizeof(yes));
}

static void add_slice(struct template *t, CK_ATTRIBUTE_TYPE type, struct slice s)
{
    add(t, type, (void *)(uintptr_t)s.p, s.n);
}

/* What is wanted to be made. */
struct plan {
    CK_MECHANISM mechanism;
    CK_ULONG bits;
    uint8_t exponent[3];
    uint8_t id[KEYOBJ_ID_LEN];
    struct p11uri uri;
    struct template pub, prv;
};

static void name_objects(struct plan *p)
{
    struct slice label = slice_of(p->uri.object.p, p->uri.object.n);
    struct slice id = slice_of(p->id, sizeof(p->id));

    if (p->uri.id.set)
        id = slice_of(p->uri.id.p, p->uri.id.n);
    add_slice(&p->pub, CKA_ID, id);
    add_slice(&p->prv, CKA_ID, id);
    if (p->uri.object.set) {
        add_slice(&p->pub, CKA_LABEL, label);
        add_slice(&p->prv, CKA_LABEL, label);
    }
}

static void plan_fill(struct plan *p, const struct keyobj_want *w)
{
    static const uint8_t f4[3] = {1, 0, 1};

    random_bytes(p->id, sizeof(p->id));
    memcpy(p->exponent, f4, sizeof(f4));
    p->bits = w->bits;
    p->mechanism.mechanism = w->type == KEY_RSA ? CKM_RSA_PKCS_KEY_PAIR_GEN : CKM_EC_KEY_PAIR_GEN;
    add_flag(&p->pub, CKA_TOKEN, true);
    add_flag(&p->pub, CKA_PRIVATE, false);
    add_flag(&p->pub, CKA_VERIFY, true);
    if (w->type == KEY_RSA) {
        add(&p->pub, CKA_MODULUS_BITS, &p->bits, sizeof(p->bits));
        add(&p->pub, CKA_PUBLIC_EXPONENT, p->exponent, sizeof(p->exponent));
        add_flag(&p->pub, CKA_ENCRYPT, false);
        add_flag(&p->pub, CKA_WRAP, false);
        add_flag(&p->prv, CKA_DECRYPT, false);
        add_flag(&p->prv, CKA_UNWRAP, false);
    } else {
        add_slice(&p->pub, CKA_EC_PARAMS, keyobj_curve(w->type));
        add_flag(&p->prv, CKA_DERIVE, false);
    }
    add_flag(&p->prv, CKA_TOKEN, true);
    add_flag(&p->prv, CKA_PRIVATE, true);
    add_flag(&p->prv, CKA_SENSITIVE, true);
    add_flag(&p->prv, CKA_EXTRACTABLE, false);
    add_flag(&p->prv, CKA_SIGN, true);
    name_objects(p);
}

/* A key that is not what was asked for goes; where the token keeps it, somebody has to know. */
static void take_back(struct token *t, const struct keyobj_want *w, CK_OBJECT_HANDLE pub,
                      CK_OBJECT_HANDLE prv)
{
    struct fault f;

    if (object_destroy(t, prv, &f) != 0 || object_destroy(t, pub, &f) != 0)
        log_fault(LOG_LEVEL_ERROR, "signer.key.left", &f, "key", w->uri, "do",
                  "destroy it by hand before the next try", NULL);
}

int keyobj_generate(struct token *t, const struct keyobj_want *w, struct fault *f)
{
    CK_OBJECT_HANDLE pub = 0, prv = 0;
    struct plan p;
    CK_RV rv;
    int rc;

    memset(&p, 0, sizeof(p));
    rc = keyobj_uri(w, &t->uri, &p.uri, f);
    if (rc != 0)
        return rc;
    if (w->type != KEY_RSA && keyobj_curve(w->type).p == NULL)
        return fault_set(f, FAULT_CONFIG, "signer.key.type",
                         "%s: this kind of key cannot be made in a token", w->who);
    plan_fill(&p, w);
    watch_enter_slow("C_GenerateKeyPair", GENERATE_LEAST_MS);
    rv = t->call->C_GenerateKeyPair(t->session, &p.mechanism, p.pub.a, p.pub.n, p.prv.a, p.prv.n,
                                    &pub, &prv);
    watch_leave();
    if (rv != CKR_OK)
        return ckr_fault(f, "C_GenerateKeyPair", rv);
    rc = keyobj_check_made(t, prv, f);
    if (rc != 0)
        take_back(t, w, pub, prv);
    return rc;
}
