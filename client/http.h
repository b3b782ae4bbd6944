/* HTTP requests, by libcurl. */
#ifndef CLIENT_HTTP_H
#define CLIENT_HTTP_H

#include <openssl/types.h>

#include "lib/buf.h"
#include "lib/fault.h"

struct http_request {
    const char *url;          /* http or https; redirections to others are refused */
    const char *method;       /* NULL: GET, or POST where something is posted */
    struct slice post;        /* empty: nothing */
    const char *content_type; /* of what is posted */
    const char *accept;
    bool compressed; /* gzip is taken, and undone; the bound is of what comes out */
    int timeout_ms;
};

/* The body of an answer with status 200 goes into `body`, within its bound. Rules: "http.url",
 * "http.failed" (no answer, too large), "http.status". */
int http_call(const struct http_request *r, struct buf *body, struct fault *f) WARN_UNUSED;

/* ---- with one server, over a connection that is kept ---- */

struct http_server {
    const char *anchors;           /* PEM file, the only ones; NULL: those of the system */
    bool unverified;               /* whoever it is: for finding out, never for secrets */
    const char *certificate, *key; /* PEM files of this side's own; NULL: none */
    EVP_PKEY *away;            /* in place of `key`: it is elsewhere, and signs for TLS 1.3 only */
    const char *user, *secret; /* Basic or Digest, when the server asks; NULL: none */
    const char *bearer;        /* RFC 6750 2.1, with every request; NULL: none */
};

#define HTTP_BINDING_MAX 64

struct http_answer {
    long status;
    char type[128];      /* Content-Type; "": none */
    int64_t retry_after; /* seconds from now; 0: not said */
    char redirect[2048]; /* where to, absolute; "": nowhere */
    struct buf body;     /* within its bound */
    struct buf talk;     /* the heads that each side sent, secrets left out; what libcurl says */
};
void http_answer_init(struct http_answer *a, size_t body_max);
void http_answer_free(struct http_answer *a);

struct http_session;
/* What `s` points to must outlive it. Rule "http.failed". */
int http_session_open(const struct http_server *s, struct http_session **out,
                      struct fault *f) WARN_UNUSED;
void http_session_close(struct http_session *s);

/* Called when the connection stands, before the request goes: with the channel binding (RFC 5929 3
 * below TLS 1.3, there only with extended master secret; else RFC 9266), empty when there is none.
 * It may change the octets of what is posted, not their number. Anything but 0 ends the exchange,
 * rule "http.stopped". */
typedef int (*http_ready)(void *arg, struct slice binding);

/* One request, one answer, redirections not followed. 0 for any status. Rules: "http.url",
 * "http.failed", "http.stopped". `ready` may be NULL. */
int http_session_ask(struct http_session *s, const struct http_request *r, http_ready ready,
                     void *arg, struct http_answer *a, struct fault *f) WARN_UNUSED;

#endif
