#include "lib/lint.h"

#include <stdarg.h>
#include <stdio.h>

#include "lib/lint_check.h"

const struct lint_rule lint_rules[] = {
    {"lint.version", "RFC 5280 4.1.2.1", LINT_ERROR, lint_version},
    {"lint.serial", "RFC 5280 4.1.2.2", LINT_ERROR, lint_serial},
    {"lint.signature", "RFC 5280 4.1.1.2, 4.1.2.3", LINT_ERROR, lint_signature},
    {"lint.issuer", "RFC 5280 4.1.2.4", LINT_ERROR, lint_issuer},
    {"lint.validity.order", "RFC 5280 4.1.2.5", LINT_ERROR, lint_validity_order},
    {"lint.validity.encoding", "RFC 5280 4.1.2.5", LINT_ERROR, lint_validity_encoding},
    {"lint.subject", "RFC 5280 4.1.2.6", LINT_ERROR, lint_subject},
    {"lint.subject.strings", "RFC 5280 4.1.2.4, 4.1.2.6", LINT_ERROR, lint_subject_strings},
    {"lint.key.size", "NIST SP 800-131A 3", LINT_ERROR, lint_key_size},
    {"lint.unique_id", "RFC 5280 4.1.2.8", LINT_ERROR, lint_unique_id},
    {"lint.extension.twice", "RFC 5280 4.2", LINT_ERROR, lint_extension_twice},
    {"lint.extension.critical", "RFC 5280 4.2", LINT_ERROR, lint_extension_critical},
    {"lint.san.critical", "RFC 5280 4.2.1.6", LINT_WARNING, lint_san_critical},
    {"lint.san.syntax", "RFC 5280 4.2.1.6", LINT_ERROR, lint_san_syntax},
    {"lint.san.twice", "RFC 5280 4.2.1.6", LINT_ERROR, lint_san_twice},
    {"lint.ku.present", "RFC 5280 4.2.1.3", LINT_ERROR, lint_key_usage_present},
    {"lint.ku.key", "RFC 3279 2.3.1, RFC 8410 5, RFC 8813 3", LINT_ERROR, lint_key_usage_key},
    {"lint.ku.ca", "RFC 5280 4.2.1.3", LINT_ERROR, lint_key_usage_ca},
    {"lint.eku.san", "RFC 9525 2", LINT_ERROR, lint_eku_san},
    {"lint.eku.ku", "RFC 5280 4.2.1.12", LINT_ERROR, lint_eku_key_usage},
    {"lint.cn", "CA/Browser Forum BR 7.1.4.3", LINT_ERROR, lint_common_name},
    {"lint.bc", "RFC 5280 4.2.1.9", LINT_ERROR, lint_basic_constraints},
    {"lint.bc.path", "RFC 5280 4.2.1.9", LINT_ERROR, lint_path_len},
    {"lint.ski", "RFC 5280 4.2.1.2", LINT_ERROR, lint_subject_key_id},
    {"lint.aki", "RFC 5280 4.2.1.1", LINT_ERROR, lint_authority_key_id},
    {"lint.aia", "RFC 5280 4.2.2.1", LINT_ERROR, lint_authority_info},
    {"lint.crldp", "RFC 5280 4.2.1.13", LINT_ERROR, lint_crl_points},
};

const size_t lint_rules_count = sizeof(lint_rules) / sizeof(lint_rules[0]);

int lint_why(char why[LINT_WHY], const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(why, LINT_WHY, fmt, ap);
    va_end(ap);
    return -1;
}

int lint_tbs(const struct cert *c, struct fault *f)
{
    char why[LINT_WHY];

    for (size_t i = 0; i < lint_rules_count; i++) {
        const struct lint_rule *r = &lint_rules[i];

        if (r->severity != LINT_ERROR || r->check(c, why) == 0)
            continue;
        return fault_set(f, FAULT_INTERNAL, r->name, "the draft breaks %s: %s", r->section, why);
    }
    return 0;
}
