/*
 * What looking at a certificate and at a key costs, and one P-256 verification beside it.
 *
 *   lint_time
 *
 * Prints "NAME MICROSECONDS" a line, processor time of one call: the median of some rounds. The
 * draft is that of a TLS server: seven extensions, three names.
 */
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/keycheck.h"
#include "lib/lint.h"
#include "lib/pubkey_ec.h"

#define ROUNDS 15
#define ROUND_US 20000 /* of one round, about */

struct subject {
    struct cert cert;
    struct spki key;
    const struct keycheck *check;
    struct pubkey *pub;
    unsigned verified; /* with pub */
    struct slice signature;
};

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "lint_time: %s\n", what);
    exit(1);
}

static double now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static double round_us(void (*call)(struct subject *s), struct subject *s, unsigned n)
{
    double start = now_us();

    for (unsigned i = 0; i < n; i++)
        call(s);
    return (now_us() - start) / n;
}

static void measure(const char *name, void (*call)(struct subject *s), struct subject *s)
{
    double took[ROUNDS], once = round_us(call, s, 100);
    unsigned n = (unsigned)(ROUND_US / (once > 0.001 ? once : 0.001)) + 1;

    for (int i = 0; i < ROUNDS; i++)
        took[i] = round_us(call, s, n);
    qsort(took, ROUNDS, sizeof(took[0]), compare);
    printf("%s %.3f\n", name, took[ROUNDS / 2]);
}

static void call_lint(struct subject *s)
{
    struct fault f;

    if (lint_tbs(&s->cert, &f) != 0)
        die(f.text);
}

static void call_check(struct subject *s)
{
    if (!s->check->keeps(&s->key))
        die(s->check->name);
}

static void call_all_checks(struct subject *s)
{
    struct fault f;

    if (keycheck(&s->key, &f) != 0)
        die(f.text);
}

/* As with the key of a CSR: one that verifies seldom gets no table of its multiples. */
static void call_verify(struct subject *s)
{
    struct fault f;

    if (++s->verified == PUBKEY_EC_OFTEN / 2) {
        pubkey_free(s->pub);
        s->verified = 0;
        if (pubkey_open(&s->key, &s->pub, &f) != 0)
            die(f.text);
    }
    if (pubkey_verify(s->pub, SIG_ECDSA_SHA256, s->cert.tbs, s->signature) != 0)
        die("the signature is wrong");
}

static struct slice spki_of(EVP_PKEY *key)
{
    unsigned char *der = NULL;
    int n = key == NULL ? -1 : i2d_PUBKEY(key, &der);

    if (n <= 0)
        die("no key");
    return slice_of(der, (size_t)n);
}

static void set_key(struct subject *s, EVP_PKEY *key)
{
    struct fault f;

    if (spki_parse(spki_of(key), &s->key, &f) != 0)
        die(f.text);
}

static void set_draft(struct subject *s, struct buf *tbs)
{
    static const uint8_t address[4] = {192, 0, 2, 1};
    static struct buf issuer, subject;
    static struct san_list sans = {.n = 3};
    struct tbs_spec spec = {.serial = {0x41, 1, 2, 3},
                            .alg = SIG_ECDSA_SHA256,
                            .not_before = 1800000000,
                            .not_after = 1807776000,
                            .spki = s->key.der,
                            .has_authority_key_id = true,
                            .key_usage = KU_DIGITAL_SIGNATURE,
                            .eku = EKU_SERVER_AUTH,
                            .path_len = -1,
                            .sans = &sans,
                            .ocsp_url = "http://pki.bench.example/ocsp",
                            .issuer_url = "http://pki.bench.example/ca/issuing.crt",
                            .crl_url = "http://pki.bench.example/crl/issuing.crl"};
    struct fault f;

    buf_init(&issuer, NAME_DER_MAX);
    buf_init(&subject, NAME_DER_MAX);
    buf_init(tbs, TBS_MAX);
    if (name_parse("CN=Bench Issuing CA,O=Bench,C=DE", &issuer, &f) != 0 ||
        name_parse("CN=web.bench.example", &subject, &f) != 0)
        die(f.text);
    sans.item[0] = (struct san){SAN_DNS, slice_str("web.bench.example")};
    sans.item[1] = (struct san){SAN_DNS, slice_str("www.bench.example")};
    sans.item[2] = (struct san){SAN_IP, slice_of(address, 4)};
    spec.issuer = buf_slice(&issuer);
    spec.subject = buf_slice(&subject);
    spki_key_id(&s->key, spec.subject_key_id);
    tbs_put(tbs, &spec);
    if (buf_failed(tbs) || tbs_parse(buf_slice(tbs), &s->cert, &f) != 0)
        die("no draft");
}

static void set_signature(struct subject *s, EVP_PKEY *key)
{
    static uint8_t signature[SIGNATURE_MAX];
    size_t n = sizeof(signature);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    struct fault f;

    if (ctx == NULL || EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) != 1 ||
        EVP_DigestSign(ctx, signature, &n, s->cert.tbs.p, s->cert.tbs.n) != 1 ||
        pubkey_open(&s->key, &s->pub, &f) != 0)
        die("cannot sign");
    s->signature = slice_of(signature, n);
    EVP_MD_CTX_free(ctx);
}

static void measure_checks(struct subject *s)
{
    static const char *const names[][2] = {
        {"key.rsa.small_factor", "keycheck.rsa2048.small_factors"},
        {"key.rsa.roca", "keycheck.rsa2048.roca"},
        {"key.rsa.fermat", "keycheck.rsa2048.fermat"},
    };

    for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++)
        for (size_t i = 0; i < keychecks_count; i++) {
            s->check = &keychecks[i];
            if (strcmp(s->check->name, names[n][0]) == 0)
                measure(names[n][1], call_check, s);
        }
}

int main(void)
{
    static struct subject p256, other;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    struct buf tbs;

    set_key(&p256, key);
    set_draft(&p256, &tbs);
    set_signature(&p256, key);
    measure("verify", call_verify, &p256);
    measure("lint.p256", call_lint, &p256);
    measure("keycheck.p256", call_all_checks, &p256);
    set_key(&other, EVP_RSA_gen(2048));
    measure_checks(&other);
    measure("keycheck.rsa2048", call_all_checks, &other);
    set_key(&other, EVP_RSA_gen(4096));
    measure("keycheck.rsa4096", call_all_checks, &other);
    set_key(&other, EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"));
    measure("keycheck.ed25519", call_all_checks, &other);
    measure("verify", call_verify, &p256);
    return 0;
}
