/*
 * The cipher suites of TLS that a scan asks for: all that need a certificate or none at all, of
 * the IANA registry "TLS Cipher Suites" (those of pre-shared keys, SRP, Kerberos and GOST no server
 * would pick without what we do not have). Constant tables; any thread.
 */
#ifndef LIB_TLS_SUITE_H
#define LIB_TLS_SUITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Versions of TLS by their place in a mask and in arrays: 0 is TLS 1.0. */
enum tls_version { TLS_1_0 = 0, TLS_1_1 = 1, TLS_1_2 = 2, TLS_1_3 = 3 };
#define TLS_VERSIONS 4
/* "TLS1.2" */
const char *tls_version_name(enum tls_version v);
/* As the protocol writes it: 0x0301 to 0x0304. */
uint16_t tls_version_wire(enum tls_version v);
/* Those that nobody should offer (RFC 8996). */
static inline bool tls_version_weak(enum tls_version v)
{
    return v < TLS_1_2;
}

struct tls_suite {
    uint16_t code;
    uint8_t least, most; /* enum tls_version: where it may be negotiated */
    bool weak; /* no encryption, no authentication, export grade, or RC2, RC4, DES, 3DES, IDEA, MD5
                */
    const char *name; /* as IANA writes it */
};

/* By number, those that one would rather see first. NULL past the last. */
const struct tls_suite *tls_suite_at(size_t i);
const struct tls_suite *tls_suite_find(uint16_t code);
/* The name, or "0xC0FF" written into out. */
const char *tls_suite_name(uint16_t code, char out[8]);
bool tls_suite_weak(uint16_t code);

#endif
