/*
 * Hints when to renew, for who asks with a client certificate of this CA:
 *
 *   GET /.well-known/cerca/renewal        that certificate
 *   GET /.well-known/cerca/renewal/NAME   another of the same identity: its SHA-256 in hexadecimal,
 *                                         or its identifier of RFC 9773 4.1
 *
 * The answer is as in RFC 9773 4.2 and 4.3: JSON with "suggestedWindow", and Retry-After.
 */
#ifndef ENROLL_HINT_H
#define ENROLL_HINT_H

#include "lib/httpd.h"
#include "lib/proto_enroll.h"

#define HINT_PATH "/.well-known/cerca/renewal"

/* Is it such a path? Then what is asked for is in `out`, whose `keyid` points to `room`. 0, 1: it
 * is another path, or -1: it names no certificate. */
int hint_path(const char *target, struct enroll_hint_request *out,
              uint8_t room[ENROLL_KEYID_MAX]) WARN_UNUSED;
/* 200 */
void reply_hint(const struct enroll_hint *h, struct http_answer *out);

#endif
