/* A certification request from a file, in whatever wrapping people have it. */
#ifndef CLIENT_CSRFILE_H
#define CLIENT_CSRFILE_H

#include "lib/fault.h"

/* DER or PEM, CRLF or not, with text around it; "-" is standard input. What is plainly something
 * else (a certificate, a private key, nothing at all) is named in the fault, never shown.
 * Whether the request is any good is for cerca-ca to say and to record. */
int csrfile_read(const char *path, struct buf *der, struct fault *f) WARN_UNUSED;

#endif
