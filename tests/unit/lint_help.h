/*
 * Certificates for the tests of lint, written as text so that everything in them can be wrong.
 *
 * In the text two hexadecimal digits are an octet, 'text' stands for itself, <70x> for 70 times
 * x, and an octet with braces behind it is a tag: its length is computed. "30{02{05}}" is a
 * SEQUENCE of the INTEGER 5. A length that is wrong is written as octets.
 */
#ifndef TESTS_UNIT_LINT_HELP_H
#define TESTS_UNIT_LINT_HELP_H

#include "lib/lint_cert.h"

/* NULL fields are those of a good server certificate, or with `ca` those of a good root. */
struct lint_sample {
    bool ca;
    const char *version, *serial, *alg, *outer, *issuer, *validity, *subject, *spki, *uid;
    const char *drop;   /* hexadecimal OIDs, with spaces between, of extensions to leave out */
    const char *ext[3]; /* whole Extensions, instead of the one with the same OID or behind all */
    const char *more;   /* whatever comes behind the extensions in their list */
    const char *exts;   /* all of [3] instead; "" for none */
    const char *signature;
    const char *whole; /* the whole certificate instead of all that */
    const char *tail;  /* behind it */
    const struct lint_sample *by;
};

/* One rule: a certificate that keeps it, as near to breaking it as may be, and one that breaks it.
 */
struct lint_case {
    const char *rule;
    struct lint_sample good, bad;
};

struct lint_cases {
    const struct lint_case *item;
    size_t n;
};
extern const struct lint_cases lint_der_cases, lint_field_cases, lint_name_cases, lint_key_cases,
    lint_ext_cases, lint_san_cases, lint_usage_cases, lint_ca_cases, lint_access_cases,
    lint_policy_cases, lint_chain_cases;

void lint_assemble(const char *text, struct buf *out);
/* The TBSCertificate, or the whole certificate. */
void lint_sample_der(const struct lint_sample *s, bool draft, struct buf *out);

#define EXT(oid, value) "30{06{" oid "}04{" value "}}"
#define CRITICAL(oid, value) "30{06{" oid "}01{ff}04{" value "}}"
#define RDN(oid, value) "31{30{06{" oid "}" value "}}"
#define CN(value) RDN("550403", value)
#define NAME(rdns) "30{" rdns "}"

#define SDA "551d09"
#define SKI "551d0e"
#define KU "551d0f"
#define SAN "551d11"
#define IAN "551d12"
#define BC "551d13"
#define NC "551d1e"
#define CRLDP "551d1f"
#define POLICIES "551d20"
#define MAPPINGS "551d21"
#define AKI "551d23"
#define PC "551d24"
#define EKU "551d25"
#define FRESHEST "551d2e"
#define IAP "551d36"
#define NO_REV_AVAIL "551d38"
#define AIA "2b06010505070101"
#define SIA "2b0601050507010b"
#define TLS_FEATURE "2b06010505070118"
#define NOCHECK "2b0601050507300105"

#define OCSP "2b06010505073001"
#define CA_ISSUERS "2b06010505073002"
#define ANY_PURPOSE "551d2500"
#define KP(last) "2b060105050703" last

#endif
