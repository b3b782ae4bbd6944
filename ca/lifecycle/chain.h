/*
 * The chain of a certificate that others issued, as far as the inventory has its issuers: those
 * whose subject is its issuer, and whose key identifier is the one that it names. An issuer that
 * nobody brought in is no fault. Signatures are not verified here: that costs more than all else of
 * an evaluation. Threads: any.
 */
#ifndef CA_LIFECYCLE_CHAIN_H
#define CA_LIFECYCLE_CHAIN_H

#include "ca/store/inventory.h"

typedef void (*chain_found)(void *arg, const char *why);

/* Tells what is wrong: nothing but itself vouches for a server, its issuer has ended or was
 * revoked, or its issuer's certificate does not allow it (RFC 5280 6.1.3, 6.1.4). `c` is of `der`;
 * `room` is the caller's, and holds anything afterwards. */
void chain_look(struct store *s, struct slice der, const struct anycert *c, int64_t now,
                struct cert_row *room, chain_found fn, void *arg);

#endif
