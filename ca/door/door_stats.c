#include "ca/door/door_stats.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void door_stats_init(struct door_stats *s, const struct conf *c)
{
    memset(s, 0, sizeof *s);
    s->issued = xcalloc(c->n_profiles + 1, sizeof s->issued[0]);
}

void door_stats_free(struct door_stats *s)
{
    free(s->issued);
}

static void count_rule(struct door_stats *s, const char *rule)
{
    size_t i = 0;

    while (i < s->n_rules && strcmp(s->rule[i].rule, rule) != 0)
        i++;
    if (i == DOOR_RULES_MAX) {
        s->other_rules++;
        return;
    }
    if (i == s->n_rules)
        (void)snprintf(s->rule[s->n_rules++].rule, sizeof s->rule[i].rule, "%s", rule);
    s->rule[i].n++;
}

void door_stats_fault(struct door_stats *s, const struct fault *f)
{
    if (fault_retryable(f))
        s->unavailable++;
    else
        s->refused++;
    count_rule(s, f->rule);
}

void door_stats_revoked(struct door_stats *s, uint8_t reason)
{
    if (reason < sizeof s->revoked / sizeof s->revoked[0])
        s->revoked[reason]++;
}
