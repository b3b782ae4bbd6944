/* The schema: what has to be known of everything, and what was reviewed. */
#include <string.h>

#include "lib/annotation.h"
#include "lib/clock.h"
#include "lib/conf_table.h"

const struct conf_word conf_annotations[] = {
    {"owner", ANNOTATION_OWNER},
    {"contact", ANNOTATION_CONTACT},
    {"application", ANNOTATION_APPLICATION},
    {"environment", ANNOTATION_ENVIRONMENT},
    {"purpose", ANNOTATION_PURPOSE},
    {"criticality", ANNOTATION_CRITICALITY},
    {"method", ANNOTATION_METHOD},
    {"note", ANNOTATION_NOTE},
    {"tags", ANNOTATION_TAGS},
    {"reviewed", ANNOTATION_REVIEWED},
    {NULL, 0},
};

/* A key is a few lines here, its help the last. */
/* clang-format off */

static const struct conf_key inventory_keys[] = {
    {.name = "required", .type = CONF_BITS32, .at = offsetof(struct conf, inventory_required),
     .words = conf_annotations, .max = LIST_MAX, .fallback = "", .example = "owner",
     .help = "What has to be written about every certificate (cerca inventory set). Without an "
             "owner nothing is issued; the rest are findings."},
    {.name = "expect_seen", .type = CONF_SPAN, .at = offsetof(struct conf, scan_expected), .min = 0, .max = YEAR,
     .fallback = "none",
     .help = "What is issued for a server, and was seen by no scan and no agent for so long, is a "
             "finding, seen.never. none: it is none."},
    {.name = "forget_unseen", .type = CONF_SPAN, .at = offsetof(struct conf, scan_forgotten), .min = 0, .max = 10 * YEAR,
     .fallback = "180d",
     .help = "What no scan has looked at for so long is forgotten, with the findings there. none: "
             "never."},
};

const struct conf_section conf_inventory = {
    .name = "inventory", KEYS(inventory_keys),
    .help = "What has to be known of what was issued, imported and scanned.",
};

#define IN(field) .at = offsetof(struct conf_review, field)

static const struct conf_key review_keys[] = {
    {.name = "name", .type = CONF_TEXT, IN(name), .check = conf_check_owner, .example = "TLS 1.3",
     .help = "A protocol, cipher suite or algorithm: as cerca report pci calls it, or another one "
             "that is in use here, which gets a line there."},
    {.name = "use", .type = CONF_TEXT, IN(use), .fallback = "", .example = "web servers",
     .help = "What another one is used for."},
    {.name = "where", .type = CONF_TEXT, IN(where), .fallback = "", .example = "nginx",
     .help = "Where it is used."},
    {.name = "reviewed", .type = CONF_TEXT, IN(reviewed), .check = conf_check_day,
     .example = "2026-10-31", .help = "When it was last reviewed."},
    {.name = "by", .type = CONF_TEXT, IN(by), .fallback = "", .example = "security",
     .help = "Who did."},
};

const struct conf_section conf_reviews = {
    .name = "reviews", KEYS(review_keys), ELEMENTS(conf_review, reviews, 1024), .examples = 1,
    .help = "When the cryptography in use was reviewed, for cerca report pci: PCI DSS 12.3.3 wants "
            "that every year.",
};

/* clang-format on */

int conf_check_day(const char *text, struct fault *f)
{
    int64_t day;

    if (clock_parse(text, &day) == 0)
        return 0;
    return fault_set(f, FAULT_CONFIG, "conf.value", "must be a day such as 2027-01-31");
}

unsigned conf_inventory_required(const struct conf *c, const char *profile)
{
    unsigned required = c->inventory_required;

    for (size_t i = 0; i < c->n_profiles; i++)
        if (strcmp(c->profiles[i].name, profile) == 0)
            required |= c->profiles[i].inventory_required;
    return required;
}
