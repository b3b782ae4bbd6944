/*
 * Signs checkpoints of the audit log (lib/note.h), with a P-256 key of the token and the Ed25519
 * key of a file; and the seals of the view's exports, which have the same form (lib/viewexport.h).
 * It writes the text itself, from size and root, so that these keys sign nothing else; and never
 * one that contradicts a checkpoint it signed before (ca/signer/checklog.h).
 */
#ifndef CA_SIGNER_CHECKPOINTER_H
#define CA_SIGNER_CHECKPOINTER_H

#include "token/token.h"
#include "lib/buf.h"
#include "lib/proto_audit.h"

struct checkpointer;

/* Does this token's signer sign checkpoints? */
bool checkpointer_here(const struct conf *conf, const struct conf_token *t);
/* At provisioning: makes both keys where they are missing; `report` as for issuers. */
int checkpointer_provision(const struct conf *conf, struct token *t,
                           void (*report)(const struct conf_issuer *as, struct slice spki,
                                          bool made),
                           struct fault *f) WARN_UNUSED;
/* Finds both keys and opens the record. Keys that are missing are logged, not a failure: issuing
 * goes on without checkpoints, and cerca status says why. */
int checkpointer_open(const struct conf *conf, struct token *t, struct checkpointer **out,
                      struct fault *f) WARN_UNUSED;
void checkpointer_close(struct checkpointer *c);
/* Is the token's key there now, which was not when it was opened? As keys_still_missing
 * (ca/signer/greet.h), which calls it with a session of its thread. */
int checkpointer_still_missing(const struct checkpointer *c, struct token *t,
                               struct fault *f) WARN_UNUSED;
/* Reads the body of MSG_CHECKPOINT, and says whether such a checkpoint can be signed here; touches
 * no token. `c` may be NULL: rule "signer.checkpoint.here". Rules "signer.request",
 * "signer.generation", "signer.checkpoint.origin". */
int checkpointer_read(const struct checkpointer *c, struct slice body,
                      struct checkpoint_request *out, struct fault *f) WARN_UNUSED;
/* Signs it; the answer is the body of MSG_CHECKPOINTED. From any signing thread, with its session.
 */
int checkpointer_sign(struct checkpointer *c, CK_SESSION_HANDLE session,
                      const struct checkpoint_request *r, struct buf *answer,
                      struct fault *f) WARN_UNUSED;

#endif
