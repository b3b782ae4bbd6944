#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "lib/key.h"
#include "lib/buf.h"
#include "lib/key_thread.h"
#include "lib/pubkey_ec.h"

struct pubkey {
    enum key_type type;
    struct pubkey_ec *ec;  /* P-256, P-384, P-521 */
    EVP_PKEY *key;         /* the others */
    EVP_PKEY_CTX *ctx;     /* RSA only: initialised to verify with `prepared` */
    enum sig_alg prepared; /* SIG_NONE: not yet */
    EVP_MD_CTX *md_ctx;    /* Ed25519 only: it hashes by itself (RFC 8032 5.1) */
};

/* EVP_PKEY_fromdata wants integers in the machine's order. */
static void native_order(struct slice big_endian, uint8_t *out)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    for (size_t i = 0; i < big_endian.n; i++)
        out[i] = big_endian.p[big_endian.n - 1 - i];
#else
    memcpy(out, big_endian.p, big_endian.n);
#endif
}

static EVP_PKEY *import(enum key_type t, OSSL_PARAM *params)
{
    EVP_PKEY *key = NULL;

    if (EVP_PKEY_fromdata(thread_import_ctx(t), &key, EVP_PKEY_PUBLIC_KEY, params) <= 0) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    return key;
}

static EVP_PKEY *import_rsa(const struct spki *k)
{
    uint8_t n[SIGNATURE_MAX], e[8];
    OSSL_PARAM params[3];

    if (k->modulus.n > sizeof(n) || k->exponent.n > sizeof(e))
        return NULL;
    native_order(k->modulus, n);
    native_order(k->exponent, e);
    params[0] = OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_N, n, k->modulus.n);
    params[1] = OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_E, e, k->exponent.n);
    params[2] = OSSL_PARAM_construct_end();
    return import(KEY_RSA, params);
}

static EVP_PKEY *import_ed25519(const struct spki *k)
{
    OSSL_PARAM params[2];

    /* The constructor takes a non-const pointer, but an import only reads. */
    params[0] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY,
                                                  (void *)(uintptr_t)k->key_bits.p, k->key_bits.n);
    params[1] = OSSL_PARAM_construct_end();
    return import(KEY_ED25519, params);
}

static bool import_key(const struct spki *k, struct pubkey *out)
{
    out->type = k->type;
    if (k->type == KEY_RSA)
        out->key = import_rsa(k);
    else if (k->type == KEY_ED25519)
        out->key = import_ed25519(k);
    else
        out->ec = pubkey_ec_open(k->type, k->key_bits);
    return out->key != NULL || out->ec != NULL;
}

/* Empties OpenSSL's queue of errors, which was empty before the call that failed. */
static bool had_no_memory(void)
{
    unsigned long e;
    bool yes = false;

    while ((e = ERR_get_error()) != 0)
        yes = yes || ERR_GET_REASON(e) == ERR_R_MALLOC_FAILURE;
    return yes;
}

int pubkey_open(const struct spki *k, struct pubkey **out, struct fault *f)
{
    struct pubkey made = {.type = KEY_NONE};

    *out = NULL;
    if (k->type == KEY_NONE)
        return fault_set(f, FAULT_MALFORMED, "key.algorithm", "no public key");
    ERR_clear_error();
    if (!import_key(k, &made)) {
        if (had_no_memory())
            return fault_unavailable(f, 1, "key.memory", "no memory for a public key");
        return fault_set(f, FAULT_MALFORMED, "key.point", "the public key is not a valid %s key",
                         key_type_name(k->type));
    }
    *out = xmemdup(&made, sizeof(made));
    return 0;
}

void pubkey_free(struct pubkey *k)
{
    if (k == NULL)
        return;
    EVP_PKEY_CTX_free(k->ctx);
    EVP_MD_CTX_free(k->md_ctx);
    EVP_PKEY_free(k->key);
    pubkey_ec_free(k->ec);
    free(k);
}

struct pubkey *pubkey_dup(const struct pubkey *k)
{
    struct pubkey *copy = xcalloc(1, sizeof(*copy));

    copy->type = k->type;
    if (k->ec != NULL)
        copy->ec = pubkey_ec_share(k->ec);
    copy->key = k->key;
    if (copy->key != NULL && EVP_PKEY_up_ref(copy->key) != 1)
        out_of_memory();
    return copy;
}

static int set_rsa_padding(EVP_PKEY_CTX *c, enum sig_alg a)
{
    bool pss = a >= SIG_RSA_PSS_SHA256;
    const EVP_MD *md = md_of_length(sig_alg_hash_len(a));

    if (EVP_PKEY_CTX_set_rsa_padding(c, pss ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING) <= 0 ||
        EVP_PKEY_CTX_set_signature_md(c, md) <= 0)
        return -1;
    if (pss && (EVP_PKEY_CTX_set_rsa_mgf1_md(c, md) <= 0 ||
                EVP_PKEY_CTX_set_rsa_pss_saltlen(c, RSA_PSS_SALTLEN_DIGEST) <= 0))
        return -1;
    return 0;
}

static int prepare(struct pubkey *k, enum sig_alg a)
{
    if (k->prepared == a)
        return 0;
    k->prepared = SIG_NONE;
    if (k->ctx == NULL)
        k->ctx = EVP_PKEY_CTX_new_from_pkey(NULL, k->key, NULL);
    if (k->ctx == NULL || EVP_PKEY_verify_init(k->ctx) <= 0 || set_rsa_padding(k->ctx, a) < 0)
        return -1;
    k->prepared = a;
    return 0;
}

static int verify_hash(struct pubkey *k, enum sig_alg a, struct slice message,
                       struct slice signature)
{
    uint8_t hash[64];

    sig_alg_hash(a, message, hash);
    if (k->ec != NULL)
        return pubkey_ec_verify(k->ec, slice_of(hash, sig_alg_hash_len(a)), signature);
    if (prepare(k, a) < 0)
        return PUBKEY_UNKNOWN;
    return EVP_PKEY_verify(k->ctx, signature.p, signature.n, hash, sig_alg_hash_len(a)) == 1 ? 0
                                                                                             : -1;
}

static int verify_ed25519(struct pubkey *k, struct slice message, struct slice signature)
{
    if (k->md_ctx == NULL)
        k->md_ctx = EVP_MD_CTX_new();
    if (k->md_ctx == NULL || EVP_DigestVerifyInit(k->md_ctx, NULL, NULL, NULL, k->key) <= 0)
        return PUBKEY_UNKNOWN;
    return EVP_DigestVerify(k->md_ctx, signature.p, signature.n, message.p, message.n) == 1 ? 0
                                                                                            : -1;
}

int pubkey_verify(struct pubkey *k, enum sig_alg a, struct slice message, struct slice signature)
{
    int rc;

    if (!sig_alg_fits(a, k->type) || signature.n == 0 || signature.n > SIGNATURE_MAX)
        return -1;
    ERR_clear_error();
    rc = k->type == KEY_ED25519 ? verify_ed25519(k, message, signature)
                                : verify_hash(k, a, message, signature);
    /* In there OpenSSL has no memory for a hash without saying so. */
    if (rc == -1 && k->type == KEY_ED25519)
        rc = verify_ed25519(k, message, signature);
    return rc < 0 && had_no_memory() ? PUBKEY_UNKNOWN : rc;
}
