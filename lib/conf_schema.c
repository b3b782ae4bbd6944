#include "lib/conf_table.h"

#include <string.h>

static const struct conf_word log_levels[] = {
    {"error", 0}, {"warn", 1}, {"info", 2}, {"debug", 3}, {NULL, 0}};

static const struct conf_word two_operators[] = {{"ca-install", TWO_CA_INSTALL},
                                                 {"ca-cross-sign", TWO_CA_CROSS_SIGN},
                                                 {"exception", TWO_EXCEPTION},
                                                 {"restore", TWO_RESTORE},
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
    {.name = "export_dir", .type = CONF_PATH, IN(view_export_dir), .fallback = "",
     .help = "Folder into which signed and numbered exports of the view are written, for validation "
             "nodes elsewhere; \"\": none. It must be there."},
    {.name = "export_every", .type = CONF_SPAN, IN(view_export_every), .min = 10, .max = 30 * DAY,
     .fallback = "10m",
     .help = "An export is made this often, and when cerca view export asks for one."},
    {.name = "export_audit", .type = CONF_BOOL, IN(view_export_audit), .fallback = "false",
     .help = "Whether exports have the audit log's tiles and checkpoint too."},
    {.name = "nodes", .type = CONF_PATHS, IN(view_nodes),
     .at_too = offsetof(struct conf, n_view_nodes), .max = LIST_MAX, .fallback = "",
     .help = "Certification requests of validation nodes, made there by cerca ocsp csr: the view "
             "has certificates for OCSP responders with these keys, renewed at half their life. "
             "Whoever has such a key can answer good for what was revoked."},
    {.name = "import_dir", .type = CONF_PATH, IN(view_import_dir), .fallback = "",
     .help = "On a validation node: the folder in which exports arrive, read by cerca view import; "
             "\"\": the view is written here, or carried here as it is."},
    {.name = "import_key", .type = CONF_TEXT, IN(view_import_key), .fallback = "",
     .check = conf_check_vkey,
     .help = "On a validation node: the public key that seals the exports, as cerca view node prints "
             "it on the CA's host. No other is believed."},
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
    {.name = "threads", .type = CONF_NUMBER, IN(http_threads), .min = 0, .max = 256,
     .fallback = "0",
     .help = "Threads that answer HTTP; 0: one a processor."},
    {.name = "connections", .type = CONF_NUMBER, IN(http_connections), .min = 64, .max = 1000000,
     .fallback = "20000",
     .help = "HTTP connections at once; further ones wait. Fewer where the limit of open files "
             "does not suffice."},
    {.name = "timeout", .type = CONF_SPAN, IN(http_timeout), .min = 1, .max = 600,
     .fallback = "30s",
     .help = "Who has not sent the head of a request in this time, then its body, or takes no more "
             "of the answer for so long, is cut off."},
    {.name = "view_age", .type = CONF_SPAN, IN(http_view_age), .min = 120, .max = 30 * DAY,
     .fallback = "1h",
     .help = "A public view older than this is stale: /health says so."},
    {.name = "user", .type = CONF_USER, IN(http_user),
     .at_too = offsetof(struct conf, has_http_user), .fallback = "",
     .help = "User that cerca-public runs as, by name or number; \"\": the one that started "
             "cercad. It reads the public view and nothing else."},
};

static const struct conf_key ocsp_keys[] = {
    {.name = "validity", .type = CONF_SPAN, IN(ocsp_validity), .min = 600, .max = 30 * DAY,
     .fallback = "24h",
     .help = "From an OCSP answer's thisUpdate to its nextUpdate; longer than http.view_age."},
    {.name = "http_age", .type = CONF_SPAN, IN(ocsp_http_age), .max = 3600, .fallback = "10m",
     .help = "HTTP caches may keep an OCSP answer for this long; none: not at all. A revocation is "
             "seen behind a cache only afterwards."},
    {.name = "archive_cutoff", .type = CONF_SPAN, IN(ocsp_archive), .max = 100 * YEAR,
     .fallback = "none",
     .help = "Answers say that revocations are known back to this long ago, expired certificates "
             "included (RFC 6960 4.4.4); none: they do not."},
    {.name = "unauthorized", .type = CONF_BOOL, IN(ocsp_unauthorized), .fallback = "false",
     .help = "Whether a certificate that was never issued gets unauthorized (RFC 5019 2.2.3) "
             "instead of a signed unknown."},
    {.name = "key_file", .type = CONF_PATH, IN(ocsp_key_file), .fallback = "",
     .help = "File of one key for the responders of all issuers, P-256 or RSA, made by cerca ocsp csr, "
             "whose certificates come with the view (view.nodes); \"\": keys are made in memory, and "
             "cerca-ca is asked for their certificates."},
    {.name = "cache", .type = CONF_SIZE, IN(ocsp_cache), .min = 0, .max = TIB, .fallback = "64MiB",
     .help = "Memory for signed OCSP answers, to be sent again."},
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
             "request approve). A restored CA is closed: with restore in the list, who restored it "
             "cannot be the one who opens it; with open, opening takes two."},
    {.name = "request_life", .type = CONF_SPAN, IN(request_life), .min = 60, .max = 90 * DAY,
     .fallback = "7d",
     .help = "A request that waits for a second operator or an approval expires after this time; "
             "an approved one when nobody fetches its certificate for as long."},
    {.name = "request_retry", .type = CONF_SPAN, IN(request_retry), .min = 1, .max = DAY,
     .fallback = "10m",
     .help = "A client whose request waits for approval is told to ask again after this time "
             "(Retry-After)."},
    {.name = "requests_waiting", .type = CONF_NUMBER, IN(requests_waiting), .min = 1,
     .max = 1000000, .fallback = "10000",
     .help = "Requests that may wait for approval at once."},
    {.name = "requests_each", .type = CONF_NUMBER, IN(requests_each), .min = 1, .max = 1000000,
     .fallback = "1000",
     .help = "Of them, those of one requester: an operator, token or user. Of one certificate it is "
             "16 at most."},
    {.name = "key_blocklist", .type = CONF_PATH, IN(key_blocklist), .fallback = "",
     .help = "File of keys that are never certified: one SHA-256 of a SubjectPublicKeyInfo a line "
             "in hexadecimal, # begins a comment. Read at start and at each reload; \"\": none."},
    {.name = "password_file", .type = CONF_PATH, IN(password_file), .fallback = "",
     .help = "File of the passwords of est_users, NAME:HASH a line, hashed as crypt(3) does by "
             "yescrypt, scrypt, bcrypt or SHA-512. Others may not read it. Read at start and at each "
             "reload; \"\": none."},
    {.name = "requester_limit", .type = CONF_TEXT, IN(requester_limit), .fallback = "",
     .check = conf_check_limit,
     .help = "Certificates that each requester may get in a time, such as \"1000/1d\", unless "
             "the operator has a limit of their own; \"\": no limit. A token counts for who made "
             "it, a client of EST for its user or, over all its renewals, for its identity."},
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

static const struct conf_section log_section = {
    .name = "log", KEYS(log_keys), .help = "Logs go to standard error, or to journald.",
};

static const struct conf_section sockets_section = {
    .name = "sockets", KEYS(sockets_keys), .help = "Sockets between the programs.",
};

static const struct conf_section store_section = {
    .name = "store", KEYS(store_keys), .help = "The store.",
};

static const struct conf_section view_section = {
    .name = "view", KEYS(view_keys), .help = "The public view.",
};

static const struct conf_section record_section = {
    .name = "record", KEYS(record_keys), .help = "The signers' records.",
};

static const struct conf_section http_section = {
    .name = "http", KEYS(http_keys), .help = "What anyone may ask.",
};

static const struct conf_section ocsp_section = {
    .name = "ocsp", KEYS(ocsp_keys), .help = "Answers about single certificates.",
};

static const struct conf_section ca_section = {
    .name = "ca", KEYS(ca_keys), .help = "The core, cerca-ca.",
};

static const struct conf_section audit_section = {
    .name = "audit", KEYS(audit_keys), .help = "The audit log and its checkpoints.",
};

const struct conf_section *const conf_sections[] = {
    &log_section,
    &sockets_section,
    &store_section,
    &view_section,
    &record_section,
    &http_section,
    &ocsp_section,
    &conf_https,
    &conf_metrics,
    &ca_section,
    &audit_section,
    &conf_tokens,
    &conf_issuers,
    &conf_profiles,
    &conf_est_labels,
    &conf_est_people,
    &conf_inventory,
    &conf_reviews,
    &conf_alerts,
    &conf_owners,
    &conf_operators,
    &conf_grants,
    &conf_channel_list,
    &conf_watch,
    &conf_scan_list,
    &conf_scanner,
    &conf_ceremony,
    &conf_signings,
};

/* clang-format on */

const size_t conf_sections_count = sizeof(conf_sections) / sizeof(conf_sections[0]);
const struct conf_table conf_table = {conf_sections,
                                      sizeof(conf_sections) / sizeof(conf_sections[0])};

const struct conf_section *conf_section(const char *name)
{
    for (size_t i = 0; i < conf_sections_count; i++)
        if (strcmp(conf_sections[i]->name, name) == 0)
            return conf_sections[i];
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
        [CONF_ARGV] = "list: program and arguments",
        [CONF_MODE] = "permissions",
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
           t == CONF_ENV || t == CONF_ARGV;
}
