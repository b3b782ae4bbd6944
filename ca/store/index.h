/*
 * The derived environment: indexes for lists, one table an index, composite keys with empty
 * values, each ending in the certificate's serial || issuer. It is never synced; it follows the
 * change sequence and can always be rebuilt from the certificate rows.
 *
 *   expiry       notAfter (8, sign bit flipped)         issuer    number (2)
 *   name         'd' reversed DNS labels NUL, or 'o' other text NUL
 *   owner, requester, profile   text NUL                status    'H' held, 'R' revoked
 *   fingerprint  first 8 octets
 *   identity     identity (16), notAfter: finished ones only
 *   names        names_id (16, lib/anycert.h), notAfter
 */
#ifndef CA_STORE_INDEX_H
#define CA_STORE_INDEX_H

#include "ca/store/store_lmdb.h"

enum index_dbi {
    X_EXPIRY,
    X_NAME,
    X_OWNER,
    X_REQUESTER,
    X_PROFILE,
    X_ISSUER,
    X_STATUS,
    X_FINGERPRINT,
    X_IDENTITY,
    X_NAMES,
    X_META,
    X_COUNT
};
extern const char *const index_name[X_COUNT];

#define INDEX_KEY_MAX 511
#define INDEX_HELD 'H'
#define INDEX_REVOKED 'R'

/* --- keys (index_keys.c) --- */

/* The part of a key before the ref; returns its length. */
size_t index_expiry_prefix(int64_t not_after, uint8_t out[8]);
int64_t index_expiry_of(const uint8_t key[8]);
size_t index_text_prefix(const char *text, uint8_t out[INDEX_KEY_MAX]);
/* Sixteen octets that come before an expiry: an identity, or what names_id makes. */
#define INDEX_LINE_KEY (16 + 8 + ROW_REF)
void index_line_key(const uint8_t id[16], int64_t not_after, const struct cert_ref *ref,
                    uint8_t out[INDEX_LINE_KEY]);
/* A DNS name, or any other name's text. */
size_t index_name_prefix(struct slice text, uint8_t out[INDEX_KEY_MAX]);
/* All DNS names below a domain, given without its leading dot. */
size_t index_below_prefix(struct slice domain, uint8_t out[INDEX_KEY_MAX]);

typedef void (*index_each)(void *arg, enum index_dbi d, struct slice key);
/* Every key that follows from the certificate row alone. A TBS that does not parse has no
 * names; store_check reports it. */
void index_cert_keys(const struct row_cert *c, const struct cert_ref *ref, index_each fn,
                     void *arg);
/* Of what is finished: fingerprint and identity. */
void index_finished_keys(const struct cert_view *v, const struct cert_ref *ref, index_each fn,
                         void *arg);
/* The rest: these, and the status. */
void index_state_keys(const struct cert_view *v, const struct cert_ref *ref, index_each fn,
                      void *arg);
struct slice index_fingerprint_key(const uint8_t fingerprint[32], const struct cert_ref *ref,
                                   uint8_t out[8 + ROW_REF]);
struct slice index_status_key(uint8_t status, const struct cert_ref *ref, uint8_t out[1 + ROW_REF]);

/* --- a batch of puts, sorted before they are made (index_batch.c) --- */

struct index_put {
    struct slice key;
    uint32_t seq;
    uint8_t dbi;
    bool del;
};

struct index_batch {
    uint8_t *arena;
    size_t used;
    struct index_put *put;
    size_t n;
};

void batch_init(struct index_batch *b);
void batch_free(struct index_batch *b);
/* Is there room for one more certificate with as many names as one may have? */
bool batch_has_room(const struct index_batch *b);
void batch_add(struct index_batch *b, enum index_dbi d, struct slice key, bool del);
/* Everything of a certificate in its present state. */
void batch_add_view(struct index_batch *b, const struct cert_view *v, const struct cert_ref *ref);
/* What one change adds. 0 or an LMDB code of the durable environment. */
int batch_add_change(struct index_batch *b, struct store *s, MDB_txn *durable,
                     const struct store_change *c) WARN_UNUSED;

/* --- the environment (index_env.c) --- */

struct index_mark; /* a mapped file that tells the next start that this one crashed in here */

struct index_env {
    MDB_env *env;
    MDB_dbi dbi[X_COUNT];
    struct index_mark *mark;
    uint64_t applied;
    char *dir;
};

/* Opens what is there. NULL (with a log line) when it is absent, damaged, of another store, from
 * before a power loss, or ahead of the store: then it is to be rebuilt. */
struct index_env *index_open(struct store *s, const char *dir);
/* A new one, empty. */
int index_create(struct store *s, const char *dir, struct index_env **out) WARN_UNUSED;
/* Read only, for a look at a stopped store. */
struct index_env *index_open_readonly(struct store *s, const char *dir);
/* Makes the puts and moves the watermark, in one transaction. The batch is empty afterwards. */
int index_apply(struct store *s, struct index_env *e, struct index_batch *b,
                uint64_t applied) WARN_UNUSED;
/* The watermark, as a read transaction sees it. */
int index_applied(struct index_env *e, MDB_txn *t, uint64_t *out) WARN_UNUSED;
/* Syncs, and says in the meta row that this was done. */
int index_seal(struct store *s, struct index_env *e) WARN_UNUSED;
void index_close(struct index_env *e);
void index_remove(const char *dir);
/* The meta row: how far, for which store, in which boot, and whether all of it was synced. */
int index_meta_put(struct store *s, struct index_env *e, MDB_txn *t, uint64_t applied,
                   bool sealed) WARN_UNUSED;
/* Forgets the crashes counted so far. */
void index_trusted(struct index_env *e);
/* Around every use: what dies in between is counted. */
void index_enter(struct index_env *e);
void index_leave(struct index_env *e);

/* --- following and rebuilding (derive.c, rebuild.c) --- */

struct derive {
    struct store *s;
    char *dir, *new_dir, *old_dir;
    pthread_t thread;
    bool runs;
    struct index_batch batch; /* the thread's */

    pthread_rwlock_t env_lock; /* readers hold it shared while they read; a switch exclusively */
    struct index_env *env;     /* NULL while there is none */

    pthread_mutex_t lock;
    pthread_cond_t wake, moved;
    bool stopping, bad;
    unsigned waiters;
    uint64_t awaited; /* the least change that one of them waits for */
    bool rebuilding;
    uint64_t rebuild_done, rebuild_total;
    _Atomic uint64_t applied;
    _Atomic bool idle;
};

bool derive_stopping(struct derive *d);
/* Makes a fresh environment beside and switches to it. 0, or an LMDB code; ECANCELED when the
 * store closes meanwhile. */
int derive_rebuild(struct derive *d) WARN_UNUSED;
/* Applies every change that is committed. */
int derive_follow(struct derive *d, struct index_env *e) WARN_UNUSED;

/* Reading the indexes, with a durable transaction at least as new. */
struct index_read {
    struct store *s;
    struct index_env *env;
    MDB_txn *index, *durable;
};
/* With `fresh`, waits until all that is committed now is applied. FAULT_UNAVAILABLE, rule
 * "store.index", while there are no indexes. */
int index_read_begin(struct store *s, bool fresh, struct index_read *r,
                     struct fault *f) WARN_UNUSED;
void index_read_end(struct index_read *r);
/* Has the indexes rebuilt, unless the failure is only one of this moment. */
void index_damaged(struct store *s, int rc);
/* An LMDB failure of the indexes as a fault; damage has them rebuilt. */
int index_fail(struct store *s, int rc, struct fault *f) WARN_UNUSED;

#endif
