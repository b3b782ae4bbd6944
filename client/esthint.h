/* When a certificate should be renewed, as its CA suggests it (RFC 9773 4.2, without ACME). */
#ifndef CLIENT_ESTHINT_H
#define CLIENT_ESTHINT_H

#include "client/estcall.h"

struct est_hint {
    int64_t start, end;     /* the window */
    int64_t retry_after;    /* seconds until it may be asked again; 0: not said */
    char explanation[1024]; /* safe to print; "": none */
};

/* About the certificate of that fingerprint (SHA-256), NULL: that of e's own TLS. Rules:
 * "est.status", "est.hint", and those of http_session_ask. */
int est_hint_ask(struct est *e, const uint8_t *fingerprint, struct est_hint *out,
                 struct fault *f) WARN_UNUSED;

#endif
