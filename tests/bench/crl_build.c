/*
 * A full CRL of N entries: ours (draft to a file, read and hashed as the signer does, signed,
 * verified, assembled) against OpenSSL's X509_CRL functions building, signing and encoding the
 * same list. Prints entries a second of both, and the most anonymous memory that ours took, MiB.
 *
 *   crl_build N [FOLDER]
 *
 * Ours is made twice before OpenSSL's and twice behind it, and counts with its mean: it is short.
 */
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "crl/build.h"
#include "lib/clock.h"
#include "lib/name.h"
#include "lib/tbs.h"

#define NOW 1795000000
#define TURNS 2
#define LOOK_EVERY 50000 /* entries between looks at the memory */

struct list {
    uint64_t n, at;
    double anonymous;
};

static void die(const char *what)
{
    fprintf(stderr, "crl_build: %s failed\n", what);
    exit(1);
}

static double anonymous_mib(void)
{
    FILE *in = fopen("/proc/self/status", "r");
    char line[256];
    double kib = 0;

    while (in != NULL && fgets(line, sizeof(line), in) != NULL)
        if (strncmp(line, "RssAnon:", 8) == 0)
            kib = strtod(line + 8, NULL);
    if (in != NULL)
        fclose(in);
    return kib / 1024;
}

static void look(struct list *l)
{
    double now = anonymous_mib();

    if (now > l->anonymous)
        l->anonymous = now;
}

static void entry(uint64_t i, struct crl_entry *e)
{
    memset(e, 0, sizeof(*e));
    e->serial_len = SERIAL_LEN;
    e->serial[0] = 0x50;
    for (int k = 0; k < 8; k++)
        e->serial[8 + k] = (uint8_t)(i >> (56 - 8 * k));
    e->reason = (uint8_t)(1 + i % 5);
    e->revoked = NOW - (int64_t)(i % 1000000);
}

static int give(void *arg, struct crl_entry *out, size_t max, size_t *n, struct fault *f)
{
    struct list *l = arg;

    (void)f;
    for (*n = 0; *n < max && l->at < l->n; l->at++)
        entry(l->at, &out[(*n)++]);
    if (l->at % LOOK_EVERY < max)
        look(l);
    return 0;
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

static double ours_once(EVP_PKEY *key, struct list *l, const char *folder, uint64_t *octets)
{
    struct crl_draft d;
    struct crl_spec spec = {
        .alg = SIG_ECDSA_SHA256, .this_update = NOW, .next_update = NOW + 604800, .number = NOW};
    int draft = open_file(folder), whole = open_file(folder);
    struct buf name, signature, der;
    struct spki spki;
    struct fault f;
    uint8_t hash[32], *at;
    uint64_t since;

    buf_init(&name, NAME_DER_MAX);
    buf_init(&signature, SIGNATURE_MAX);
    buf_init(&der, 4096);
    at = buf_grow(&der, (size_t)i2d_PUBKEY(key, NULL));
    if (at == NULL || i2d_PUBKEY(key, &at) <= 0 || spki_parse(buf_slice(&der), &spki, &f) != 0 ||
        name_parse("CN=Bench CA", &name, &f) != 0)
        die("preparing");
    spec.issuer = buf_slice(&name);
    since = clock_mono_us();
    if (crl_build(draft, &spec, give, l, &d, &f) != 0)
        die("building");
    read_draft(&d, hash);
    sign_hash(key, hash, &signature);
    if (crl_verify(&d, &spki, spec.alg, buf_slice(&signature), &f) != 0 ||
        crl_assemble(&d, spec.alg, buf_slice(&signature), whole, octets, &f) != 0)
        die("assembling");
    look(l);
    since = clock_mono_us() - since;
    close(draft);
    close(whole);
    buf_free(&name);
    buf_free(&signature);
    buf_free(&der);
    return (double)since / 1e6;
}

static double ours(EVP_PKEY *key, struct list *l, const char *folder)
{
    uint64_t octets;
    double sum = 0;

    for (int i = 0; i < TURNS; i++) {
        l->at = 0;
        sum += ours_once(key, l, folder, &octets);
    }
    return sum;
}

static void add_revoked(X509_CRL *x, const struct crl_entry *e)
{
    X509_REVOKED *r = X509_REVOKED_new();
    BIGNUM *serial = BN_bin2bn(e->serial, e->serial_len, NULL);
    ASN1_INTEGER *number = BN_to_ASN1_INTEGER(serial, NULL);
    ASN1_TIME *when = ASN1_TIME_set(NULL, (time_t)e->revoked);
    ASN1_ENUMERATED *reason = ASN1_ENUMERATED_new();

    if (r == NULL || number == NULL || when == NULL ||
        ASN1_ENUMERATED_set(reason, e->reason) != 1 ||
        X509_REVOKED_set_serialNumber(r, number) != 1 ||
        X509_REVOKED_set_revocationDate(r, when) != 1 ||
        X509_REVOKED_add1_ext_i2d(r, NID_crl_reason, reason, 0, 0) != 1 ||
        X509_CRL_add0_revoked(x, r) != 1)
        die("an entry of OpenSSL's");
    BN_free(serial);
    ASN1_INTEGER_free(number);
    ASN1_TIME_free(when);
    ASN1_ENUMERATED_free(reason);
}

static double openssl(EVP_PKEY *key, uint64_t n)
{
    uint64_t since = clock_mono_us();
    X509_CRL *x = X509_CRL_new();
    X509_NAME *name = X509_NAME_new();
    ASN1_TIME *when = ASN1_TIME_set(NULL, NOW);
    ASN1_INTEGER *number = ASN1_INTEGER_new();
    struct crl_entry e;
    uint8_t *der = NULL;

    (void)X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)"Bench CA", -1, -1,
                                     0);
    if (X509_CRL_set_version(x, X509_CRL_VERSION_2) != 1 ||
        X509_CRL_set_issuer_name(x, name) != 1 || X509_CRL_set1_lastUpdate(x, when) != 1 ||
        X509_CRL_set1_nextUpdate(x, when) != 1 || ASN1_INTEGER_set(number, NOW) != 1 ||
        X509_CRL_add1_ext_i2d(x, NID_crl_number, number, 0, 0) != 1)
        die("the head of OpenSSL's");
    for (uint64_t i = 0; i < n; i++) {
        entry(i, &e);
        add_revoked(x, &e);
    }
    if (X509_CRL_sort(x) != 1 || X509_CRL_sign(x, key, EVP_sha256()) <= 0 ||
        i2d_X509_CRL(x, &der) <= 0)
        die("signing OpenSSL's");
    since = clock_mono_us() - since;
    OPENSSL_free(der);
    ASN1_TIME_free(when);
    ASN1_INTEGER_free(number);
    X509_NAME_free(name);
    X509_CRL_free(x);
    return (double)since / 1e6;
}

int main(int argc, char **argv)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    struct list l = {.n = argc > 1 ? strtoull(argv[1], NULL, 10) : 0};
    const char *folder = argc > 2 ? argv[2] : "/tmp";
    double mine, theirs, anonymous;

    if (l.n == 0 || key == NULL)
        die("usage: crl_build N [FOLDER]");
    mine = ours(key, &l, folder);
    theirs = openssl(key, l.n);
    anonymous = l.anonymous; /* what OpenSSL leaves behind is not ours */
    mine = (mine + ours(key, &l, folder)) / (2 * TURNS);
    printf("%.0f %.0f %.1f\n", (double)l.n / mine, (double)l.n / theirs, anonymous);
    EVP_PKEY_free(key);
    return 0;
}
