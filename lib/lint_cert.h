/*
 * A certificate as lint sees it: read as far as it can be read, by the structure of RFC 5280 4.1
 * and nothing else. Unknown algorithms, unusual keys, wrong times and strange names are kept as
 * they are, for the rules to say. Slices point into the input.
 *
 * Rules live in several files, each with a table of its own; lib/lint.c joins them.
 */
#ifndef LIB_LINT_CERT_H
#define LIB_LINT_CERT_H

#include "lib/lint.h"

#define LINT_EXTENSIONS_MAX 64
#define LINT_ATTRIBUTES_MAX 64

/* Extensions that rules know. */
enum lint_ext_id {
    X_OTHER,
    X_SDA, /* subjectDirectoryAttributes */
    X_SKI,
    X_KU,
    X_SAN,
    X_IAN,
    X_BC,
    X_NC,
    X_CRLDP,
    X_POLICIES,
    X_MAPPINGS,
    X_AKI,
    X_PC, /* policyConstraints */
    X_EKU,
    X_FRESHEST,
    X_IAP, /* inhibitAnyPolicy */
    X_AIA,
    X_SIA,
    X_TLS_FEATURE,
    X_OCSP_NOCHECK,
    X_NO_REV_AVAIL,
    X_COUNT
};

struct lint_ext {
    enum lint_ext_id id;
    struct slice oid;
    bool critical;
    struct slice value;
};

/* Ways not to be DER (ITU-T X.690), found by one walk over everything. */
enum lint_der {
    LINT_DER_LENGTH,  /* 10.1 */
    LINT_DER_CUT,     /* 8.1.3: longer than what it is in */
    LINT_DER_TAIL,    /* octets behind the certificate */
    LINT_DER_TAG,     /* 8.1.2 */
    LINT_DER_BOOLEAN, /* 11.1 */
    LINT_DER_INTEGER, /* 8.3.2 */
    LINT_DER_OID,     /* 8.19.2 */
    LINT_DER_BITS,    /* 11.2.1 */
    LINT_DER_NULL,    /* 8.8.2 */
    LINT_DER_SET,     /* 11.6 */
    LINT_DER_STRING,  /* 10.2: in pieces */
    LINT_DER_DEEP,    /* nested beyond what any certificate is */
    LINT_DER_COUNT
};

struct lint_attr {
    bool of_subject; /* else of the issuer */
    size_t rdn;      /* which, from 0 */
    struct slice oid;
    const struct name_attr_row *row; /* of lib/name_attr.h; never NULL */
    uint8_t tag;
    struct slice value;
};

struct lint_time {
    uint8_t tag;
    struct slice text;
    bool good; /* in the form of RFC 5280 4.1.2.5, so that `t` is set */
    int64_t t;
};

struct lint_cert {
    struct slice der, tbs;
    const char *unread;               /* why the rest could not be read; NULL: all of it was */
    uint32_t der_broken;              /* 1 << LINT_DER_* */
    size_t der_at[LINT_DER_COUNT];    /* where the first of each is, in octets from the start */
    const char *default_written;      /* a DEFAULT that is written out (X.690 11.5); NULL: none */
    unsigned version;                 /* 1 to 3; 0: something else */
    struct slice serial;              /* contents of the INTEGER */
    struct slice tbs_alg, alg;        /* AlgorithmIdentifiers, whole */
    struct slice alg_oid, alg_params; /* of tbs_alg; the parameters whole, or empty */
    struct slice issuer, subject;     /* Names, whole */
    const char *name_broken;          /* what is no Name; NULL: both are */
    size_t n_attrs;
    struct lint_attr attr[LINT_ATTRIBUTES_MAX];
    struct lint_time not_before, not_after;
    struct slice spki;                /* whole */
    struct slice key_oid, key_params; /* of its AlgorithmIdentifier */
    struct spki key;                  /* KEY_NONE when spki_parse refused it, as key_fault says */
    struct fault key_fault;
    bool has_unique_id;
    struct slice signature; /* contents of the BIT STRING; empty in a draft */
    bool draft;             /* a TBSCertificate of ours: there is no outer algorithm yet */
    bool has_extensions;
    size_t n_exts;
    struct lint_ext ext[LINT_EXTENSIONS_MAX];
    const struct lint_ext *known[X_COUNT]; /* the first of each; NULL: absent */
    /* What could be decoded of them. */
    bool ca;
    bool has_path_len;
    uint16_t key_usage;                            /* KU_*, 0 when absent */
    uint32_t eku;                                  /* EKU_*, 0 when absent */
    struct slice ski, aki, aki_issuer, aki_serial; /* contents */
    const struct lint_cert *by;                    /* the issuer's certificate; NULL: not known */
};

/* Bits of keyUsage beyond those of lib/tbs.h. */
#define KU_ENCIPHER_ONLY (1u << 7)
#define KU_DECIPHER_ONLY (1u << 8)

/* Certificate, or with `draft` a TBSCertificate. */
void lint_read(struct slice der, bool draft, struct lint_cert *out);
/* Walks elements that lie `at` octets behind the start and notes what is not DER. */
void lint_der_walk(struct lint_cert *c, struct slice in, size_t at, unsigned depth);

/* Says why and returns -1. */
int lint_why(char why[LINT_WHY], const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool lint_critical(const struct lint_cert *c, enum lint_ext_id id);
bool lint_self_issued(const struct lint_cert *c);
bool lint_server(const struct lint_cert *c); /* an end entity with serverAuth */
/* The contents of an extension that is one SEQUENCE of something, empty or not; -1 when it is
 * absent or anything else. */
int lint_list(const struct lint_cert *c, enum lint_ext_id id, struct slice *list) WARN_UNUSED;

/* The next GeneralName of a list: its tag and contents; false at the end or where it breaks. */
bool lint_name_next(struct slice *names, uint8_t *tag, struct slice *value);
/* NULL when the contents of GeneralNames are well-formed, else what is not. */
const char *lint_names_fault(struct slice names);
/* lint_dns.c: NULL when a name is one that DNS can have, else what is wrong. `wildcard`: may begin
 * with "*.". Underscores are for another rule. */
const char *lint_dns_fault(struct slice name, bool wildcard);
const char *lint_idn_fault(struct slice name);
const char *lint_uri_fault(struct slice uri);

struct lint_table {
    const struct lint_rule *rules;
    size_t n;
};
extern const struct lint_table lint_der_rules, lint_field_rules, lint_alg_rules, lint_name_rules,
    lint_key_rules, lint_ext_rules, lint_san_rules, lint_usage_rules, lint_ca_rules,
    lint_access_rules, lint_policy_rules, lint_chain_rules;
/* The one of them that verifies. */
int lint_chain_signature(const struct lint_cert *c, char why[LINT_WHY]);

#endif
