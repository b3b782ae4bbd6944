/*
 * cerca-ca's side of one signer: connection, drafts in flight, and the breaker. All
 * functions belong to the loop's thread, save signer_link_check.
 *
 * A signer that ends is started again by cercad within milliseconds; drafts in
 * flight are sent again then (signing the same draft twice does no harm). When it stays
 * away longer than SIGNER_PATIENCE, everybody waiting gets FAULT_UNAVAILABLE with a time
 * to retry, and so does who comes later, at once.
 */
#ifndef CA_DOOR_SIGNER_LINK_H
#define CA_DOOR_SIGNER_LINK_H

#include "lib/conf.h"
#include "lib/conn.h"
#include "lib/proto.h"

#define SIGNER_PATIENCE_MS 2000
#define SIGNER_ATTEMPTS 3 /* a draft that breaks the signer this often is given up */

struct signer_link;

/* Exactly once a draft: what was signed (good during the call), or a fault. */
typedef void (*signer_done)(void *arg, struct slice answer, const struct fault *f);
/* The keys of a signer that has just come up; a fault means that they are not the right ones. */
typedef int (*signer_hello)(void *arg, const struct signer_key *keys, size_t n, struct fault *f);

/* A signature for a draft that was given up before (each at most once). */
typedef void (*signer_late)(void *arg, struct slice certificate);

struct signer_link *signer_link_new(struct loop *l, const struct conf *conf,
                                    const struct conf_token *token, signer_hello hello,
                                    void *hello_arg);
void signer_link_on_late(struct signer_link *s, signer_late late, void *arg);
/* Fails what waits. */
void signer_link_free(struct signer_link *s);

/* `tbs` must live until `done` was called. */
void signer_link_sign(struct signer_link *s, const char *issuer, struct slice tbs, signer_done done,
                      void *arg);
/* A checkpoint: `body` is that of MSG_CHECKPOINT, `done` gets that of MSG_CHECKPOINTED in place of
 * a certificate. */
void signer_link_checkpoint(struct signer_link *s, struct slice body, signer_done done, void *arg);

/* The certification request for the key of this issuer, which is made in the token if `make` and
 * it is missing; `done` gets the request in place of a certificate. `issuer` must live until then.
 */
void signer_link_csr(struct signer_link *s, const char *issuer, bool make, signer_done done,
                     void *arg);

/* The same for a CRL; `done` gets the signature alone. */
struct signer_crl {
    int fd; /* must stay open until `done` was called: octets start to start + octets of it */
    uint64_t start, octets;
};
void signer_link_sign_crl(struct signer_link *s, const char *issuer, const struct signer_crl *crl,
                          signer_done done, void *arg);

/* From any thread: would a draft be signed now? 0, or -FAULT_UNAVAILABLE with the time to
 * retry and why. */
int signer_link_check(struct signer_link *s, struct fault *f) WARN_UNUSED;
/* What cercad says of the signer. */
void signer_link_child(struct signer_link *s, const struct child_status *st);
/* The same; NULL: cercad has said nothing. */
const struct child_status *signer_link_said(const struct signer_link *s);
/* From any thread: a signature from this token verified, or it did not. Status says so until one
 * does again. */
void signer_link_judged(struct signer_link *s, bool right);
/* Two items for `cerca status`: the token and the program. */
void signer_link_status(struct signer_link *s, struct status_item *token,
                        struct status_item *program);
/* The first of them; signer_status.c */
void token_status(const char *name, bool ready, const struct fault *why, bool lied,
                  struct status_item *out);
/* The second of them, and that of any program: of what cercad started (NULL: it did not).
 * signer_status.c */
void program_status(const char *name, const struct child_status *c, bool ready,
                    struct status_item *out);
const char *signer_link_token(const struct signer_link *s);
bool signer_link_ready(const struct signer_link *s);

#endif
