/* Opening and closing: the folder, the lock that keeps a second core out, the durable
 * environment and its meta rows. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ca/store/migrate.h"
#include "lib/key.h"
#include "lib/log.h"
#include "lib/wire.h"

static const char *const dbi_name[D_COUNT] = {
    [D_CERT] = "cert",
    [D_SIG] = "sig",
    [D_STATUS] = "status",
    [D_OPEN] = "open",
    [D_BLOCKED] = "blocked",
    [D_BLOCKED_ID] = "blockedid",
    [D_REPLACED] = "replaced",
    [D_ISSUER] = "issuer",
    [D_AUDIT] = "audit",
    [D_CHANGE] = "change",
    [D_REQUEST] = "request",
    [D_META] = "meta",
    [D_TOKEN] = "token",
    [D_LIMIT] = "limit",
    [D_CRL] = "crl",
    [D_CHECKPOINT] = "checkpoint",
    [D_OUTBOX] = "outbox",
    [D_ALERT] = "alert",
    [D_EXCEPTION] = "exception",
    [D_CAMPAIGN] = "campaign",
    [D_ATTEMPT] = "attempt",
    [D_FOREIGN] = "foreign",
    [D_SEEN] = "seen",
    [D_IDENTITY] = "identity",
    [D_FILTER] = "filter",
    [D_INSTALLATION] = "installation",
    [D_PLACE] = "place",
    [D_OBSERVATION] = "observation",
    [D_SCAN_JOB] = "scanjob",
};

static int make_dir(const char *path, struct fault *f)
{
    if (mkdir(path, 0700) == 0 || errno == EEXIST)
        return 0;
    return fault_set(f, FAULT_INTERNAL, "store.dir", "Cannot make %s: %s", path, strerror(errno));
}

/* A file is durable only once its entry in the folder is. */
static int sync_dir(const char *path, struct fault *f)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int failed = fd < 0 || fsync(fd) != 0 ? errno : 0;
    if (fd >= 0)
        (void)close(fd);
    return failed == 0 ? 0
                       : fault_set(f, FAULT_INTERNAL, "store.dir", "Cannot sync %s: %s", path,
                                   strerror(failed));
}

static int in_use(int fd, struct fault *f)
{
    char pid[16] = "?";
    ssize_t n = pread(fd, pid, sizeof(pid) - 1, 0);
    pid[n > 0 ? n : 1] = 0;
    return fault_set(f, FAULT_CONFLICT, "store.lock", "The store is in use by pid %s", pid);
}

/* A program whose command or cercad was killed has the store until it sees that it is alone. */
#define AFTERLIFE_MS 5000
#define LOOK_EVERY_MS 20

static int take(int fd, bool shared, struct fault *f)
{
    const struct timespec rest = {.tv_nsec = LOOK_EVERY_MS * 1000000L};
    for (int waited = 0; flock(fd, (shared ? LOCK_SH : LOCK_EX) | LOCK_NB) != 0;
         waited += LOOK_EVERY_MS) {
        if (errno != EWOULDBLOCK || waited >= AFTERLIFE_MS)
            return in_use(fd, f);
        (void)nanosleep(&rest, NULL);
    }
    return 0;
}

/* Held as long as the descriptor is open: a crash releases it. */
static int lock_folder(const char *dir, bool shared, int *fd, struct fault *f)
{
    char *path = store_path(dir, "lock");
    char pid[16];
    int rc = 0;
    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (*fd < 0) {
        rc =
            fault_set(f, FAULT_INTERNAL, "store.lock", "Cannot open %s: %s", path, strerror(errno));
        goto out;
    }
    rc = take(*fd, shared, f);
    if (rc != 0)
        goto out;
    int n = snprintf(pid, sizeof(pid), "%d", (int)getpid());
    if (ftruncate(*fd, 0) != 0 || pwrite(*fd, pid, (size_t)n, 0) != n)
        rc = fault_set(f, FAULT_INTERNAL, "store.lock", "Cannot write %s: %s", path,
                       strerror(errno));
out:
    free(path);
    return rc;
}

int store_lock(const char *dir, int *fd, struct fault *f)
{
    *fd = -1;
    int rc = make_dir(dir, f);
    if (rc == 0)
        rc = lock_folder(dir, false, fd, f);
    if (rc != 0 && *fd >= 0) {
        (void)close(*fd);
        *fd = -1;
    }
    return rc;
}

/* A restore that was interrupted has moved the old store away: a new one, which knows nothing, must
 * not take its place. */
static int refuse_half_restored(const struct store *s, const char *path, struct fault *f)
{
    struct stat st;
    char *restored = store_path(s->dir, STORE_RESTORED_DIR);
    bool half = stat(path, &st) != 0 && stat(restored, &st) == 0;
    free(restored);
    if (!half)
        return 0;
    return fault_set(f, FAULT_CONFLICT, "restore.interrupted",
                     "A restore into %s was interrupted: run cerca restore again", s->dir);
}

static int env_open(struct store *s, struct fault *f)
{
    char *path = s->opt.image
                     ? xstrdup(s->opt.image)
                     : store_path(s->dir, s->opt.restoring ? STORE_RESTORED_DIR : "durable");
    unsigned flags = MDB_NOTLS | MDB_NORDAHEAD | (s->opt.read_only ? MDB_RDONLY : 0) |
                     (s->opt.no_sync ? MDB_NOSYNC : 0) |
                     (s->opt.image ? MDB_NOSUBDIR | MDB_NOLOCK : 0);
    int rc = s->opt.restoring ? 0 : refuse_half_restored(s, path, f);
    if (rc == 0 && !s->opt.read_only)
        rc = make_dir(path, f);
    if (rc != 0)
        goto out;
    rc = mdb_env_create(&s->env);
    if (rc == 0)
        rc = mdb_env_set_mapsize(s->env, STORE_MAP_SIZE);
    if (rc == 0)
        rc = mdb_env_set_maxdbs(s->env, STORE_TABLES);
    if (rc == 0)
        rc = mdb_env_open(s->env, path, flags, 0600);
    if (rc != 0)
        rc = store_fail(f, rc, "opening the durable environment");
    else if (!s->opt.read_only && !s->opt.no_sync)
        rc = sync_dir(path, f) != 0 ? -(int)f->code : sync_dir(s->dir, f);
out:
    free(path);
    return rc;
}

static int state_init(struct store *s, MDB_txn *t)
{
    struct buf row;
    buf_init(&row, 4096);
    random_bytes(s->uuid, sizeof(s->uuid));
    wire_put_u32(&row, STORE_SCHEMA);
    MDB_val k = val_of("schema", 6), v = val_of(row.p, row.n);
    int rc = mdb_put(t, s->dbi[D_META], &k, &v, 0);
    k = val_of("uuid", 4);
    v = val_of(s->uuid, sizeof(s->uuid));
    if (rc == 0)
        rc = mdb_put(t, s->dbi[D_META], &k, &v, 0);
    buf_reset(&row);
    row_state_put(&row, &s->state);
    k = val_of("state", 5);
    v = val_of(row.p, row.n);
    if (rc == 0)
        rc = mdb_put(t, s->dbi[D_META], &k, &v, 0);
    buf_free(&row);
    return rc;
}

static int state_load(struct store *s, MDB_txn *t, struct fault *f)
{
    struct slice v;
    int rc = row_get(t, s->dbi[D_META], "uuid", 4, &v);
    if (rc != 0 || v.n != sizeof(s->uuid))
        return store_damaged(f, "uuid");
    memcpy(s->uuid, v.p, v.n);
    rc = row_get(t, s->dbi[D_META], "state", 5, &v);
    if (rc != 0 || row_state_get(v, &s->state) != 0)
        return store_damaged(f, "state");
    s->schema = STORE_SCHEMA;
    atomic_store(&s->change, s->state.change);
    clock_guard_init(&s->clock, s->state.last_commit);
    rc = s->opt.read_only ? 0 : keys_load(s, t);
    if (rc == 0 && !s->opt.read_only)
        rc = newest_load(s, t);
    return rc == 0 ? 0 : store_fail(f, rc, "reading the newest keys and changes");
}

/* Each restore begins an audit log; those before it, and their checkpoints, stay as they are. */
void log_table_name(enum durable_dbi d, int64_t log, char out[32])
{
    if (log == 0 || (d != D_AUDIT && d != D_CHECKPOINT))
        (void)snprintf(out, 32, "%s", dbi_name[d]);
    else
        (void)snprintf(out, 32, "%s.%" PRId64, dbi_name[d], log);
}

/* What each restore ended: log 0, then those that the restores before began (op_restored). */
static int open_old_logs(struct store *s, MDB_txn *t)
{
    int64_t log = 0;
    char name[32];
    int rc = 0;
    s->log = s->gate.audit_log;
    for (s->n_old = 0; s->n_old < s->gate.n_restores && rc == 0; s->n_old++) {
        const struct store_restore *r = &s->gate.restore[s->n_old];
        struct old_log *old = &s->old[s->n_old];
        old->log = log;
        old->size = r->audit_size;
        log_table_name(D_AUDIT, log, name);
        rc = mdb_dbi_open(t, name, 0, &old->audit);
        log_table_name(D_CHECKPOINT, log, name);
        if (rc == 0)
            rc = mdb_dbi_open(t, name, 0, &old->checkpoints);
        log = log_after(log, r->time);
    }
    return rc;
}

static int open_dbis(struct store *s, MDB_txn *t)
{
    unsigned flags = s->opt.read_only ? 0 : MDB_CREATE;
    char name[32];
    int rc = mdb_dbi_open(t, dbi_name[D_META], flags, &s->dbi[D_META]);
    if (rc == 0)
        rc = gate_read(s, t, &s->gate);
    for (enum durable_dbi i = 0; i < D_COUNT && rc == 0; i++) {
        log_table_name(i, s->gate.audit_log, name);
        rc = mdb_dbi_open(t, name, flags, &s->dbi[i]);
    }
    if (rc == 0)
        rc = open_old_logs(s, t);
    return rc == 0 ? keys_open(s, t, !s->opt.read_only) : rc;
}

static int durable_load(struct store *s, struct fault *f)
{
    MDB_txn *t = NULL;
    bool is_new;
    int rc = store_migrate(s, &is_new, f);
    if (rc != 0)
        return rc;
    rc = mdb_txn_begin(s->env, NULL, s->opt.read_only ? MDB_RDONLY : 0, &t);
    if (rc == 0)
        rc = open_dbis(s, t);
    if (rc == 0 && is_new)
        rc = state_init(s, t);
    if (rc != 0) {
        rc = store_fail(f, rc, "opening the durable tables");
    } else if ((rc = state_load(s, t, f)) == 0) {
        rc = mdb_txn_commit(t);
        t = NULL;
        if (rc != 0)
            rc = store_fail(f, rc, "making the durable tables");
        else if (!s->opt.read_only)
            env_warm(s->env, s->dbi[D_META]);
    }
    if (t)
        mdb_txn_abort(t);
    return rc;
}

static struct store *store_new(const struct store_options *o)
{
    struct store *s = xcalloc(1, sizeof(*s));
    s->opt = *o;
    s->dir = xstrdup(o->dir);
    s->opt.dir = s->dir;
    s->lock_fd = -1;
    clock_guard_init(&s->clock, 0);
    keys_init(s);
    pthread_mutex_init(&s->pool.lock, NULL);
    pthread_mutex_init(&s->queue_lock, NULL);
    pthread_cond_init(&s->queue_ready, NULL);
    return s;
}

int store_open(const struct store_options *o, struct store **out, struct fault *f)
{
    *out = NULL;
    struct store *s = store_new(o);
    int rc = o->read_only ? 0 : make_dir(s->dir, f);
    if (rc == 0 && !o->image && !o->restoring)
        rc = lock_folder(s->dir, o->read_only, &s->lock_fd, f);
    if (rc == 0)
        rc = env_open(s, f);
    if (rc == 0)
        rc = durable_load(s, f);
    if (rc == 0 && !o->no_derive)
        rc = derive_start(s, f);
    if (rc == 0 && !o->read_only)
        rc = writer_start(s, f);
    if (rc != 0) {
        store_close(s);
        return rc;
    }
    *out = s;
    return 0;
}

void store_stop(struct store *s)
{
    if (s)
        writer_stop(s);
}

void store_close(struct store *s)
{
    if (!s)
        return;
    writer_stop(s);
    derive_stop(s);
    read_pool_free(&s->pool);
    if (s->env)
        mdb_env_close(s->env);
    if (s->lock_fd >= 0)
        (void)close(s->lock_fd);
    keys_free(s);
    pthread_mutex_destroy(&s->pool.lock);
    pthread_mutex_destroy(&s->queue_lock);
    pthread_cond_destroy(&s->queue_ready);
    free(s->dir);
    free(s);
}

void store_on_publish(struct store *s, store_publish fn, void *arg)
{
    s->publish = fn;
    s->publish_arg = arg;
}
