/*
 * The profiles that are there without any configuration, written as
 * configuration. A profile of the same name in the file changes them key by
 * key.
 *
 * RSA keys of TLS servers keep keyEncipherment for clients that still offer
 * RSA key transport only (RFC 5246 7.4.2); clients never need it.
 */
#include "lib/conf_schema.h"

#include <stdlib.h>
#include <string.h>

#include "lib/tbs.h"

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

static const struct conf_issuer *newest(const struct conf *c, const struct conf_issuer *i)
{
    for (size_t steps = 0; i != NULL && i->state == ISSUER_CRL_ONLY; steps++) {
        const struct conf_issuer *next = conf_successor(c, i);

        if (next == NULL || steps > c->n_issuers)
            break;
        i = next;
    }
    return i;
}

/* An OCSP responder speaks for the issuer that its profile names, whatever has replaced that. */
void conf_follow_successors(struct conf *c)
{
    for (size_t k = 0; k < c->n_profiles; k++) {
        struct conf_profile *p = &c->profiles[k];
        const struct conf_issuer *old = conf_issuer(c, p->issuer), *now = newest(c, old);

        if (now == old || p->eku == EKU_OCSP_SIGNING)
            continue;
        free(p->issuer);
        p->issuer = xstrdup(now->name);
    }
}

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
