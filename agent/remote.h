/*
 * One exchange with the CA, in a jailed child (client/jail.h); what it hands back is read here
 * as a stranger's.
 */
#ifndef AGENT_REMOTE_H
#define AGENT_REMOTE_H

#include "agent/conf/conf.h"
#include "lib/buf.h"

enum remote_what {
    REMOTE_REQUEST, /* asks what a request should have in it, and makes one */
    REMOTE_ENROLL,  /* sends it */
    REMOTE_HINT,    /* when to renew */
    REMOTE_REPORT,  /* posts `body` */
};

struct remote_ask {
    enum remote_what what;
    const struct agent_cert *cert;
    const char *own, *own_key; /* PEM: certificate and key in force, for TLS; NULL: none */
    const char *own_uri;       /* in place of own_key: it is in the token of `cert` */
    bool renew;          /* the certificate of `own` is renewed; else the first way of `cert` */
    const char *key;     /* PEM: signs the request */
    const char *key_uri; /* in place of key, likewise */
    const char *request; /* DER: the one that was made; NULL: it is linked and made anew */
    bool new_names;      /* a renewal asks for the configured names in place of its own */
    bool new_subject;
    struct slice body;
    int64_t timeout;       /* seconds, of one answer */
    struct keychild *keys; /* set by remote_do: who has the keys in the token */
};

struct remote_answer {
    struct buf request;     /* DER */
    bool linking;           /* the server wants requests linked to their connection */
    struct buf leaf, chain; /* DER; the chain's certificates one behind the other */
    int64_t start, end;     /* of a hint */
    char text[1024];        /* why; safe to print */
    int64_t retry_after;    /* seconds; 0: not said */
};

/* Blocks, for a few times the timeout at most. An answer comes initialised in any case; free it.
 * -FAULT_PENDING: somebody has to approve, retry_after says when to ask again. Rules:
 * "agent.remote" (the child failed), those of client/estcall.h and client/esthint.h. */
int remote_do(const struct remote_ask *a, struct remote_answer *out, struct fault *f) WARN_UNUSED;
void remote_answer_free(struct remote_answer *a);

#endif
