/* The schema of the agent's files. */
#include "agent/conf/schema.h"

#include <string.h>

#include "agent/conf/conf.h"
#include "agent/conf/probe.h"
#include "agent/conf/window.h"
#include "lib/conf_table.h"
#include "lib/san.h"

#define RULE "conf.value"

/* ---- checks ---- */

static int check_server(const char *text, struct fault *f)
{
    int rc = text[0] == '\0' ? 0 : conf_check_url(text, f);

    if (rc == 0 && text[0] != '\0' && strncmp(text, "https://", 8) != 0)
        rc = fault_set(f, FAULT_CONFIG, RULE, "must begin with https://");
    return rc;
}

static int check_label(const char *text, struct fault *f)
{
    return text[0] == '\0' ? 0 : conf_check_name(text, f);
}

static int check_subject(const char *text, struct fault *f)
{
    return text[0] == '\0' ? 0 : conf_check_subject(text, f);
}

static int check_san(const char *text, struct fault *f)
{
    uint8_t arena[16];
    size_t used = 0;
    struct san name;
    int rc = san_parse(text, &name, arena, sizeof(arena), &used, f);

    if (rc == 0)
        rc = san_check(&name, f);
    return rc == 0 ? 0
                   : fault_set(f, FAULT_CONFIG, RULE,
                               "must be a name such as \"dns:web.example.com\" or "
                               "\"ip:192.0.2.1\"");
}

static int check_window(const char *text, struct fault *f)
{
    struct window w;

    return window_parse(text, &w, f);
}

/* Where a service reads it, or a name in the entry's own folder. */
int agent_check_file(const char *text, struct fault *f)
{
    if (text[0] == '/' && text[1] != '\0' && text[strlen(text) - 1] != '/' &&
        strstr(text, "/../") == NULL)
        return 0;
    if (text[0] != '/' && conf_check_name(text, f) == 0)
        return 0;
    return fault_set(f, FAULT_CONFIG, RULE,
                     "must be an absolute path, or a name of at most 32 letters, digits, \".\", "
                     "\"_\" and \"-\" for a file in the entry's own folder");
}

static int check_folder(const char *text, struct fault *f)
{
    return text[0] == '/' ? 0 : fault_set(f, FAULT_CONFIG, RULE, "must be an absolute path");
}

static int check_probe(const char *text, struct fault *f)
{
    struct probe p;

    return probe_parse(text, &p, f);
}

static int check_text(const char *text, struct fault *f)
{
    return text[0] == '\0' || strstr(text, AGENT_TEXT_URI) != NULL
               ? 0
               : fault_set(f, FAULT_CONFIG, RULE, "must have " AGENT_TEXT_URI " in it");
}

static int check_key_type(const char *text, struct fault *f)
{
    return conf_check_key_type(text, f);
}

/* ---- words ---- */

static const struct conf_word formats[] = {
    {"key", AGENT_KEY},
    {"cert", AGENT_CERT},
    {"chain", AGENT_CHAIN},
    {"fullchain", AGENT_FULLCHAIN},
    {"combined", AGENT_COMBINED},
    {"pkcs12", AGENT_PKCS12},
    {"ca", AGENT_CA},
    {"key-uri", AGENT_KEY_URI},
    {NULL, 0},
};
const char *agent_format_word(enum agent_format format)
{
    for (const struct conf_word *w = formats; w->word != NULL; w++)
        if (w->value == (uint32_t)format)
            return w->word;
    return "";
}

static const struct conf_word orders[] = {{"key-first", AGENT_KEY_FIRST},
                                          {"key-last", AGENT_KEY_LAST},
                                          {"top-first", AGENT_TOP_FIRST},
                                          {NULL, 0}};
static const struct conf_word methods[] = {
    {"symlink", AGENT_SYMLINK}, {"exchange", AGENT_EXCHANGE}, {NULL, 0}};
static const struct conf_word levels[] = {
    {"error", 0}, {"warn", 1}, {"info", 2}, {"debug", 3}, {NULL, 0}};

/* A key is a few lines here, its help the last. */
/* clang-format off */

#define AT(type, field) .at = offsetof(struct type, field)
#define MANY(type, field) .at = offsetof(struct type, field), .at_too = offsetof(struct type, n_##field), .max = LIST_MAX

/* ---- agent.conf ---- */

#define IN(field) AT(agent_conf, field)

static const struct conf_key agent_keys[] = {
    {.name = "state_dir", .type = CONF_PATH, IN(state_dir), .fallback = "/var/lib/cerca-agent",
     .help = "Folder of what the agent keeps: keys, certificates, how far each entry is."},
    {.name = "log_level", .type = CONF_TEXT, IN(log_level), .words = levels, .fallback = "info",
     .help = "The least important events that are logged."},
    {.name = "workers", .type = CONF_NUMBER, IN(workers), .min = 1, .max = 64, .fallback = "4",
     .help = "Entries that are worked on at once."},
    {.name = "timeout", .type = CONF_SPAN, IN(timeout), .min = 1, .max = 3600, .fallback = "60s",
     .help = "One exchange with the server may take this long."},
};
static const struct conf_section agent_section = {
    .name = "agent", KEYS(agent_keys), .help = "The agent itself."};

static const struct conf_key server_keys[] = {
    {.name = "url", .type = CONF_TEXT, IN(url), .fallback = "", .check = check_server,
     .example = "https://ca.example.com:8443",
     .help = "The EST server of entries that name none."},
    {.name = "trust", .type = CONF_PATH, IN(trust), .fallback = "",
     .example = "/etc/cerca-agent/ca.pem",
     .help = "PEM file of the certificates below which such a server must be, and chains must end; "
             "\"\": those of the system."},
};
static const struct conf_section server_section = {
    .name = "server", KEYS(server_keys), .help = "The CA."};

static const struct conf_key report_keys[] = {
    {.name = "enabled", .type = CONF_BOOL, IN(report), .fallback = "true",
     .help = "Whether the CA is told where certificates are, what services serve, and what is "
             "stuck."},
    {.name = "as", .type = CONF_TEXT, IN(report_as), .fallback = "", .check = check_label,
     .help = "Entry whose certificate speaks for this host; \"\": the first that has one."},
    {.name = "host", .type = CONF_TEXT, IN(host), .fallback = "", .check = check_label,
     .help = "Name of this host in reports; \"\": what the system is called."},
    {.name = "every", .type = CONF_SPAN, IN(report_every), .min = 60, .max = 30 * DAY,
     .fallback = "1d",
     .help = "A report at least this often, besides those of what changed. The CA alerts when "
             "three of them are missing."},
};
static const struct conf_section report_section = {
    .name = "report", KEYS(report_keys), .help = "What the CA is told."};

static const struct conf_key scan_keys[] = {
    {.name = "folders", .type = CONF_TEXTS, MANY(agent_conf, scan), .fallback = "",
     .check = check_folder,
     .help = "Folders and files of this host in which certificates are looked for at each report: "
             "\"/etc/ssl\", \"/srv/app/keystore.p12\". Keys are passed over."},
    {.name = "password_file", .type = CONF_PATH, IN(scan_password_file), .fallback = "",
     .help = "File of the password of the PKCS#12 files there, in its first line; \"\": those with "
             "a password are passed over."},
};
static const struct conf_section scan_section = {
    .name = "scan", KEYS(scan_keys),
    .help = "Certificates that lie on this host, whoever put them there: the CA is told."};

static const struct conf_section *const agent_sections[] = {
    &agent_section, &server_section, &report_section, &scan_section};
const struct conf_table agent_table = {agent_sections, 4};

/* ---- conf.d/NAME.conf ---- */

#undef IN
#define IN(field) AT(agent_cert, field)
#define LIST(field) MANY(agent_cert, field)

static const struct conf_key cert_keys[] = {
    {.name = "url", .type = CONF_TEXT, IN(url), .fallback = "", .check = check_server,
     .help = "The EST server; \"\": that of agent.conf."},
    {.name = "label", .type = CONF_TEXT, IN(label), .fallback = "", .check = check_label,
     .help = "Which of its CAs or profiles (RFC 7030 3.2.2)."},
    {.name = "trust", .type = CONF_PATH, IN(trust), .fallback = "",
     .help = "PEM file of the certificates below which the server must be; \"\": that of "
             "agent.conf."},
    {.name = "chain_trust", .type = CONF_PATH, IN(chain_trust), .fallback = "",
     .help = "PEM file of the certificates at which the chain must end; \"\": that of trust."},
    {.name = "names", .type = CONF_TEXTS, LIST(names), .fallback = "", .check = check_san,
     .example = "dns:web.example.com",
     .help = "Names of the certificate: dns:, ip:, email: or uri: and a name. None with take_over: "
             "those that it has."},
    {.name = "subject", .type = CONF_TEXT, IN(subject), .fallback = "", .check = check_subject,
     .help = "Its subject, such as \"CN=web,O=Example\"; \"\": what the server wants, else the first "
             "DNS name."},
    {.name = "key_type", .type = CONF_TEXT, IN(key_type), .fallback = "p256",
     .check = check_key_type, .help = "Type of the keys that are made."},
    {.name = "reuse_key", .type = CONF_BOOL, IN(reuse_key), .fallback = "false",
     .help = "Whether renewals keep the key. Else each makes a new one."},
    {.name = "token_file", .type = CONF_PATH, IN(token_file), .fallback = "",
     .example = "/etc/cerca-agent/web.token",
     .help = "File of a token for the first certificate. From then on it is renewed by itself."},
    {.name = "cert", .type = CONF_PATH, IN(cert), .fallback = "",
     .help = "PEM file of a certificate that the server knows for the first one, such as its "
             "manufacturer's; with token_file or user where the server wants both."},
    {.name = "cert_key", .type = CONF_PATH, IN(cert_key), .fallback = "",
     .help = "PEM file of its private key."},
    {.name = "user", .type = CONF_TEXT, IN(user), .fallback = "",
     .help = "User for the first certificate."},
    {.name = "password_file", .type = CONF_PATH, IN(password_file), .fallback = "",
     .help = "File of that user's password, in its first line."},
    {.name = "take_over", .type = CONF_BOOL, IN(take_over), .fallback = "false",
     .help = "Whether files that lie at the paths are the first version, to be renewed by itself. "
             "Each becomes a symlink to what it holds. Without it, files that are there are an error."},
    {.name = "renew_at", .type = CONF_NUMBER, IN(renew_at), .min = 1, .max = 95, .fallback = "66",
     .help = "Percent of its life after which it is renewed, unless the CA suggests an earlier time."},
    {.name = "windows", .type = CONF_TEXTS, LIST(windows), .fallback = "", .check = check_window,
     .help = "When services may be touched, in UTC: \"sat 02:00-04:00\", \"mon-fri 22:00-04:00\". None "
             "given: at any time. The certificate is fetched before. One that would end before the "
             "next window opens does not wait for it."},
    {.name = "method", .type = CONF_WORD, IN(method), .words = methods, .fallback = "symlink",
     .help = "symlink: paths are symlinks, one rename changes what they show. exchange: the whole "
             "folder is exchanged, for services that follow no symlinks."},
    {.name = "folder", .type = CONF_PATH, IN(folder), .fallback = "",
     .help = "With exchange: the folder, which holds nothing else."},
    {.name = "keep", .type = CONF_NUMBER, IN(keep), .min = 1, .max = 20, .fallback = "2",
     .help = "Versions that are kept beside the current one."},
};
static const struct conf_section cert_section = {
    .name = "certificate", KEYS(cert_keys), .help = "What is enrolled and renewed."};

#undef IN
#define IN(field) AT(agent_file, field)

static const struct conf_key file_keys[] = {
    {.name = "path", .type = CONF_TEXT, IN(path), .check = agent_check_file,
     .example = "/etc/ssl/private/web.key|/etc/ssl/certs/web.pem",
     .help = "Where services read it; a name alone: in the folder current of the entry."},
    {.name = "format", .type = CONF_WORD, IN(format), .words = formats, .example = "key|fullchain",
     .help = "What is in it. chain: the CA's certificates up to below the root; fullchain: the "
             "certificate first; combined: key and full chain; ca: what clients should trust; "
             "key-uri: where the key is in its token (section key). All PEM but the last and pkcs12."},
    {.name = "owner", .type = CONF_TEXT, IN(owner), .fallback = "",
     .help = "User that owns it, by name or number; \"\": who runs the agent."},
    {.name = "group", .type = CONF_TEXT, IN(group), .fallback = "",
     .help = "Its group; \"\": that of the owner's or agent's own files."},
    {.name = "mode", .type = CONF_MODE, IN(mode), .fallback = "",
     .help = "Permissions, such as \"0640\"; \"\": 0600 where a key or its URI is in it, else 0644."},
    {.name = "order", .type = CONF_WORD, IN(order), .words = orders, .fallback = "key-first",
     .help = "Of combined: where the key stands. Of chain: top-first begins next to the root."},
    {.name = "password_file", .type = CONF_PATH, IN(password_file), .fallback = "",
     .help = "Of pkcs12: file of the password, in its first line."},
    {.name = "legacy", .type = CONF_BOOL, IN(legacy), .fallback = "false",
     .help = "Of pkcs12: 3DES and SHA-1, all that old programs read."},
    {.name = "text", .type = CONF_TEXT, IN(text), .fallback = "", .check = check_text,
     .help = "Of key-uri: what is written, {uri} being the key's URI, such as \"ssl_certificate_key "
             "engine:pkcs11:{uri};\"; \"\": the URI alone."},
};
static const struct conf_section file_section = {
    .name = "files", KEYS(file_keys), ELEMENTS_OF(agent_cert, agent_file, files, LIST_MAX),
    .examples = 2, .help = "Files that are kept, all of them changed at once."};

#undef IN
#undef LIST
#define IN(field) AT(agent_service, field)
#define ARGV(field) MANY(agent_service, field), .fallback = ""

static const struct conf_key service_keys[] = {
    {.name = "name", .type = CONF_TEXT, IN(name), .check = conf_check_name, .example = "nginx",
     .help = "Name of the service, for messages."},
    {.name = "recipe", .type = CONF_TEXT, IN(recipe), .fallback = "", .check = check_label,
     .example = "nginx",
     .help = "What is known of such servers (cerca-agent recipes); \"\": nothing, all is said here."},
    {.name = "test", .type = CONF_ARGV, ARGV(test),
     .help = "Command that tests the service's configuration; none: that of the recipe."},
    {.name = "reload", .type = CONF_ARGV, ARGV(reload),
     .help = "Command that makes it take the new files; none: that of the recipe."},
    {.name = "verify", .type = CONF_ARGV, ARGV(verify),
     .help = "Command that ends with 0 when it uses the new ones, where no probe can tell; none: "
             "that of the recipe."},
    {.name = "probes", .type = CONF_TEXTS, MANY(agent_service, probes), .fallback = "",
     .check = check_probe,
     .help = "Addresses at which the new certificate must be served: \"127.0.0.1:443 "
             "sni=web.example.com\", \"127.0.0.1:25 starttls=smtp\"; none: those of the recipe."},
    {.name = "time_limit", .type = CONF_SPAN, IN(time_limit), .min = 1, .max = 3600,
     .fallback = "60s", .help = "One command may take this long; then its whole group is killed."},
    {.name = "probe_for", .type = CONF_SPAN, IN(probe_for), .min = 1, .max = 3600,
     .fallback = "60s", .help = "How long after the reload the new certificate may take to appear."},
};
const struct conf_section agent_services = {
    .name = "services", KEYS(service_keys),
    ELEMENTS_OF(agent_cert, agent_service, services, 32), .examples = 1,
    .help = "Services that use them, in the order in which they are reloaded."};

#undef IN
#undef ARGV
#define IN(field) AT(agent_secret, field)
#define IN_POD "/var/run/secrets/kubernetes.io/serviceaccount/"

static const struct conf_key secret_keys[] = {
    {.name = "name", .type = CONF_TEXT, IN(name), .check = conf_check_dns, .example = "web-tls",
     .help = "Name of the Secret. It is made where it is not there; where it is, its type must be "
             "kubernetes.io/tls."},
    {.name = "namespace", .type = CONF_TEXT, IN(namespace), .check = check_label,
     .fallback = "default", .help = "Its namespace."},
    {.name = "server", .type = CONF_TEXT, IN(server), .check = check_server,
     .fallback = "https://kubernetes.default.svc", .help = "The cluster's API."},
    {.name = "token_file", .type = CONF_PATH, IN(token_file), .fallback = IN_POD "token",
     .help = "File of the token of an account that may get, create and patch that Secret."},
    {.name = "ca_file", .type = CONF_PATH, IN(ca_file), .fallback = IN_POD "ca.crt",
     .help = "PEM file of the certificates below which the server must be."},
    {.name = "time_limit", .type = CONF_SPAN, IN(time_limit), .min = 1, .max = 3600,
     .fallback = "60s", .help = "All that is asked of the server may take this long."},
};
static const struct conf_section secret_section = {
    .name = "secrets", KEYS(secret_keys), ELEMENTS_OF(agent_cert, agent_secret, secrets, 16),
    .help = "Secrets of Kubernetes that get the key and the full chain, after the services."};

#undef IN
#define IN(field) AT(agent_cert, field)
#define ARGV(field) MANY(agent_cert, field), .fallback = ""

static const struct conf_key hook_keys[] = {
    {.name = "before", .type = CONF_ARGV, ARGV(before),
     .help = "Command before files change; when it fails, nothing changes."},
    {.name = "after", .type = CONF_ARGV, ARGV(after),
     .help = "Command after the new certificate was seen to be served."},
    {.name = "failed", .type = CONF_ARGV, ARGV(failed),
     .help = "Command when a renewal fails, with CERCA_REASON and CERCA_RULE in its environment."},
    {.name = "time_limit", .type = CONF_SPAN, IN(hook_limit), .min = 1, .max = 3600,
     .fallback = "60s", .help = "Each may take this long."},
};
const struct conf_section agent_hooks = {
    .name = "hooks", KEYS(hook_keys), .help = "Commands of your own. None goes through a shell."};

static const struct conf_section *const entry_sections[] = {
    &cert_section, &agent_key_section, &file_section, &agent_services, &secret_section, &agent_hooks};
const struct conf_table entry_table = {entry_sections, 6};
