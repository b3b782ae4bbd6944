/*
 * Bodies of EST messages: DER as base64, whatever Content-Transfer-Encoding says (RFC 7030 4, RFC
 * 8951 3.1). No input or output.
 */
#ifndef EST_BODY_H
#define EST_BODY_H

#include "lib/buf.h"
#include "lib/fault.h"

#define EST_BODY_MAX 65536 /* octets of a body, unless the configuration says otherwise */

/* The DER in a body, within the bound of `out`: base64 with any line breaks and blanks (RFC 8951
 * 3.1), and what clients send by mistake: DER as it is, and PEM whose label is in the NULL-ended
 * list. What the DER is, is for its reader to say. Rules: "est.body.empty", "est.body.base64",
 * "est.body.size", and those of pem_next. */
int est_body_get(struct slice body, const char *const *labels, struct buf *out,
                 struct fault *f) WARN_UNUSED;
/* Base64 in lines of 64. */
void est_body_put(struct buf *out, struct slice der);

/* Is this media type (RFC 9110 8.3.1) of a Content-Type field, its parameters and case aside? NULL:
 * there was no field. */
bool est_type_is(const char *field, const char *type);

#endif
