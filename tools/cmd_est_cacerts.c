/* cerca est cacerts: the CA certificates of an EST server, also of one that nobody knows yet. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "est/body.h"
#include "est/certs.h"
#include "lib/cert.h"
#include "lib/file.h"
#include "lib/pem.h"
#include "tools/commands.h"
#include "client/estcall.h"
#include "tools/estopts.h"
#include "lib/text.h"

#define OUT_MAX 1048576
#define BODY_MAX 262144

struct cacerts_args {
    struct est_args est;
    const char *out;
    bool bootstrap;
    struct texts sha256;
};

/* What came, and which of it is believed. */
struct cas {
    struct buf der;
    struct certs certs;
    struct cert cert[CERTS_MAX];
    bool readable[CERTS_MAX]; /* false: of a kind that is not known here; cert[i] is empty */
    bool trusted[CERTS_MAX];
};

static int check_args(const struct tool *t, const struct cacerts_args *a)
{
    if (a->sha256.n > 0 && !a->bootstrap)
        return tool_usage(t, "--sha256 belongs to --bootstrap");
    if (a->bootstrap && a->est.trust != NULL)
        return tool_usage(t, "--trust and --bootstrap cannot both be given");
    if (a->bootstrap && (a->est.cert != NULL || a->est.user != NULL || a->est.token_file != NULL))
        return tool_usage(t, "with --bootstrap nobody knows who the server is: it gets no "
                             "certificate, password or token");
    return est_check_args(t, &a->est);
}

static int get(struct tool *t, const struct cacerts_args *a, struct cas *c, struct fault *f)
{
    static const char *const labels[] = {"PKCS7", "CMS", NULL};
    const struct est_call call = {.op = EST_CACERTS};
    struct fault ignored;
    struct est e;
    int rc = est_tool_open(&e, t, &a->est, a->bootstrap, f);

    if (rc == 0)
        rc = est_call(&e, &call, f);
    if (rc == 0)
        rc = est_body_get(buf_slice(&e.answer.body), labels, &c->der, f);
    if (rc == 0)
        rc = certs_get(&c->der, &c->certs, f);
    for (size_t i = 0; rc == 0 && i < c->certs.n; i++)
        c->readable[i] = cert_parse(c->certs.cert[i], &c->cert[i], &ignored) == 0;
    est_close(&e);
    return rc;
}

/* ---- whom to believe (RFC 7030 4.1.1) ---- */

static bool signed_by(const struct cert *below, const struct cert *above)
{
    struct pubkey *key;
    struct fault ignored;
    bool good;

    if (!slice_eq(below->issuer, above->subject) || !above->ca ||
        pubkey_open(&above->key, &key, &ignored) != 0)
        return false;
    good = pubkey_verify(key, below->alg, below->tbs, below->signature) == 0;
    pubkey_free(key);
    return good;
}

static bool is_root(const struct cas *c, size_t i)
{
    return c->readable[i] && signed_by(&c->cert[i], &c->cert[i]);
}

static void print_ca(const struct cert *c, struct buf *out)
{
    uint8_t hash[32];
    struct buf name;

    buf_init(&name, 65536);
    name_print(c->subject, &name);
    cert_fingerprint(c->der, hash);
    text_safe(buf_slice(&name), false, out);
    buf_put_str(out, "\n  SHA-256 ");
    text_hex_colons(hash, sizeof(hash), out);
    buf_put_u8(out, '\n');
    buf_free(&name);
}

static bool is_named(const struct texts *list, const struct cert *c)
{
    uint8_t hash[32], named[32];

    cert_fingerprint(c->der, hash);
    for (size_t i = 0; i < list->n; i++)
        if (hex_decode(list->item[i], named, sizeof(named)) == 0 &&
            memcmp(hash, named, sizeof(hash)) == 0)
            return true;
    return false;
}

static int check_sha256(const struct texts *list, struct fault *f)
{
    uint8_t named[32];

    for (size_t i = 0; i < list->n; i++)
        if (hex_decode(list->item[i], named, sizeof(named)) != 0)
            return fault_set(f, FAULT_MALFORMED, "est.sha256",
                             "--sha256: \"%.100s\" should be 64 hexadecimal digits", list->item[i]);
    return 0;
}

/* A person compares what is shown with what they were told elsewhere. */
static int ask_person(const struct tool *t, const struct cas *c, struct fault *f)
{
    char answer[16] = "";
    struct buf text;

    buf_init(&text, OUT_MAX);
    for (size_t i = 0; i < c->certs.n; i++)
        if (is_root(c, i))
            print_ca(&c->cert[i], &text);
    tool_say(t, "the server, whoever that is, says that its roots are:");
    (void)fprintf(stderr, "%s", buf_cstr(&text));
    buf_free(&text);
    if (!isatty(STDIN_FILENO))
        return fault_set(f, FAULT_DENIED, "est.bootstrap",
                         "nobody is there to compare these fingerprints: --sha256 says which is "
                         "right");
    (void)fprintf(stderr, "Are these the fingerprints that you were given? Type yes: ");
    if (fgets(answer, sizeof(answer), stdin) == NULL || strcmp(answer, "yes\n") != 0)
        return fault_set(f, FAULT_DENIED, "est.bootstrap", "not confirmed; nothing is written");
    return 0;
}

/* The roots that were confirmed, and what they have signed, directly or not. */
static void spread(struct cas *c)
{
    bool more = true;

    while (more) {
        more = false;
        for (size_t i = 0; i < c->certs.n; i++)
            for (size_t k = 0; !c->trusted[i] && k < c->certs.n; k++)
                if (c->trusted[k] && c->readable[i] && signed_by(&c->cert[i], &c->cert[k])) {
                    c->trusted[i] = true;
                    more = true;
                }
    }
}

static int confirm(const struct tool *t, const struct cacerts_args *a, struct cas *c,
                   struct fault *f)
{
    size_t n = 0;
    int rc = check_sha256(&a->sha256, f);

    if (rc == 0 && a->sha256.n == 0)
        rc = ask_person(t, c, f);
    for (size_t i = 0; rc == 0 && i < c->certs.n; i++) {
        c->trusted[i] = is_root(c, i) && (a->sha256.n == 0 || is_named(&a->sha256, &c->cert[i]));
        n += c->trusted[i] ? 1 : 0;
    }
    if (rc == 0 && n == 0)
        rc = fault_set(f, FAULT_DENIED, "est.bootstrap",
                       "the server has sent no root with this fingerprint; nothing is written");
    if (rc == 0)
        spread(c);
    return rc;
}

/* ---- out ---- */

static int write_out(const struct tool *t, const struct cacerts_args *a, const struct cas *c,
                     struct fault *f)
{
    struct slice chosen[CERTS_MAX];
    struct buf out;
    size_t n = 0;
    int rc = 0;

    buf_init(&out, OUT_MAX);
    for (size_t i = 0; i < c->certs.n; i++)
        if (c->trusted[i])
            chosen[n++] = c->certs.cert[i];
    if (n < c->certs.n)
        tool_say(t, "left out: %zu certificates that nobody confirmed and no confirmed root signed",
                 c->certs.n - n);
    if (t->format == FORMAT_P7B)
        certs_put(&out, chosen, n);
    for (size_t i = 0; t->format == FORMAT_PEM && i < n; i++)
        pem_put(&out, "CERTIFICATE", chosen[i]);
    for (size_t i = 0; t->format == FORMAT_TEXT && i < c->certs.n; i++)
        if (c->trusted[i] && c->readable[i])
            print_ca(&c->cert[i], &out);
    rc = buf_failed(&out) ? fault_set(f, FAULT_TOO_LARGE, "est.size", "too many certificates")
                          : file_write(a->out == NULL ? "-" : a->out, 0644, buf_slice(&out), f);
    buf_free(&out);
    return rc;
}

static int run_cacerts(struct tool *t, void *args)
{
    const struct cacerts_args *a = args;
    struct cas *c;
    struct fault f = {0};
    int rc = check_args(t, a);

    if (rc != EXIT_OK)
        return rc;
    c = xcalloc(1, sizeof(*c));
    buf_init(&c->der, BODY_MAX);
    rc = get(t, a, c, &f);
    for (size_t i = 0; i < c->certs.n; i++)
        c->trusted[i] = !a->bootstrap;
    if (rc == 0 && a->bootstrap)
        rc = confirm(t, a, c, &f);
    if (rc == 0)
        rc = write_out(t, a, c, &f);
    buf_free(&c->der);
    free(c);
    return rc == 0 ? EXIT_OK : tool_fail(t, &f);
}

#define AT(field) offsetof(struct cacerts_args, field)
static const struct opt opts[] = {
    {"out", OPT_TEXT, AT(out), "FILE", "where to (default: standard output)", 0},
    {"bootstrap", OPT_FLAG, AT(bootstrap), NULL,
     "from a server that nobody here trusts yet: its roots are shown and must be confirmed", 0},
    {"sha256", OPT_TEXTS, AT(sha256), "HEX",
     "with --bootstrap: fingerprint of the root to believe, instead of being asked", 0},
    {NULL, OPT_FLAG, 0, NULL, NULL, 0},
};

const struct command cmd_est_cacerts = {
    .name = "est cacerts",
    .help = "the CA certificates of an EST server",
    .arguments = "--url URL [--bootstrap] [options]",
    .examples = "  cerca est cacerts --url https://est.example.com:8443 --bootstrap "
                "--out roots.pem\n"
                "  cerca est cacerts --url https://est.example.com:8443 --trust roots.pem\n",
    .opts = opts,
    .shared = est_opts,
    .args_size = sizeof(struct cacerts_args),
    .formats = FORMAT_PEM | FORMAT_P7B | FORMAT_TEXT,
    .format = FORMAT_PEM,
    .run = run_cacerts,
};
