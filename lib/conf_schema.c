#include "lib/conf_schema.h"

#include <string.h>

#include "lib/tbs.h"

#define DAY UINT64_C(86400)
#define YEAR (365 * DAY)
#define MIB (UINT64_C(1) << 20)
#define TIB (UINT64_C(1) << 40)
#define LIST_MAX 64 /* items */

static const struct conf_word log_levels[] = {
    {"error", 0}, {"warn", 1}, {"info", 2}, {"debug", 3}, {NULL, 0}};

static const struct conf_word roles[] = {
    {"auditor", ROLE_AUDITOR}, {"operator", ROLE_OPERATOR}, {"admin", ROLE_ADMIN}, {NULL, 0}};

static const struct conf_word issuer_states[] = {
    {"active", ISSUER_ACTIVE}, {"crl-only", ISSUER_CRL_ONLY}, {NULL, 0}};

static const struct conf_word hashes[] = {
    {"issuer", 0}, {"sha256", 32}, {"sha384", 48}, {"sha512", 64}, {NULL, 0}};

static const struct conf_word sids[] = {{"none", SID_NONE},
                                        {"extension", SID_EXTENSION},
                                        {"uri", SID_URI},
                                        {"both", SID_BOTH},
                                        {NULL, 0}};

static const struct conf_word drops[] = {
    {"subject", DROP_SUBJECT}, {"san", DROP_SAN}, {"extensions", DROP_EXTENSIONS}, {NULL, 0}};

static const struct conf_word key_reuses[] = {{"forbid", KEY_REUSE_FORBID},
                                              {"same-identity", KEY_REUSE_SAME_IDENTITY},
                                              {"allow", KEY_REUSE_ALLOW},
                                              {NULL, 0}};

static const struct conf_word two_operators[] = {{"ca-install", TWO_CA_INSTALL},
                                                 {"ca-cross-sign", TWO_CA_CROSS_SIGN},
                                                 {"open", TWO_OPEN},
                                                 {NULL, 0}};

static void derive_base_url(const void *element, struct buf *out)
{
    const struct conf *c = element;
    const char *host = c->http_listen[0] == '\0' ? "127.0.0.1" : c->http_listen;
    bool v6 = strchr(host, ':') != NULL;

    buf_printf(out, "http://%s%s%s:%u", v6 ? "[" : "", host, v6 ? "]" : "", c->http_port);
}

/* c2sp.org/tlog-tiles: a prefix of the log's URL, without its scheme. */
static void derive_origin(const void *element, struct buf *out)
{
    const char *url = ((const struct conf *)element)->base_url, *host = strstr(url, "://");

    buf_printf(out, "%s/audit", host == NULL ? url : host + 3);
}

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

#define IN(field) .at = offsetof(struct conf, field)

static const struct conf_key log_keys[] = {
    {.name = "level", .type = CONF_TEXT, IN(log_level), .words = log_levels, .fallback = "info",
     .help = "The least level of events that the programs write."},
};

static const struct conf_key sockets_keys[] = {
    {.name = "dir", .type = CONF_PATH, IN(sock_dir), .fallback = "sock",
     .help = "Folder of the sockets between the programs. The admin socket is admin.sock in it."},
};

static const struct conf_key store_keys[] = {
    {.name = "dir", .type = CONF_PATH, IN(store_dir), .fallback = "store",
     .help = "Folder of the store: every certificate, its status and the audit log."},
    {.name = "quota", .type = CONF_SIZE, IN(store_quota), .min = 16 * MIB, .max = TIB,
     .fallback = "64GiB",
     .help = "The durable part of the store grows to this size at most."},
    {.name = "free_watermark", .type = CONF_SIZE, IN(free_watermark), .min = MIB, .max = TIB,
     .fallback = "256MiB",
     .help = "Issuing stops when less than this is free on the disk, so that finishing, revoking "
             "and auditing still fit."},
    {.name = "intent_grace", .type = CONF_SPAN, IN(intent_grace), .min = 10, .max = DAY,
     .fallback = "10m",
     .help = "A certificate that was recorded but not signed for this long is abandoned."},
    {.name = "request_key_life", .type = CONF_SPAN, IN(request_key_life), .min = 60,
     .max = 30 * DAY, .fallback = "10m",
     .help = "A request repeated within this time of its end gets the same certificate again."},
};

static const struct conf_key view_keys[] = {
    {.name = "dir", .type = CONF_PATH, IN(view_dir), .fallback = "view",
     .help = "Folder of the public view: CA certificates and the status of every certificate, as "
             "plain files."},
};

static const struct conf_key record_keys[] = {
    {.name = "dir", .type = CONF_PATH, IN(record_dir), .fallback = "signer",
     .help = "Folder of the signers' own append-only records of what they signed."},
};

static const struct conf_key http_keys[] = {
    {.name = "listen", .type = CONF_TEXT, IN(http_listen), .fallback = "127.0.0.1",
     .check = conf_check_listen,
     .help = "IP address for plain HTTP (CA certificates, CRLs, OCSP); \"\" turns it off."},
    {.name = "port", .type = CONF_PORT, IN(http_port), .min = 1, .max = 65535, .fallback = "8080",
     .help = "TCP port for plain HTTP."},
    {.name = "base_url", .type = CONF_TEXT, IN(base_url), .derive = derive_base_url,
     .fallback = "http://LISTEN:PORT", .check = conf_check_base_url,
     .help = "How others reach the HTTP port; no slash at its end."},
};

static const struct conf_key https_keys[] = {
    {.name = "listen", .type = CONF_TEXT, IN(https_listen), .fallback = "127.0.0.1",
     .check = conf_check_listen,
     .help = "IP address for HTTPS (enrollment, operators); \"\" turns it off."},
    {.name = "port", .type = CONF_PORT, IN(https_port), .min = 1, .max = 65535, .fallback = "8443",
     .help = "TCP port for HTTPS."},
};

static const struct conf_key ca_keys[] = {
    {.name = "workers", .type = CONF_NUMBER, IN(workers), .min = 1, .max = 64, .fallback = "2",
     .help = "Threads of cerca-ca that verify requests and signatures."},
    {.name = "sign_timeout", .type = CONF_SPAN, IN(sign_timeout), .min = 1, .max = 3600,
     .fallback = "30s",
     .help = "A request waits this long for the token; then its caller is told to retry."},
    {.name = "two_operators", .type = CONF_BITS32, IN(two_operators), .words = two_operators,
     .max = LIST_MAX, .fallback = "",
     .help = "What takes two operators: one asks, another with the role admin says yes (cerca "
             "request approve). A restored CA is closed: with open in the list, it takes two to "
             "let it issue again."},
    {.name = "request_life", .type = CONF_SPAN, IN(request_life), .min = 60, .max = 90 * DAY,
     .fallback = "7d",
     .help = "A request that waits for a second operator expires after this time."},
    {.name = "key_blocklist", .type = CONF_PATH, IN(key_blocklist), .fallback = "",
     .help = "File of keys that are never certified: one SHA-256 of a SubjectPublicKeyInfo a line "
             "in hexadecimal, # begins a comment. Read at start and at each reload; \"\": none."},
    {.name = "requester_limit", .type = CONF_TEXT, IN(requester_limit), .fallback = "",
     .check = conf_check_limit,
     .help = "Certificates that each requester may get in a time, such as \"1000/1d\", unless "
             "the operator has a limit of their own; \"\": no limit."},
    {.name = "user", .type = CONF_USER, IN(ca_user), .at_too = offsetof(struct conf, has_ca_user),
     .fallback = "",
     .help = "User that cerca-ca runs as, by name or number; \"\": the one that started cercad."},
};

static const struct conf_key audit_keys[] = {
    {.name = "origin", .type = CONF_TEXT, IN(audit_origin), .derive = derive_origin,
     .fallback = "LISTEN:PORT/audit", .check = conf_check_origin,
     .help = "Name of the audit log, the first line of its checkpoints. A log keeps its name for "
             "ever: with another one a new series of checkpoints begins."},
    {.name = "token", .type = CONF_TEXT, IN(audit_token), .fallback = "",
     .help = "Name of the token whose signer signs checkpoints; \"\": the first."},
    {.name = "key", .type = CONF_TEXT, IN(audit_key), .fallback = "pkcs11:object=audit",
     .check = conf_check_key_uri,
     .help = "The P-256 key in that token that signs checkpoints: RFC 7512 URI with object, id or "
             "both. Made by cerca-signer --provision."},
    {.name = "ed25519_key", .type = CONF_PATH, IN(audit_secret), .min = 1,
     .fallback = "secrets/audit.key",
     .help = "File of the Ed25519 key that signs checkpoints too, for verifiers that know only "
             "that. Made by cerca-signer --provision; cerca-signer alone may read it."},
    {.name = "checkpoint_every", .type = CONF_SPAN, IN(checkpoint_every), .min = 1, .max = 30 * DAY,
     .fallback = "1h",
     .help = "A checkpoint of the audit log is signed this often."},
    {.name = "export_dir", .type = CONF_PATH, IN(audit_export_dir), .fallback = "",
     .help = "Folder into which every checkpoint is written too, for whatever takes it off this "
             "host; \"\": none. It must be there."},
    {.name = "keep", .type = CONF_SPAN, IN(audit_keep), .min = DAY, .max = 100 * YEAR,
     .fallback = "10y",
     .help = "Details of audit records that are older are dropped; their hashes stay, so that the "
             "log can still be verified."},
};

#undef IN
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
     .help = "After a revocation the next CRL follows this soon; all revocations meanwhile share it."},
};

#undef IN
#undef LIST
#define IN(field) .at = offsetof(struct conf_profile, field)
#define LIST(field) IN(field), .at_too = offsetof(struct conf_profile, n_##field), .max = LIST_MAX

static const struct conf_key profile_keys[] = {
    {.name = "name", .type = CONF_TEXT, IN(name), .check = conf_check_name,
     .example = "internal-server",
     .help = "How requesters call this profile. The name of a built-in profile changes that one, "
             "key by key."},
    {.name = "issuer", .type = CONF_TEXT, IN(issuer), .check = conf_check_name,
     .fallback = "issuing",
     .help = "Issuer that signs."},
    {.name = "eku", .type = CONF_BITS32, IN(eku), .words = conf_purposes, .max = LIST_MAX,
     .fallback = "", .example = "serverAuth",
     .help = "Extended key usages, all of which are written: serverAuth, clientAuth, codeSigning, "
             "emailProtection, timeStamping, OCSPSigning, ipsecIKE, ipsecIKEIntermediate, "
             "eapOverLAN, msSmartcardLogin, pkInitClientAuth, pkInitKDC, documentSigning. Only "
             "profiles of CAs may do without."},
    {.name = "eku_critical", .type = CONF_BOOL, IN(eku_critical), .fallback = "false",
     .help = "Whether the extended key usage is critical; timeStamping needs it."},
    {.name = "ku_rsa", .type = CONF_BITS16, IN(ku_rsa), .words = conf_key_usages, .min = 1,
     .max = LIST_MAX, .fallback = "digitalSignature",
     .help = "Key usages for RSA keys."},
    {.name = "ku_ec", .type = CONF_BITS16, IN(ku_ec), .words = conf_key_usages, .min = 1,
     .max = LIST_MAX, .fallback = "digitalSignature",
     .help = "Key usages for EC and Ed25519 keys; keyAgreement is left out for Ed25519."},
    {.name = "ca", .type = CONF_BOOL, IN(ca), .fallback = "false",
     .help = "Whether it makes CA certificates. Its issuer must have signs_cas; key usages are "
             "keyCertSign and cRLSign."},
    {.name = "path_len", .type = CONF_PATH_LEN, IN(path_len), .max = 16, .fallback = "0",
     .help = "With ca: pathLenConstraint, or none."},
    {.name = "permitted", .type = CONF_TEXTS, LIST(permitted), .fallback = "",
     .check = conf_check_constraint,
     .help = "With ca: name constraints, as those of an issuer."},
    {.name = "excluded", .type = CONF_TEXTS, LIST(excluded), .fallback = "",
     .check = conf_check_constraint,
     .help = "With ca: names that must not be below it."},
    {.name = "key_types", .type = CONF_TEXTS, LIST(key_types), .min = 1,
     .fallback = "p256 p384 ed25519 rsa2048 rsa3072 rsa4096", .check = conf_check_key_type,
     .help = "Keys accepted, sizes exact: p256, p384, p521, ed25519, rsa2048, rsa3072, rsa4096."},
    {.name = "hash", .type = CONF_WORD, IN(hash), .words = hashes, .fallback = "issuer",
     .help = "Hash of the signature: sha256, sha384, sha512, or issuer for that of its alg."},
    {.name = "validity", .type = CONF_SPAN, IN(validity), .min = 60, .max = 50 * YEAR,
     .fallback = "90d",
     .help = "How long a certificate is valid when the request does not say. Not beyond the "
             "issuer's own end."},
    {.name = "validity_max", .type = CONF_SPAN, IN(validity_max), .min = 60, .max = 50 * YEAR,
     .fallback = "397d",
     .help = "The longest validity that a request may ask for. When not set, cut to the issuer's "
             "leaf_validity_max."},
    {.name = "backdate", .type = CONF_SPAN, IN(backdate), .min = 1, .max = DAY, .fallback = "5m",
     .help = "notBefore lies this far in the past, for hosts whose clock is behind."},
    {.name = "no_expiry", .type = CONF_BOOL, IN(no_expiry), .fallback = "false",
     .help = "Whether a request that names no end gets notAfter 99991231235959Z, which means no "
             "known end (RFC 5280 4.1.2.5), whatever validity_max and the issuer's "
             "leaf_validity_max say. For devices that nobody can reach later (IEEE 802.1AR)."},
    {.name = "san_kinds", .type = CONF_BITS32, IN(san_kinds), .words = conf_san_kinds, .max = LIST_MAX,
     .fallback = "dns", .example = "dns",
     .help = "Kinds of subject alternative names accepted: dns, ip, email, uri, upn. A upn is "
             "taken only from an authorisation, never from a CSR."},
    {.name = "san_max", .type = CONF_COUNT, IN(san_max), .min = 1, .max = SAN_MAX,
     .fallback = "100",
     .help = "Subject alternative names in one certificate, at most."},
    {.name = "dns", .type = CONF_TEXTS, LIST(dns), .fallback = "", .check = conf_check_dns,
     .example = ".internal.example.com",
     .help = "DNS names accepted: \".example.com\" any name below, \"example.com\" that name. "
             "None given: any."},
    {.name = "ip", .type = CONF_TEXTS, LIST(ip), .fallback = "", .check = conf_check_cidr,
     .help = "IP addresses accepted, as ranges: \"10.0.0.0/8\", \"fd00::/8\". None given: any."},
    {.name = "email", .type = CONF_TEXTS, LIST(email), .fallback = "", .check = conf_check_email,
     .help = "Domains of mail addresses accepted. None given: any."},
    {.name = "uri", .type = CONF_TEXTS, LIST(uri), .fallback = "", .check = conf_check_uri_prefix,
     .help = "Prefixes of URIs accepted: \"spiffe://example.com/\". None given: any."},
    {.name = "upn", .type = CONF_TEXTS, LIST(upn), .fallback = "", .check = conf_check_dns,
     .help = "Suffixes of user principal names accepted, as those of dns. None given: any."},
    {.name = "sid", .type = CONF_WORD, IN(sid), .words = sids, .fallback = "none",
     .help = "How the Microsoft security identifier of an authorisation is written: none (refused), "
             "extension (1.3.6.1.4.1.311.25.2), uri (tag:microsoft.com,2022-09-14:sid:...), both."},
    {.name = "wildcards", .type = CONF_BOOL, IN(wildcards), .fallback = "false",
     .help = "Whether DNS names may start with \"*.\"."},
    {.name = "san_required", .type = CONF_BOOL, IN(san_required), .fallback = "true",
     .help = "Whether a request without any subject alternative name is refused."},
    {.name = "san_required_kinds", .type = CONF_BITS32, IN(san_required_kinds),
     .words = conf_san_kinds, .max = LIST_MAX, .fallback = "",
     .help = "Kinds of which a request must have a name each."},
    {.name = "cn_must_be_san", .type = CONF_BOOL, IN(cn_must_be_san), .fallback = "true",
     .help = "Whether a common name must also be a subject alternative name."},
    {.name = "subject", .type = CONF_TEXT, IN(subject), .fallback = "",
     .check = conf_check_subject_template,
     .help = "Subject of every certificate, as RFC 4514 text in which {cn}, {o}, {ou}, {c}, {st}, "
             "{l}, {dc}, {uid} and {serialNumber} stand for what was asked, {dns}, {email} and "
             "{upn} for the first name of that kind: \"CN={cn},O=Example\". What was asked beyond "
             "that is refused. \"\": the subject asked for."},
    {.name = "subject_required", .type = CONF_BITS32, IN(subject_required),
     .words = conf_attributes, .max = LIST_MAX, .fallback = "",
     .help = "Attributes that a subject must have."},
    {.name = "drop", .type = CONF_BITS32, IN(drop), .words = drops, .max = LIST_MAX,
     .fallback = "",
     .help = "What is left out instead of refused when a CSR asks for more than is allowed: subject "
             "(attributes), san (names), extensions (key usages, purposes, others)."},
    {.name = "must_staple", .type = CONF_BOOL, IN(must_staple), .fallback = "false",
     .help = "Whether servers must staple an OCSP answer (RFC 7633). Needs the issuer's ocsp_url."},
    {.name = "no_rev_avail", .type = CONF_SPAN, IN(no_rev_avail), .max = 30 * DAY,
     .fallback = "none",
     .help = "Certificates valid for at most this long in all say that they are never revoked, and "
             "have no OCSP or CRL address (RFC 9608); none: no certificate does."},
    {.name = "ocsp_no_check", .type = CONF_BOOL, IN(ocsp_no_check), .fallback = "false",
     .help = "Whether OCSP responders are trusted for their whole validity (RFC 6960 4.2.2.2.1). "
             "With eku OCSPSigning only."},
    {.name = "owner_required", .type = CONF_BOOL, IN(owner_required), .fallback = "false",
     .help = "Whether a request must name an owner."},
    {.name = "key_reuse", .type = CONF_WORD, IN(key_reuse), .words = key_reuses,
     .fallback = "same-identity",
     .help = "Whether a key that has a certificate may get another one: forbid, same-identity "
             "(same names only), allow."},
    {.name = "role", .type = CONF_WORD, IN(role), .words = roles, .fallback = "operator",
     .help = "The least role that may ask for it on the admin socket."},
    {.name = "limit", .type = CONF_TEXT, IN(limit), .fallback = "", .check = conf_check_limit,
     .help = "Certificates of this profile in a time, such as \"100/1h\", counted over restarts; "
             "\"\": no limit."},
    {.name = "operators", .type = CONF_TEXTS, LIST(operators), .fallback = "",
     .check = conf_check_name,
     .help = "Operators who may ask for it. None given: whoever has the role."},
};

#undef IN
#undef LIST
#define IN(field) .at = offsetof(struct conf_operator, field)

static const struct conf_key operator_keys[] = {
    {.name = "name", .type = CONF_TEXT, IN(name), .check = conf_check_name, .example = "alice",
     .help = "Name of the operator in records and audit."},
    {.name = "uid", .type = CONF_UID, IN(uid), .example = "1000",
     .help = "User that the operator is on this host, by number or name."},
    {.name = "role", .type = CONF_WORD, IN(role), .words = roles, .example = "admin",
     .help = "auditor (reads), operator (issues and revokes too) or admin (everything)."},
    {.name = "limit", .type = CONF_TEXT, IN(limit), .fallback = "", .check = conf_check_limit,
     .help = "Certificates that this operator, and the tokens that they made, may get in a time, "
             "such as \"20/1d\"; \"\": requester_limit."},
};

#undef IN
#define IN(field) .at = offsetof(struct conf_grant, field)
#define LIST(field) IN(field), .at_too = offsetof(struct conf_grant, n_##field), .max = LIST_MAX

static const struct conf_key grant_keys[] = {
    {.name = "name", .type = CONF_TEXT, IN(name), .check = conf_check_name, .example = "alice-web",
     .help = "How refusals call this grant."},
    {.name = "operator", .type = CONF_TEXT, IN(operator), .check = conf_check_name,
     .example = "alice",
     .help = "Whom it is for. An operator with grants may ask for nothing else."},
    {.name = "profiles", .type = CONF_TEXTS, LIST(profiles), .fallback = "",
     .check = conf_check_name, .example = "tls-server",
     .help = "Profiles that may be asked for. None given: all."},
    {.name = "dns", .type = CONF_TEXTS, LIST(dns), .fallback = "", .check = conf_check_dns,
     .example = ".web.example.com",
     .help = "DNS names, as in a profile. When a grant names any names, it allows these alone, and "
             "a common name only if it is one of them; else those of the profile."},
    {.name = "ip", .type = CONF_TEXTS, LIST(ip), .fallback = "", .check = conf_check_cidr,
     .help = "IP ranges."},
    {.name = "email", .type = CONF_TEXTS, LIST(email), .fallback = "", .check = conf_check_email,
     .help = "Domains of mail addresses."},
    {.name = "uri", .type = CONF_TEXTS, LIST(uri), .fallback = "", .check = conf_check_uri_prefix,
     .help = "Prefixes of URIs."},
    {.name = "upn", .type = CONF_TEXTS, LIST(upn), .fallback = "", .check = conf_check_dns,
     .help = "Suffixes of user principal names that the operator may vouch for. None given: none."},
    {.name = "sid", .type = CONF_BOOL, IN(sid), .fallback = "false",
     .help = "Whether the operator may vouch for a Microsoft security identifier, as a name "
             "uri:tag:microsoft.com,2022-09-14:sid:..."},
};

#undef IN
#undef LIST
#define IN(field) .at = offsetof(struct conf, field)

static const struct conf_key ceremony_keys[] = {
    {.name = "dir", .type = CONF_PATH, IN(ceremony_dir), .fallback = "ceremony",
     .help = "Folder of what a ceremony makes, and of its transcript."},
};

#undef IN
#define IN(field) .at = offsetof(struct conf_signing, field)

static const struct conf_key signing_keys[] = {
    {.name = "name", .type = CONF_TEXT, IN(name), .check = conf_check_name, .example = "issuing",
     .help = "NAME.pem in the ceremony's folder is what is made."},
    {.name = "profile", .type = CONF_TEXT, IN(profile), .check = conf_check_name,
     .fallback = "subordinate-ca",
     .help = "Profile that it is made by."},
    {.name = "csr", .type = CONF_PATH, IN(csr), .min = 1, .example = "issuing.csr",
     .help = "Certification request, PEM or DER."},
    {.name = "sha256", .type = CONF_TEXT, IN(sha256), .fallback = "", .check = conf_check_sha256,
     .help = "SHA-256 of that file as told by whoever made it, 64 digits; another file is refused. "
             "\"\": whatever is there."},
};

#undef IN

#define KEYS(k) .keys = k, .n_keys = sizeof(k) / sizeof((k)[0])
#define ELEMENTS(type, field, most)                                                                \
    .list = true, .size = sizeof(struct type), .at = offsetof(struct conf, field),                 \
    .at_n = offsetof(struct conf, n_##field), .max = (most)

const struct conf_section conf_sections[] = {
    {.name = "log", KEYS(log_keys), .help = "Logs go to standard error, or to journald."},
    {.name = "sockets", KEYS(sockets_keys), .help = "Sockets between the programs."},
    {.name = "store", KEYS(store_keys), .help = "The store."},
    {.name = "view", KEYS(view_keys), .help = "The public view."},
    {.name = "record", KEYS(record_keys), .help = "The signers' records."},
    {.name = "http", KEYS(http_keys), .help = "What anyone may ask."},
    {.name = "https", KEYS(https_keys), .help = "What needs TLS."},
    {.name = "ca", KEYS(ca_keys), .help = "The core, cerca-ca."},
    {.name = "audit", KEYS(audit_keys), .help = "The audit log and its checkpoints."},
    {.name = "tokens", KEYS(token_keys), ELEMENTS(conf_token, tokens, 32), .examples = 1,
     .help = "PKCS#11 tokens. Each has a signer process of its own."},
    {.name = "issuers", KEYS(issuer_keys), ELEMENTS(conf_issuer, issuers, 64), .examples = 2,
     .help = "The CAs: a key in a token and a certificate each."},
    {.name = "profiles", KEYS(profile_keys), ELEMENTS(conf_profile, profiles, 256), .examples = 1,
     .help = "What is issued, to whom. Built in are tls-server, tls-client, mtls, vpn-server, "
             "vpn-client, wifi-client, radius-server, device, code-signing, smime, ocsp-responder "
             "and subordinate-ca."},
    {.name = "operators", KEYS(operator_keys), ELEMENTS(conf_operator, operators, 1024),
     .examples = 1,
     .help = "Who may use the admin socket, known by the uid of the caller."},
    {.name = "grants", KEYS(grant_keys), ELEMENTS(conf_grant, grants, 4096), .examples = 1,
     .help = "What single operators may ask for, when that is less than their role allows."},
    {.name = "ceremony", KEYS(ceremony_keys),
     .help = "cerca ceremony, for a CA that is offline otherwise."},
    {.name = "signings", KEYS(signing_keys), ELEMENTS(conf_signing, signings, 64),
     .help = "What the ceremony signs, beside the certificates and CRLs of the issuers."},
};

/* clang-format on */

const size_t conf_sections_count = sizeof(conf_sections) / sizeof(conf_sections[0]);

const struct conf_section *conf_section(const char *name)
{
    for (size_t i = 0; i < conf_sections_count; i++)
        if (strcmp(conf_sections[i].name, name) == 0)
            return &conf_sections[i];
    return NULL;
}

bool conf_key_required(const struct conf_key *k)
{
    return k->fallback == NULL;
}

const char *conf_type_text(enum conf_type t)
{
    static const char *const texts[] = {
        [CONF_TEXT] = "text",
        [CONF_PATH] = "path",
        [CONF_BOOL] = "true | false",
        [CONF_NUMBER] = "number",
        [CONF_COUNT] = "number",
        [CONF_PORT] = "port",
        [CONF_PATH_LEN] = "number",
        [CONF_SPAN] = "span",
        [CONF_SPAN_MS] = "span",
        [CONF_SIZE] = "size",
        [CONF_WORD] = "word",
        [CONF_BITS16] = "list of words",
        [CONF_BITS32] = "list of words",
        [CONF_TEXTS] = "list of texts",
        [CONF_PATHS] = "list of paths",
        [CONF_ENV] = "list of NAME=VALUE",
        [CONF_UID] = "user",
        [CONF_USER] = "user",
        [CONF_KEY_TYPE] = "key type",
        [CONF_SIG_ALG] = "algorithm",
    };

    return texts[t];
}

bool conf_type_is_list(enum conf_type t)
{
    return t == CONF_BITS16 || t == CONF_BITS32 || t == CONF_TEXTS || t == CONF_PATHS ||
           t == CONF_ENV;
}
