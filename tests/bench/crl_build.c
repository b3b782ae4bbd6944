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

#include "lib/clock.h"
#include "lib/tbs.h"
#include "tests/bench/help/onecrl.h"

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

static double ours(EVP_PKEY *key, struct list *l, const char *folder)
{
    struct onecrl o = {
        .key = key,
        .folder = folder,
        .spec = {.this_update = NOW, .next_update = NOW + 604800, .number = NOW},
    };
    double sum = 0;

    for (int i = 0; i < TURNS; i++) {
        l->at = 0;
        sum += onecrl_make(&o, give, l);
        look(l);
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
