#include "watch/rules/finding.h"

#include <string.h>

const struct finding_rule finding_rules[FINDINGS] = {
    [FINDING_KEY_WEAK] = {"key.weak", SEVERITY_CRITICAL,
                          "its key is weak, or of a kind that is not allowed"},
    [FINDING_HASH_WEAK] = {"hash.weak", SEVERITY_CRITICAL,
                           "it is signed with a hash that is broken"},
    [FINDING_TOO_LONG] = {"validity.long", SEVERITY_WARNING, "it is valid for too long"},
    [FINDING_FORM] = {"form", SEVERITY_INFO, "it breaks a rule of the standards"},
    [FINDING_FOREIGN] = {"issuer.foreign", SEVERITY_INFO, "another CA issued it"},
    [FINDING_DISTRUSTED] = {"issuer.distrusted", SEVERITY_CRITICAL,
                            "its issuer is one that nobody should have any more"},
    [FINDING_STRANGER] = {"issuer.stranger", SEVERITY_CRITICAL,
                          "a key of ours signed it, and it was not issued here"},
    [FINDING_CHAIN] = {"chain", SEVERITY_WARNING, "its chain of issuers does not hold it"},
    [FINDING_WILDCARD] = {"name.wildcard", SEVERITY_INFO, "it has a wildcard in its names"},
    [FINDING_KEY_SHARED] = {"key.shared", SEVERITY_WARNING,
                            "its key is also that of something else"},
    [FINDING_OWNER] = {"owner.missing", SEVERITY_WARNING, "nobody is known to own it"},
    [FINDING_ANNOTATION] = {"annotation.missing", SEVERITY_INFO,
                            "something that has to be written about it is missing"},
    [FINDING_POLICY] = {"policy", SEVERITY_WARNING, "it would not be issued as it is today"},
    [FINDING_LATE] = {"renewal.late", SEVERITY_WARNING, "its renewal is late"},
    [FINDING_NEVER_RENEWED] = {"renewal.never", SEVERITY_WARNING,
                               "it was issued and never renewed, and its renewal is late"},
    [FINDING_ENDED] = {"expiry.ended", SEVERITY_CRITICAL,
                       "it has ended, and nothing has taken its place"},
};

enum finding finding_parse(const char *id)
{
    size_t i = 0;

    while (i < FINDINGS && strcmp(finding_rules[i].id, id) != 0)
        i++;
    return (enum finding)i;
}

/* The first that fits. */
static const struct {
    const char *prefix;
    enum finding finding;
} refusals[] = {
    {"key.", FINDING_KEY_WEAK},
    {"lint.key", FINDING_KEY_WEAK},
    {"lint.signature.hash", FINDING_HASH_WEAK},
    {"lint.chain", FINDING_CHAIN},
    {"lint.validity.server", FINDING_TOO_LONG},
    {"lint.", FINDING_FORM},
    {"cert.", FINDING_FORM},
    {"validity.", FINDING_TOO_LONG},
    {"constraints.", FINDING_CHAIN},
    {"issuer.", FINDING_CHAIN},
    {"owner.", FINDING_OWNER},
    {"san.dns.wildcard", FINDING_WILDCARD},
};

enum finding finding_of_refusal(const char *rule)
{
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
        if (strncmp(rule, refusals[i].prefix, strlen(refusals[i].prefix)) == 0)
            return refusals[i].finding;
    return FINDING_POLICY;
}
