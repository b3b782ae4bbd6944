/* What cerca revoke, hold and release share: which certificates are meant, and the order. */
#ifndef TOOLS_REVOKE_H
#define TOOLS_REVOKE_H

#include "lib/proto.h"
#include "tools/tool.h"

struct revoke_args {
    const char *reason;
    int64_t invalidity;
    const char *owner, *profile, *name, *issuer, *requester, *key;
    int64_t issued_from, issued_before;
    bool all_with_key, block_identity, dry_run, yes;
};

/* One certificate that is meant. */
struct target {
    uint8_t serial[SERIAL_LEN];
    char status[16];
    int64_t not_after;
    char label[128]; /* a name of it, for people */
    struct revoke_outcome outcome;
};
struct targets {
    size_t n, room;
    struct target *item;
};
void targets_free(struct targets *l);
/* By a serial, a fingerprint or a certificate file. */
int targets_by_word(struct tool *t, const char *word, struct targets *l,
                    struct fault *f) WARN_UNUSED;
/* By all words of the command line. */
int targets_by_words(struct tool *t, struct targets *l, struct fault *f) WARN_UNUSED;
/* Every other certificate with the key of one of them, open intents too. */
int targets_with_keys(struct tool *t, struct targets *l, struct fault *f) WARN_UNUSED;
/* By the filters; only what is not revoked yet and has not expired. */
int targets_by_filter(struct tool *t, const struct revoke_args *a, struct targets *l,
                      struct fault *f) WARN_UNUSED;

/* RFC 5280 5.3.1, by its name. */
int revoke_reason(const char *text, uint8_t *out, struct fault *f) WARN_UNUSED;
/* Carries out the order for all of them; the outcomes are theirs. *done: how many were reached.
 * Says what keeps others from hearing of it. */
int revoke_all(struct tool *t, struct targets *l, const struct revoke_request *order, size_t *done,
               struct fault *f) WARN_UNUSED;
/* The outcomes of the first n; `word` is that for success. EXIT_OK, or EXIT_FAILED (said). */
int revoke_print(struct tool *t, const struct targets *l, size_t n, const char *word);
/* The same with a progress bar, and prints each outcome. EXIT_OK, or
 * EXIT_FAILED when one was refused. `done` is the word for success: "revoked". */
int revoke_run(struct tool *t, struct targets *l, const struct revoke_request *order,
               const char *done);

#endif
