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
    [FINDING_SEEN + COMPARE_SUPERSEDED] = {"seen.superseded", SEVERITY_CRITICAL,
                                           "it is still in use, and another has taken its place"},
    [FINDING_SEEN + COMPARE_UNKNOWN] = {"seen.unknown", SEVERITY_WARNING,
                                        "it was found, and nobody has told us of it"},
    [FINDING_SEEN + COMPARE_SELF_SIGNED] = {"seen.self-signed", SEVERITY_WARNING,
                                            "it is served, and nobody but itself has signed it"},
    [FINDING_SEEN + COMPARE_FOREIGN] = {"seen.foreign-issuer", SEVERITY_INFO,
                                        "it is served, and another CA issued it"},
    [FINDING_SEEN + COMPARE_CHAIN_MISSING] = {"seen.chain-missing", SEVERITY_WARNING,
                                              "it is served without the chain above it"},
    [FINDING_SEEN + COMPARE_CHAIN_INCOMPLETE] = {"seen.chain-incomplete", SEVERITY_WARNING,
                                                 "the chain that is served reaches no root"},
    [FINDING_SEEN + COMPARE_CHAIN_ORDER] = {"seen.chain-order", SEVERITY_INFO,
                                            "its chain is served out of order"},
    [FINDING_SEEN + COMPARE_WRONG_NAME] = {"seen.wrong-name", SEVERITY_WARNING,
                                           "it is served for a name that it does not have"},
    [FINDING_SEEN + COMPARE_EXPIRED] = {"seen.expired", SEVERITY_CRITICAL,
                                        "it has expired, and is still in use"},
    [FINDING_SEEN + COMPARE_REVOKED] = {"seen.revoked", SEVERITY_CRITICAL,
                                        "it is revoked or on hold, and still in use"},
    [FINDING_SEEN + COMPARE_WEAK_PROTOCOL] = {"seen.weak-protocol", SEVERITY_WARNING,
                                              "it is served by TLS 1.0 or 1.1 too"},
    [FINDING_SEEN + COMPARE_WEAK_CIPHER] = {"seen.weak-cipher", SEVERITY_WARNING,
                                            "it is served with ciphers that are broken"},
    [FINDING_SEEN + COMPARE_UNREACHABLE] = {"seen.unreachable", SEVERITY_WARNING,
                                            "where it was served nobody answers any more"},
    [FINDING_SEEN + COMPARE_NO_TLS] = {"seen.no-tls", SEVERITY_WARNING,
                                       "where it was served no TLS is spoken any more"},
    [FINDING_SEEN + COMPARE_NEVER] = {"seen.never", SEVERITY_INFO,
                                      "it was issued for a server, and was seen nowhere"},
    [FINDING_SEEN +
        COMPARE_RETIRED] = {"seen.retired", SEVERITY_WARNING, "it is retired, and still in use"},
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
