/* Certificates of other CAs for tests, put together of parts, each of which may be odd. */
#ifndef TESTS_UNIT_ANYCERT_HELP_H
#define TESTS_UNIT_ANYCERT_HELP_H

#include "lib/buf.h"

/* Hexadecimal DER of the elements of a TBSCertificate; NULL: an ordinary one. */
struct any_parts {
    const char *version;  /* "" leaves it out */
    const char *serial;   /* 2a */
    const char *alg;      /* ecdsa-sha256 */
    const char *outer;    /* as alg */
    const char *issuer;   /* CN=i */
    const char *validity; /* 2026 to 2027 */
    const char *subject;  /* CN=s */
    const char *spki;     /* P-256 */
    const char *rest;     /* behind the key: dns:a.example; "" leaves it out */
};
void any_make(const struct any_parts *p, struct buf *out);
/* subjectAltName with n names hN.example, as `rest` has it, in hexadecimal. The caller frees it. */
char *any_many_names(unsigned n);

#endif
