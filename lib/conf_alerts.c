/* Checks of what the sections alerts and owners say. */
#include "lib/conf_schema.h"

#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"

#define RULE "conf.value"
#define OWNER_MAX 127 /* octets: as much as a certificate's row has */

int conf_check_percent(const char *text, struct fault *f)
{
    size_t digits = strspn(text, "0123456789");
    long v = digits >= 1 && digits <= 2 ? strtol(text, NULL, 10) : 0;

    if (v >= 1 && strcmp(text + digits, "%") == 0)
        return 0;
    return fault_set(f, FAULT_CONFIG, RULE, "must be a percentage from \"1%%\" to \"99%%\"");
}

int conf_check_days(const char *text, struct fault *f)
{
    int64_t span;

    if (clock_parse_span(text, &span) == 0 && span <= INT64_C(10) * 365 * 86400)
        return 0;
    return fault_set(f, FAULT_CONFIG, RULE, "must be a span such as \"30d\", ten years at most");
}

int conf_check_daytime(const char *text, struct fault *f)
{
    if (text[0] == '\0')
        return 0;
    if (strlen(text) == 5 && strspn(text, "0123456789") == 2 && text[2] == ':' &&
        strspn(text + 3, "0123456789") == 2 && strncmp(text, "24", 2) < 0 && text[3] < '6')
        return 0;
    return fault_set(f, FAULT_CONFIG, RULE, "must be a time of the day in UTC such as \"06:30\"");
}

int conf_check_owner(const char *text, struct fault *f)
{
    if (text[0] != '\0' && strlen(text) <= OWNER_MAX)
        return 0;
    return fault_set(f, FAULT_CONFIG, RULE, "must be 1 to %d octets", OWNER_MAX);
}

/* ---- of several keys ---- */

static int out_of_order(const struct conf_reader *r, const char *key, const char *field,
                        const char *than, struct fault *f)
{
    return conf_refuse(r, conf_line(r, "alerts", NULL, key), "conf.order", field, f,
                       "alerts: %s must be more than %s", key, than);
}

/* A span of 0 is none. */
static bool later(int64_t b, int64_t a)
{
    return a == 0 || b == 0 || b > a;
}

int conf_check_alerts(const struct conf_reader *r, struct fault *f)
{
    const struct conf *c = r->conf;

    if (c->renewal_late <= c->renewal_opens)
        return out_of_order(r, "renewal_late", "alerts.renewal_late", "renewal_opens", f);
    if (!later(c->alert_security_after, c->alert_team_after))
        return out_of_order(r, "security_after", "alerts.security_after", "team_after", f);
    if (!later(c->alert_security_after_critical, c->alert_team_after_critical))
        return out_of_order(r, "security_after_critical", "alerts.security_after_critical",
                            "team_after_critical", f);
    if ((c->alert_quiet_from[0] == '\0') == (c->alert_quiet_until[0] == '\0'))
        return 0;
    return conf_refuse(r, conf_line(r, "alerts", NULL, "quiet_from"), "conf.missing",
                       "alerts.quiet_from", f,
                       "alerts: quiet_from and quiet_until go together, or neither");
}

const struct conf_owner *conf_owner(const struct conf *c, const char *name)
{
    for (size_t i = 0; i < c->n_owners; i++)
        if (strcmp(c->owners[i].name, name) == 0)
            return &c->owners[i];
    return NULL;
}
