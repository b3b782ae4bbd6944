#include "client/awaykey.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#define PROVIDER "cerca-away"
#define SIGNATURE "CERCA-AWAY"
#define PARAM_KEY "away" /* a pointer to the struct awaykey, as octets */

static OSSL_LIB_CTX *library; /* one a process, made by the first key */

/* ---- keys (provider-keymgmt(7)) ---- */

struct held {
    struct awaykey *key; /* NULL: a public one, which is only compared */
    EVP_PKEY *public;
};

static void *key_new(void *provider)
{
    (void)provider;
    return calloc(1, sizeof(struct held));
}

static void key_free(void *data)
{
    struct held *h = data;

    if (h != NULL)
        EVP_PKEY_free(h->public);
    free(h);
}

static int key_has(const void *data, int selection)
{
    const struct held *h = data;

    return h->public != NULL &&
           (h->key != NULL || (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) == 0);
}

static int import(struct held *h, const char *type, const OSSL_PARAM params[])
{
    const OSSL_PARAM *own = OSSL_PARAM_locate_const(params, PARAM_KEY);
    EVP_PKEY_CTX *ctx;
    OSSL_PARAM *all;
    int ok;

    if (own != NULL) {
        if (own->data_size != sizeof(h->key))
            return 0;
        memcpy(&h->key, own->data, sizeof(h->key));
        h->public = h->key->public;
        return EVP_PKEY_up_ref(h->public);
    }
    ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    all = OSSL_PARAM_dup(params);
    ok = ctx != NULL && all != NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
         EVP_PKEY_fromdata(ctx, &h->public, EVP_PKEY_PUBLIC_KEY, all) == 1;
    OSSL_PARAM_free(all);
    EVP_PKEY_CTX_free(ctx);
    return ok;
}

static int import_ec(void *data, int selection, const OSSL_PARAM params[])
{
    (void)selection;
    return import(data, "EC", params);
}

static int import_rsa(void *data, int selection, const OSSL_PARAM params[])
{
    (void)selection;
    return import(data, "RSA", params);
}

static const OSSL_PARAM *import_types(int selection)
{
    static const OSSL_PARAM types[] = {OSSL_PARAM_octet_string(PARAM_KEY, NULL, 0), OSSL_PARAM_END};

    (void)selection;
    return types;
}

/* Nobody gets a key that he takes for whole. */
static int key_export(void *data, int selection, OSSL_CALLBACK *fn, void *arg)
{
    const struct held *h = data;
    OSSL_PARAM *params = NULL;
    int ok;

    if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0 ||
        EVP_PKEY_todata(h->public, EVP_PKEY_PUBLIC_KEY, &params) != 1)
        return 0;
    ok = fn(params, arg);
    OSSL_PARAM_free(params);
    return ok;
}

static const OSSL_PARAM *export_types(int selection)
{
    static const OSSL_PARAM types[] = {OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
                                       OSSL_PARAM_END};

    return (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0 ? NULL : types;
}

static int key_match(const void *a, const void *b, int selection)
{
    const struct held *one = a, *other = b;

    (void)selection;
    return EVP_PKEY_eq(one->public, other->public) == 1;
}

static int key_params(void *data, OSSL_PARAM params[])
{
    const struct held *h = data;

    return EVP_PKEY_get_params(h->public, params);
}

static const OSSL_PARAM *key_params_are(void *provider)
{
    static const OSSL_PARAM types[] = {OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
                                       OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
                                       OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
                                       OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
                                       OSSL_PARAM_END};

    (void)provider;
    return types;
}

static const char *key_signs_with(int operation)
{
    return operation == OSSL_OP_SIGNATURE ? SIGNATURE : NULL;
}

/* ---- signatures (provider-signature(7)) ---- */

struct signing {
    const struct held *held;
    size_t hash; /* octets */
    bool pss;
};

static void *sign_new(void *provider, const char *properties)
{
    (void)provider;
    (void)properties;
    return calloc(1, sizeof(struct signing));
}

static void sign_free(void *ctx)
{
    free(ctx);
}

/* TLS asks RSA for PSS with a salt as long as the hash, which is what ours are anyway. */
static int sign_set(void *ctx, const OSSL_PARAM params[])
{
    struct signing *s = ctx;
    const OSSL_PARAM *mode = OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PAD_MODE);
    int number = 0;

    if (mode == NULL)
        return 1;
    if (mode->data_type == OSSL_PARAM_UTF8_STRING)
        s->pss = mode->data != NULL && strcmp(mode->data, OSSL_PKEY_RSA_PAD_MODE_PSS) == 0;
    else
        s->pss = OSSL_PARAM_get_int(mode, &number) == 1 && number == RSA_PKCS1_PSS_PADDING;
    return 1;
}

static const OSSL_PARAM *sign_set_are(void *ctx, void *provider)
{
    static const OSSL_PARAM types[] = {
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, NULL, 0), OSSL_PARAM_END};

    (void)ctx;
    (void)provider;
    return types;
}

static int sign_init(void *ctx, const char *digest, void *key, const OSSL_PARAM params[])
{
    struct signing *s = ctx;
    EVP_MD *md = EVP_MD_fetch(NULL, digest == NULL || digest[0] == '\0' ? "SHA256" : digest, NULL);

    s->held = key;
    s->hash = md == NULL ? 0 : (size_t)EVP_MD_get_size(md);
    EVP_MD_free(md);
    return s->held->key != NULL && s->hash >= 32 && (params == NULL || sign_set(ctx, params));
}

static enum sig_alg alg_of(const struct signing *s)
{
    enum sig_alg base = s->held->key->type != KEY_RSA ? SIG_ECDSA_SHA256
                        : s->pss                      ? SIG_RSA_PSS_SHA256
                                                      : SIG_RSA_SHA256;

    return sig_alg_with_hash(base, (unsigned)s->hash);
}

static int sign(void *ctx, unsigned char *out, size_t *n, size_t room, const unsigned char *content,
                size_t content_n)
{
    const struct signing *s = ctx;
    struct awaykey *k = s->held->key;
    struct buf signature;
    int ok;

    if (out == NULL) {
        *n = (size_t)EVP_PKEY_get_size(k->public);
        return 1;
    }
    buf_init(&signature, SIGNATURE_MAX);
    fault_clear(&k->why);
    ok = k->sign(k->arg, alg_of(s), slice_of(content, content_n), &signature, &k->why) == 0 &&
         signature.n > 0 && signature.n <= room;
    if (ok) {
        memcpy(out, signature.p, signature.n);
        *n = signature.n;
    }
    buf_free(&signature);
    return ok;
}

/* ---- the provider ---- */

#define FN(id, fn)                                                                                 \
    {                                                                                              \
        id, (void (*)(void))(fn)                                                                   \
    }
#define KEYS(importer)                                                                             \
    FN(OSSL_FUNC_KEYMGMT_NEW, key_new), FN(OSSL_FUNC_KEYMGMT_FREE, key_free),                      \
        FN(OSSL_FUNC_KEYMGMT_HAS, key_has), FN(OSSL_FUNC_KEYMGMT_IMPORT, importer),                \
        FN(OSSL_FUNC_KEYMGMT_IMPORT_TYPES, import_types),                                          \
        FN(OSSL_FUNC_KEYMGMT_EXPORT, key_export),                                                  \
        FN(OSSL_FUNC_KEYMGMT_EXPORT_TYPES, export_types), FN(OSSL_FUNC_KEYMGMT_MATCH, key_match),  \
        FN(OSSL_FUNC_KEYMGMT_GET_PARAMS, key_params),                                              \
        FN(OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, key_params_are),                                     \
        FN(OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, key_signs_with),                                \
    {                                                                                              \
        0, NULL                                                                                    \
    }

static const OSSL_DISPATCH ec_functions[] = {KEYS(import_ec)};
static const OSSL_DISPATCH rsa_functions[] = {KEYS(import_rsa)};
static const OSSL_DISPATCH sign_functions[] = {
    FN(OSSL_FUNC_SIGNATURE_NEWCTX, sign_new),
    FN(OSSL_FUNC_SIGNATURE_FREECTX, sign_free),
    FN(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, sign_init),
    FN(OSSL_FUNC_SIGNATURE_DIGEST_SIGN, sign),
    FN(OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, sign_set),
    FN(OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, sign_set_are),
    {0, NULL},
};

static const OSSL_ALGORITHM *query(void *provider, int operation, int *no_cache)
{
    static const OSSL_ALGORITHM keys[] = {
        {"EC:id-ecPublicKey:1.2.840.10045.2.1", "provider=" PROVIDER, ec_functions, NULL},
        {"RSA:rsaEncryption:1.2.840.113549.1.1.1", "provider=" PROVIDER, rsa_functions, NULL},
        {NULL, NULL, NULL, NULL}};
    static const OSSL_ALGORITHM signatures[] = {
        {SIGNATURE, "provider=" PROVIDER, sign_functions, NULL}, {NULL, NULL, NULL, NULL}};

    (void)provider;
    *no_cache = 0;
    return operation == OSSL_OP_KEYMGMT ? keys : operation == OSSL_OP_SIGNATURE ? signatures : NULL;
}

static int provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
                         const OSSL_DISPATCH **out, void **provider)
{
    static const OSSL_DISPATCH functions[] = {FN(OSSL_FUNC_PROVIDER_QUERY_OPERATION, query),
                                              {0, NULL}};

    (void)in;
    *out = functions;
    *provider = (void *)(uintptr_t)handle;
    return 1;
}

static int open_library(void)
{
    if (library != NULL)
        return 0;
    library = OSSL_LIB_CTX_new();
    if (library != NULL && OSSL_PROVIDER_load(library, "default") != NULL &&
        OSSL_PROVIDER_add_builtin(library, PROVIDER, provider_init) == 1 &&
        OSSL_PROVIDER_load(library, PROVIDER) != NULL)
        return 0;
    OSSL_LIB_CTX_free(library);
    library = NULL;
    return -1;
}

/* ---- for who uses it ---- */

static EVP_PKEY *wrap(struct awaykey *k)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(library, k->type == KEY_RSA ? "RSA" : "EC",
                                                   "provider=" PROVIDER);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(PARAM_KEY, &k, sizeof(k)),
        OSSL_PARAM_construct_end(),
    };
    EVP_PKEY *out = NULL;

    if (ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1)
        (void)EVP_PKEY_fromdata(ctx, &out, EVP_PKEY_KEYPAIR, params);
    EVP_PKEY_CTX_free(ctx);
    return out;
}

int awaykey_open(struct awaykey *k, struct slice spki, awaykey_sign sign_by, void *arg,
                 EVP_PKEY **out, struct fault *f)
{
    const uint8_t *p = spki.p;
    struct spki parsed;
    int rc = spki_parse(spki, &parsed, f);

    *out = NULL;
    memset(k, 0, sizeof(*k));
    if (rc != 0)
        return rc;
    k->sign = sign_by;
    k->arg = arg;
    k->type = parsed.type;
    k->public = d2i_PUBKEY(NULL, &p, (long)spki.n);
    if (k->public != NULL && k->type != KEY_ED25519 && open_library() == 0)
        *out = wrap(k);
    ERR_clear_error();
    if (*out != NULL)
        return 0;
    awaykey_close(k);
    return fault_set(f, FAULT_INTERNAL, "key.away", "OpenSSL takes no such key from elsewhere");
}

void awaykey_close(struct awaykey *k)
{
    EVP_PKEY_free(k->public);
    memset(k, 0, sizeof(*k));
}
