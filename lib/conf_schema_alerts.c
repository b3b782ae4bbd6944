/* The schema: what people are told of, when, and who. */
#include "lib/conf_table.h"

/* A key is a few lines here, its help the last. */
/* clang-format off */

#define THRESHOLDS_MAX 16

#define IN(field) .at = offsetof(struct conf, field)
#define LIST(field, most) IN(field), .at_too = offsetof(struct conf, n_##field), .max = (most)

static const struct conf_key alert_keys[] = {
    {.name = "expiry", .type = CONF_TEXTS, LIST(alert_days, THRESHOLDS_MAX),
     .fallback = "60d 30d 14d 7d 1d", .check = conf_check_days,
     .help = "So long before a certificate ends its owner is told, unless another follows it: once "
             "for each. The last two are critical; before the renewal is late it is only worth "
             "knowing."},
    {.name = "short_life", .type = CONF_SPAN, IN(alert_short_life), .min = 1, .max = 10 * YEAR,
     .fallback = "90d",
     .help = "Certificates with a shorter life go by fractions instead."},
    {.name = "fractions", .type = CONF_TEXTS, LIST(alert_fractions, THRESHOLDS_MAX),
     .fallback = "25% 15% 10% 5% 2%", .check = conf_check_percent,
     .help = "The same for short lives: so much of the life is left."},
    {.name = "least_life", .type = CONF_SPAN, IN(alert_least_life), .min = 0, .max = YEAR,
     .fallback = "2d",
     .help = "Of certificates with a life shorter than this nobody is told."},
    {.name = "forget", .type = CONF_SPAN, IN(alert_forget), .min = 3600, .max = 10 * YEAR,
     .fallback = "30d",
     .help = "What ended this long ago and was not followed by another is given up."},
    {.name = "skip_profiles", .type = CONF_TEXTS, LIST(alert_skip, LIST_MAX),
     .check = conf_check_name, .fallback = "ocsp-responder",
     .help = "Of certificates of these profiles nobody is told."},
    {.name = "renewal_opens", .type = CONF_NUMBER, IN(renewal_opens), .min = 1, .max = 99,
     .fallback = "66",
     .help = "When this much of a certificate's life is over, in percent, its renewal is due."},
    {.name = "renewal_late", .type = CONF_NUMBER, IN(renewal_late), .min = 1, .max = 99,
     .fallback = "80",
     .help = "When this much is over it is overdue; more than renewal_opens."},
    {.name = "distrusted", .type = CONF_TEXTS, LIST(alert_distrusted, LIST_MAX), .fallback = "",
     .example = "Symantec",
     .help = "Issuers of imported certificates that nobody should have any more: a part of the "
             "issuer's name, as cerca prints it."},
    {.name = "after", .type = CONF_SPAN, IN(alert_after), .min = 0, .max = DAY, .fallback = "2m",
     .help = "What is wrong with the CA itself has to last this long before anybody is told."},
    {.name = "backup_age", .type = CONF_SPAN, IN(alert_backup_age), .min = 0, .max = 10 * YEAR,
     .fallback = "8d",
     .help = "When the newest backup is older than this, somebody is told; none: never."},
    {.name = "repeat", .type = CONF_SPAN, IN(alert_repeat), .min = 0, .max = YEAR,
     .fallback = "7d",
     .help = "A warning that nobody has acknowledged is repeated this often; none: never."},
    {.name = "repeat_critical", .type = CONF_SPAN, IN(alert_repeat_critical), .min = 0,
     .max = YEAR, .fallback = "1d",
     .help = "The same for what is critical."},
    {.name = "team_after", .type = CONF_SPAN, IN(alert_team_after), .min = 0, .max = YEAR,
     .fallback = "3d",
     .help = "A warning that nobody has acknowledged for this long goes to the team; none: "
             "never."},
    {.name = "security_after", .type = CONF_SPAN, IN(alert_security_after), .min = 0, .max = YEAR,
     .fallback = "7d",
     .help = "And after this long to security; longer than team_after. Both count since it was "
             "raised."},
    {.name = "team_after_critical", .type = CONF_SPAN, IN(alert_team_after_critical), .min = 0,
     .max = YEAR, .fallback = "4h",
     .help = "The same for what is critical."},
    {.name = "security_after_critical", .type = CONF_SPAN, IN(alert_security_after_critical),
     .min = 0, .max = YEAR, .fallback = "1d",
     .help = "The same for what is critical."},
    {.name = "quiet_from", .type = CONF_TEXT, IN(alert_quiet_from), .check = conf_check_daytime,
     .fallback = "",
     .help = "From this time of the day, in UTC (\"22:00\"), until quiet_until nothing is sent but "
             "what is critical; the rest waits. \"\": there are no quiet hours."},
    {.name = "quiet_until", .type = CONF_TEXT, IN(alert_quiet_until), .check = conf_check_daytime,
     .fallback = "",
     .help = "The end of the quiet hours, in UTC; it may be on the next day."},
    {.name = "digest_at", .type = CONF_TEXT, IN(alert_digest_at), .check = conf_check_daytime,
     .fallback = "06:00",
     .help = "At this time of the day, in UTC, each owner with open alerts gets one list of them. "
             "What is only worth knowing is told there alone. \"\": there are no digests, and that "
             "is told at once too."},
    {.name = "heartbeat", .type = CONF_SPAN, IN(alert_heartbeat), .min = 0, .max = 30 * DAY,
     .fallback = "1d",
     .help = "This often a message says that alerting is alive, to be missed when it does not "
             "come; none: never."},
    {.name = "contact", .type = CONF_TEXT, IN(alert_contact), .fallback = "",
     .example = "pki@example.com",
     .help = "Mail address of who is told of what has no owner, and of the CA itself; \"\": "
             "nobody but the channels themselves."},
    {.name = "team", .type = CONF_TEXT, IN(alert_team), .fallback = "",
     .help = "Address of the team that alerts escalate to, where the owner has none."},
    {.name = "security", .type = CONF_TEXT, IN(alert_security), .fallback = "",
     .help = "The last address that alerts escalate to."},
};

const struct conf_section conf_alerts = {
    .name = "alerts", KEYS(alert_keys), .help = "What people are told of, and when.",
};

#undef IN
#define IN(field) .at = offsetof(struct conf_owner, field)

static const struct conf_key owner_keys[] = {
    {.name = "name", .type = CONF_TEXT, IN(name), .check = conf_check_owner, .example = "web-team",
     .help = "The owner, as certificates say it."},
    {.name = "contact", .type = CONF_TEXT, IN(contact), .fallback = "",
     .example = "web@example.com",
     .help = "Mail address of the owner; \"\": alerts.contact."},
    {.name = "team", .type = CONF_TEXT, IN(team), .fallback = "",
     .help = "Of the owner's team; \"\": alerts.team."},
    {.name = "security", .type = CONF_TEXT, IN(security), .fallback = "",
     .help = "Of who watches over both; \"\": alerts.security."},
};

const struct conf_section conf_owners = {
    .name = "owners", KEYS(owner_keys), ELEMENTS(conf_owner, owners, 4096), .examples = 1,
    .help = "Where the owners of certificates are reached.",
};

/* clang-format on */
