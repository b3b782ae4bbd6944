#include "public/nodekey.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cert.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/viewfile.h"

#define KEY_FILE_MAX 16384
#define AGAIN_US UINT64_C(10000000)

/* Which file was looked at: it is replaced by rename. */
struct seen {
    ino_t inode;
    struct timespec time;
    uint64_t again_us; /* it was refused: when to try it again; else 0 */
};

struct nodekey {
    EVP_PKEY *key;
    char name[VIEWFILE_RESPONDER_MAX];
    const char *view_dir;
    struct ocsp_responder *responder;
    struct seen seen[OCSP_ISSUERS_MAX]; /* in the order of the responder's issuers, which stays */
};

/* ---- the key ---- */

static int refuse(struct fault *f, const char *path, const char *why)
{
    return fault_set(f, FAULT_CONFIG, "ocsp.key_file", "%s: %s", path, why);
}

static EVP_PKEY *parse(const char *text, size_t n)
{
    BIO *bio = BIO_new_mem_buf(text, (int)n);
    char none[] = ""; /* no passphrase is asked for */
    EVP_PKEY *key = bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, NULL, none);

    BIO_free(bio);
    return key;
}

/* P-256, or RSA of 2048 bits or more: what cerca ocsp csr makes. */
static bool fits(EVP_PKEY *key)
{
    char group[16] = "";

    if (EVP_PKEY_is_a(key, "RSA"))
        return EVP_PKEY_get_bits(key) >= 2048;
    return EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) == 1 &&
           strcmp(group, "prime256v1") == 0;
}

static int read_key(int fd, const char *path, EVP_PKEY **out, struct fault *f)
{
    char text[KEY_FILE_MAX];
    struct stat st;
    ssize_t n;

    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return refuse(f, path, "is no file");
    if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return refuse(f, path, "others may read it: chmod 600");
    n = pread(fd, text, sizeof(text), 0);
    *out = n > 0 ? parse(text, (size_t)n) : NULL;
    explicit_bzero(text, sizeof(text));
    if (*out != NULL && fits(*out))
        return 0;
    EVP_PKEY_free(*out);
    *out = NULL;
    return refuse(f, path, "is no P-256 or RSA key in PEM; cerca ocsp csr makes one");
}

int nodekey_load(const char *path, EVP_PKEY **out, struct fault *f)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), rc;

    *out = NULL;
    if (fd < 0)
        return refuse(f, path,
                      errno == ENOENT ? "is not there; cerca ocsp csr makes it" : strerror(errno));
    rc = read_key(fd, path, out, f);
    (void)close(fd);
    return rc;
}

/* ---- its certificates ---- */

static void name_certificates(struct nodekey *k)
{
    unsigned char *der = NULL;
    int n = i2d_PUBKEY(k->key, &der);
    uint8_t hash[32];

    sha256(slice_of(der, n > 0 ? (size_t)n : 0), hash);
    viewfile_responder(hash, k->name);
    OPENSSL_free(der);
}

struct nodekey *nodekey_new(EVP_PKEY *key, const char *view_dir, struct ocsp_responder *r)
{
    struct nodekey *k = xcalloc(1, sizeof(*k));

    k->key = key;
    k->view_dir = view_dir;
    k->responder = r;
    name_certificates(k);
    return k;
}

void nodekey_free(struct nodekey *k)
{
    if (k == NULL)
        return;
    EVP_PKEY_free(k->key);
    free(k);
}

static bool put_to_work(struct nodekey *k, const struct ocsp_issuer_state *i, struct slice der,
                        struct fault *f)
{
    EVP_PKEY_up_ref(k->key);
    if (ocsp_responder_delegate(k->responder, i->owner, k->key, der, f) == 0)
        return true;
    EVP_PKEY_free(k->key);
    return false;
}

static bool is_new(const struct seen *s, const struct stat *st)
{
    return s->inode != st->st_ino || s->time.tv_sec != st->st_mtim.tv_sec ||
           s->time.tv_nsec != st->st_mtim.tv_nsec;
}

/* What is refused by a clock that is wrong is good once that is right. */
static void take(struct nodekey *k, const struct ocsp_issuer_state *i, int fd,
                 const struct stat *st, struct seen *seen)
{
    uint8_t der[CERT_MAX];
    ssize_t n = pread(fd, der, sizeof(der), 0);
    bool first = is_new(seen, st);
    struct fault f;

    *seen = (struct seen){.inode = st->st_ino, .time = st->st_mtim};
    if (n > 0 && put_to_work(k, i, slice_of(der, (size_t)n), &f)) {
        log_info("ocsp.delegate.ready", "issuer_key", log_hex(slice_of(i->owner, 8)), NULL);
        return;
    }
    seen->again_us = clock_mono_us() + AGAIN_US;
    if (n > 0 && first)
        log_fault(LOG_LEVEL_ERROR, "ocsp.delegate.refused", &f, "issuer_key",
                  log_hex(slice_of(i->owner, 8)), NULL);
}

static void look(struct nodekey *k, const struct ocsp_issuer_state *i, struct seen *seen)
{
    char path[PATH_MAX];
    struct stat st;
    int fd;

    (void)snprintf(path, sizeof(path), "%s/%s/%s", k->view_dir, i->folder, k->name);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return; /* not yet */
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
        (is_new(seen, &st) || (seen->again_us != 0 && clock_mono_us() >= seen->again_us)))
        take(k, i, fd, &st, seen);
    (void)close(fd);
}

void nodekey_look(struct nodekey *k, const struct ocsp_issuer_state *i, size_t n)
{
    for (size_t at = 0; at < n && at < OCSP_ISSUERS_MAX; at++)
        look(k, &i[at], &k->seen[at]);
}
