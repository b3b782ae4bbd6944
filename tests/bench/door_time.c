/*
 * What the door's decisions cost, apart from everything around them: the functions that it calls,
 * on CSRs like those of the load.
 *
 *   door_time CONF p256|rsa2048
 *
 * Prints "NAME MICROSECONDS" a line, processor time of one call, the median of some rounds:
 *   possession   the CSR parsed and its proof of possession verified
 *   policy       the whole decision, the rules about keys among it
 *   keys         the rules about keys alone
 *   draft        the draft written, parsed back and linted beside the issuer's certificate
 *   lint         both lints of that draft: by cerca-ca, and by cerca-signer
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "ca/door/draft.h"
#include "lib/clock.h"
#include "lib/file.h"
#include "lib/keycheck.h"
#include "lib/lint.h"
#include "lib/pem.h"

#define ROUNDS 15
#define CALLS 200 /* a round */

struct subject {
    struct authority issuer;
    struct policy_own_keys own;
    struct buf der, tbs;
    struct csr csr;
    struct issue_request request;
    struct policy_input in;
    struct decision decision;
    struct cert draft;
    uint8_t serial[SERIAL_LEN];
};

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "door_time: %s\n", what);
    exit(1);
}

/* ---- the steps ---- */

static void call_possession(struct subject *s, struct fault *f)
{
    if (csr_parse(buf_slice(&s->der), &s->csr, f) != 0 || csr_verify(&s->csr, f) != 0)
        die(f->text);
}

static void call_policy(struct subject *s, struct fault *f)
{
    decision_free(&s->decision);
    if (policy_decide(&s->in, &s->decision, f) != 0)
        die(f->text);
}

static void call_keys(struct subject *s, struct fault *f)
{
    if (keycheck(&s->csr.key, f) != 0)
        die(f->text);
}

static void call_draft(struct subject *s, struct fault *f)
{
    buf_reset(&s->tbs);
    if (draft_write(&s->decision, &s->issuer, s->serial, &s->tbs, f) != 0)
        die(f->text);
}

static void call_lint(struct subject *s, struct fault *f)
{
    if (lint_issued(&s->draft, buf_slice(&s->issuer.certificate), f) != 0 ||
        lint_tbs(&s->draft, f) != 0)
        die(f->text);
}

/* ---- measuring ---- */

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

static void measure(const char *name, void (*call)(struct subject *s, struct fault *f),
                    struct subject *s)
{
    double took[ROUNDS], start;
    struct fault f;

    fault_clear(&f);
    for (int i = 0; i < ROUNDS; i++) {
        start = now_us();
        for (int k = 0; k < CALLS; k++)
            call(s, &f);
        took[i] = (now_us() - start) / CALLS;
    }
    qsort(took, ROUNDS, sizeof(took[0]), compare);
    printf("%s %.3f\n", name, took[ROUNDS / 2]);
}

/* ---- what they work on ---- */

static void make_csr(struct subject *s, const char *type)
{
    EVP_PKEY *key = strcmp(type, "p256") == 0 ? EVP_EC_gen("P-256") : EVP_RSA_gen(2048);
    X509_REQ *req = X509_REQ_new();
    unsigned char *der = NULL;
    int n;

    if (key == NULL || req == NULL || X509_REQ_set_pubkey(req, key) != 1 ||
        X509_REQ_sign(req, key, EVP_sha256()) <= 0 || (n = i2d_X509_REQ(req, &der)) <= 0)
        die("cannot make a CSR");
    buf_init(&s->der, CSR_MAX);
    buf_put(&s->der, der, (size_t)n);
    OPENSSL_free(der);
    X509_REQ_free(req);
    EVP_PKEY_free(key);
}

static void open_issuer(struct subject *s, const struct conf *conf, struct fault *f)
{
    static const char *const labels[] = {"CERTIFICATE", NULL};
    struct authority *a = &s->issuer;
    struct buf pem;

    a->conf = conf_issuer(conf, "issuing");
    if (a->conf == NULL)
        die("the configuration has no issuer \"issuing\"");
    buf_init(&pem, CERT_MAX * 2);
    buf_init(&a->certificate, CERT_MAX);
    buf_init(&a->name, NAME_DER_MAX);
    if (file_read(a->conf->certificate, CERT_MAX * 2, &pem, f) != 0 ||
        pem_or_der(buf_slice(&pem), labels, &a->certificate, f) != 0 ||
        cert_parse(buf_slice(&a->certificate), &a->parsed, f) != 0)
        die(f->text);
    buf_put_slice(&a->name, a->parsed.subject);
    spki_key_id(&a->parsed.key, a->key_id);
    a->policy = (struct policy_issuer){.conf = a->conf, .not_after = a->parsed.not_after};
    buf_free(&pem);
}

static void set_input(struct subject *s, const struct conf *conf)
{
    struct issue_request *r = &s->request;

    snprintf(r->profile, sizeof(r->profile), "tls-server");
    snprintf(r->owner, sizeof(r->owner), "team-7");
    r->csr = buf_slice(&s->der);
    r->sans.n = 1;
    r->sans.item[0] = (struct san){SAN_DNS, slice_str("h12345-0123456789abcdef.bench.example")};
    s->in = (struct policy_input){.profile = conf_profile(conf, r->profile),
                                  .issuer = s->issuer.policy,
                                  .own = &s->own,
                                  .request = r,
                                  .csr = &s->csr,
                                  .conf = conf,
                                  .requester = "operator:bench",
                                  .now = clock_now()};
    if (s->in.profile == NULL)
        die("the configuration has no profile \"tls-server\"");
    random_bytes(s->serial, sizeof(s->serial));
    s->serial[0] = 0x40 | (s->serial[0] & 0x3f);
}

int main(int argc, char **argv)
{
    static struct subject s;
    struct conf *conf;
    struct fault f;

    fault_clear(&f);
    if (argc != 3)
        die("usage: door_time CONF p256|rsa2048");
    if (conf_load(argv[1], &conf, &f) != 0)
        die(f.text);
    buf_init(&s.tbs, TBS_MAX);
    make_csr(&s, argv[2]);
    open_issuer(&s, conf, &f);
    set_input(&s, conf);
    measure("possession", call_possession, &s);
    measure("policy", call_policy, &s);
    measure("keys", call_keys, &s);
    measure("draft", call_draft, &s);
    if (tbs_parse(buf_slice(&s.tbs), &s.draft, &f) != 0)
        die(f.text);
    measure("lint", call_lint, &s);
    return 0;
}
