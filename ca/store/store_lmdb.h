/*
 * Inside the LMDB backend: what its files share. Nothing outside ca/store includes this.
 *
 * Threads: any thread reads through a transaction of the pool; the writer thread alone
 * changes certificates, audit and state (issuers are added by their caller's thread, in a
 * write transaction of their own, which LMDB serialises); the indexer thread alone writes
 * the derived environment.
 */
#ifndef CA_STORE_STORE_LMDB_H
#define CA_STORE_STORE_LMDB_H

#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>

#include "ca/store/row_codec.h"
#include "lib/clockguard.h"
#include "ca/store/runs.h"

enum durable_dbi {
    D_CERT,
    D_SIG,
    D_STATUS,
    D_OPEN,
    D_BLOCKED,
    D_BLOCKED_ID,
    D_REPLACED,
    D_ISSUER,
    D_AUDIT,
    D_CHANGE,
    D_REQUEST,
    D_TOKEN,
    D_LIMIT,
    D_CRL,
    D_META,
    D_CHECKPOINT,
    D_OUTBOX,
    D_ALERT,
    D_EXCEPTION,
    D_CAMPAIGN,
    D_ATTEMPT,
    D_FOREIGN,
    D_SEEN,
    D_IDENTITY,
    D_FILTER,
    D_INSTALLATION,
    D_PLACE,
    D_OBSERVATION,
    D_SCAN_JOB,
    D_COUNT
};
/* With the audit logs before restores, the two indexes of runs, and what a migration opens. */
#define STORE_TABLES (D_COUNT + 2 * STORE_RESTORES_MAX + 2 * RUN_TABLES + 4)

/* Address space, not disk; never resized. ThreadSanitizer leaves room for less than two of these.
 */
#ifdef __SANITIZE_THREAD__
#define STORE_MAP_SIZE ((size_t)1 << 36)
#else
#define STORE_MAP_SIZE ((size_t)1 << 40)
#endif
#define STORE_GROUP_MAX 512 /* operations in one commit */
#define STORE_CHANGES_MAX                                                                          \
    (2 * STORE_GROUP_MAX) /* that they make: two each, but for foreign-add                         \
                           */

#define READ_POOL_MAX 32
struct read_pool {
    pthread_mutex_t lock;
    MDB_txn *idle[READ_POOL_MAX];
    size_t n;
};

/* Of each issuer, the newest change that CRLs tell of (lmdb_newest.c). */
#define NEWEST_ISSUERS 64
struct newest {
    uint64_t upto; /* as it is kept: no change behind those and up to this one is such */
    size_t n;
    uint16_t issuer[NEWEST_ISSUERS];
    uint64_t number[NEWEST_ISSUERS];
    uint64_t others; /* of all that have no room here */
};

struct derive;
struct approval_row;

/* First octet of the keys of D_REQUEST that belong to lmdb_approval.c; others begin with a number.
 */
#define APPROVAL_PREFIX 0xff

struct store {
    struct store_options opt; /* dir is ours */
    char *dir;
    int lock_fd;
    MDB_env *env;
    MDB_dbi dbi[D_COUNT];
    int64_t log; /* the audit log in force */
    struct old_log {
        int64_t log;
        uint64_t size;
        MDB_dbi audit, checkpoints;
    } old[STORE_RESTORES_MAX]; /* the logs that restores ended, in order: for reading */
    size_t n_old;
    uint8_t uuid[16];
    uint32_t schema;
    struct read_pool pool;
    store_publish publish;
    void *publish_arg;
    void (*on_outbox)(void *arg);
    void *on_outbox_arg;

    /* the queue */
    pthread_t writer;
    bool writer_runs;
    pthread_mutex_t queue_lock;
    pthread_cond_t queue_ready;
    struct store_op *head, *tail;
    bool stopping;

    struct clock_guard clock;

    /* the writer's own */
    struct row_state state; /* as of the last commit */
    struct store_gate gate; /* likewise */
    uint64_t space_checked; /* monotonic microseconds */
    bool full;
    struct runs keys;                         /* half the hash of the key || identity || ref */
    struct runs reqkeys;                      /* request key || ref */
    uint64_t token_forget;                    /* tokens up to here were looked at */
    uint8_t limit_forget[1 + STORE_NAME_MAX]; /* key of the last counter looked at */
    size_t n_limit_forget;
    uint64_t expire_looked; /* monotonic microseconds */
    int64_t full_recorded;  /* when a refusal for want of space last went to the audit log */

    _Atomic uint64_t change; /* newest one committed */
    struct newest newest;    /* the writer's; others look at it under queue_lock */
    struct derive *derive;   /* NULL: no indexes in this process */
};

/* An LMDB failure as a fault: FAULT_FULL when there is no room, else FAULT_INTERNAL. */
int store_fail(struct fault *f, int rc, const char *what) WARN_UNUSED;
int store_damaged(struct fault *f, const char *what) WARN_UNUSED;
MDB_val val_of(const void *p, size_t n);
struct slice val_slice(MDB_val v);
uint64_t env_bytes(MDB_env *env);
/* LMDB keeps the memory of as many pages as a transaction of this environment ever dirtied. This
 * takes what most will need at once, so that memory is the same after a day and after a year.
 * Writes nothing; `dbi` is any table that is open. */
void env_warm(MDB_env *env, MDB_dbi dbi);
/* dir/name; to be freed. */
char *store_path(const char *dir, const char *name);

/* A read transaction that sees the last commit. */
int read_begin(struct store *s, MDB_txn **out, struct fault *f) WARN_UNUSED;
void read_end(struct store *s, MDB_txn *t);
/* lmdb_read.c: one row after the other of a table, in a read transaction of its own. `rc` is what
 * LMDB said: 0 while k and v are a row. Who finds one that does not decode sets MDB_CORRUPTED. */
struct table_walk {
    struct store *s;
    MDB_txn *t;
    MDB_cursor *c;
    MDB_val k, v;
    int rc;
};
/* At the first key that is not before `from`, or, with n 0, the first of all. After a fault there
 * is nothing to end. */
int walk_begin(struct store *s, enum durable_dbi d, const void *from, size_t n,
               struct table_walk *w, struct fault *f) WARN_UNUSED;
/* At the first key behind that one. */
int walk_behind(struct store *s, enum durable_dbi d, const void *after, size_t n,
                struct table_walk *w, struct fault *f) WARN_UNUSED;
void walk_next(struct table_walk *w);
/* 0, or what was wrong with w->rc: `what` is what a row is. */
int walk_end(struct table_walk *w, const char *what, struct fault *f) WARN_UNUSED;
void read_pool_free(struct read_pool *p);
/* One value, good until the transaction ends. 0 or an LMDB code. */
int row_get(MDB_txn *t, MDB_dbi dbi, const void *key, size_t n, struct slice *out) WARN_UNUSED;

/* The state of one certificate, from its rows. 0 or an LMDB code; MDB_NOTFOUND when it is
 * unknown, MDB_CORRUPTED when a row does not decode. */
struct cert_view {
    struct row_cert cert;
    bool has_sig, has_status;
    struct row_sig sig;
    struct row_status status;
    enum cert_state state;
    uint64_t change; /* of the newest change */
    enum store_source source;
    struct slice der, origin; /* of a foreign one */
    uint8_t told;
    bool stranger;
};
int cert_view_get(struct store *s, MDB_txn *t, const struct cert_ref *ref,
                  struct cert_view *out) WARN_UNUSED;
/* What a view says about its last change. */
void cert_view_change(const struct cert_view *v, const struct cert_ref *ref,
                      struct store_change *out);
/* Copies a row out. */
int cert_row_fill(struct store *s, MDB_txn *t, const struct cert_ref *ref, struct cert_row *out,
                  struct fault *f) WARN_UNUSED;

/* A write transaction: the first LMDB error sticks, later puts do nothing. */
struct write_txn {
    struct store *s;
    MDB_txn *t;
    int rc;
    bool dirty;
    bool outbox; /* something waits in it that did not */
    struct row_state state;
    struct store_gate gate;
    struct store_change change[STORE_CHANGES_MAX];
    size_t n_changes;
    struct newest newest;
    bool limit_told; /* the limit that was just found reached has its audit record */
    /* Of the operation that is applied: its audit record, and whether there will be one. */
    struct audit_event event;
    bool record;
    struct buf row;
};
void w_put(struct write_txn *w, enum durable_dbi d, const void *key, size_t n, unsigned flags);
/* The same with a value of the caller's. */
void w_put_value(struct write_txn *w, enum durable_dbi d, const void *key, size_t n,
                 struct slice value);
/* For keys that nearly always come in order: a page that is appended to fills up, one that is
 * split (LMDB: half and half, or all but the last row) does not. */
void w_put_last(struct write_txn *w, enum durable_dbi d, const void *key, size_t n);
void w_del(struct write_txn *w, enum durable_dbi d, const void *key, size_t n);
/* The row to put next: empty, to be filled. */
struct buf *w_row(struct write_txn *w);

/* What LMDB said about a read: found, not found, or an error that sticks (then false). */
bool w_found(struct write_txn *w, int rc);
bool w_have(struct write_txn *w, enum durable_dbi d, const void *key, size_t n);
bool w_view(struct write_txn *w, const struct cert_ref *ref, struct cert_view *v);
/* Gives a change of state its number. */
uint64_t change_append(struct write_txn *w, const struct store_op *op, const struct cert_ref *ref,
                       enum cert_state state, uint8_t reason, int64_t not_after);
/* Adds a record to the audit log. */
void audit_append(struct write_txn *w, const struct audit_event *e);
/* Puts a certificate's status: numbers the change, and closes the intent if it is one. */
void status_put(struct write_txn *w, struct store_op *op, struct row_status *row,
                int64_t not_after);
/* "store.full" */
int store_full(struct fault *f) WARN_UNUSED;
/* "serial.unknown" */
int store_unknown(struct fault *f) WARN_UNUSED;
int op_revoke(struct write_txn *w, struct store_op *op) WARN_UNUSED;
int op_release(struct write_txn *w, struct store_op *op) WARN_UNUSED;
/* One kind of operation each: 0, and w->event is recorded if w->record stays, or the refusal, of
 * which op_apply makes the record. */
int op_reserve(struct write_txn *w, struct store_op *op) WARN_UNUSED;
int op_request(struct write_txn *w, struct store_op *op) WARN_UNUSED;
int op_token(struct write_txn *w, struct store_op *op) WARN_UNUSED;
int op_approval(struct write_txn *w, struct store_op *op) WARN_UNUSED;
/* lmdb_approval.c: has an earlier reserve taken the approval (1; op->ref); is there one (0), does
 * it wait as recorded now (2) or before (3), or the refusal; the intent takes it. `there`: the
 * intent takes the place of one that took it. */
int reserve_approved_before(struct write_txn *w, struct store_op *op) WARN_UNUSED;
int reserve_approval(struct write_txn *w, struct store_op *op, bool there) WARN_UNUSED;
void reserve_approval_put(struct write_txn *w, struct store_op *op);
/* Puts the request in front of the record's detail. */
void approval_audit(const struct approval_row *r, struct audit_event *e);
/* The newest number given to requests of either kind. */
uint64_t approvals_last(struct write_txn *w);
uint64_t requests_last(struct write_txn *w);
/* A use of the intent's token: may it be taken, or, when it is `there`, go over to this intent;
 * take it; and what an abandoned intent took comes back. lmdb_token.c */
int reserve_token(struct write_txn *w, struct store_op *op, bool there) WARN_UNUSED;
void reserve_token_put(struct write_txn *w, struct store_op *op);
/* Does a row decode? For the check. */
bool request_row_sound(struct slice key, struct slice row);
bool approval_row_sound(struct slice key, struct slice row);
bool token_row_sound(struct slice key, struct slice row);
bool limit_row_sound(struct slice key, struct slice row);
/* lmdb_limit.c */
int reserve_limits(struct write_txn *w, struct store_op *op) WARN_UNUSED;
void reserve_limits_put(struct write_txn *w, struct store_op *op);
void token_give_back(struct write_txn *w, const char *requester);
/* A table, of that audit log where each has its own. */
void log_table_name(enum durable_dbi d, int64_t log, char out[32]);
/* Which log a restore at that time begins. */
int64_t log_after(int64_t log, int64_t time);
/* store_checkpoints, of a table. */
int checkpoints_in(struct store *s, MDB_dbi dbi, uint64_t least, store_checkpoint_each fn,
                   void *arg, struct fault *f) WARN_UNUSED;
/* 0 or the refusal. gate.c */
int op_gate(struct write_txn *w, struct store_op *op) WARN_UNUSED;
int op_restored(struct write_txn *w, struct store_op *op) WARN_UNUSED;
int op_skip(struct write_txn *w, struct store_op *op) WARN_UNUSED;
void gate_put(struct write_txn *w);
/* The gate as recorded. 0 or an LMDB code. */
int gate_read(struct store *s, MDB_txn *t, struct store_gate *out) WARN_UNUSED;
int gate_refuse(const struct store_gate *g, struct fault *f) WARN_UNUSED;
/* lmdb_revoke.c: puts a key (D_BLOCKED) or an identity among those that nothing is issued for. */
void key_block(struct write_txn *w, const struct store_op *op, enum durable_dbi d,
               const uint8_t *key, size_t n);
/* lmdb_block.c */
int op_block(struct write_txn *w, struct store_op *op) WARN_UNUSED;
int op_unblock(struct write_txn *w, struct store_op *op) WARN_UNUSED;
/* lmdb_crl.c */
int op_crl(struct write_txn *w, struct store_op *op) WARN_UNUSED;
/* lmdb_alert.c */
int op_alert(struct write_txn *w, struct store_op *op) WARN_UNUSED;
int op_mark(struct write_txn *w, struct store_op *op) WARN_UNUSED;
bool alert_row_sound(struct slice key, struct slice row);
/* lmdb_exception.c */
int op_except(struct write_txn *w, struct store_op *op) WARN_UNUSED;
bool exception_row_sound(struct slice key, struct slice row);
/* lmdb_campaign.c */
int op_campaign(struct write_txn *w, struct store_op *op) WARN_UNUSED;
bool campaign_row_sound(struct slice key, struct slice row);
/* lmdb_installation.c, lmdb_place.c */
int op_report(struct write_txn *w, struct store_op *op) WARN_UNUSED;
bool installation_row_sound(struct slice key, struct slice row);
/* lmdb_scanjob.c */
int op_scan_job(struct write_txn *w, struct store_op *op) WARN_UNUSED;
bool scan_job_row_sound(struct slice key, struct slice row);
/* lmdb_observation.c */
int op_forget(struct write_txn *w, struct store_op *op) WARN_UNUSED;
int op_observe(struct write_txn *w, struct store_op *op) WARN_UNUSED;
bool observation_row_sound(struct slice key, struct slice row);
bool place_row_sound(struct store *s, MDB_txn *t, struct slice key, struct slice row);
void backup_noted(struct write_txn *w, int64_t time);
/* lmdb_outbox.c: a notice to its channels, as a part of the operation that is its reason. */
struct outbox_notice;
void outbox_append(struct write_txn *w, struct outbox_notice *o, int64_t now);
/* Nothing that waits (for one channel; "": for any) is told without an operator's word. */
void outbox_park_all(struct write_txn *w, const char *channel, const char *why);
int op_outbox(struct write_txn *w, struct store_op *op) WARN_UNUSED;
bool outbox_row_sound(struct store *s, MDB_txn *t, struct slice key, struct slice row);
/* lmdb_published.c */
int op_published(struct write_txn *w, struct store_op *op) WARN_UNUSED;
/* Decides and applies one operation: its rows, its change of state and its audit record.
 * The answer is in op; what LMDB says sticks to w. */
void op_apply(struct write_txn *w, struct store_op *op);

/* The indexes of runs. Everything of them is the writer's own, but for what runs.h says. */
#define RUN_REF 32 /* where an entry names its certificate */
void key_entry_put(const uint8_t hash[32], const uint8_t identity[16], const struct cert_ref *ref,
                   uint8_t out[RUN_ENTRY]);
void reqkey_entry_put(const uint8_t key[32], const struct cert_ref *ref, uint8_t out[RUN_ENTRY]);
void keys_init(struct store *s);
void keys_free(struct store *s);
int keys_open(struct store *s, MDB_txn *t, bool create) WARN_UNUSED;
/* Reads back what was in memory, before the first group. */
int keys_load(struct store *s, MDB_txn *t) WARN_UNUSED;
/* Around a group: before its first operation, after its last one (when w->rc is 0), after its
 * commit or its abort. */
void keys_begin(struct write_txn *w);
void keys_work(struct write_txn *w);
/* Entries of the key whose hash `after` begins with, in their order, from behind `after` on. */
#define KEY_LIST_MAX 256
struct key_list {
    uint8_t after[RUN_ENTRY];
    size_t n; /* KEY_LIST_MAX: perhaps there are more */
    uint8_t entry[KEY_LIST_MAX][RUN_ENTRY];
};
/* Any thread; not of a store that is open for reading only. *t sees what the entries name. */
int keys_list(struct store *s, struct key_list *l, MDB_txn **t, struct fault *f) WARN_UNUSED;
/* In a transaction of its own, at the end: w->dirty when there was something to write out. */
void keys_settle(struct write_txn *w);
void keys_commit(struct store *s);
/* lmdb_newest.c: before the first group; after the last operation of a group; after its commit. */
int newest_load(struct store *s, MDB_txn *t) WARN_UNUSED;
void newest_work(struct write_txn *w);
void newest_commit(struct store *s, const struct write_txn *w);
void keys_abort(struct store *s);
/* Forgets runs of request keys that are past their life; looks once a second. */
void reqkeys_expire(struct write_txn *w);
/* Audit rows are salt and record, or, pruned, the hash of both, which is shorter than any record.
 */
#define AUDIT_ROW_PRUNED 32
bool audit_row_get(struct slice row, struct slice *salt, struct slice *record);
/* Of that log, which a reader has from its transaction's gate: the store's own is the writer's.
 * 0 or an LMDB code. */
int audit_pruned(struct store *s, MDB_txn *t, int64_t log, uint64_t *out) WARN_UNUSED;
/* lmdb_foreign.c, lmdb_annotate.c: ca/store/inventory.h */
int op_foreign(struct write_txn *w, struct store_op *op) WARN_UNUSED;
int op_annotate(struct write_txn *w, struct store_op *op) WARN_UNUSED;
/* What is known of an identity is another than it was: a number in the change sequence. */
void identity_changed(struct write_txn *w, const struct store_op *op, const uint8_t identity[16]);
struct store_moment {
    struct store *s;
    MDB_txn *t;
};
/* lmdb_attempt.c: ca/store/attempts.h */
int op_attempt(struct write_txn *w, struct store_op *op) WARN_UNUSED;
bool attempt_row_sound(struct slice key, struct slice row);
int op_filter(struct write_txn *w, struct store_op *op) WARN_UNUSED;
bool filter_row_sound(struct slice key, struct slice row);
/* When it was last met; 0: never. 0 or an LMDB code. */
int seen_get(struct store *s, MDB_txn *t, const uint8_t fingerprint[32], int64_t *out) WARN_UNUSED;
/* A view of a foreign certificate, made of its row. 0 or MDB_CORRUPTED. */
int foreign_view(struct slice row, struct cert_view *out) WARN_UNUSED;
/* 0 or an LMDB code; *out is empty but for the identity then. */
int annotation_find(struct store *s, MDB_txn *t, const uint8_t identity[16],
                    struct annotation *out) WARN_UNUSED;
/* Does a row decode? For the check. */
bool annotation_row_sound(struct slice key, struct slice row);
/* How many changes of state an operation makes at most. */
size_t op_changes(const struct store_op *op);
int op_checkpoint(struct write_txn *w, struct store_op *op) WARN_UNUSED;
int op_prune(struct write_txn *w, struct store_op *op) WARN_UNUSED;
/* Is the request key of this certificate past its life? */
bool request_key_expired(const struct store *s, const struct cert_view *v, int64_t now);

int writer_start(struct store *s, struct fault *f) WARN_UNUSED;
void writer_stop(struct store *s);
/* Is issuing to stop, for want of space or by the quota? */
bool space_full(struct store *s, uint64_t *free_bytes);

/* The indexes (derive.c). */
int derive_start(struct store *s, struct fault *f) WARN_UNUSED;
void derive_stop(struct store *s);
/* After a commit that made changes. */
void derive_wake(struct store *s);
uint64_t derive_bytes(struct store *s);
void derive_stats(struct store *s, struct store_stats *out);

#endif
