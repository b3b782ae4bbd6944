/* Answers of EST: certificates, and the one mapping from faults to HTTP (RFC 7030 4.2.3, RFC 9110
 * 15). A refusal is text: rule, field, what was given, what is allowed. */
#ifndef ENROLL_REPLY_H
#define ENROLL_REPLY_H

#include "lib/conf.h"
#include "lib/httpd.h"

/*
 *   malformed, refused by policy    400
 *   no credentials, or wrong ones   401 with WWW-Authenticate, where the label takes secrets
 *   denied otherwise                403
 *   not found                       404
 *   contradicts what is recorded    409
 *   too large                       413
 *   limits, and who is slowed down  429 with Retry-After
 *   unavailable, full               503 with Retry-After
 *   waits for an operator           202 with Retry-After
 *   anything else                   500
 */
unsigned reply_status(const struct fault *f, const struct conf_est *label);
/* `label` may be NULL: there is none. */
void reply_fault(const struct fault *f, const struct conf_est *label, struct http_answer *out);
/* Does this client read base64 in lines? Most must have them or do not mind; strongSwan's knows no
 * line breaks at all. So who posts without any gets none, and who says neither what it accepts nor
 * who it is, as that one. */
bool reply_in_lines(const struct http_request *r);
/* 200 with that DER in base64. */
void reply_der(const char *type, struct slice der, bool lines, struct http_answer *out);
/* 200 with a certificate alone, DER (4.2.3). */
void reply_certificate(struct slice certificate, bool lines, struct http_answer *out);

#endif
