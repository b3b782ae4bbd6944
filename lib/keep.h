/*
 * What outlives cerca-public or cerca-enroll, not cercad: their keys and certificates, in anonymous
 * memory whose descriptor cercad keeps and hands to the next one. So a restart needs no token.
 */
#ifndef LIB_KEEP_H
#define LIB_KEEP_H

#include <openssl/evp.h>

#include "lib/fault.h"

/* Memory for all of them; further ones are not kept. */
#define KEEP_MAX 1048576

struct kept {
    uint8_t owner[32]; /* whose: an issuer's SHA-256 of its SubjectPublicKeyInfo; zeros: TLS */
    struct slice key;  /* PKCS#8, DER */
    struct slice certificate; /* and its chain behind it */
};

/* Writes them all, instead of what was there. fd -1: does nothing. */
void keep_write(int fd, const struct kept *k, size_t n);
/* Gives each to `fn`. What is damaged, which a crash may leave, is as if it were not there. */
void keep_read(int fd, void (*fn)(void *arg, const struct kept *k), void *arg);

#endif
