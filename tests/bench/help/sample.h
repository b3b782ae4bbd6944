/*
 * A public view of many certificates without the CA that would have issued them, for benchmarks of
 * what answers from it: one issuer, whose rows all are good, and the delegate that signs OCSP
 * answers in its name. Whatever fails ends the program.
 */
#ifndef BENCH_HELP_SAMPLE_H
#define BENCH_HELP_SAMPLE_H

#include <openssl/evp.h>

#include "lib/ocsp.h"
#include "lib/tbs.h"

struct sample {
    uint64_t rows;
    EVP_PKEY *issuer_key, *delegate_key;
    struct buf issuer, delegate; /* certificates */
    uint8_t owner[32];           /* SHA-256 of the issuer's SubjectPublicKeyInfo */
    struct ocsp_issuer_id id;    /* by SHA-1 */
};

/* Writes the issuer's folder into the view, `view_dir`/bench-1; `view_dir` exists. */
void sample_make(struct sample *s, const char *view_dir, uint64_t rows);
/* Not the files. */
void sample_free(struct sample *s);
/* Removes what sample_make has written, and `view_dir`. */
void sample_remove(const char *view_dir);
/* Of row n of all. */
void sample_serial(uint64_t n, uint8_t out[SERIAL_LEN]);
/* Appends a request for row n; nonce: SLICE_NONE for none. */
void sample_request(const struct sample *s, uint64_t n, struct slice nonce, struct buf *out);

#endif
