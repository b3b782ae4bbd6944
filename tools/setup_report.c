#include "tools/setup_report.h"

#include <string.h>
#include <unistd.h>

#include "lib/cert.h"
#include "lib/file.h"
#include "lib/pem.h"
#include "lib/shellword.h"
#include "lib/text.h"

#define OUT_MAX 65536

/* SHA-256 of the certificate, with colons as other tools show it; "" when it cannot be read. */
static void fingerprint(const char *path, struct buf *out)
{
    static const char *const labels[] = {"CERTIFICATE", NULL};
    struct buf file = {0}, der;
    uint8_t hash[32];
    struct fault f;

    buf_init(&der, CERT_MAX);
    if (file_read(path, 4 * CERT_MAX, &file, &f) == 0 &&
        pem_or_der(buf_slice(&file), labels, &der, &f) == 0) {
        cert_fingerprint(buf_slice(&der), hash);
        text_hex_colons(hash, sizeof(hash), out);
    }
    buf_free(&file);
    buf_free(&der);
}

static bool has_certificate(const struct conf_issuer *i)
{
    return access(i->certificate, F_OK) == 0;
}

void report_issuers(const struct conf *conf, struct buf *out)
{
    for (size_t i = 0; i < conf->n_issuers; i++) {
        const struct conf_issuer *issuer = &conf->issuers[i];

        buf_printf(out, "  %-15s %s%s\n", issuer->name, issuer->certificate,
                   has_certificate(issuer) ? "" : " (not there yet)");
        if (strcmp(issuer->parent, issuer->name) != 0 || !has_certificate(issuer))
            continue;
        buf_printf(out, "  %-15s ", "  SHA-256");
        fingerprint(issuer->certificate, out);
        buf_put_str(out, "\n");
    }
}

/* ---- before ---- */

void setup_plan(const char *dir, const struct conf_setup *c, const char *text, struct buf *out)
{
    static const char *const folders[] = {"store", "view", "signer", "sock", "ca", NULL};

    buf_printf(out, "would be made in %s, unless it is there:\n", dir);
    for (size_t i = 0; folders[i] != NULL; i++)
        buf_printf(out, "  folder       %s/%s\n", dir, folders[i]);
    buf_printf(out, "  file         %s/cerca.conf\n", dir);
    if (c->softhsm)
        buf_printf(out,
                   "  token        SoftHSM2, %s/tokens, with %s/softhsm2.conf and the PINs in "
                   "%s/secrets\n",
                   dir, dir, dir);
    else
        buf_printf(out, "  token        none: %s of %s\n", c->uri, c->module);
    if (!c->offline_root)
        buf_printf(out, "  key          root, %s\n  certificate  %s/ca/root.pem: %s, 20 years\n",
                   c->root_key, dir, c->root_subject);
    buf_printf(out, "  key          issuing, %s\n", c->issuing_key);
    if (c->offline_root)
        buf_printf(out, "  request      %s/ca/issuing.csr: %s\n", dir, c->issuing_subject);
    else
        buf_printf(out, "  certificate  %s/ca/issuing.pem: %s, 5 years\n", dir, c->issuing_subject);
    buf_printf(out, "\nthe configuration:\n\n%s", text);
}

/* ---- afterwards ---- */

static const struct conf_issuer *waiting_root(const struct conf *conf)
{
    for (size_t i = 0; i < conf->n_issuers; i++)
        if (conf->issuers[i].offline && !has_certificate(&conf->issuers[i]))
            return &conf->issuers[i];
    return NULL;
}

static void put_command(const char *before, const char *path, const char *after, struct buf *out)
{
    buf_put_str(out, before);
    shellword_put(out, path);
    buf_put_str(out, after);
}

static void put_next(const struct conf *conf, struct buf *out)
{
    const struct conf_issuer *root = waiting_root(conf);

    put_command("\nrun it, as this user:\n  cercad -c ", conf->path, "\n", out);
    put_command("then, with\n  export CERCA_CONF=", conf->path, "\n", out);
    if (root != NULL) {
        buf_printf(out,
                   "the root is kept offline: have the request signed there,\n"
                   "  %s/ca/issuing.csr\n"
                   "and install what comes back together with the root's own certificate:\n"
                   "  cerca ca install issuing.pem root.pem\n"
                   "Nothing is issued before that. Then relying parties install the root:\n",
                   conf->dir);
    } else {
        buf_put_str(out, "relying parties install the root, after comparing its SHA-256 above:\n");
    }
    buf_put_str(out, "  cerca ca bundle --out roots.pem\n"
                     "  cerca ca bundle -o p7b --out roots.p7b   (Windows)\n"
                     "  cerca ca bundle -o jks --out roots.p12   (Java)\n");
}

int setup_report(const struct tool *t, const char *conf_path, bool was_there)
{
    struct conf *conf = NULL;
    struct fault f = {0};
    struct buf out;
    int rc = conf_load(conf_path, &conf, &f);

    if (rc != 0)
        return tool_fail(t, &f);
    buf_init(&out, OUT_MAX);
    buf_printf(&out, "%s %s\n", was_there ? "there is a CA already in" : "made a CA in", conf->dir);
    buf_printf(&out, "  %-15s %s\n", "configuration", conf->path);
    for (size_t i = 0; i < conf->n_tokens; i++)
        buf_printf(&out, "  %-15s %s (%s)\n", "keys", conf->tokens[i].uri, conf->tokens[i].module);
    report_issuers(conf, &out);
    for (size_t i = 0; i < conf->n_operators; i++)
        buf_printf(&out, "  %-15s %s, uid %u, %s\n", "operator", conf->operators[i].name,
                   (unsigned)conf->operators[i].uid, conf_role_name(conf->operators[i].role));
    buf_printf(&out, "  %-15s %s\n", "base URL", conf->base_url);
    put_next(conf, &out);
    rc = tool_print(t, buf_slice(&out));
    buf_free(&out);
    conf_free(conf);
    return rc;
}
