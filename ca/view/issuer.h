/*
 * One issuer's files, as their writer sees them. Only ca/view/ includes this.
 *
 * Publishing (view_issuer_append) and the counters of `log` belong to whoever
 * holds *lock. Replacing the pair (view_issuer_merge, _rebuild) belongs to one thread
 * at a time, which takes the lock only to copy the log's last records.
 */
#ifndef CA_VIEW_ISSUER_H
#define CA_VIEW_ISSUER_H

#include <pthread.h>

#include "ca/store/store.h"
#include "lib/viewfile.h"

struct view_issuer {
    struct view_issuer *next;
    pthread_mutex_t *lock;
    uint16_t number;
    uint8_t owner[32];
    char *dir;
    int dirfd;
    uint64_t highest;        /* generation seen or used */
    struct viewfile_log log; /* of the pair in force; fd -1 while there is none */
    uint64_t snapshot_rows;
    uint64_t through; /* every change up to this number is in the files */
    uint64_t old;     /* generation replaced, not deleted yet; 0: none */
    uint64_t old_since_us;
};

/* Makes a folder that everybody may read, whatever the umask. 0, or -1 and errno. */
int view_folder(const char *path) WARN_UNUSED;
/* DIR/NAME-NUMBER; to be freed. NULL when out of memory. */
char *view_issuer_path(const char *dir, const struct store_issuer *si) WARN_UNUSED;
/* Makes or opens that folder. */
int view_issuer_open(const char *dir, const struct store_issuer *si, pthread_mutex_t *lock,
                     struct view_issuer **out, struct fault *f) WARN_UNUSED;
void view_issuer_free(struct view_issuer *i);

/* Takes the pair in force, up to the log's last valid record. 1: it is whole up to there, but must
 * be replaced (view_issuer_merge). -FAULT_NOT_FOUND or -FAULT_MALFORMED: rebuild. -FAULT_CONFLICT
 * "view.ahead": the view knows changes that the store, whose newest is `newest`, does not. */
int view_issuer_attach(struct view_issuer *i, uint64_t newest, struct fault *f) WARN_UNUSED;

/* Removes what a crash left beside the pair in force. */
int view_issuer_clean(struct view_issuer *i, struct fault *f) WARN_UNUSED;

/* One write; readers see the rows when it returns. Nothing is recorded when it fails. */
int view_issuer_append(struct view_issuer *i, const struct viewfile_row *rows, size_t n,
                       struct fault *f) WARN_UNUSED;
void view_issuer_set_through(struct view_issuer *i, uint64_t number);
/* "Everything was in the files at time t"; syncs the log before it says so. */
int view_issuer_stamp(struct view_issuer *i, int64_t t, struct fault *f) WARN_UNUSED;

/* A new pair: of the old snapshot and log, of the store's states (`base`: the store's
 * newest change before the call; of no meaning when a pair is in force), or empty (`base`
 * likewise). */
int view_issuer_merge(struct view_issuer *i, struct fault *f) WARN_UNUSED;
int view_issuer_rebuild(struct view_issuer *i, struct store *s, uint64_t base,
                        struct fault *f) WARN_UNUSED;
int view_issuer_create(struct view_issuer *i, uint64_t base, struct fault *f) WARN_UNUSED;
/* Deletes the pair replaced last, once readers have had the time to follow. */
void view_issuer_sweep_old(struct view_issuer *i);

/* A change as a row; false when the view does not show it (open intents). */
bool view_row(const struct store_change *c, struct viewfile_row *out) WARN_UNUSED;

/* --- a snapshot on its way (ca/view/snapshot.c) ------------------------------ */

struct view_snapshot {
    int dirfd, fd;
    char name[VIEWFILE_NAME_MAX];
    struct viewfile_header header;
    uint8_t last[SERIAL_LEN];
    size_t n;
    uint8_t block[512 * VIEWFILE_ROW];
};
int view_snapshot_begin(struct view_snapshot *s, const struct view_issuer *i, uint64_t generation,
                        uint64_t base, struct fault *f) WARN_UNUSED;
/* In order of serial, each once. */
int view_snapshot_add(struct view_snapshot *s, const uint8_t row[VIEWFILE_ROW],
                      struct fault *f) WARN_UNUSED;
/* Writes the header and syncs. The file is removed when this or view_snapshot_add failed. */
int view_snapshot_end(struct view_snapshot *s, int rc, struct fault *f) WARN_UNUSED;

/* --- taking over (ca/view/swap.c) -------------------------------------------- */

/* Where the old log stood when the new snapshot was begun. */
struct view_cut {
    uint64_t generation; /* the new one */
    uint64_t count, chain, through;
};
struct view_cut view_cut_now(struct view_issuer *i);
/* Makes the log of cut->generation, moves what the old log has behind the cut
 * into it, and puts the pair in force. Removes it when it fails. */
int view_swap(struct view_issuer *i, const struct view_cut *cut, uint64_t rows,
              struct fault *f) WARN_UNUSED;
int view_log_append(struct viewfile_log *l, const struct viewfile_row *rows, size_t n,
                    struct fault *f) WARN_UNUSED;

#endif
