/* Whom a client's address or name stands for, when something is counted by it. */
#ifndef LIB_SOURCE_H
#define LIB_SOURCE_H

#include <stdint.h>

/* Of an address as text: an IPv6 host has its whole /64, and an IPv4 address that came over an IPv6
 * socket (::ffff:192.0.2.1) is that IPv4 address. What is no address has a key too. */
uint64_t source_key(const char *address);
/* Of somebody who has a name instead: a user, a certificate. */
uint64_t source_key_named(const char *kind, const char *name);

#endif
