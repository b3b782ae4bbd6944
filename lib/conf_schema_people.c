/* The schema: operators, and what single ones may ask for. */
#include "lib/conf_table.h"

/* A key is a few lines here, its help the last. */
/* clang-format off */

#define IN(field) .at = offsetof(struct conf_operator, field)

static const struct conf_key operator_keys[] = {
    {.name = "name", .type = CONF_TEXT, IN(name), .check = conf_check_name, .example = "alice",
     .help = "Name of the operator in records and audit."},
    {.name = "uid", .type = CONF_UID, IN(uid), .example = "1000",
     .help = "User that the operator is on this host, by number or name."},
    {.name = "role", .type = CONF_WORD, IN(role), .words = conf_roles, .example = "admin",
     .help = "auditor (reads), operator (issues and revokes too) or admin (everything)."},
    {.name = "limit", .type = CONF_TEXT, IN(limit), .fallback = "", .check = conf_check_limit,
     .help = "Certificates that this operator, and the tokens that they made, may get in a time, "
             "such as \"20/1d\"; \"\": requester_limit."},
};

const struct conf_section conf_operators = {
    .name = "operators", KEYS(operator_keys), ELEMENTS(conf_operator, operators, 1024),
    .examples = 1,
    .help = "Who may use the admin socket, known by the uid of the caller.",
};

#undef IN
#define IN(field) .at = offsetof(struct conf_grant, field)
#define LIST(field) IN(field), .at_too = offsetof(struct conf_grant, n_##field), .max = LIST_MAX

static const struct conf_key grant_keys[] = {
    {.name = "name", .type = CONF_TEXT, IN(name), .check = conf_check_name, .example = "alice-web",
     .help = "How refusals call this grant."},
    {.name = "operator", .type = CONF_TEXT, IN(operator), .check = conf_check_name,
     .example = "alice",
     .help = "Whom it is for. An operator with grants may ask for, import and write about nothing else."},
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

const struct conf_section conf_grants = {
    .name = "grants", KEYS(grant_keys), ELEMENTS(conf_grant, grants, 4096), .examples = 1,
    .help = "What single operators may ask for, when that is less than their role allows.",
};

/* clang-format on */
