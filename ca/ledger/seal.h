/*
 * Has the signer sign one statement of the form of a checkpoint, from a thread that may wait, and
 * verifies what comes back. One thread at a time uses a sealer.
 */
#ifndef CA_LEDGER_SEAL_H
#define CA_LEDGER_SEAL_H

#include "ca/door/signer_link.h"
#include "lib/proto_audit.h"

struct sealer;

/* `link` is that of conf_audit_token; NULL: there is none, and sealer_sign says so. */
struct sealer *sealer_new(const struct conf *c, struct loop *l, struct signer_link *link);
/* Whoever waits gives up, now and from now on. From any thread. NULL is fine. */
void sealer_stop(struct sealer *s);
/* After the signers' links. NULL is fine. */
void sealer_free(struct sealer *s);

/* *out points into the sealer, until the next call. By every key that the signer says it has, one
 * of them an Ed25519 key. Rules "checkpoint.answer", "audit.token", those of the signer. */
int sealer_sign(struct sealer *s, const char *origin, uint64_t size, const uint8_t root[32],
                struct checkpointed *out, struct fault *f) WARN_UNUSED;

#endif
