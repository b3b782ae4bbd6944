/* UTF-8 (RFC 3629): is it? No overlong form, no surrogate, nothing past U+10FFFF. */
#ifndef LIB_UTF8_H
#define LIB_UTF8_H

#include "lib/buf.h"

bool utf8_valid(struct slice s);

#endif
