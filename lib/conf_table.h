/* What the files of a schema are written with; included by lib/conf_schema*.c and
 * agent/conf/schema*.c alone. Each defines IN(field) for the struct of the section that follows. */
#ifndef LIB_CONF_TABLE_H
#define LIB_CONF_TABLE_H

#include "lib/conf_schema.h"

#define DAY UINT64_C(86400)
#define YEAR (365 * DAY)
#define KIB (UINT64_C(1) << 10)
#define MIB (UINT64_C(1) << 20)
#define TIB (UINT64_C(1) << 40)
#define LIST_MAX 64 /* items */

#define KEYS(k) .keys = k, .n_keys = sizeof(k) / sizeof((k)[0])
#define ELEMENTS_OF(root, type, field, most)                                                       \
    .list = true, .size = sizeof(struct type), .at = offsetof(struct root, field),                 \
    .at_n = offsetof(struct root, n_##field), .max = (most)
#define ELEMENTS(type, field, most) ELEMENTS_OF(conf, type, field, most)

/* lib/conf_schema_ca.c */
extern const struct conf_section conf_tokens, conf_issuers, conf_ceremony, conf_signings;
/* lib/conf_schema_profiles.c */
extern const struct conf_section conf_profiles;
/* lib/conf_schema_people.c */
extern const struct conf_section conf_operators, conf_grants;
/* lib/conf_schema_enroll.c */
extern const struct conf_section conf_https, conf_est_labels, conf_est_people, conf_metrics;
/* lib/conf_schema_alerts.c */
extern const struct conf_section conf_alerts, conf_owners, conf_inventory, conf_reviews;

/* lib/conf_schema_watch.c */
extern const struct conf_section conf_channel_list, conf_watch;
/* lib/conf_schema_scan.c */
extern const struct conf_section conf_scan_list, conf_scanner;

#endif
