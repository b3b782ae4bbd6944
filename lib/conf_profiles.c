/*
 * The profiles that are there without any configuration, written as
 * configuration. A profile of the same name in the file changes them key by
 * key.
 *
 * RSA keys of TLS servers keep keyEncipherment for clients that still offer
 * RSA key transport only (RFC 5246 7.4.2); clients never need it.
 */
#include "lib/conf_schema.h"

#include <string.h>

const char conf_builtin_profiles[] =
    "profiles = (\n"
    "  { name = \"tls-server\"; eku = ( \"serverAuth\" );\n"
    "    ku_rsa = ( \"digitalSignature\", \"keyEncipherment\" );\n"
    "    san_kinds = ( \"dns\", \"ip\" ); },\n"
    "  { name = \"tls-client\"; eku = ( \"clientAuth\" );\n"
    "    san_kinds = ( \"dns\", \"email\", \"uri\" );\n"
    "    san_required = false; cn_must_be_san = false; },\n"
    "  { name = \"mtls\"; eku = ( \"serverAuth\", \"clientAuth\" );\n"
    "    ku_rsa = ( \"digitalSignature\", \"keyEncipherment\" );\n"
    "    san_kinds = ( \"dns\", \"ip\", \"uri\" ); }\n"
    ");\n";

static bool is_dangling(const struct conf_reader *r, const struct conf_profile *p)
{
    const struct conf_issuer *issuer = conf_issuer(r->conf, p->issuer);

    return conf_line(r, "profiles", p->name, NULL) == 0 &&
           (issuer == NULL || !issuer->signs_leaves);
}

void conf_drop_builtin(const struct conf_reader *r)
{
    const struct conf_section *s = conf_section("profiles");
    struct conf *c = r->conf;
    size_t kept = 0;

    for (size_t i = 0; i < c->n_profiles; i++) {
        if (is_dangling(r, &c->profiles[i])) {
            for (size_t k = 0; k < s->n_keys; k++)
                conf_value_clear(&s->keys[k], &c->profiles[i]);
        } else {
            c->profiles[kept++] = c->profiles[i];
        }
    }
    c->n_profiles = kept;
}
