/* Channels in the configuration: looking up, and what one key alone cannot show. */
#include <stdio.h>
#include <string.h>

#include "lib/conf_schema.h"
#include "lib/notice.h"

const struct conf_channel *conf_channel(const struct conf *c, const char *name)
{
    for (size_t i = 0; i < c->n_channels; i++)
        if (strcmp(c->channels[i].name, name) == 0)
            return &c->channels[i];
    return NULL;
}

bool conf_channel_tickets(const struct conf_channel *c)
{
    return c->type == CHANNEL_SERVICENOW || c->type == CHANNEL_JIRA;
}

int conf_check_address(const char *text, struct fault *f)
{
    if (strchr(text, '@') != NULL && strlen(text) < 256 &&
        conf_check_pattern(SAN_EMAIL, text, f) == 0)
        return 0;
    return fault_set(f, FAULT_CONFIG, "conf.value", "must be a mail address");
}

int conf_check_rule(const char *text, struct fault *f)
{
    size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789.-");

    if (text[0] != '\0' && (text[n] == '\0' || strcmp(text + n, "*") == 0))
        return 0;
    return fault_set(f, FAULT_CONFIG, "conf.value",
                     "must be a rule's name, or its begin and \"*\"");
}

/* ---- URLs ---- */

struct scheme {
    const char *text;
    bool tls; /* inside: others only where none is asked for */
};
static const struct scheme mail_schemes[] = {{"smtp://", true}, {"smtps://", true}, {NULL, false}};
static const struct scheme http_schemes[] = {{"https://", true}, {"http://", false}, {NULL, false}};
static const struct scheme syslog_schemes[] = {
    {"tls://", true}, {"tcp://", false}, {"udp://", false}, {"unix://", true}, {NULL, false}};

static const struct scheme *schemes_of(const struct conf_channel *c)
{
    if (c->type == CHANNEL_MAIL)
        return mail_schemes;
    return c->type == CHANNEL_SYSLOG ? syslog_schemes : http_schemes;
}

/* What is behind the host of a syslog or SMTP server is its port and nothing else. */
static bool is_host_port(const char *text, bool port_needed)
{
    const char *end = text[0] == '[' ? strchr(text, ']') : NULL;
    const char *colon = strchr(end != NULL ? end : text, ':');
    size_t digits = colon == NULL ? 0 : strspn(colon + 1, "0123456789");

    if (text[0] == '\0' || text[0] == ':' || strpbrk(text, "/?#@%") != NULL)
        return false;
    if (colon == NULL)
        return !port_needed;
    return digits > 0 && digits <= 5 && colon[1 + digits] == '\0';
}

static bool rest_ok(const struct conf_channel *c, const struct scheme *s, const char *rest)
{
    size_t host = strcspn(rest, "/?#");

    if (strcmp(s->text, "unix://") == 0)
        return rest[0] == '/' && strlen(rest) < 100;
    if (c->type == CHANNEL_MAIL || c->type == CHANNEL_SYSLOG)
        return is_host_port(rest, c->type == CHANNEL_SYSLOG);
    /* A user in front of the host would be a second way to log in; a fragment is never sent. */
    return host > 0 && memchr(rest, '@', host) == NULL && strchr(rest, '#') == NULL;
}

int conf_channel_url(const struct conf_channel *c, const char *url, struct fault *f)
{
    const struct scheme *s = schemes_of(c);

    for (const char *p = url; *p != '\0'; p++)
        if (*p <= ' ' || *p > '~')
            return fault_set(f, FAULT_CONFIG, "conf.value", "a URL has no blanks and ASCII only");
    while (s->text != NULL && strncmp(url, s->text, strlen(s->text)) != 0)
        s++;
    if (s->text == NULL || strlen(url) > 2000 || !rest_ok(c, s, url + strlen(s->text)))
        return fault_set(f, FAULT_CONFIG, "conf.value", "is no URL for this type of channel");
    if (!s->tls && c->tls == CHANNEL_TLS_REQUIRED)
        return fault_set(f, FAULT_CONFIG, "conf.value",
                         "%s is without TLS: say tls = \"none\" if that is meant", s->text);
    return 0;
}

/* ---- checks ---- */

static int refuse(const struct conf_reader *r, const struct conf_channel *c, const char *key,
                  const char *rule, const char *text, struct fault *f)
{
    char field[48];

    (void)snprintf(field, sizeof(field), "channels.%s", key);
    return conf_refuse(r, conf_line(r, "channels", c->name, key), rule, field, f,
                       "channel \"%s\": %s: %s", c->name, key, text);
}

static int check_url(const struct conf_reader *r, const struct conf_channel *c, struct fault *f)
{
    struct fault why;

    if ((c->url[0] == '\0') == (c->url_file[0] == '\0'))
        return refuse(r, c, "url", "conf.missing", "say url or url_file", f);
    fault_clear(&why);
    if (c->url[0] != '\0' && conf_channel_url(c, c->url, &why) != 0)
        return refuse(r, c, "url", "conf.value", why.text, f);
    return 0;
}

static int check_mail(const struct conf_reader *r, const struct conf_channel *c, struct fault *f)
{
    struct fault why;

    fault_clear(&why);
    if (conf_check_address(c->from, &why) != 0)
        return refuse(r, c, "from", "conf.value", why.text, f);
    if (c->n_to == 0 && !c->to_owner)
        return refuse(r, c, "to", "conf.missing", "say who gets it", f);
    return 0;
}

static int check_tickets(const struct conf_reader *r, const struct conf_channel *c, struct fault *f)
{
    const uint32_t both = 1U << NOTICE_RAISED | 1U << NOTICE_RESOLVED;

    if ((c->kinds & both) != both)
        return refuse(r, c, "kinds", "conf.value", "tickets need raised and resolved", f);
    if (c->heartbeat)
        return refuse(r, c, "heartbeat", "conf.value", "tickets get no heartbeats", f);
    if (c->type == CHANNEL_JIRA && c->project[0] == '\0')
        return refuse(r, c, "project", "conf.missing", "say in which project", f);
    return 0;
}

static bool needs_secret(const struct conf_channel *c)
{
    switch (c->type) {
    case CHANNEL_WEBHOOK:
    case CHANNEL_PAGERDUTY:
    case CHANNEL_SERVICENOW:
    case CHANNEL_JIRA:
        return true;
    default:
        return c->user[0] != '\0';
    }
}

static int check_channel(const struct conf_reader *r, const struct conf_channel *c, struct fault *f)
{
    int rc = check_url(r, c, f);

    if (rc == 0 && needs_secret(c) && c->secret_file[0] == '\0')
        rc = refuse(r, c, "secret_file", "conf.missing", "this channel needs a secret", f);
    if (rc == 0 && c->type == CHANNEL_MAIL)
        rc = check_mail(r, c, f);
    if (rc == 0 && conf_channel_tickets(c))
        rc = check_tickets(r, c, f);
    return rc;
}

int conf_check_channels(const struct conf_reader *r, struct fault *f)
{
    int rc = 0;

    for (size_t i = 0; i < r->conf->n_channels && rc == 0; i++)
        rc = check_channel(r, &r->conf->channels[i], f);
    return rc;
}
