/* Punycode (RFC 3492) with the parameters of IDNA: what stands behind "xn--". */
#ifndef LIB_PUNYCODE_H
#define LIB_PUNYCODE_H

#include "lib/buf.h"

/* The code points; at most `cap`. -1 when it is no Punycode or would be more. */
int punycode_decode(struct slice text, uint32_t *out, size_t cap, size_t *n) WARN_UNUSED;

#endif
