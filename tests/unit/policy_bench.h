/* A request for policy: a CSR made by OpenSSL, and everything else as a test wants it. */
#ifndef TESTS_UNIT_POLICY_BENCH_H
#define TESTS_UNIT_POLICY_BENCH_H

#include "ca/policy/policy.h"
#include "tests/unit/x509_help.h"

#define NOW 1800000000
#define DAY 86400

struct policy_bench {
    struct conf conf; /* the grants and issuers that a test sets */
    struct conf_profile profile;
    struct policy_authorisation authorisation;
    struct issue_request request;
    struct policy_input in;
    struct csr csr;
    struct buf der;
    struct decision decision; /* of the last one that was allowed */
    struct fault fault;
};

/* The built-in profile of that name, and an issuer with P-256 and a long life. */
void bench_open(struct policy_bench *b, const char *profile);
void bench_close(struct policy_bench *b);
/* Extensions are those of the request, ended by NULL; cn may be "". */
int bench_ask(struct policy_bench *b, const char *cn, const char *const ext[][2]);
void bench_allows(struct policy_bench *b, const char *cn, const char *const ext[][2]);
void bench_refuses(struct policy_bench *b, const char *cn, const char *const ext[][2],
                   const char *rule);
/* Adds a name to the request, as --san does. */
void bench_san(struct policy_bench *b, const char *text);

#endif
