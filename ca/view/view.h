/*
 * The public view: a folder of plain files that cerca-ca alone writes and
 * network-facing programs only read (format and reader: lib/viewfile.h).
 *
 *   ISSUER-N/issuer.der, issuer.pem   the CA certificate
 *   ISSUER-N/crl.der                  the newest CRL (ca/crl writes it), and deltas and parts
 *   ISSUER-N/current                  names the snapshot and log pair in force (renamed into place)
 *   ISSUER-N/snapshot.G               immutable, sorted status rows
 *   ISSUER-N/log.G                    changes since, append-only
 * N is the issuer's number in the store.
 */
#ifndef CA_VIEW_VIEW_H
#define CA_VIEW_VIEW_H

#include "ca/store/store.h"

struct view;

/* Opens the view and brings it up to the store: missing changes are replayed, a view that
 * is missing, damaged or of another store is rebuilt (in slices). */
int view_open(const char *dir, struct store *s, struct view **out, struct fault *f) WARN_UNUSED;
void view_close(struct view *v);
/* A store_publish: appends the changes to the logs, one write an issuer. */
int view_publish(void *view, const struct store_change *c, size_t n, struct fault *f) WARN_UNUSED;
/* An issuer's folder and certificate; certificate may be empty (not known yet). */
int view_issuer(struct view *v, uint16_t number, const char *name, struct slice certificate,
                struct fault *f) WARN_UNUSED;
/* The folder of an issuer: a descriptor that stays the view's, good until view_close. */
int view_issuer_folder(struct view *v, uint16_t number, int *dirfd, struct fault *f) WARN_UNUSED;
/* Time stamps (at least every minute) and snapshots when a log has outgrown its
 * snapshot; from one background thread; takes long only outside the publishing lock. */
int view_maintain(struct view *v, struct fault *f) WARN_UNUSED;

struct view_stats {
    uint64_t change; /* newest number published */
    int64_t stamp;   /* newest time stamp */
    uint64_t snapshot_rows, log_rows;
    bool behind; /* publishing failed; being repaired */
};
void view_stats(struct view *v, struct view_stats *out);

#endif
