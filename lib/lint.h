/*
 * Lint: what RFC 5280 and the standards around it ask of a certificate, as named rules with
 * section and severity. The same table looks at our own drafts, on the exact TBS before it is
 * signed, and at anybody's certificate (`cerca lint`). A rule looks at one struct lint_cert
 * (lib/lint_cert.h), which is read tolerantly: what our own parser would refuse is here a finding.
 *
 * Threads: any.
 */
#ifndef LIB_LINT_H
#define LIB_LINT_H

#include "lib/cert.h"

enum lint_severity {
    LINT_ERROR,   /* a MUST is broken: relying parties may refuse it, or take it for another */
    LINT_WARNING, /* a SHOULD is broken, or something that has gone wrong in practice */
    LINT_NOTICE   /* allowed, but worth a look */
};

/* Whose certificates a rule is for. */
#define LINT_OURS (1u << 0)   /* drafts of this CA: what we promise beyond the standards, too */
#define LINT_OTHERS (1u << 1) /* anybody's; rules about keys, which policy has asked for ours */
#define LINT_ALL (LINT_OURS | LINT_OTHERS)

#define LINT_WHY 160

struct lint_cert;

struct lint_rule {
    const char *name;    /* "lint.san.critical" */
    const char *section; /* "RFC 5280 4.2.1.6" */
    enum lint_severity severity;
    unsigned whose; /* LINT_* */
    /* 0 when the certificate keeps the rule; otherwise says in `why` what is wrong. */
    int (*check)(const struct lint_cert *c, char why[LINT_WHY]);
};

/* Every rule: lint_rule(0) ... lint_rule(lint_rules_count() - 1). */
const struct lint_rule *lint_rule(size_t i);
size_t lint_rules_count(void);
const char *lint_severity_name(enum lint_severity s); /* "error", "warning", "notice" */

/* The first rule of severity LINT_ERROR that the draft breaks becomes the fault (FAULT_INTERNAL:
 * our own draft was wrong; the rule is the lint rule's name). */
int lint_tbs(const struct cert *c, struct fault *f) WARN_UNUSED;
/* The same beside the issuer's certificate, so that the rules about the two are asked as well;
 * SLICE_NONE: there is none yet. */
int lint_issued(const struct cert *c, struct slice issuer, struct fault *f) WARN_UNUSED;

typedef void (*lint_found)(void *arg, const struct lint_rule *rule, const char *why);
/* Looks at one whole Certificate, whatever it is, and tells each rule that it breaks. `issuer` is
 * the certificate of its issuer, where that is known, or SLICE_NONE. When it cannot be read as a
 * certificate at all, what is told is "lint.certificate" and how it is not DER. */
void lint_certificate(struct slice der, struct slice issuer, lint_found found, void *arg);

/* Only what the issuer's certificate beside it shows, but for the signature, which costs more than
 * all the rest. */
void lint_chain(struct slice der, struct slice issuer, lint_found found, void *arg);

/* What joins certificates to chains; empty where a certificate does not say, or cannot be read. */
struct lint_links {
    struct slice serial;          /* contents of the INTEGER */
    struct slice issuer, subject; /* Names, whole */
    struct slice aki, ski;
    struct slice spki; /* whole */
};
void lint_links(struct slice der, struct lint_links *out);
/* Does `by` look like the issuer of `of`, by name and key identifiers? */
bool lint_linked(const struct lint_links *of, const struct lint_links *by);

#endif
