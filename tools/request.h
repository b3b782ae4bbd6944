/*
 * What issue and renew have in common: a request with its CSR and perhaps a new
 * key, sent until it is answered, and the certificate handed out.
 */
#ifndef TOOLS_REQUEST_H
#define TOOLS_REQUEST_H

#include "lib/proto.h"
#include "tools/newkey.h"
#include "tools/tool.h"

struct request_args {
    const char *profile;
    const char *csr;
    const char *key_out;
    const char *p12;
    const char *password_file;
    bool p12_legacy;
    const char *key_type;
    struct texts sans;
    const char *subject;
    const char *owner;
    int64_t validity;
    int64_t not_after;
    const char *out;
    const char *request_key;
    bool dry_run;
    bool force;
};
extern const struct request_args request_defaults;
extern const struct opt request_opts[]; /* by offset in struct request_args */

struct job {
    const struct request_args *args;
    struct issue_request request;
    struct buf csr;      /* DER */
    struct buf subject;  /* whole Name of a CSR that is made here */
    struct buf key_pem;  /* PKCS#8, when the key is made here */
    struct buf password; /* of --p12 */
    struct keyfile key;
    uint8_t addresses[SAN_MAX * 16]; /* of IP names in the request */
    size_t addresses_used;
};

/* Checks what the arguments say about each other and copies those that both commands have.
 * EXIT_OK, or EXIT_USAGE (said). `sans` stays the caller's. */
int job_begin(struct job *j, struct tool *t, const struct request_args *a) WARN_UNUSED;
/* Gets the CSR, or makes key and CSR, asks, prints. An exit code; all said. */
int job_run(struct job *j, struct tool *t) WARN_UNUSED;
void job_free(struct job *j);

#endif
