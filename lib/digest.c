#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/key.h"
#include "lib/key_thread.h"
#include "lib/log.h"

static _Noreturn void digest_failed(void)
{
    log_error("crypto.digest_failed", NULL);
    _exit(EXIT_FAILURE);
}

static void hash(const EVP_MD *md, struct slice a, struct slice b, uint8_t *out)
{
    EVP_MD_CTX *c = thread_md_ctx();

    if (EVP_DigestInit_ex2(c, md, NULL) <= 0 || EVP_DigestUpdate(c, a.p, a.n) <= 0 ||
        (b.n > 0 && EVP_DigestUpdate(c, b.p, b.n) <= 0) || EVP_DigestFinal_ex(c, out, NULL) <= 0)
        digest_failed();
}

struct digest {
    EVP_MD_CTX *ctx;
};

struct digest *digest_begin(size_t octets)
{
    struct digest *d = xcalloc(1, sizeof(*d));

    d->ctx = EVP_MD_CTX_new();
    if (d->ctx == NULL || EVP_DigestInit_ex2(d->ctx, md_of_length(octets), NULL) <= 0)
        digest_failed();
    return d;
}

void digest_add(struct digest *d, struct slice s)
{
    if (EVP_DigestUpdate(d->ctx, s.p, s.n) <= 0)
        digest_failed();
}

void digest_end(struct digest *d, uint8_t *out)
{
    if (d == NULL)
        return;
    if (out != NULL && EVP_DigestFinal_ex(d->ctx, out, NULL) <= 0)
        digest_failed();
    EVP_MD_CTX_free(d->ctx);
    free(d);
}

void sha1(struct slice s, uint8_t out[20])
{
    hash(md_sha1(), s, SLICE_NONE, out);
}

void sha256(struct slice s, uint8_t out[32])
{
    hash(md_of_length(32), s, SLICE_NONE, out);
}

void sha256_two(struct slice a, struct slice b, uint8_t out[32])
{
    hash(md_of_length(32), a, b, out);
}

void sig_alg_hash(enum sig_alg a, struct slice message, uint8_t out[64])
{
    size_t n = sig_alg_hash_len(a);

    if (n > 0)
        hash(md_of_length(n), message, SLICE_NONE, out);
}

void spki_key_id(const struct spki *k, uint8_t out[20])
{
    sha1(k->key_bits, out);
}

void spki_hash(const struct spki *k, uint8_t out[32])
{
    sha256(k->der, out);
}

void random_bytes(void *p, size_t n)
{
    /* RAND_bytes counts in int. */
    for (uint8_t *at = p; n > 0;) {
        size_t step = n < 65536 ? n : 65536;

        if (RAND_bytes(at, (int)step) != 1) {
            log_error("crypto.no_randomness", NULL);
            _exit(EXIT_FAILURE);
        }
        at += step;
        n -= step;
    }
}

void wipe(void *p, size_t n)
{
    OPENSSL_cleanse(p, n);
}
