/*
 * The audit log as others see it: a thread that follows the store, writes the hash tiles into the
 * public view (ca/ledger/tiles.h), has a checkpoint signed at intervals and when asked, keeps it
 * in the store, in the view (audit/checkpoint) and in the operator's folder, and drops the
 * details of records that are past their time. Nothing of it is on the way of a request.
 *
 * Order of a checkpoint: tiles synced; signed (the signer has recorded it); kept in the store;
 * written to the view and the folder. Killed anywhere in between, the next one is over a longer
 * log with the same beginning, since every record that was signed over is durable.
 */
#ifndef CA_LEDGER_LEDGER_H
#define CA_LEDGER_LEDGER_H

#include "ca/door/signer_link.h"
#include "ca/store/store.h"

struct ledger;

struct ledger_parts {
    const struct conf *conf;
    struct loop *loop;
    struct store *store;
    struct signer_link *link; /* of conf_audit_token; NULL: there is none */
};

/* Starts the thread. */
int ledger_open(const struct ledger_parts *parts, struct ledger **out, struct fault *f) WARN_UNUSED;
/* Ends the thread: before the store's writer and the signers' links. NULL is fine. */
void ledger_stop(struct ledger *l);
/* After both. */
void ledger_free(struct ledger *l);

/* `f` NULL: there is a checkpoint over every record committed before the call. */
typedef void (*ledger_reply)(void *arg, const struct fault *f);
/* On the loop, as is the reply. */
void ledger_checkpoint(struct ledger *l, ledger_reply reply, void *arg);
/* From any thread. */
void ledger_status(struct ledger *l, struct status_item *out);
/* Where the tiles and the newest checkpoint are. */
const char *ledger_dir(const struct ledger *l);

#endif
