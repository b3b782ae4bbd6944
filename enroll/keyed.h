/* The answer to serverkeygen (RFC 7030 4.4.2). */
#ifndef ENROLL_KEYED_H
#define ENROLL_KEYED_H

#include "lib/httpd.h"
#include "lib/proto_enroll.h"

/* 200 with key and certificate; what holds the key is wiped when it was sent. */
void reply_key(const struct enroll_keyed *k, struct http_answer *out);

#endif
