/*
 * The profiles that are there without any configuration, written as
 * configuration. A profile of the same name in the file changes them key by
 * key. Why they are as they are:
 *
 * tls-server     RSA keys keep keyEncipherment for clients that still offer RSA
 *                key transport only (RFC 5246 7.4.2); clients never need it.
 * vpn-server     OpenVPN's remote-cert-tls and Windows want serverAuth, IKE peers
 *                the two purposes for IKE (RFC 4945 5.1.3.12).
 * vpn-client     OpenVPN names clients by CN, so that it need not be a name.
 * radius-server  EAP-TLS supplicants compare the DNS name and want serverAuth
 *                (RFC 5216 5.3); few of them know Ed25519.
 * wifi-client    clientAuth and a mail address, host or UPN; directories that map
 *                by security identifier get it from the authorisation.
 * device         IEEE 802.1AR 8: a serialNumber that names the device, and a long
 *                life, as far as leaf_validity_max and no_expiry let it.
 * code-signing   as the Code Signing Baseline Requirements 6.1.5 and 7.1.2.3 have
 *                it: RSA from 3072 bits, one purpose, a subject and no names.
 * smime          RFC 8551 2.3 and 4.4.2: RSA enciphers keys, EC agrees on them.
 *                Ed25519 can do neither.
 * key-maker      signs the envelopes of keys that are made for EST (RFC 7030 4.4.2), in
 *                cerca-ca's memory: the purpose of RFC 9480 2.2, short, and no other.
 * ocsp-responder RFC 6960 4.2.2.2: short, and not to be asked about itself.
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
    "    san_kinds = ( \"dns\", \"ip\", \"uri\" ); },\n"
    "  { name = \"vpn-server\";\n"
    "    eku = ( \"serverAuth\", \"ipsecIKE\", \"ipsecIKEIntermediate\" );\n"
    "    ku_rsa = ( \"digitalSignature\", \"keyEncipherment\" );\n"
    "    san_kinds = ( \"dns\", \"ip\" ); },\n"
    "  { name = \"vpn-client\"; eku = ( \"clientAuth\", \"ipsecIKE\" );\n"
    "    san_kinds = ( \"dns\", \"email\", \"upn\" );\n"
    "    san_required = false; cn_must_be_san = false; subject_required = ( \"CN\" ); },\n"
    "  { name = \"wifi-client\"; eku = ( \"clientAuth\" );\n"
    "    key_types = ( \"p256\", \"p384\", \"rsa2048\", \"rsa3072\", \"rsa4096\" );\n"
    "    san_kinds = ( \"dns\", \"email\", \"upn\" ); sid = \"extension\";\n"
    "    san_required = true; cn_must_be_san = false; },\n"
    "  { name = \"radius-server\"; eku = ( \"serverAuth\" );\n"
    "    key_types = ( \"p256\", \"p384\", \"rsa2048\", \"rsa3072\", \"rsa4096\" );\n"
    "    ku_rsa = ( \"digitalSignature\", \"keyEncipherment\" );\n"
    "    san_kinds = ( \"dns\" ); san_required_kinds = ( \"dns\" ); },\n"
    "  { name = \"device\"; eku = ( \"clientAuth\" );\n"
    "    validity = \"10y\"; validity_max = \"20y\";\n"
    "    san_kinds = ( \"dns\", \"uri\" ); san_required = false; cn_must_be_san = false;\n"
    "    subject_required = ( \"serialNumber\" ); },\n"
    "  { name = \"code-signing\"; eku = ( \"codeSigning\" );\n"
    "    key_types = ( \"p256\", \"p384\", \"p521\", \"rsa3072\", \"rsa4096\" );\n"
    "    validity = \"365d\"; san_kinds = ();\n"
    "    san_required = false; cn_must_be_san = false; subject_required = ( \"CN\" ); },\n"
    "  { name = \"smime\"; eku = ( \"emailProtection\" );\n"
    "    key_types = ( \"p256\", \"p384\", \"p521\", \"rsa2048\", \"rsa3072\", \"rsa4096\" );\n"
    "    ku_rsa = ( \"digitalSignature\", \"keyEncipherment\" );\n"
    "    ku_ec = ( \"digitalSignature\", \"keyAgreement\" );\n"
    "    validity = \"365d\"; san_kinds = ( \"email\" );\n"
    "    san_required_kinds = ( \"email\" ); cn_must_be_san = false; },\n"
    "  { name = \"ocsp-responder\"; eku = ( \"OCSPSigning\" ); ocsp_no_check = true;\n"
    "    validity = \"7d\"; validity_max = \"30d\"; san_kinds = ();\n"
    "    san_required = false; cn_must_be_san = false; subject_required = ( \"CN\" );\n"
    "    role = \"admin\"; },\n"
    "  { name = \"key-maker\"; eku = ( \"cmKGA\" );\n"
    "    validity = \"7d\"; validity_max = \"30d\"; san_kinds = ();\n"
    "    san_required = false; cn_must_be_san = false; subject_required = ( \"CN\" );\n"
    "    role = \"admin\"; },\n"
    "  { name = \"" CONF_CA_PROFILE "\"; issuer = \"root\"; ca = true; path_len = \"0\";\n"
    "    key_types = ( \"p256\", \"p384\", \"p521\", \"rsa3072\", \"rsa4096\" );\n"
    "    validity = \"5y\"; validity_max = \"10y\"; san_kinds = ();\n"
    "    san_required = false; cn_must_be_san = false; subject_required = ( \"CN\" );\n"
    "    role = \"admin\"; }\n"
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

/* Can its issuer make what it says? */
static bool has_issuer(const struct conf *c, const struct conf_profile *p)
{
    const struct conf_issuer *issuer = conf_issuer(c, p->issuer);

    if (issuer == NULL || (p->ca && issuer->offline))
        return false;
    return p->ca ? issuer->signs_cas && issuer->path_len != 0 : issuer->signs_leaves;
}

static bool is_dangling(const struct conf_reader *r, const struct conf_profile *p)
{
    return conf_line(r, "profiles", p->name, NULL) == 0 && !has_issuer(r->conf, p);
}

/* Does nothing in the file say that CAs are to be made by it? A grant does not: it says who may. */
static bool is_unnamed_ca(const struct conf_reader *r, const struct conf_profile *p)
{
    if (!p->ca || conf_line(r, "profiles", p->name, NULL) != 0)
        return false;
    for (size_t i = 0; i < r->conf->n_signings; i++)
        if (strcmp(r->conf->signings[i].profile, p->name) == 0)
            return false;
    return true;
}

static char *why_off(const struct conf_profile *p)
{
    struct buf why;
    char *text;

    buf_init(&why, CONF_MAX);
    buf_printf(&why,
               "the profile \"%s\" is off, as it makes CAs and the configuration does not name it: "
               "add { name = \"%s\"; issuer = \"%s\"; } to profiles",
               p->name, p->name, p->issuer);
    text = xstrdup(buf_cstr(&why));
    buf_free(&why);
    return text;
}

void conf_drop_builtin(const struct conf_reader *r)
{
    const struct conf_section *s = conf_section("profiles");
    struct conf *c = r->conf;
    size_t kept = 0;

    for (size_t i = 0; i < c->n_profiles; i++) {
        bool dangling = is_dangling(r, &c->profiles[i]);

        if (dangling || is_unnamed_ca(r, &c->profiles[i])) {
            if (!dangling)
                c->profile_off = why_off(&c->profiles[i]);
            for (size_t k = 0; k < s->n_keys; k++)
                conf_value_clear(&s->keys[k], &c->profiles[i]);
        } else {
            c->profiles[kept++] = c->profiles[i];
        }
    }
    c->n_profiles = kept;
}
