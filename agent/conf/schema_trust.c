/* The schema of trust.d/NAME.conf. */
#include <string.h>

#include "agent/conf/schema.h"
#include "agent/conf/trust.h"
#include "lib/conf_table.h"

#define RULE "conf.value"

static int check_url(const char *text, struct fault *f)
{
    static const char *const schemes[] = {"https://", "http://", "file:///"};

    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
        if (strncmp(text, schemes[i], strlen(schemes[i])) == 0 && text[strlen(schemes[i])] != '\0')
            return 0;
    return fault_set(f, FAULT_CONFIG, RULE, "must begin with https://, http:// or file:///");
}

static const struct conf_word kinds[] = {{"crl", TRUST_CRL}, {"ca", TRUST_CA}, {NULL, 0}};
static const struct conf_word forms[] = {{"pem", TRUST_PEM},
                                         {"der", TRUST_DER},
                                         {"hashed", TRUST_HASHED},
                                         {"serials", TRUST_SERIALS},
                                         {NULL, 0}};

/* A key is a few lines here, its help the last. */
/* clang-format off */

#define AT(type, field) .at = offsetof(struct type, field)
#define MANY(type, field) .at = offsetof(struct type, field), .at_too = offsetof(struct type, n_##field), .max = LIST_MAX

#define IN(field) AT(agent_trust, field)

static const struct conf_key trust_keys[] = {
    {.name = "every", .type = CONF_SPAN, IN(every), .min = 10, .max = 30 * DAY, .fallback = "1h",
     .help = "How often the sources are asked."},
    {.name = "min_remaining", .type = CONF_SPAN, IN(min_remaining), .min = 0, .max = 365 * DAY,
     .fallback = "none",
     .help = "When less than this is left until a nextUpdate, the entry is late: that is logged, "
             "reported, and hook failed is told. none: a third of what the list had at first."},
    {.name = "max_size", .type = CONF_SIZE, IN(max_size), .min = KIB, .max = 256 * MIB,
     .fallback = "32MiB", .help = "What is larger is refused."},
    {.name = "take_over", .type = CONF_BOOL, AT(agent_trust, as.take_over), .fallback = "false",
     .help = "Whether files that lie at the paths become the first version. Without it, files that "
             "are there are an error."},
    {.name = "keep", .type = CONF_NUMBER, AT(agent_trust, as.keep), .min = 1, .max = 20,
     .fallback = "2", .help = "Versions that are kept beside the current one."},
};
static const struct conf_section trust_section = {
    .name = "trust", KEYS(trust_keys), .help = "What is kept fresh."};

#undef IN
#define IN(field) AT(trust_source, field)

static const struct conf_key source_keys[] = {
    {.name = "name", .type = CONF_TEXT, IN(name), .check = conf_check_name,
     .example = "issuing-crl|ca", .help = "Name of the source, for files and messages."},
    {.name = "kind", .type = CONF_WORD, IN(kind), .words = kinds, .fallback = "crl",
     .example = "crl|ca",
     .help = "crl: a full CRL, DER or PEM. ca: CA certificates, PEM, DER or the PKCS#7 of EST."},
    {.name = "url", .type = CONF_TEXT, IN(url), .check = check_url,
     .example = "http://ca.example.com/crl/issuing.crl|https://ca.example.com:8443/.well-known/est/cacerts",
     .help = "Where it is: http, https or file."},
    {.name = "issuer", .type = CONF_PATH, IN(issuer),
     .example = "/etc/cerca-agent/issuing.pem|/etc/cerca-agent/ca.pem",
     .help = "PEM file. Of crl: the certificates one of which must have signed it. Of ca: those below "
             "which each certificate must be; a new root must come with its certificate by an older one."},
    {.name = "trust", .type = CONF_PATH, IN(trust), .fallback = "",
     .help = "PEM file of the certificates below which an https server must be; \"\": that of "
             "agent.conf."},
};
static const struct conf_section source_section = {
    .name = "sources", KEYS(source_keys),
    ELEMENTS_OF(agent_trust, trust_source, sources, TRUST_SOURCES_MAX), .examples = 2,
    .help = "Where things come from."};

#undef IN
#define IN(field) AT(trust_file, field)

static const struct conf_key list_keys[] = {
    {.name = "path", .type = CONF_TEXT, IN(path), .check = agent_check_file,
     .example = "/etc/nginx/clients.crl|/etc/freeradius/3.0/certs/trust",
     .help = "Where services read it; a name alone: in the folder current of the entry."},
    {.name = "form", .type = CONF_WORD, IN(form), .words = forms, .fallback = "pem",
     .example = "pem|hashed",
     .help = "pem: all in one file. der: one source. hashed: a folder with names by subject, as "
             "openssl rehash makes. serials: a folder with a file for each revoked serial number, "
             "for OpenVPN's crl-verify dir."},
    {.name = "sources", .type = CONF_TEXTS, MANY(trust_file, sources), .fallback = "",
     .check = conf_check_name, .example = "issuing-crl|",
     .help = "Names of the sources that are in it; none: all."},
    {.name = "owner", .type = CONF_TEXT, IN(owner), .fallback = "",
     .help = "User that owns it, by name or number; \"\": who runs the agent."},
    {.name = "group", .type = CONF_TEXT, IN(group), .fallback = "", .help = "Its group."},
    {.name = "mode", .type = CONF_MODE, IN(mode), .fallback = "",
     .help = "Permissions of files, such as \"0640\"; \"\": 0644."},
};
static const struct conf_section list_section = {
    .name = "files", KEYS(list_keys),
    ELEMENTS_OF(agent_trust, trust_file, lists, TRUST_FILES_MAX), .examples = 2,
    .help = "Files that are kept, all of them changed at once."};

static const struct conf_section *const trust_sections[] = {
    &trust_section, &source_section, &list_section, &agent_services, &agent_hooks};
const struct conf_table trust_table = {trust_sections, 5};
