/*
 * Findings: what is wrong with a certificate or its line by the policy that holds for all, whoever
 * issued it. A table of rules; what breaks them is found elsewhere (ca/lifecycle/judge.c), from
 * lib/lint.h, lib/keycheck.h and ca/policy. Pure. Threads: any.
 */
#ifndef WATCH_RULES_FINDING_H
#define WATCH_RULES_FINDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/notice.h"
#include "watch/rules/compare.h"

enum finding {
    FINDING_KEY_WEAK,
    FINDING_HASH_WEAK,
    FINDING_TOO_LONG,
    FINDING_FORM,
    FINDING_FOREIGN,
    FINDING_DISTRUSTED,
    FINDING_STRANGER,
    FINDING_CHAIN,
    FINDING_WILDCARD,
    FINDING_KEY_SHARED,
    FINDING_OWNER,
    FINDING_ANNOTATION,
    FINDING_POLICY,
    FINDING_LATE,
    FINDING_NEVER_RENEWED,
    FINDING_ENDED,
    FINDING_SEEN, /* the first of COMPARES, in the order of enum compare (compare.h) */
    FINDINGS = FINDING_SEEN + COMPARES
};
#define FINDING_BIT(f) (UINT64_C(1) << (f))

struct finding_rule {
    const char *id; /* "key.weak" */
    enum severity severity;
    const char *text; /* what is wrong, for people */
};
extern const struct finding_rule finding_rules[FINDINGS];
/* FINDINGS: there is none of that name. */
enum finding finding_parse(const char *id);

/* By the rule that policy, keys or lint refused by: which finding that is. */
enum finding finding_of_refusal(const char *rule);

#endif
