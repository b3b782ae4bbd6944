#include "ca/signer/edkey.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/key.h"
#include "lib/pem.h"

#define SEED 32
#define FILE_MAX 1024

/* RFC 8410 7, RFC 5958 2: OneAsymmetricKey without attributes, up to the seed. */
static const uint8_t head[16] = {0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06,
                                 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20};

struct edkey {
    EVP_PKEY *key; /* OpenSSL wipes what it frees */
    uint8_t public[32];
};

int edkey_make(const char *path, bool *made, struct fault *f)
{
    struct buf der, pem;
    uint8_t seed[SEED];
    int rc;

    *made = false;
    if (access(path, F_OK) == 0)
        return 0;
    buf_init(&der, sizeof(head) + SEED);
    buf_init(&pem, FILE_MAX);
    random_bytes(seed, sizeof(seed));
    buf_put(&der, head, sizeof(head));
    buf_put(&der, seed, sizeof(seed));
    pem_put(&pem, "PRIVATE KEY", buf_slice(&der));
    rc = file_write(path, 0600, buf_slice(&pem), f);
    wipe(seed, sizeof(seed));
    buf_free(&der);
    buf_free(&pem);
    *made = rc == 0;
    return rc;
}

static int check_mode(const char *path, struct fault *f)
{
    struct stat st;

    if (stat(path, &st) != 0)
        return file_refused(f, "signer.edkey.file", path);
    if (!S_ISREG(st.st_mode) || (st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return fault_set(f, FAULT_CONFIG, "signer.edkey.mode",
                         "%s: must be a file that nobody but its owner may read; chmod 600 it",
                         path);
    return 0;
}

static int read_seed(const char *path, uint8_t seed[SEED], struct fault *f)
{
    static const char *const labels[] = {"PRIVATE KEY", NULL};
    struct buf file = {0}, der;
    int rc = check_mode(path, f);

    buf_init(&der, FILE_MAX);
    if (rc == 0)
        rc = file_read(path, FILE_MAX, &file, f);
    if (rc == 0)
        rc = pem_or_der(buf_slice(&file), labels, &der, f);
    if (rc == 0 && (der.n != sizeof(head) + SEED || memcmp(der.p, head, sizeof(head)) != 0))
        rc = fault_set(f, FAULT_CONFIG, "signer.edkey.form", "%s: not an Ed25519 key in PKCS#8",
                       path);
    if (rc == 0)
        memcpy(seed, der.p + sizeof(head), SEED);
    buf_free(&file);
    buf_free(&der);
    return rc;
}

int edkey_open(const char *path, struct edkey **out, struct fault *f)
{
    struct edkey *k;
    uint8_t seed[SEED];
    size_t n = sizeof(k->public);
    int rc = read_seed(path, seed, f);

    *out = NULL;
    if (rc != 0)
        return rc;
    k = xcalloc(1, sizeof(*k));
    k->key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof(seed));
    wipe(seed, sizeof(seed));
    if (k->key == NULL || EVP_PKEY_get_raw_public_key(k->key, k->public, &n) != 1) {
        edkey_free(k);
        return fault_set(f, FAULT_INTERNAL, "signer.edkey", "OpenSSL does not take the key");
    }
    *out = k;
    return 0;
}

void edkey_free(struct edkey *k)
{
    if (k == NULL)
        return;
    EVP_PKEY_free(k->key);
    free(k);
}

void edkey_public(const struct edkey *k, uint8_t out[32])
{
    memcpy(out, k->public, sizeof(k->public));
}

int edkey_sign(const struct edkey *k, struct slice message, uint8_t out[64], struct fault *f)
{
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    size_t n = 64;
    bool good = c != NULL && EVP_DigestSignInit(c, NULL, NULL, NULL, k->key) == 1 &&
                EVP_DigestSign(c, out, &n, message.p, message.n) == 1 && n == 64;

    EVP_MD_CTX_free(c);
    return good ? 0 : fault_set(f, FAULT_INTERNAL, "signer.edkey", "Ed25519 signing failed");
}
