/*
 * The public view's files: their format, and their reader. The writer is
 * ca/view (cerca-ca alone); readers need read access and nothing else.
 *
 * One folder an issuer:
 *
 *   current      "G\n": the generation in force; replaced by rename
 *   snapshot.G   immutable: header, then status rows sorted by serial
 *   log.G        header page, then records appended: every change since the snapshot
 *   crl.der      the newest full CRL, DER; replaced by rename; beside it the others that
 *                lib/crlname.h names
 *   responder-KEY.der  the certificate of an OCSP responder with a key of its own (view.nodes): KEY
 *                is the SHA-256 of its SubjectPublicKeyInfo, in hexadecimal; replaced by rename
 *
 * All integers are big-endian.
 *
 * Fixed header, 256 octets, first in both files:
 *     0  8  magic "CERCAVS1" (snapshot) or "CERCAVL1" (log)
 *     8  4  version
 *    12  2  number of the issuer in the store
 *    14  2  zero
 *    16 32  owner: SHA-256 of the issuer's SubjectPublicKeyInfo
 *    48  8  generation
 *    56  8  base: the snapshot holds every change up to this number
 *    64  8  rows (snapshot; zero in a log)
 *    72  8  time it was made, seconds
 *    80 32  SHA-256 of all rows (snapshot; zeros in a log)
 *   112    zeros
 *   224 32  SHA-256 of the 224 octets before
 *
 * Status row, 32 octets:
 *     0 16  serial
 *    16  8  time of revocation or hold, seconds; 0 while good
 *    24  6  number of the change that made it so: the row's revision
 *    30  1  status
 *    31  1  CRLReason (RFC 5280 5.3.1)
 *
 * Log: the fixed header, at 256 the live words (struct viewfile_live), at 4096 records of
 * 48 octets: row, number of the change (8), checksum (8). A checksum covers its record
 * and the checksum before it, the first one the fixed header: a record is valid only in its place.
 *
 * Between the one writer and its readers nobody waits, and nobody locks:
 *
 *   - The writer appends records with pwrite, then raises `count` in the mapped page with a
 *     release store. A reader loads `count` (acquire): while it is what it was, nothing is new
 *     and no system call is made. When it has grown, the reader takes every record that is valid
 *     by its checksum. Fewer valid ones than `count` says: damaged.
 *   - The greatest change number wins, wherever it stands. A row never goes back.
 *   - A snapshot is complete and synced before `current` names it. The new log holds all that the
 *     snapshot does not before `current` names it, and the old log is never appended to afterwards:
 *     its `next` is set, which sends readers back to `current`. A reader that finds
 *     a file gone reads `current` again.
 *   - Published files are never truncated and never rewritten, so that a mapped page stays there.
 *     A reader checks sizes before it maps.
 *   - Appends are not synced: after a power loss the log may be short or damaged (checksums tell),
 *     and the writer makes it anew from the store.
 *   - `stamp`: at that time the view held every change of the store. What a reader says is true as
 *     of then and not later; a caller refuses to answer from a stamp past its limit. It does not go
 * back when the clock does, by up to VIEWFILE_STAMP_SLACK.
 */
#ifndef LIB_VIEWFILE_H
#define LIB_VIEWFILE_H

#include "lib/buf.h"
#include "lib/fault.h"
#include "lib/tbs.h"

#define VIEWFILE_VERSION 1
#define VIEWFILE_HEADER 256
#define VIEWFILE_ROW 32
#define VIEWFILE_RECORD 48
#define VIEWFILE_LOG_START 4096
#define VIEWFILE_NAME_MAX 32
#define VIEWFILE_STAMP_SLACK 300 /* seconds */
#define VIEWFILE_RESPONDER_MAX 80
#define VIEWFILE_CHANGE_MAX ((UINT64_C(1) << 48) - 1)

/* --- reading -------------------------------------------------------------- */

enum viewfile_status { VIEWFILE_GOOD = 1, VIEWFILE_HELD = 2, VIEWFILE_REVOKED = 3 };

struct viewfile_row {
    uint8_t serial[SERIAL_LEN];
    enum viewfile_status status;
    uint8_t reason;
    int64_t revoked_at;
    uint64_t change; /* revision: changes whenever anything else does */
};

struct viewfile;

/* Opens an issuer's folder and reads all of its log. Checks every row's and every record's
 * checksum. -FAULT_NOT_FOUND "view.missing": there is none yet; -FAULT_MALFORMED "view.damaged".
 * One thread at a time may use a viewfile. */
int viewfile_open(const char *dir, struct viewfile **out, struct fault *f) WARN_UNUSED;
void viewfile_close(struct viewfile *v);

/* Takes in what was published since; call before each lookup that must be current. Costs a few
 * loads when nothing is new. After a failure the viewfile keeps what it had, which may be old: the
 * caller must not call anything good by it. The next refresh tries again. */
int viewfile_refresh(struct viewfile *v, struct fault *f) WARN_UNUSED;
/* Would a refresh find nothing new? Changes nothing, so that many threads may ask, and look up,
 * while none refreshes. */
bool viewfile_fresh(const struct viewfile *v);

/* 0, or -FAULT_NOT_FOUND: never issued by this issuer. Sees the last refresh. */
int viewfile_lookup(const struct viewfile *v, const uint8_t serial[SERIAL_LEN],
                    struct viewfile_row *out) WARN_UNUSED;

struct viewfile_info {
    uint16_t issuer;
    uint8_t owner[32];
    uint64_t generation;
    uint64_t change; /* every change up to this number is seen */
    int64_t stamp;   /* 0: unknown */
    uint64_t snapshot_rows, log_rows;
};
void viewfile_info(const struct viewfile *v, struct viewfile_info *out);

/* --- the format, for reader and writer -------------------------------------- */

enum viewfile_kind { VIEWFILE_SNAPSHOT, VIEWFILE_LOG };

struct viewfile_header {
    uint16_t issuer;
    uint8_t owner[32];
    uint64_t generation, base, rows;
    int64_t created;
    uint8_t rows_hash[32];
};

void viewfile_header_put(enum viewfile_kind kind, const struct viewfile_header *h,
                         uint8_t out[VIEWFILE_HEADER]);
int viewfile_header_get(enum viewfile_kind kind, const uint8_t in[VIEWFILE_HEADER],
                        struct viewfile_header *out) WARN_UNUSED;

void viewfile_row_put(const struct viewfile_row *r, uint8_t out[VIEWFILE_ROW]);
int viewfile_row_get(const uint8_t in[VIEWFILE_ROW], struct viewfile_row *out) WARN_UNUSED;

/* `chain` is the checksum before, and becomes this record's (only when the record is valid). */
uint64_t viewfile_chain_start(const uint8_t header[VIEWFILE_HEADER]);
void viewfile_record_put(uint64_t *chain, const struct viewfile_row *r,
                         uint8_t out[VIEWFILE_RECORD]);
int viewfile_record_get(uint64_t *chain, const uint8_t in[VIEWFILE_RECORD],
                        struct viewfile_row *out) WARN_UNUSED;

/* The words of a log that change in place, at octet 256 of its mapped page, one cache line.
 * Big-endian; only through the functions below. `through` (every change up to this number was
 * looked at, whether or not it was this issuer's) and `stamp` each have a check word behind them.
 */
struct viewfile_live {
    uint64_t count;
    uint64_t next; /* 0, or the generation that has taken over */
    uint64_t through[2];
    uint64_t stamp[2];
};
uint64_t viewfile_word_get(const uint64_t *word);
void viewfile_word_set(uint64_t *word, uint64_t v);
/* -1 while the pair does not agree: it is being changed, or was damaged. */
int viewfile_pair_get(const uint64_t pair[2], uint64_t *out) WARN_UNUSED;
void viewfile_pair_set(uint64_t pair[2], uint64_t v);

void viewfile_responder(const uint8_t key[32], char out[VIEWFILE_RESPONDER_MAX]);
void viewfile_name(enum viewfile_kind kind, uint64_t generation, char out[VIEWFILE_NAME_MAX]);
/* What `current` says. */
int viewfile_current(int dirfd, uint64_t *generation, struct fault *f) WARN_UNUSED;

/* A snapshot, mapped and verified. */
struct viewfile_snapshot {
    struct viewfile_header header;
    const uint8_t *map, *rows;
    size_t size;
};
int viewfile_snapshot_open(int dirfd, uint64_t generation, struct viewfile_snapshot *out,
                           struct fault *f) WARN_UNUSED;
void viewfile_snapshot_close(struct viewfile_snapshot *s);
int viewfile_snapshot_find(const struct viewfile_snapshot *s, const uint8_t serial[SERIAL_LEN],
                           struct viewfile_row *out) WARN_UNUSED;

/* A log, open, its first page mapped. Start from VIEWFILE_LOG_NONE. */
struct viewfile_log {
    struct viewfile_header header;
    int fd;
    struct viewfile_live *live; /* inside `page` */
    void *page;
    uint64_t seen;  /* records read or written so far */
    uint64_t chain; /* checksum of the last of them */
};
#define VIEWFILE_LOG_NONE ((struct viewfile_log){.fd = -1})
int viewfile_log_open(int dirfd, uint64_t generation, bool writable, struct viewfile_log *out,
                      struct fault *f) WARN_UNUSED;
void viewfile_log_close(struct viewfile_log *l);
/* The next valid records behind `seen`, at most max; *n is 0 at the end. */
int viewfile_log_read(struct viewfile_log *l, struct viewfile_row *rows, size_t max, size_t *n,
                      struct fault *f) WARN_UNUSED;

#endif
