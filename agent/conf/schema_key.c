/* The schema of `key` in conf.d/NAME.conf: keys that stay in a token. */
#include "agent/conf/conf.h"
#include "agent/conf/schema.h"
#include "lib/conf_table.h"

#define ITEMS_MAX 16 /* as cerca-agent-key takes */

static int check_token(const char *text, struct fault *f)
{
    return text[0] == '\0' ? 0 : conf_check_token_uri(text, f);
}

static int check_label(const char *text, struct fault *f)
{
    return text[0] == '\0' ? 0 : conf_check_name(text, f);
}

/* A key is a few lines here, its help the last. */
/* clang-format off */

#define IN(field) .at = offsetof(struct agent_cert, field)
#define LIST(field, count) IN(field), .at_too = offsetof(struct agent_cert, count), .max = ITEMS_MAX

static const struct conf_key key_keys[] = {
    {.name = "token", .type = CONF_TEXT, IN(token.uri), .fallback = "", .check = check_token,
     .help = "RFC 7512 URI of the token or TPM in which keys are made and stay, such as "
             "\"pkcs11:token=host\"; \"\": keys are files. With it, module and pin_file must be said."},
    {.name = "module", .type = CONF_PATH, IN(token.module), .fallback = "",
     .help = "The PKCS#11 module, a shared library: /usr/lib/softhsm/libsofthsm2.so, "
             "/usr/lib/x86_64-linux-gnu/libtpm2_pkcs11.so.1."},
    {.name = "pin_file", .type = CONF_PATH, IN(token.pin_file), .fallback = "",
     .help = "File with the user PIN, readable by nobody else. One that the token refuses is not "
             "tried again before this file changes."},
    {.name = "label", .type = CONF_TEXT, IN(key_label), .fallback = "", .check = check_label,
     .help = "Keys are called so, with \"-\" and the version behind it; \"\": as the entry."},
    {.name = "init_reserved", .type = CONF_TEXT, IN(token.init_reserved), .fallback = "",
     .help = "Text for the module's C_Initialize (pReserved of CK_C_INITIALIZE_ARGS), for modules "
             "that take parameters so, such as NSS softokn."},
    {.name = "environment", .type = CONF_ENV, LIST(token.environment, token.n_environment),
     .fallback = "", .check = conf_check_env,
     .help = "Environment for the module, NAME=VALUE: \"TPM2_PKCS11_STORE=/var/lib/tpm2\". %d is the "
             "folder of agent.conf, %% a percent sign. No place for secrets."},
    {.name = "paths", .type = CONF_PATHS, LIST(token.paths, token.n_paths), .fallback = "",
     .help = "Files, folders or devices that the module reads and writes: \"/dev/tpmrm0\"."},
    {.name = "read_paths", .type = CONF_PATHS, LIST(token.read_paths, token.n_read_paths),
     .fallback = "", .help = "Files or folders that the module only reads."},
    {.name = "network", .type = CONF_BOOL, IN(token.network), .fallback = "false",
     .help = "Whether the module talks to its token over TCP."},
    {.name = "call_limit", .type = CONF_SPAN_MS, IN(token.call_limit_ms), .min = 1, .max = 600,
     .fallback = "10s", .help = "A call into the module that takes longer fails."},
};
const struct conf_section agent_key_section = {
    .name = "key", KEYS(key_keys),
    .help = "Keys that are made in a PKCS#11 token or a TPM and never leave it. Services reach them by "
            "their URI (files: key-uri)."};
