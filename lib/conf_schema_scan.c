/* The schema: scans by themselves. */
#include "lib/conf_table.h"
#include "lib/proto_scan.h"

/* A key is a few lines here, its help the last. */
/* clang-format off */

#define IN(field) .at = offsetof(struct conf_scan, field)

static const struct conf_key scan_keys[] = {
    {.name = "name", .type = CONF_TEXT, IN(name), .check = conf_check_name, .example = "servers",
     .help = "The job's name."},
    {.name = "targets", .type = CONF_TEXTS, IN(targets),
     .at_too = offsetof(struct conf_scan, n_targets), .min = 1, .max = 1024,
     .example = "10.1.0.0/24 www.example.com:443,25/smtp",
     .help = "What is looked at: names, addresses, ADDRESS-ADDRESS, CIDR, with \":PORTS\" behind "
             "where they are others. A word is never the name of a file here."},
    {.name = "ports", .type = CONF_TEXT, IN(ports), .fallback = "443",
     .help = "Ports of targets that have none, as cerca scan takes them."},
    {.name = "exclude", .type = CONF_TEXTS, IN(exclude),
     .at_too = offsetof(struct conf_scan, n_exclude), .max = 1024, .fallback = "",
     .help = "Addresses, ADDRESS-ADDRESS and CIDR that nothing is connected to."},
    {.name = "sni", .type = CONF_TEXTS, IN(sni), .at_too = offsetof(struct conf_scan, n_sni),
     .max = SCAN_NAMES_MAX, .fallback = "",
     .help = "Names to ask with everywhere, beside none and the target's own."},
    {.name = "every", .type = CONF_SPAN, IN(every), .min = 60, .max = YEAR, .fallback = "1d",
     .help = "How often, from begin to begin."},
    {.name = "rate", .type = CONF_NUMBER, IN(rate), .min = 1, .max = 100000, .fallback = "100",
     .help = "New connections a second."},
    {.name = "per_network", .type = CONF_NUMBER, IN(per_network), .min = 1, .max = 100000,
     .fallback = "20",
     .help = "Of them to one network, a /24 or an IPv6 /64."},
    {.name = "timeout", .type = CONF_SPAN, IN(timeout), .min = 1, .max = 600, .fallback = "10s",
     .help = "One target and name may take this long."},
    {.name = "handshake_only", .type = CONF_BOOL, IN(handshake_only), .fallback = "false",
     .help = "Whether versions and ciphers are not asked for."},
};

const struct conf_section conf_scan_list = {
    .name = "scans", KEYS(scan_keys), ELEMENTS(conf_scan, scans, CONF_SCANS_MAX), .examples = 1,
    .help = "Scans that go by themselves. cerca-scan makes them, one at a time.",
};

#undef IN
#define IN(field) .at = offsetof(struct conf, field)

static const struct conf_key scanner_keys[] = {
    {.name = "user", .type = CONF_USER, IN(scan_user),
     .at_too = offsetof(struct conf, has_scan_user), .fallback = "",
     .help = "User that cerca-scan runs as, by name or number; \"\": the one that started cercad. "
             "It connects to what is scanned and reads nothing of the CA."},
};

const struct conf_section conf_scanner = {
    .name = "scanner", KEYS(scanner_keys), .help = "The program that scans.",
};

/* clang-format on */
