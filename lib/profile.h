/*
 * What a profile allows and makes, as cerca-ca decides it and cerca-signer
 * checks it again: pure functions of the configuration.
 */
#ifndef LIB_PROFILE_H
#define LIB_PROFILE_H

#include "lib/conf.h"

#define PROFILE_NO_EXPIRY INT64_C(253402300799) /* 99991231235959Z, RFC 5280 4.1.2.5 */

bool profile_has_key(const struct conf_profile *p, const struct spki *key);
/* KU_* for a key of this type. */
uint16_t profile_key_usage(const struct conf_profile *p, enum key_type type);
/* The issuer's algorithm with the profile's hash. */
/* Of a responder that an issuer with an ocsp_url delegates to (RFC 6960 4.2.2.2), whichever issuer
 * the profile names: no other purpose, and not to be asked about. */
bool profile_is_delegate(const struct conf_profile *p, const struct conf_issuer *by);
enum sig_alg profile_alg(const struct conf_profile *p, const struct conf_issuer *issuer);
/* Does RFC 9608 apply to a certificate of this validity? */
bool profile_no_rev_avail(const struct conf_profile *p, int64_t not_before, int64_t not_after);

/* The patterns for names of one kind; none: *n is 0. */
char *const *profile_patterns(const struct conf_profile *p, enum san_kind kind, size_t *n);
char *const *grant_patterns(const struct conf_grant *g, enum san_kind kind, size_t *n);
/* DNS and UPN: ".example.com" is any name below, "example.com" that name (of a UPN, that suffix);
 * IP: a range; mail: a domain; URI: a prefix that ends at a boundary, and no "." or ".." behind it.
 */
bool pattern_has_name(const struct san *s, char *const *patterns, size_t n);
/* Kind, wildcard and pattern; NULL when the profile has the name, else the rule that it breaks:
 * "san.kind", "san.dns.wildcard", "san.dns.pattern", "san.ip.range", "san.email.domain",
 * "san.uri.prefix", "san.upn.suffix"; "san.sid" for the URI form of a security identifier where
 * the profile has none. */
const char *profile_refuses_name(const struct conf_profile *p, const struct san *s);

/* Microsoft's URI form of a security identifier: the identifier in it; empty for other names. */
#define PROFILE_DELEGATE "ocsp-responder" /* by which delegates of issuers are certified */
#define PROFILE_SID_URI "tag:microsoft.com,2022-09-14:sid:"
struct slice profile_sid_of(const struct san *s);

#endif
