/*
 * What issue and renew have in common: a request with its CSR and perhaps a new
 * key, sent until it is answered, and the certificate handed out.
 */
#ifndef TOOLS_REQUEST_H
#define TOOLS_REQUEST_H

#include "lib/proto.h"
#include "client/newkey.h"
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
    const char *token_file; /* - is standard input */
    bool dry_run;
    bool force;
};
#define REQUEST_DEFAULTS                                                                           \
    {                                                                                              \
        .key_type = "p256"                                                                         \
    }
extern const struct request_args request_defaults;
extern const struct opt request_opts[]; /* by offset in struct request_args */

struct job {
    const struct request_args *args;
    struct issue_request request;
    struct buf token;    /* its text: a secret */
    struct buf csr;      /* DER */
    struct buf subject;  /* whole Name of a CSR that is made here */
    struct buf key_pem;  /* PKCS#8, when the key is made here */
    struct buf password; /* of --p12 */
    struct buf pem;      /* the certificate and its chain */
    struct keyfile key;
    bool has_lost_key;    /* the request must be for another key than this one, which is lost */
    uint8_t lost_key[32]; /* SHA-256 of its SubjectPublicKeyInfo */
    bool unknown;         /* after a fault: there could be a certificate all the same */
    uint8_t addresses[SAN_MAX * 16]; /* of IP names in the request */
    size_t addresses_used;
};

/* Checks what the arguments say about each other and copies those that both commands have.
 * EXIT_OK, or EXIT_USAGE (said). `sans` stays the caller's. */
int job_begin(struct job *j, struct tool *t, const struct request_args *a) WARN_UNUSED;
/* Profile, owner, names and subject of the request from its arguments. */
int job_fill(struct job *j, struct fault *f) WARN_UNUSED;
/* The subject of a CSR that is made here: --subject, else the first DNS name as CN where that fits,
 * else empty. */
int job_local_subject(struct job *j, struct fault *f) WARN_UNUSED;
/* What was issued. */
struct job_result {
    char serial[2 * 20 + 1];
    int64_t not_after;
    bool again; /* it was there already: same request key */
};
/* Gets the CSR, or makes key and CSR, asks, writes the files; prints nothing but what is waited
 * for. After a fault j->unknown says whether there could be a certificate all the same. */
int job_issue(struct job *j, struct tool *t, struct job_result *out, struct fault *f) WARN_UNUSED;
/* Gets the CSR, or makes key and CSR, asks, prints. An exit code; all said. */
int job_run(struct job *j, struct tool *t) WARN_UNUSED;
void job_free(struct job *j);

#endif
