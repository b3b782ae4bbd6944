/*
 * One CRL made as cerca-ca and its signer make it: draft to a file, read and hashed as the signer
 * does, signed, verified, assembled. Whatever fails ends the program.
 */
#ifndef BENCH_HELP_ONECRL_H
#define BENCH_HELP_ONECRL_H

#include <openssl/evp.h>

#include "crl/build.h"

struct onecrl {
    EVP_PKEY *key; /* P-256 */
    const char *folder;
    struct crl_spec spec;     /* all but algorithm and issuer */
    bool sync;                /* the file, too */
    uint64_t entries, octets; /* out */
};

/* Seconds. */
double onecrl_make(struct onecrl *o, crl_source next, void *arg);

#endif
