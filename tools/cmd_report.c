/* cerca report: which reports there are, and of what each is made. */
#include <string.h>

#include "tools/certjson.h"
#include "tools/commands.h"
#include "tools/report.h"

#define WITHIN_DEFAULT (90 * REPORT_DAY)
#define OWNERS_MAX 200

static void cell_day(const json_t *row, struct buf *out, const char *key)
{
    buf_put_slice(out, slice_of(json_str(row, key), strcspn(json_str(row, key), "T")));
}

static void cell_ends(const json_t *row, struct buf *out)
{
    cell_day(row, out, "not_after");
}

static void cell_reviewed(const json_t *row, struct buf *out)
{
    cell_day(row, out, "reviewed");
}

static void cell_renewed(const json_t *row, struct buf *out)
{
    buf_put_str(out, json_is_true(json_object_get(row, "renewed")) ? "yes" : "no");
}

static void cell_owner(const json_t *row, struct buf *out)
{
    const char *owner = json_str(row, "owner");

    buf_put_str(out, owner[0] != '\0' ? owner : "(none)");
}

#define TRAIL "report_made", "checkpoint_size", "checkpoint_root", NULL

/* ---- inventory ---- */

static const struct report_column inventory_columns[] = {
    {"Name", NULL, cert_cell_name, NULL}, {"Status", "status", NULL, "t"},
    {"Issuer", "issuer", NULL, NULL},     {"Key", "key", NULL, "t"},
    {"Owner", NULL, cell_owner, NULL},    {"Ends", NULL, cell_ends, "t"},
    {"Serial", "serial", NULL, "mono"},   {NULL, NULL, NULL, NULL},
};
static const char *const inventory_keys[] = {
    "serial",  "issuer",      "subject",   "sans",     "profile",   "owner",       "requester",
    "status",  "not_before",  "not_after", "key",      "signature", "fingerprint", "renewed",
    "source",  "origin",      "last_seen", "identity", "contact",   "application", "environment",
    "purpose", "criticality", "method",    "tags",     "reviewed",  "retired",     TRAIL,
};

static int inventory_sections(struct report *r, struct fault *f)
{
    (void)f;
    (void)part_totals(r);
    (void)part_months(r);
    (void)part_tally(r, &r->sums.issuer, "issuers", "By issuer", "Issuer", 20);
    (void)part_tally(r, &r->sums.key, "keys", "By kind of key", "Key", 20);
    return part_tally(r, &r->sums.owner, "owners", "By owner", "Owner", 20);
}

static const struct report_kind inventory = {
    .name = "inventory",
    .title = "Certificate inventory",
    .about = "Every certificate that this CA issued, and every other one that it was shown.",
    .columns = inventory_columns,
    .keys = inventory_keys,
    .sections = inventory_sections,
};

/* ---- expiring ---- */

static void expiring_preset(struct list_request *r, int64_t *within)
{
    if (*within == 0)
        *within = WITHIN_DEFAULT;
    memcpy(r->status, "valid", sizeof("valid"));
}

static const struct report_column expiring_columns[] = {
    {"Ends", NULL, cell_ends, "t"},
    {"Days", "days", NULL, "n"},
    {"Name", NULL, cert_cell_name, NULL},
    {"Renewed", NULL, cell_renewed, "t"},
    {"Owner", NULL, cell_owner, NULL},
    {"Contact", "contact", NULL, NULL},
    {"Issuer", "issuer", NULL, NULL},
    {"Serial", "serial", NULL, "mono"},
    {NULL, NULL, NULL, NULL},
};
static const char *const expiring_keys[] = {
    "not_after", "days",        "sans",     "subject", "renewed",     "owner",
    "contact",   "issuer",      "serial",   "profile", "application", "environment",
    "method",    "criticality", "identity", "source",  "fingerprint", TRAIL,
};

static int expiring_sections(struct report *r, struct fault *f)
{
    (void)f;
    (void)part_spans(r);
    (void)part_months(r);
    return part_tally(r, &r->sums.owner, "owners", "By owner", "Owner", 20);
}

static const struct report_kind expiring = {
    .name = "expiring",
    .title = "Expiring certificates",
    .about = "Valid certificates that end soon, soonest first, and whether another follows them.",
    .preset = expiring_preset,
    .columns = expiring_columns,
    .keys = expiring_keys,
    .sections = expiring_sections,
};

/* ---- executive ---- */

static int executive_sections(struct report *r, struct fault *f)
{
    (void)part_totals(r);
    (void)part_spans(r);
    (void)part_months(r);
    (void)part_tally(r, &r->sums.issuer, "issuers", "By issuer", "Issuer", 10);
    (void)part_tally(r, &r->sums.key, "keys", "By kind of key", "Key", 10);
    (void)part_tally(r, &r->sums.owner, "owners", "By owner", "Owner", 10);
    if (part_findings_counted(r, f) != 0)
        return -(int)f->code;
    return part_authorities(r, f);
}

static const struct report_kind executive = {
    .name = "executive",
    .title = "Certificates at a glance",
    .about = "How many certificates there are, what ends, and what is taken care of.",
    .sections = executive_sections,
};

/* ---- pci ---- */

static const struct report_column pci_columns[] = {
    {"Name", NULL, cert_cell_name, NULL},
    {"Issuer", "issuer", NULL, NULL},
    {"Key", "key", NULL, "t"},
    {"Signature", "signature", NULL, NULL},
    {"Owner", NULL, cell_owner, NULL},
    {"Ends", NULL, cell_ends, "t"},
    {"Reviewed", NULL, cell_reviewed, "t"},
    {"Serial", "serial", NULL, "mono"},
    {NULL, NULL, NULL, NULL},
};

static void pci_preset(struct list_request *r, int64_t *within)
{
    (void)within;
    if (r->status[0] == '\0')
        memcpy(r->status, "valid", sizeof("valid"));
}

static int pci_sections(struct report *r, struct fault *f)
{
    int rc = part_authorities(r, f);

    if (rc != 0)
        return rc;
    (void)part_totals(r);
    (void)part_algorithms(r);
    return part_protocols(r);
}

static const struct report_kind pci = {
    .name = "pci",
    .title = "PCI DSS 4.0.1: keys, certificates and cryptography",
    .about = "4.2.1.1: the inventory of trusted keys and certificates. 12.3.3: the cryptographic "
             "algorithms and protocols in use, and when they were reviewed.",
    .preset = pci_preset,
    .columns = pci_columns,
    .keys = inventory_keys,
    .sections = pci_sections,
};

/* ---- owner ---- */

static int owner_sections(struct report *r, struct fault *f)
{
    (void)f;
    (void)part_totals(r);
    return part_tally(r, &r->sums.owner, "owners", "By owner", "Owner", OWNERS_MAX);
}

static const struct report_kind owner = {
    .name = "owner",
    .title = "Certificates by owner",
    .about = "Who has how many certificates, what of them ends, and what nobody has.",
    .sections = owner_sections,
};

/* ---- compliance and soc2 ---- */

static int compliance_sections(struct report *r, struct fault *f)
{
    (void)part_totals(r);
    if (part_findings(r, f) != 0 || part_exceptions(r, f) != 0)
        return -(int)f->code;
    (void)part_tally(r, &r->sums.key, "keys", "By kind of key", "Key", 20);
    (void)part_tally(r, &r->sums.signature, "signatures", "By signature", "Signature", 20);
    (void)part_tally(r, &r->sums.issuer, "issuers", "By issuer", "Issuer", 20);
    return part_tally(r, &r->sums.owner, "owners", "By owner", "Owner", 20);
}

static const struct report_kind compliance = {
    .name = "compliance",
    .title = "Compliance of certificates",
    .about = "What breaks the policy, by rule and severity, what of it is accepted until when, and "
             "who has it.",
    .sections = compliance_sections,
};

static int soc2_sections(struct report *r, struct fault *f)
{
    (void)part_totals(r);
    (void)part_watching(r);
    if (part_findings_counted(r, f) != 0 || part_exceptions(r, f) != 0 || part_alerts(r, f) != 0)
        return -(int)f->code;
    return part_health(r, f);
}

static const struct report_kind soc2 = {
    .name = "soc2",
    .title = "SOC 2 CC7.1: detection and monitoring of certificates",
    .about = "What is watched for, what was found and told, who answered, and the state of the CA.",
    .sections = soc2_sections,
};

/* ---- the commands ---- */

static const struct opt opts[] = {
    {"out", OPT_TEXT, offsetof(struct report_args, out), "FILE", "instead of standard output", 0},
    {"rows", OPT_COUNT, offsetof(struct report_args, rows), "N",
     "certificates that HTML lists (default 10000); CSV and JSON have all", 0},
    {NULL, OPT_FLAG, 0, NULL, NULL, 0},
};
static const struct report_args defaults = {.rows = 10000};

#define REPORT(word, what, example)                                                                \
    static int run_##word(struct tool *t, void *args)                                              \
    {                                                                                              \
        return report_run(t, &word, args);                                                         \
    }                                                                                              \
    const struct command cmd_report_##word = {                                                     \
        .name = "report " #word,                                                                   \
        .help = what,                                                                              \
        .arguments = "[options]",                                                                  \
        .examples = example,                                                                       \
        .opts = opts,                                                                              \
        .shared = list_args_opts,                                                                  \
        .args_size = sizeof(struct report_args),                                                   \
        .defaults = &defaults,                                                                     \
        .formats = FORMAT_HTML | FORMAT_JSON | FORMAT_CSV,                                         \
        .format = FORMAT_HTML,                                                                     \
        .run = run_##word,                                                                         \
    }

REPORT(inventory, "report all certificates, with counts and charts",
       "  cerca report inventory --out inventory.html\n"
       "  cerca report inventory --environment production -o csv --out inventory.csv\n");
REPORT(expiring, "report what ends soon, and what of it has no renewal",
       "  cerca report expiring --expires-within 30d --out expiring.html\n"
       "  cerca report expiring -o json | jq '.certificates[] | select(.renewed | not)'\n");
REPORT(executive, "report the state of all certificates on a page or two",
       "  cerca report executive --out certificates.html\n");
REPORT(pci, "report the inventory and the cryptography that PCI DSS 4.2.1.1 and 12.3.3 ask for",
       "  cerca report pci --out pci.html\n");
REPORT(owner, "report who has how many certificates, and what of them ends",
       "  cerca report owner --out owners.html\n");
REPORT(compliance, "report what breaks the policy, what is accepted, and whose it is",
       "  cerca report compliance --out compliance.html\n"
       "  cerca report compliance --owner team-web -o csv\n");
REPORT(soc2, "report what is watched for, found and told: evidence for SOC 2 CC7.1",
       "  cerca report soc2 --out soc2.html\n");
