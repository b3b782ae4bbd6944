/* The schema: who is told what, and how. */
#include "lib/conf_table.h"

#include "lib/notice.h"

static const struct conf_word types[] = {
    {"mail", CHANNEL_MAIL},   {"webhook", CHANNEL_WEBHOOK},     {"slack", CHANNEL_SLACK},
    {"teams", CHANNEL_TEAMS}, {"pagerduty", CHANNEL_PAGERDUTY}, {"servicenow", CHANNEL_SERVICENOW},
    {"jira", CHANNEL_JIRA},   {"syslog", CHANNEL_SYSLOG},       {NULL, 0},
};

static const struct conf_word tls_words[] = {
    {"required", CHANNEL_TLS_REQUIRED}, {"none", CHANNEL_TLS_NONE}, {NULL, 0}};

static const struct conf_word formats[] = {
    {"rfc5424", CHANNEL_RFC5424}, {"cef", CHANNEL_CEF}, {NULL, 0}};

static const struct conf_word severities[] = {{"info", SEVERITY_INFO},
                                              {"warning", SEVERITY_WARNING},
                                              {"critical", SEVERITY_CRITICAL},
                                              {NULL, 0}};

/* Heartbeats and tests go where they were asked for. */
static const struct conf_word kinds[] = {{"raised", 1U << NOTICE_RAISED},
                                         {"repeated", 1U << NOTICE_REPEATED},
                                         {"escalated", 1U << NOTICE_ESCALATED},
                                         {"acknowledged", 1U << NOTICE_ACKNOWLEDGED},
                                         {"resolved", 1U << NOTICE_RESOLVED},
                                         {"digest", 1U << NOTICE_DIGEST},
                                         {NULL, 0}};

/* A key is a few lines here, its help the last. */
/* clang-format off */

#define IN(field) .at = offsetof(struct conf_channel, field)

static const struct conf_key channel_keys[] = {
    {.name = "name", .type = CONF_TEXT, IN(name), .check = conf_check_name, .example = "team",
     .help = "Name of the channel, for cerca notify and the other sections."},
    {.name = "type", .type = CONF_WORD, IN(type), .words = types, .example = "mail",
     .help = "mail: SMTP. webhook: CloudEvents 1.0 over HTTP, signed. slack: an incoming webhook. "
             "teams: a workflow that takes webhooks. pagerduty: Events API v2. servicenow, jira: "
             "tickets, closed once the condition is over. syslog."},
    {.name = "url", .type = CONF_TEXT, IN(url), .fallback = "",
     .example = "smtp://mail.example.com:587",
     .help = "Where to: smtp:// (STARTTLS) or smtps:// for mail, https:// for the others (of "
             "ServiceNow and Jira the server alone; of PagerDuty "
             "https://events.pagerduty.com/v2/enqueue), tls://, tcp://, udp:// with HOST:PORT or "
             "unix:///dev/log for syslog. Redirects are not followed."},
    {.name = "url_file", .type = CONF_PATH, IN(url_file), .fallback = "",
     .help = "File of that URL instead, where it is a secret, as those of Slack and Teams are."},
    {.name = "secret_file", .type = CONF_PATH, IN(secret_file), .fallback = "",
     .help = "File of the password, the token, the routing key of PagerDuty, or the HMAC key of a "
             "webhook (the octets, or whsec_ and base64). cerca-watch alone may read it. Read at "
             "start and at each reload."},
    {.name = "user", .type = CONF_TEXT, IN(user), .fallback = "",
     .help = "User that logs in with the secret: SMTP AUTH, HTTP Basic. \"\" with a secret: "
             "HTTP Bearer."},
    {.name = "tls", .type = CONF_WORD, IN(tls), .words = tls_words, .fallback = "required",
     .help = "none: without TLS, http:// and smtp:// as they are. Everybody on the way reads what "
             "is told and what logs in, and may change it."},
    {.name = "ca_file", .type = CONF_PATH, IN(ca_file), .fallback = "",
     .help = "File of the CA certificates, PEM, one of which the server must have; \"\": those of "
             "the system."},
    {.name = "from", .type = CONF_TEXT, IN(from), .fallback = "",
     .example = "pki@example.com",
     .help = "Mail: the sender."},
    {.name = "to", .type = CONF_TEXTS, IN(to), .at_too = offsetof(struct conf_channel, n_to),
     .max = LIST_MAX, .fallback = "", .check = conf_check_address, .example = "team@example.com",
     .help = "Mail: who gets it."},
    {.name = "to_owner", .type = CONF_BOOL, IN(to_owner), .fallback = "false",
     .help = "Mail: the contact address of whoever owns what it is about gets it too."},
    {.name = "project", .type = CONF_TEXT, IN(project), .fallback = "",
     .help = "Jira: key of the project."},
    {.name = "issue_type", .type = CONF_TEXT, IN(issue_type), .fallback = "Task",
     .help = "Jira: name of the issues' type."},
    {.name = "table", .type = CONF_TEXT, IN(table), .fallback = "incident",
     .help = "ServiceNow: table of the tickets."},
    {.name = "close_state", .type = CONF_TEXT, IN(close_state), .fallback = "6",
     .help = "ServiceNow: the state of a ticket whose condition is over."},
    {.name = "close_code", .type = CONF_TEXT, IN(close_code), .fallback = "Solution provided",
     .help = "ServiceNow: its close_code."},
    {.name = "format", .type = CONF_WORD, IN(format), .words = formats, .fallback = "rfc5424",
     .help = "Syslog: rfc5424, with structured data; or cef, ArcSight's Common Event Format in "
             "such a message."},
    {.name = "facility", .type = CONF_NUMBER, IN(facility), .min = 0, .max = 23, .fallback = "13",
     .help = "Syslog: the facility (RFC 5424 6.2.1); 13 is log audit, 16 to 23 are local ones."},
    {.name = "severity", .type = CONF_WORD, IN(severity), .words = severities, .fallback = "info",
     .help = "The least severity that is told."},
    {.name = "kinds", .type = CONF_BITS32, IN(kinds), .words = kinds, .min = 1, .max = LIST_MAX,
     .fallback = "raised repeated escalated acknowledged resolved digest",
     .help = "What is told of a condition. Tickets get no digests, and need raised and resolved."},
    {.name = "owners", .type = CONF_TEXTS, IN(owners),
     .at_too = offsetof(struct conf_channel, n_owners), .max = 1024, .fallback = "",
     .help = "Owners whose certificates are told of. None given: all, and what nobody owns."},
    {.name = "rules", .type = CONF_TEXTS, IN(rules),
     .at_too = offsetof(struct conf_channel, n_rules), .max = LIST_MAX, .fallback = "",
     .check = conf_check_rule,
     .help = "Rules that are told of: \"expiry\", or all that begin so: \"crl.*\". None given: all."},
    {.name = "heartbeat", .type = CONF_BOOL, IN(heartbeat), .fallback = "false",
     .help = "Whether it gets the heartbeats, every alerts.heartbeat: when one stays away, alerting "
             "is dead. Not for tickets."},
    {.name = "timeout", .type = CONF_SPAN, IN(timeout), .min = 1, .max = 300, .fallback = "30s",
     .help = "One attempt may take this long."},
    {.name = "give_up", .type = CONF_SPAN, IN(give_up), .min = 60, .max = 90 * DAY,
     .fallback = "7d",
     .help = "What could not be delivered for so long is parked, for cerca notify retry or drop. "
             "Until then it is tried again and again, at first after seconds, at last once a day."},
};

const struct conf_section conf_channel_list = {
    .name = "channels", KEYS(channel_keys), ELEMENTS(conf_channel, channels, CONF_CHANNELS_MAX),
    .examples = 1, .help = "Where notices go. cerca-watch delivers them.",
};

#undef IN
#define IN(field) .at = offsetof(struct conf, field)

static const struct conf_key watch_keys[] = {
    {.name = "user", .type = CONF_USER, IN(watch_user),
     .at_too = offsetof(struct conf, has_watch_user), .fallback = "",
     .help = "User that cerca-watch runs as, by name or number; \"\": the one that started "
             "cercad. It reads the channels' secrets and connects to their servers."},
};

const struct conf_section conf_watch = {
    .name = "watch", KEYS(watch_keys), .help = "Delivery of notices.",
};

/* clang-format on */
