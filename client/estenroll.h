/* One enrollment by EST: key and request made, sent, and what comes back put into files. */
#ifndef CLIENT_ESTENROLL_H
#define CLIENT_ESTENROLL_H

#include "est/certs.h"
#include "est/request.h"
#include "lib/cert.h"
#include "client/estcall.h"
#include "client/newkey.h"
#include "client/signkey.h"

struct est_enroll_args {
    struct est_args est; /* first: commands share its options */
    const char *csr, *key_out, *use_key, *key_type;
    EVP_PKEY *use_away; /* in place of use_key: it is elsewhere */
    struct texts sans;
    const char *subject;
    const char *open_cert, *open_key;
    const char *out;
    bool force;
};

struct enrollment {
    struct est est;
    const struct est_enroll_args *args;
    enum est_op op;
    EVP_PKEY *key;            /* signs the request; NULL: the request came with --csr */
    struct buf subject, spki; /* of the request */
    struct san_list sans;     /* point into args, `present` and `addresses` */
    uint8_t addresses[SAN_MAX * 16];
    size_t addresses_used;
    struct buf present; /* certificate that is renewed, DER */
    struct name_change change;
    struct buf new_subject;
    struct buf wanted_der; /* CSR attributes */
    struct csrattrs wanted;
    struct buf opener; /* certificate that the server's envelope is for, DER */
    struct est_request request;
    uint8_t binding[HTTP_BINDING_MAX];
    struct buf csr, post;        /* DER, and as it is posted */
    struct fault link_fault;     /* why there was no linking, when there was none */
    struct buf message, new_key; /* certificates as they came; PKCS#8 that the server made */
    struct buf cas_der;
    struct certs cas; /* of the server */
    struct certs certs;
    struct buf pem; /* certificate and chain */
    struct keyfile keyfile;
};

void enrollment_init(struct enrollment *e, const struct est_enroll_args *a, enum est_op op);
void enrollment_free(struct enrollment *e);

/* What the server wants in a request; one that says nothing wants nothing (RFC 7030 4.5.2). */
int enrollment_ask_wanted(struct enrollment *e, struct fault *f) WARN_UNUSED;
/* Key, names and request. What the server wants is in e->wanted. Rules: "est.subject" (it wants
 * something there that nobody said), "est.link" (it wants the request linked and there is no key),
 * "est.opener". (client/estrequest.c) */
int enrollment_prepare(struct enrollment *e, struct fault *f) WARN_UNUSED;
/* Signs e->request with a binding of so many octets, none: 0, into e->csr and e->post. */
int enrollment_sign(struct enrollment *e, size_t binding, struct fault *f) WARN_UNUSED;
/* Sends it, signed again on the way where the server wants it linked to the connection. */
int enrollment_send(struct enrollment *e, struct fault *f) WARN_UNUSED;
/* For http_session_ask: signs anew with the binding of the channel, in as many octets. */
int enrollment_link(void *arg, struct slice binding);

/* What came is checked, the certificate found and its chain put together. (client/estanswer.c)
 * Rules: "est.certificate" (none for this key), and those of certs_get and keygen_answer_get. */
int enrollment_take(struct enrollment *e, struct cert *leaf, struct fault *f) WARN_UNUSED;

#endif
