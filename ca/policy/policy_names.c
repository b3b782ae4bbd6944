#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/policy/policy_run.h"

/* What does not fit is left out. */
static void join(char *const *words, size_t n, char out[256])
{
    size_t at = 0;

    out[0] = '\0';
    for (size_t i = 0; i < n && at + strlen(words[i]) + 3 < 256; i++)
        at += (size_t)snprintf(out + at, 256 - at, "%s%s", i > 0 ? ", " : "", words[i]);
}

int policy_refuse_name(const char *rule, const struct san *s, const char *allowed, struct fault *f)
{
    char field[16];
    struct buf text;
    int rc;

    snprintf(field, sizeof(field), "san.%s", san_kind_name(s->kind));
    buf_init(&text, 4 * SAN_VALUE_MAX + 16);
    san_print(s, &text);
    rc = fault_refuse(f, rule, field, buf_slice(&text), allowed);
    buf_free(&text);
    return rc;
}

static void list_kinds(const struct conf_profile *p, char out[256])
{
    size_t at = 0;

    out[0] = '\0';
    for (unsigned k = SAN_DNS; k <= SAN_KIND_MAX; k++) {
        const char *name = san_kind_name((enum san_kind)k);

        if ((p->san_kinds & (1u << k)) == 0)
            continue;
        at += (size_t)snprintf(out + at, 256 - at, "%s%s", at > 0 ? ", " : "", name);
    }
}

int policy_name(const struct conf_profile *p, const struct san *s, struct fault *f)
{
    const char *rule;
    char *const *patterns;
    char allowed[256];
    size_t n;

    if (san_check(s, f) != 0)
        return -(int)f->code;
    rule = profile_refuses_name(p, s);
    if (rule == NULL)
        return 0;
    if (strcmp(rule, "san.sid") == 0)
        return policy_refuse_name(rule, s, "no security identifier in this profile", f);
    if (strcmp(rule, "san.dns.wildcard") == 0)
        return policy_refuse_name(rule, s, "no wildcard in this profile", f);
    if (strcmp(rule, "san.kind") == 0) {
        list_kinds(p, allowed);
        return policy_refuse_name(rule, s, allowed[0] != '\0' ? allowed : "no names", f);
    }
    patterns = profile_patterns(p, s->kind, &n);
    join(patterns, n, allowed);
    return policy_refuse_name(rule, s, allowed, f);
}

void policy_identity(const char *profile, struct slice subject, const struct san_list *sans,
                     uint8_t out[16])
{
    san_list_identity(sans, slice_str(profile), subject, out);
}
