/*
 * The other door: revoking, putting on hold, releasing. Each is one durable
 * commit, published to the view before it is answered, so that every OCSP answer
 * that is made from then on says so.
 *
 * Not stopped by what stops issuing: a full disk, a token that is away, a clock
 * that is wrong.
 */
#ifndef CA_DOOR_REVOKE_H
#define CA_DOOR_REVOKE_H

#include "ca/door/door.h"

/* `outcome` has one item for each serial of the request, good during the call. */
typedef void (*revoke_reply)(void *arg, const struct revoke_outcome *outcome, size_t n);

/* Belongs to the loop, as does the reply. Each serial is decided and recorded by itself; refusals
 * are recorded too. Rules: those of STORE_REVOKE, STORE_RELEASE and STORE_BLOCK, serial.unknown,
 * serial.ambiguous. The tokens of an identity that is blocked (ca/door/identity.h) are revoked just
 * before. */
void door_revoke(struct door *d, const struct requester *who, const struct revoke_request *r,
                 revoke_reply reply, void *arg);

#endif
