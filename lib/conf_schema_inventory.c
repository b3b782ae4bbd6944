/* The schema: what has to be known of everything. */
#include <string.h>

#include "lib/annotation.h"
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
};

const struct conf_section conf_inventory = {
    .name = "inventory", KEYS(inventory_keys),
    .help = "What has to be known of what was issued, imported and scanned.",
};

/* clang-format on */

unsigned conf_inventory_required(const struct conf *c, const char *profile)
{
    unsigned required = c->inventory_required;

    for (size_t i = 0; i < c->n_profiles; i++)
        if (strcmp(c->profiles[i].name, profile) == 0)
            required |= c->profiles[i].inventory_required;
    return required;
}
