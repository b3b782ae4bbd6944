/*
 * Lint: the RFC 5280 profile and our own promises, checked on the exact TBS
 * before it is signed. Every rule has a name, a section and a severity.
 */
#ifndef LIB_LINT_H
#define LIB_LINT_H

#include "lib/cert.h"

enum lint_severity { LINT_ERROR, LINT_WARNING };

struct lint_rule {
    const char *name;    /* "lint.san.critical" */
    const char *section; /* "RFC 5280 4.2.1.6" */
    enum lint_severity severity;
    /* 0 when the certificate keeps the rule; otherwise says in `why` what is wrong. */
    int (*check)(const struct cert *c, char why[160]);
};

extern const struct lint_rule lint_rules[];
extern const size_t lint_rules_count;

/* First error of severity LINT_ERROR becomes the fault (FAULT_INTERNAL: our
 * own draft was wrong; the rule is the lint rule's name). */
int lint_tbs(const struct cert *c, struct fault *f) WARN_UNUSED;

#endif
