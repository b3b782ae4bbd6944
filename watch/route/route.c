#include "watch/route/route.h"

#include <string.h>

#define FIRST_S 10
#define LONGEST_S 86400

bool route_address(const char *text)
{
    const char *at = strchr(text, '@');
    size_t local = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                ".!#$%&'*+-/=?^_`{|}~");
    size_t domain;

    if (at == NULL || local == 0 || local > 64 || text + local != at || text[0] == '-')
        return false;
    domain = strspn(at + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-");
    return domain > 0 && domain < 254 && at[1 + domain] == '\0' && at[1] != '.' && at[1] != '-';
}

static bool rule_matches(const char *pattern, const char *rule)
{
    size_t n = strlen(pattern);

    if (n > 0 && pattern[n - 1] == '*')
        return strncmp(pattern, rule, n - 1) == 0;
    return strcmp(pattern, rule) == 0;
}

static bool in_owners(const struct conf_channel *c, const char *owner)
{
    for (size_t i = 0; i < c->n_owners; i++)
        if (strcmp(c->owners[i], owner) == 0)
            return true;
    return c->n_owners == 0;
}

static bool in_rules(const struct conf_channel *c, const char *rule)
{
    for (size_t i = 0; i < c->n_rules; i++)
        if (rule_matches(c->rules[i], rule))
            return true;
    return c->n_rules == 0;
}

/* A mail to nobody is none. */
static bool has_reader(const struct conf_channel *c, const struct notice *n)
{
    return c->type != CHANNEL_MAIL || c->n_to > 0 || route_address(n->contact);
}

bool route_takes(const struct conf_channel *c, const struct notice *n)
{
    if (n->kind < NOTICE_RAISED || n->kind > NOTICE_DIGEST || (c->kinds & (1U << n->kind)) == 0)
        return false;
    if (conf_channel_tickets(c) && !n->has_key)
        return false;
    return (unsigned)n->severity >= c->severity && in_owners(c, n->owner) && in_rules(c, n->rule) &&
           has_reader(c, n);
}

size_t route_channels(const struct conf *conf, const struct notice *n,
                      const struct conf_channel **out, size_t max)
{
    size_t found = 0;

    for (size_t i = 0; i < conf->n_channels && found < max; i++)
        if (route_takes(&conf->channels[i], n))
            out[found++] = &conf->channels[i];
    return found;
}

int64_t route_next(uint32_t tries, int64_t added, int64_t now, int64_t give_up, int64_t retry_after,
                   uint32_t chance)
{
    int64_t wait = FIRST_S;

    if (now - added >= give_up)
        return 0;
    for (uint32_t i = 1; i < tries && wait < LONGEST_S; i++)
        wait *= 2;
    wait = wait < LONGEST_S ? wait : LONGEST_S;
    wait += wait * ((int64_t)(chance % 501) - 250) / 1000;
    retry_after = retry_after < LONGEST_S ? retry_after : LONGEST_S;
    wait = wait > retry_after ? wait : retry_after;
    /* The last attempt is not far behind the end. */
    if (now + wait > added + give_up && added + give_up - now >= retry_after)
        wait = added + give_up - now;
    return now + (wait > 0 ? wait : 1);
}
