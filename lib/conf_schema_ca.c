/* The schema: tokens, the CAs whose keys are in them, and ceremonies. */
#include "lib/conf_table.h"

static const struct conf_word issuer_states[] = {
    {"active", ISSUER_ACTIVE}, {"crl-only", ISSUER_CRL_ONLY}, {NULL, 0}};

static void derive_certificate(const void *element, struct buf *out)
{
    buf_printf(out, "ca/%s.pem", ((const struct conf_issuer *)element)->name);
}

static void derive_alg(const void *element, struct buf *out)
{
    const struct conf_issuer *i = element;

    buf_put_str(out, sig_alg_name(sig_alg_default(i->key_type)));
}

/* A key is a few lines here, its help the last. */
/* clang-format off */

#define IN(field) .at = offsetof(struct conf_token, field)
#define LIST(field) IN(field), .at_too = offsetof(struct conf_token, n_##field), .max = LIST_MAX

static const struct conf_key token_keys[] = {
    {.name = "name", .type = CONF_TEXT, IN(name), .check = conf_check_name, .example = "default",
     .help = "How the rest of the configuration calls this token."},
    {.name = "module", .type = CONF_PATH, IN(module), .min = 1,
     .example = "/usr/lib/softhsm/libsofthsm2.so",
     .help = "The PKCS#11 module, a shared library."},
    {.name = "uri", .type = CONF_TEXT, IN(uri), .check = conf_check_token_uri,
     .example = "pkcs11:token=cerca",
     .help = "Which token of the module: RFC 7512 URI with token, serial, model, manufacturer or "
             "slot-id. No PIN in it."},
    {.name = "pin_file", .type = CONF_PATH, IN(pin_file), .fallback = "",
     .example = "secrets/default.pin",
     .help = "File with the user PIN, readable by nobody else. Exactly one of pin_file, "
             "pin_credential and pin_fd must be set."},
    {.name = "pin_credential", .type = CONF_TEXT, IN(pin_credential), .fallback = "",
     .check = conf_check_credential,
     .help = "Name of the systemd credential (LoadCredential=) with the user PIN."},
    {.name = "pin_fd", .type = CONF_TEXT, IN(pin_fd), .fallback = "", .check = conf_check_fd,
     .help = "Number of the descriptor, inherited by cercad, from which the user PIN is read."},
    {.name = "init_reserved", .type = CONF_TEXT, IN(init_reserved), .fallback = "",
     .help = "Text for the module's C_Initialize (pReserved of CK_C_INITIALIZE_ARGS), for modules "
             "that take parameters so, such as NSS softokn: \"configdir='sql:/var/lib/cerca/nss'\"."},
    {.name = "environment", .type = CONF_ENV, LIST(environment), .fallback = "",
     .check = conf_check_env, .example = "SOFTHSM2_CONF=%d/softhsm2.conf",
     .help = "Environment of this token's signer, NAME=VALUE. %d is the folder of the "
             "configuration file, %% a percent sign."},
    {.name = "paths", .type = CONF_PATHS, LIST(paths), .fallback = "", .example = "tokens",
     .help = "Files, folders or devices that the module reads and writes, beyond itself."},
    {.name = "read_paths", .type = CONF_PATHS, LIST(read_paths), .fallback = "",
     .example = "softhsm2.conf",
     .help = "Files or folders that the module only reads."},
    {.name = "network", .type = CONF_BOOL, IN(network), .fallback = "false",
     .help = "Whether the module talks to its token over TCP."},
    {.name = "threads", .type = CONF_NUMBER, IN(threads), .min = 1, .max = 64, .fallback = "2",
     .help = "Signatures that the token makes at once."},
    {.name = "call_limit", .type = CONF_SPAN_MS, IN(call_limit_ms), .min = 1, .max = 600,
     .fallback = "10s",
     .help = "A call into the module that takes longer ends the signer, which is started again."},
    {.name = "user", .type = CONF_USER, IN(user), .at_too = offsetof(struct conf_token, has_user),
     .fallback = "",
     .help = "User that this token's signer runs as, by name or number; \"\": the one that started "
             "cercad."},
};

const struct conf_section conf_tokens = {
    .name = "tokens", KEYS(token_keys), ELEMENTS(conf_token, tokens, 32), .examples = 1,
    .help = "PKCS#11 tokens. Each has a signer process of its own.",
};

#undef IN
#undef LIST
#define IN(field) .at = offsetof(struct conf_issuer, field)
#define LIST(field) IN(field), .at_too = offsetof(struct conf_issuer, n_##field), .max = LIST_MAX

static const struct conf_key issuer_keys[] = {
    {.name = "name", .type = CONF_TEXT, IN(name), .check = conf_check_name,
     .example = "root|issuing",
     .help = "How profiles, other issuers and the command line call this CA."},
    {.name = "subject", .type = CONF_TEXT, IN(subject), .check = conf_check_subject,
     .example = "CN=Example Root CA,O=Example|CN=Example Issuing CA,O=Example",
     .help = "Subject of the CA certificate as RFC 4514 text, most specific part first."},
    {.name = "offline", .type = CONF_BOOL, IN(offline), .fallback = "false",
     .help = "Whether its key is kept elsewhere (an offline root): its certificate is installed, "
             "and it signs nothing here. It has neither token nor key."},
    {.name = "token", .type = CONF_TEXT, IN(token), .fallback = "", .check = conf_check_name,
     .example = "default|default",
     .help = "Name of the token that holds the key."},
    {.name = "key", .type = CONF_TEXT, IN(key), .fallback = "", .check = conf_check_key_uri,
     .example = "pkcs11:object=root|pkcs11:object=issuing",
     .help = "The private key in the token: RFC 7512 URI with object, id or both."},
    {.name = "key_type", .type = CONF_KEY_TYPE, IN(key_type),
     .at_too = offsetof(struct conf_issuer, key_bits), .check = conf_check_key_type,
     .example = "p384|p256",
     .help = "p256, p384, p521, rsa2048, rsa3072 or rsa4096. A key that is not in the token yet is "
             "made of this type; one that is must be of it."},
    {.name = "alg", .type = CONF_SIG_ALG, IN(alg), .derive = derive_alg, .fallback = "by key_type",
     .help = "Signature algorithm: ecdsa-sha256, -sha384 or -sha512, rsa-sha256 ..., "
             "rsa-pss-sha256 ..."},
    {.name = "certificate", .type = CONF_PATH, IN(certificate), .derive = derive_certificate,
     .fallback = "ca/NAME.pem",
     .help = "PEM file of the CA certificate."},
    {.name = "parent", .type = CONF_TEXT, IN(parent), .check = conf_check_name,
     .example = "root|root",
     .help = "Issuer that signs this CA's certificate; its own name for a self-signed root."},
    {.name = "state", .type = CONF_WORD, IN(state), .words = issuer_states, .fallback = "active",
     .help = "active, or crl-only: no new certificates, only CRLs and OCSP responders for those "
             "that it has signed. Profiles that name it are those of the issuer that replaces it."},
    {.name = "replaces", .type = CONF_TEXT, IN(replaces), .fallback = "", .check = conf_check_name,
     .help = "Issuer whose next generation this is, with a subject, a key and URLs of its own."},
    {.name = "cross", .type = CONF_TEXTS, LIST(cross), .fallback = "", .check = conf_check_name,
     .help = "Issuers that may certify its key too, beside its parent (cerca ca cross-sign): for "
             "relying parties that trust those, and not yet its root."},
    {.name = "signs_leaves", .type = CONF_BOOL, IN(signs_leaves), .fallback = "false",
     .example = "|true",
     .help = "Whether it issues end-entity certificates."},
    {.name = "signs_cas", .type = CONF_BOOL, IN(signs_cas), .fallback = "false", .example = "true|",
     .help = "Whether it issues CA certificates, its own included."},
    {.name = "path_len", .type = CONF_PATH_LEN, IN(path_len), .max = 16, .fallback = "none",
     .example = "1|0",
     .help = "pathLenConstraint of its certificate (RFC 5280 4.2.1.9), or none: how many CAs may "
             "stand between it and a leaf."},
    {.name = "permitted", .type = CONF_TEXTS, LIST(permitted), .fallback = "",
     .check = conf_check_constraint,
     .help = "Name constraints of its certificate (RFC 5280 4.2.1.10): names below it are within "
             "one of these, for each kind that is listed: dns:example.com, ip:10.0.0.0/8, "
             "email:.example.com, uri:.example.com, dirname:O=Example."},
    {.name = "excluded", .type = CONF_TEXTS, LIST(excluded), .fallback = "",
     .check = conf_check_constraint,
     .help = "The same: no name below it is within one of these."},
    {.name = "validity", .type = CONF_SPAN, IN(validity), .min = DAY, .max = 50 * YEAR,
     .example = "10y|5y",
     .help = "How long its own certificate is valid once made."},
    {.name = "leaf_validity_max", .type = CONF_SPAN, IN(leaf_validity_max), .min = 60,
     .max = 50 * YEAR, .fallback = "398d",
     .help = "The signer refuses end-entity certificates that are valid for longer, backdating "
             "included, whatever a profile says."},
    {.name = "ocsp_url", .type = CONF_TEXT, IN(ocsp_url), .fallback = "", .check = conf_check_url,
     .example = "http://pki.example.com/ocsp|http://pki.example.com/ocsp",
     .help = "OCSP responder, written into what this CA issues; \"\": none."},
    {.name = "issuer_url", .type = CONF_TEXT, IN(issuer_url), .fallback = "",
     .check = conf_check_url,
     .example = "http://pki.example.com/ca/root.crt|http://pki.example.com/ca/issuing.crt",
     .help = "Where this CA's certificate is found, written into what it issues; \"\": none."},
    {.name = "crl_url", .type = CONF_TEXT, IN(crl_url), .fallback = "", .check = conf_check_url,
     .example = "http://pki.example.com/crl/root.crl|http://pki.example.com/crl/issuing.crl",
     .help = "Where this CA's CRL is found, written into what it issues; \"\": none."},
    {.name = "crl_every", .type = CONF_SPAN, IN(crl_every), .min = 10, .max = 365 * DAY,
     .fallback = "24h",
     .help = "A CRL is published this often, whether or not anything was revoked."},
    {.name = "crl_validity", .type = CONF_SPAN, IN(crl_validity), .min = 20, .max = 2 * YEAR,
     .fallback = "7d",
     .help = "From a CRL's thisUpdate to its nextUpdate; longer than crl_every, so that one that is "
             "late is not missed at once. The signer refuses more."},
    {.name = "crl_delay", .type = CONF_SPAN, IN(crl_delay), .min = 1, .max = DAY,
     .fallback = "10s",
     .help = "After a revocation the next CRL follows this soon; all revocations meanwhile share "
             "it. With crl_delta that is the next delta CRL."},
    {.name = "crl_delta", .type = CONF_SPAN, IN(crl_delta), .max = 365 * DAY, .fallback = "none",
     .help = "A delta CRL (RFC 5280 5.2.4), with what changed since a full one, is published this "
             "often and soon after a revocation, at crl_url with /delta.crl for its .crl; full "
             "ones then follow crl_every alone. none: no deltas."},
    {.name = "crl_delta_validity", .type = CONF_SPAN, IN(crl_delta_validity), .min = 20,
     .max = 365 * DAY, .fallback = "6h",
     .help = "From a delta CRL's thisUpdate to its nextUpdate; longer than crl_delta. The signer "
             "refuses more."},
    {.name = "crl_shards", .type = CONF_NUMBER, IN(crl_shards), .max = 256, .fallback = "0",
     .help = "The CRL is published in so many parts too (RFC 5280 5.2.5), each at crl_url with "
             "/shard-K-of-N.crl for its .crl. What is issued from now on names its part instead of "
             "crl_url; the parts that earlier certificates name are published on. 0: none."},
};

const struct conf_section conf_issuers = {
    .name = "issuers", KEYS(issuer_keys), ELEMENTS(conf_issuer, issuers, 64), .examples = 2,
    .help = "The CAs: a key in a token and a certificate each.",
};

#undef IN
#undef LIST
#define IN(field) .at = offsetof(struct conf, field)

static const struct conf_key ceremony_keys[] = {
    {.name = "dir", .type = CONF_PATH, IN(ceremony_dir), .fallback = "ceremony",
     .help = "Folder of what a ceremony makes, and of its transcript."},
};

const struct conf_section conf_ceremony = {
    .name = "ceremony", KEYS(ceremony_keys),
    .help = "cerca ceremony, for a CA that is offline otherwise.",
};

#undef IN
#define IN(field) .at = offsetof(struct conf_signing, field)

static const struct conf_key signing_keys[] = {
    {.name = "name", .type = CONF_TEXT, IN(name), .check = conf_check_name, .example = "issuing",
     .help = "NAME.pem in the ceremony's folder is what is made."},
    {.name = "profile", .type = CONF_TEXT, IN(profile), .check = conf_check_name,
     .fallback = CONF_CA_PROFILE,
     .help = "Profile that it is made by. This names \"" CONF_CA_PROFILE "\" too, so that it is in force."},
    {.name = "csr", .type = CONF_PATH, IN(csr), .min = 1, .example = "issuing.csr",
     .help = "Certification request, PEM or DER."},
    {.name = "sha256", .type = CONF_TEXT, IN(sha256), .fallback = "", .check = conf_check_sha256,
     .help = "SHA-256 of that file as told by whoever made it, 64 digits; another file is refused. "
             "\"\": whatever is there."},
};

const struct conf_section conf_signings = {
    .name = "signings", KEYS(signing_keys), ELEMENTS(conf_signing, signings, 64),
    .help = "What the ceremony signs, beside the certificates and CRLs of the issuers.",
};

/* clang-format on */
