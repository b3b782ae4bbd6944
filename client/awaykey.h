/*
 * Keys whose private half is elsewhere, as OpenSSL knows keys: it and libcurl use them as any
 * other, and whoever has the private half is asked for each signature. He is shown what is to be
 * signed, not its hash, so that he can judge it.
 *
 * They belong to a small provider in an OSSL_LIB_CTX of their own, so that no other key is ever
 * looked after by it.
 */
#ifndef CLIENT_AWAYKEY_H
#define CLIENT_AWAYKEY_H

#include <openssl/types.h>

#include "lib/key.h"

/* Appends the signature, as certificates have it. */
typedef int (*awaykey_sign)(void *arg, enum sig_alg alg, struct slice content,
                            struct buf *signature, struct fault *f);

struct awaykey {
    awaykey_sign sign;
    void *arg;
    enum key_type type;
    struct fault why; /* of the last signature that was not made; OpenSSL says nothing of it */
    EVP_PKEY *public;
};

/* RSA, P-256, P-384, P-521. `k` must outlive the EVP_PKEY, which the caller frees first. Rule
 * "key.away". */
int awaykey_open(struct awaykey *k, struct slice spki, awaykey_sign sign, void *arg, EVP_PKEY **out,
                 struct fault *f) WARN_UNUSED;
/* Zeroed memory is fine. */
void awaykey_close(struct awaykey *k);

#endif
