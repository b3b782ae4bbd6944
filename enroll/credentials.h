/* What a client says in the Authorization field. No input or output. */
#ifndef ENROLL_CREDENTIALS_H
#define ENROLL_CREDENTIALS_H

#include "lib/buf.h"
#include "lib/fault.h"

#define CREDENTIALS_USER_SIZE 128
#define CREDENTIALS_SECRET_MAX 1024 /* octets */

struct credentials {
    bool there;
    char user[CREDENTIALS_USER_SIZE]; /* "" with Bearer */
    struct buf secret;
};

/* "Basic" with base64 of user:password (RFC 7617) or "Bearer" with a token (RFC 6750 2.1), the
 * scheme in any case. NULL: there was no field. Another scheme, or one that is malformed, is
 * denied, and a challenge says which there are: rule "est.authorization". Free it in any case. */
int credentials_get(const char *field, struct credentials *out, struct fault *f) WARN_UNUSED;
/* Wipes. */
void credentials_free(struct credentials *c);

#endif
