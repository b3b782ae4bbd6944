/* What `cerca view node` prints: the configuration of a validation node, from the CA's own. */
#include "lib/conf_schema.h"
#include "lib/conf_setup.h"

#include <string.h>

/* What a node needs of an issuer: its names, what is above it, and where it is found. That it signs
 * CAs is said of each, so that no profile is looked for. */
static bool is_public(const char *key)
{
    static const char *const keys[] = {"name",     "subject", "key_type",   "parent", "validity",
                                       "ocsp_url", "crl_url", "issuer_url", NULL};

    for (size_t i = 0; keys[i] != NULL; i++)
        if (strcmp(keys[i], key) == 0)
            return true;
    return false;
}

static void put_issuer(const struct conf_issuer *i, struct buf *out)
{
    const struct conf_section *s = conf_section("issuers");

    buf_put_str(out, "    {\n");
    for (size_t k = 0; k < s->n_keys; k++) {
        if (!is_public(s->keys[k].name))
            continue;
        buf_printf(out, "        %s = ", s->keys[k].name);
        conf_value_print(&s->keys[k], i, out);
        buf_put_str(out, ";\n");
    }
    buf_put_str(out, "        offline = true;\n        signs_cas = true;\n    }");
}

static void put_text(const char *before, const char *text, struct buf *out)
{
    buf_put_str(out, before);
    conf_quote(text, out);
}

static void put_path(const char *before, const char *dir, const char *name, struct buf *out)
{
    struct buf path;

    buf_init(&path, CONF_VALUE_MAX);
    buf_printf(&path, "%s%s%s", dir == NULL ? "" : dir, dir == NULL ? "" : "/", name);
    put_text(before, buf_cstr(&path), out);
    buf_free(&path);
}

void conf_node_text(const struct conf *c, const struct conf_node *n, struct buf *out)
{
    buf_put_str(out,
                "# A validation node: serves OCSP, CRLs and CA certificates from what the CA's\n"
                "# host exports, and has no key of a CA. Written by cerca view node there.\n"
                "# Relative paths count from this file's folder.\n"
                "\n"
                "# cerca view import fills the first from what arrives in the second.\n"
                "view = {\n");
    put_path("    dir = ", n->dir, "view", out);
    put_path(";\n    import_dir = ", n->dir, "export", out);
    put_text(";\n    import_key = ", n->import_key, out);
    put_text(";\n};\n\nhttp = {\n    listen = ", n->listen != NULL ? n->listen : c->http_listen,
             out);
    buf_printf(out, ";\n    port = \"%u\";\n", n->port != 0 ? n->port : c->http_port);
    put_text("    base_url = ", c->base_url, out);
    buf_put_str(out, "; # as in certificates\n};\n\n"
                     "# Made by cerca ocsp csr; its certificates come with the view.\n");
    put_path("ocsp = { key_file = ", n->dir, "ocsp.key", out);
    buf_put_str(out, "; };\n\n"
                     "# As the CA has them; their keys are elsewhere.\n"
                     "issuers = (\n");
    for (size_t i = 0; i < c->n_issuers; i++) {
        put_issuer(&c->issuers[i], out);
        buf_put_str(out, i + 1 < c->n_issuers ? ",\n" : "\n");
    }
    buf_put_str(out, ");\n");
}
