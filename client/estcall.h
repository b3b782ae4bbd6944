/*
 * A client of any EST server (RFC 7030): one operation, asked until it is answered, and what each
 * side sent when something is wrong.
 */
#ifndef CLIENT_ESTCALL_H
#define CLIENT_ESTCALL_H

#include <openssl/types.h>

#include "est/path.h"
#include "client/http.h"

struct est_args {
    const char *url, *label;
    const char *trust;
    const char *cert, *key;
    EVP_PKEY *away; /* in place of `key`: it is elsewhere (client/awaykey.h) */
    const char *user, *password_file, *token_file;
    int64_t wait; /* seconds for an approval or a busy server */
    bool verbose;
};

struct est;
/* Who calls; the functions may be NULL. */
struct est_caller {
    int64_t timeout;                              /* seconds, of one exchange */
    void (*say)(void *arg, const char *text);     /* what goes on meanwhile */
    void (*talk)(void *arg, const struct est *e); /* an exchange that failed, or any (verbose) */
    void *arg;
};

struct est {
    struct est_caller caller;
    const struct est_args *args;
    struct http_server server;
    struct http_session *session;
    struct buf secret;         /* password or token */
    struct http_answer answer; /* the last one */
    uint64_t wait_until_us;
};

/* Reads the secrets, connects to nobody yet. `unverified`: the server may be anybody, who gets no
 * secrets. Close it in any case. */
int est_open(struct est *e, const struct est_caller *caller, const struct est_args *a,
             bool unverified, struct fault *f) WARN_UNUSED;
void est_close(struct est *e);

struct est_call {
    enum est_op op;
    struct slice body; /* as it is posted; empty for GET */
    http_ready ready;  /* may be NULL */
    void *arg;
    bool none_is_fine; /* 204 and 404: the body is empty then (4.5.2) */
    bool optional;     /* any refusal is like that */
};

/* e->answer is an answer with status 200 and of the operation's type. 202, 429 and 503 are waited
 * out for --wait; without, or when that is over, 202 is -FAULT_PENDING. Redirections to the same
 * host and port are followed (RFC 7030 3.2.1). Rules: "est.url", "est.pending", "est.status",
 * "est.type", "est.redirect", and those of http_session_ask. */
int est_call(struct est *e, const struct est_call *c, struct fault *f) WARN_UNUSED;
/* https://HOST:PORT of the server, without any path. */
void est_origin(const struct est *e, struct buf *out);
/* What each side sent last, safe to print; secrets are left out. */
void est_talk(const struct est *e, struct buf *out);

#endif
