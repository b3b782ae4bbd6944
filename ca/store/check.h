/* What the parts of store_check share. */
#ifndef CA_STORE_CHECK_H
#define CA_STORE_CHECK_H

#include "ca/store/index.h"
#include "lib/note.h"

/* An audit log that is walked. */
struct check_log {
    MDB_dbi records, checkpoints;
    uint64_t size; /* when the check began */
    uint8_t root[32];
    bool old; /* ended by a restore */
};

struct check {
    struct store *s;
    const struct store_check_report *r;
    uint64_t findings;
    struct row_state begin;       /* the state when the check began */
    struct row_state end;         /* as of the slice that is walked */
    struct run_dir keys, reqkeys; /* likewise */
    struct store_gate gate;       /* when the check began: what restores have left */
    uint64_t next;                /* change or audit number that has to come */
    struct check_log log;
    struct merkle audit;
    bool has_checkpoint;
    struct checkpoint checkpoint; /* the next one that the walk over the log meets */
    uint64_t tick;
    int64_t created;
    uint64_t applied; /* index checks: changes that the slice's indexes have */
    struct index_read index;
};

void check_finding(struct check *c, const char *rule, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Serial and issuer as text, good until the next call of this thread. */
const char *check_ref(const uint8_t key[ROW_REF]);

/* One row; `t` is the durable transaction of the slice. */
typedef void (*check_row)(struct check *c, MDB_txn *t, struct slice key, struct slice row);
/* Tells how far; -FAULT_UNAVAILABLE when the check is to stop. */
int check_progress(struct check *c, const char *what, uint64_t done, uint64_t total,
                   struct fault *f) WARN_UNUSED;
/* Walks a durable table in slices. */
int check_scan(struct check *c, MDB_dbi dbi, const char *what, check_row fn,
               struct fault *f) WARN_UNUSED;
/* Is there such a certificate? Then its row. */
bool check_cert_known(struct check *c, MDB_txn *t, struct slice ref, struct row_cert *out);
void check_cert(struct check *c, MDB_txn *t, struct slice key, struct slice row);
/* check_foreign.c */
void check_foreign(struct check *c, MDB_txn *t, struct slice key, struct slice row);
void check_seen(struct check *c, MDB_txn *t, struct slice key, struct slice row);
void check_annotation(struct check *c, MDB_txn *t, struct slice key, struct slice row);
void check_installation(struct check *c, MDB_txn *t, struct slice key, struct slice row);
void check_observation(struct check *c, MDB_txn *t, struct slice key, struct slice row);
void check_scan_job(struct check *c, MDB_txn *t, struct slice key, struct slice row);
void check_place(struct check *c, MDB_txn *t, struct slice key, struct slice row);
void check_filter(struct check *c, MDB_txn *t, struct slice key, struct slice row);
/* The audit log in force, and those before restores. */
int check_logs(struct check *c, struct fault *f) WARN_UNUSED;
/* Has every entry of the runs a certificate? */
int check_runs(struct check *c, struct fault *f) WARN_UNUSED;
/* Are the entries of a certificate in the runs? */
void check_keys(struct check *c, MDB_txn *t, const uint8_t *key, const struct cert_view *v);
/* Has its newest change of state a number? */
void check_newest(struct check *c, MDB_txn *t, const uint8_t *key, const struct cert_view *v);
/* Are the indexes equal to the rows? Nothing to say while they are being rebuilt. */
int check_indexes(struct check *c, struct fault *f) WARN_UNUSED;

#endif
