/* The checks behind lint's table, in two files: fields and extensions. Each returns 0, or -1 with
 * the reason in `why`. */
#ifndef LIB_LINT_CHECK_H
#define LIB_LINT_CHECK_H

#include "lib/lint.h"

#define LINT_WHY 160

/* Says why and returns -1. */
int lint_why(char why[LINT_WHY], const char *fmt, ...) __attribute__((format(printf, 2, 3)));

int lint_version(const struct cert *c, char why[LINT_WHY]);
int lint_serial(const struct cert *c, char why[LINT_WHY]);
int lint_signature(const struct cert *c, char why[LINT_WHY]);
int lint_issuer(const struct cert *c, char why[LINT_WHY]);
int lint_validity_order(const struct cert *c, char why[LINT_WHY]);
int lint_validity_encoding(const struct cert *c, char why[LINT_WHY]);
int lint_subject(const struct cert *c, char why[LINT_WHY]);
int lint_subject_strings(const struct cert *c, char why[LINT_WHY]);
int lint_key_size(const struct cert *c, char why[LINT_WHY]);
int lint_unique_id(const struct cert *c, char why[LINT_WHY]);

int lint_extension_twice(const struct cert *c, char why[LINT_WHY]);
int lint_extension_critical(const struct cert *c, char why[LINT_WHY]);
int lint_san_critical(const struct cert *c, char why[LINT_WHY]);
int lint_san_syntax(const struct cert *c, char why[LINT_WHY]);
int lint_san_twice(const struct cert *c, char why[LINT_WHY]);
int lint_key_usage_present(const struct cert *c, char why[LINT_WHY]);
int lint_key_usage_key(const struct cert *c, char why[LINT_WHY]);
int lint_key_usage_ca(const struct cert *c, char why[LINT_WHY]);
int lint_eku_san(const struct cert *c, char why[LINT_WHY]);
int lint_eku_key_usage(const struct cert *c, char why[LINT_WHY]);
int lint_common_name(const struct cert *c, char why[LINT_WHY]);
int lint_basic_constraints(const struct cert *c, char why[LINT_WHY]);
int lint_path_len(const struct cert *c, char why[LINT_WHY]);
int lint_subject_key_id(const struct cert *c, char why[LINT_WHY]);
int lint_authority_key_id(const struct cert *c, char why[LINT_WHY]);
int lint_authority_info(const struct cert *c, char why[LINT_WHY]);
int lint_crl_points(const struct cert *c, char why[LINT_WHY]);

#endif
