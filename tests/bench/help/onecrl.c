#include "tests/bench/help/onecrl.h"

#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/name.h"

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "a CRL: %s failed\n", what);
    exit(1);
}

static void add(void *arg, struct slice octets)
{
    digest_add(arg, octets);
}

/* What the signer does before it signs. */
static void read_draft(const struct crl_draft *d, uint8_t hash[32])
{
    struct digest *digest = digest_begin(32);
    struct crl_file file = {d->fd, d->start};
    const struct crl_input in = {.read = crl_file_read,
                                 .arg = &file,
                                 .size = d->octets,
                                 .draft = true,
                                 .tap = add,
                                 .tap_arg = digest};
    struct slice octets;
    struct crl_reader *r;
    struct crl_entry e;
    struct fault f;
    struct buf again;
    int rc = crl_read_begin(&in, &r, &f);

    buf_init(&again, 256);
    while (rc == 0 && (rc = crl_read_entry(r, &e, &octets, &f)) == 1) {
        buf_reset(&again);
        crl_entry_put(&again, &e);
        rc = slice_eq(buf_slice(&again), octets) ? 0 : -1;
    }
    if (rc != 0 || crl_read_end(r, &f) != 0)
        die("reading the draft");
    buf_free(&again);
    crl_reader_free(r);
    digest_end(digest, hash);
}

static void sign_hash(EVP_PKEY *key, const uint8_t hash[32], struct buf *out)
{
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(key, NULL);
    uint8_t raw[SIGNATURE_MAX];
    size_t n = sizeof(raw);

    if (c == NULL || EVP_PKEY_sign_init(c) <= 0 || EVP_PKEY_sign(c, raw, &n, hash, 32) <= 0)
        die("signing");
    buf_put(out, raw, n);
    EVP_PKEY_CTX_free(c);
}

static int open_file(const char *folder)
{
    char path[4096];
    int fd;

    snprintf(path, sizeof(path), "%s/crl.XXXXXX", folder);
    fd = mkstemp(path);
    if (fd < 0 || unlink(path) != 0)
        die("making a file");
    return fd;
}

static void make(struct onecrl *o, crl_source next, void *arg, const struct spki *spki,
                 const int fd[2])
{
    struct crl_draft d;
    struct buf signature;
    struct fault f;
    uint8_t hash[32];

    buf_init(&signature, SIGNATURE_MAX);
    if (crl_build(fd[0], &o->spec, next, arg, &d, &f) != 0)
        die("building");
    read_draft(&d, hash);
    sign_hash(o->key, hash, &signature);
    if (crl_verify(&d, spki, o->spec.alg, buf_slice(&signature), &f) != 0 ||
        crl_assemble(&d, o->spec.alg, buf_slice(&signature), fd[1], &o->octets, &f) != 0 ||
        (o->sync && fsync(fd[1]) != 0))
        die("assembling");
    o->entries = d.entries;
    buf_free(&signature);
}

double onecrl_make(struct onecrl *o, crl_source next, void *arg)
{
    const int fd[2] = {open_file(o->folder), open_file(o->folder)};
    struct buf name, der;
    struct spki spki;
    struct fault f;
    uint64_t since;
    uint8_t *at;

    buf_init(&name, NAME_DER_MAX);
    buf_init(&der, 4096);
    at = buf_grow(&der, (size_t)i2d_PUBKEY(o->key, NULL));
    if (at == NULL || i2d_PUBKEY(o->key, &at) <= 0 || spki_parse(buf_slice(&der), &spki, &f) != 0 ||
        name_parse("CN=Bench CA", &name, &f) != 0)
        die("preparing");
    o->spec.alg = SIG_ECDSA_SHA256;
    o->spec.issuer = buf_slice(&name);
    since = clock_mono_us();
    make(o, next, arg, &spki, fd);
    since = clock_mono_us() - since;
    close(fd[0]);
    close(fd[1]);
    buf_free(&name);
    buf_free(&der);
    return (double)since / 1e6;
}
