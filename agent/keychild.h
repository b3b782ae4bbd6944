/*
 * The keys of an entry that lie in a token (`key` of its file): cerca-agent-key is started for it
 * and asked over a socket pair (lib/proto_hostkey.h). Nothing of PKCS#11 is in this process, and no
 * PIN.
 *
 * A PIN that was refused is noted in STATE/.pins and not tried again, by no entry, before its file
 * changes: trying on would lock the token. Rule "agent.pin" then; others: "agent.key" (no process,
 * it died), those of token/ and hostkey/.
 */
#ifndef AGENT_KEYCHILD_H
#define AGENT_KEYCHILD_H

#include "agent/conf/conf.h"
#include "lib/key.h"

struct keychild;

/* `only`: URIs (NULL or "": none) of keys that it may use, and nothing else, for a child of ours
 * that talks to strangers; all NULL: it may do everything. The token is open then. */
#define KEYCHILD_ONLY 2
int keychild_open(const struct agent_cert *c, const char *const only[KEYCHILD_ONLY],
                  struct keychild **out, struct fault *f) WARN_UNUSED;
void keychild_close(struct keychild *k); /* NULL is fine */

/* Keys by their URI. Made where it is not there yet. */
int keychild_make(struct keychild *k, const char *uri, const char *type,
                  struct fault *f) WARN_UNUSED;
/* SubjectPublicKeyInfo, into `spki`, emptied first. */
int keychild_show(struct keychild *k, const char *uri, struct buf *spki,
                  struct fault *f) WARN_UNUSED;
int keychild_sign(struct keychild *k, const char *uri, enum sig_alg alg, struct slice content,
                  struct buf *signature, struct fault *f) WARN_UNUSED;
/* 0 also when there is no such key. */
int keychild_destroy(struct keychild *k, const char *uri, struct fault *f) WARN_UNUSED;

#endif
