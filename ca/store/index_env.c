/* The derived environment's files: is what is there to be trusted? */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ca/store/index.h"
#include "lib/file.h"
#include "lib/log.h"
#include "lib/wire.h"

#define META_VERSION 1
#define BOOT_ID_MAX 64

/* LMDB trusts its file: a damaged page can end the process. This page outlives the process
 * (not a power loss, after which we rebuild anyway) and tells the next one. */
struct index_mark {
    _Atomic uint32_t opening;
    _Atomic uint32_t busy;
    _Atomic uint32_t crashes; /* while busy, since the last clean end */
};
#define CRASHES_MAX 2

struct meta {
    uint64_t applied;
    uint8_t uuid[16];
    char boot[BOOT_ID_MAX];
    bool sealed;
};

static struct index_mark *mark_open(const char *dir)
{
    char *path = store_path(dir, "in-use");
    struct index_mark *m = NULL;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0 && ftruncate(fd, sizeof(*m)) == 0) {
        m = mmap(NULL, sizeof(*m), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (m == MAP_FAILED)
            m = NULL;
    }
    if (fd >= 0)
        (void)close(fd);
    free(path);
    return m;
}

static bool mark_trusts(struct index_mark *m)
{
    if (m->busy != 0)
        m->crashes++;
    m->busy = 0;
    return m->opening == 0 && m->crashes < CRASHES_MAX;
}

void index_trusted(struct index_env *e)
{
    if (e->mark)
        e->mark->crashes = 0;
}

void index_enter(struct index_env *e)
{
    if (e->mark)
        e->mark->busy++;
}

void index_leave(struct index_env *e)
{
    if (e->mark)
        e->mark->busy--;
}

static void boot_id(char out[BOOT_ID_MAX])
{
    struct buf b;
    struct fault f;
    buf_init(&b, BOOT_ID_MAX - 1);
    out[0] = 0;
    if (file_read("/proc/sys/kernel/random/boot_id", BOOT_ID_MAX - 1, &b, &f) == 0)
        (void)snprintf(out, BOOT_ID_MAX, "%.36s", buf_cstr(&b));
    buf_free(&b);
}

int index_meta_put(struct store *s, struct index_env *e, MDB_txn *t, uint64_t applied, bool sealed)
{
    char boot[BOOT_ID_MAX];
    struct buf row;
    boot_id(boot);
    buf_init(&row, 256);
    wire_put_u8(&row, META_VERSION);
    wire_put_u64(&row, applied);
    wire_put_fixed(&row, s->uuid, sizeof(s->uuid));
    wire_put_text(&row, boot);
    wire_put_u8(&row, sealed);
    MDB_val k = val_of("at", 2), v = val_of(row.p, row.n);
    int rc = mdb_put(t, e->dbi[X_META], &k, &v, 0);
    buf_free(&row);
    return rc;
}

static int meta_get(struct index_env *e, MDB_txn *t, struct meta *out)
{
    struct wire_in w;
    struct slice v;
    memset(out, 0, sizeof(*out));
    int rc = row_get(t, e->dbi[X_META], "at", 2, &v);
    if (rc != 0)
        return rc;
    wire_in_init(&w, v);
    uint8_t version = wire_get_u8(&w);
    out->applied = wire_get_u64(&w);
    wire_get_fixed(&w, out->uuid, sizeof(out->uuid));
    wire_get_text(&w, out->boot, sizeof(out->boot));
    out->sealed = wire_get_u8(&w) == 1;
    return wire_in_done(&w) && version == META_VERSION ? 0 : MDB_VERSION_MISMATCH;
}

int index_applied(struct index_env *e, MDB_txn *t, uint64_t *out)
{
    struct meta m;
    int rc = meta_get(e, t, &m);
    *out = m.applied;
    return rc;
}

static int env_open(struct index_env *e, unsigned flags)
{
    int rc = mdb_env_create(&e->env);
    if (rc == 0)
        rc = mdb_env_set_mapsize(e->env, STORE_MAP_SIZE);
    if (rc == 0)
        rc = mdb_env_set_maxdbs(e->env, X_COUNT);
    if (rc == 0)
        rc = mdb_env_open(e->env, e->dir,
                          flags | MDB_NOSYNC | MDB_NOMETASYNC | MDB_NOTLS | MDB_NORDAHEAD, 0600);
    return rc;
}

static int open_dbis(struct index_env *e, MDB_txn *t, unsigned flags)
{
    int rc = 0;
    for (size_t i = 0; i < X_COUNT && rc == 0; i++)
        rc = mdb_dbi_open(t, index_name[i], flags, &e->dbi[i]);
    return rc;
}

/* A file shorter than its own account of itself would be a SIGBUS later. */
static int check_size(struct index_env *e)
{
    struct stat st;
    int fd;
    int rc = mdb_env_get_fd(e->env, &fd);
    if (rc == 0 && fstat(fd, &st) != 0)
        rc = errno;
    if (rc == 0 && (uint64_t)st.st_size < env_bytes(e->env))
        rc = MDB_CORRUPTED;
    return rc;
}

/* Both ends of every table: damage that is met here is met while `opening` is set. */
static int probe(struct index_env *e, MDB_txn *t)
{
    int rc = 0;
    for (size_t i = 0; i < X_COUNT && rc == 0; i++) {
        MDB_cursor *c;
        MDB_val k, v;
        rc = mdb_cursor_open(t, e->dbi[i], &c);
        if (rc != 0)
            return rc;
        rc = mdb_cursor_get(c, &k, &v, MDB_FIRST);
        if (rc == 0)
            rc = mdb_cursor_get(c, &k, &v, MDB_LAST);
        if (rc == MDB_NOTFOUND)
            rc = 0;
        mdb_cursor_close(c);
    }
    return rc;
}

static const char *distrust(struct store *s, const struct meta *m)
{
    char boot[BOOT_ID_MAX];
    boot_id(boot);
    if (memcmp(m->uuid, s->uuid, sizeof(s->uuid)) != 0)
        return "of another store";
    if (m->applied > s->state.change)
        return "ahead of the store";
    if (!m->sealed && (boot[0] == 0 || strcmp(m->boot, boot) != 0))
        return "not synced before the system stopped";
    return NULL;
}

/* 0, an LMDB code, or *why. */
static int load(struct store *s, struct index_env *e, unsigned flags, const char **why)
{
    MDB_txn *t = NULL;
    struct meta m;
    int rc = env_open(e, flags);
    if (rc == 0)
        rc = check_size(e);
    if (rc == 0)
        rc = mdb_txn_begin(e->env, NULL, MDB_RDONLY, &t);
    if (rc == 0)
        rc = open_dbis(e, t, 0);
    if (rc == 0)
        rc = probe(e, t);
    if (rc == 0)
        rc = meta_get(e, t, &m);
    if (rc == 0) {
        *why = distrust(s, &m);
        e->applied = m.applied;
        rc = mdb_txn_commit(t); /* keeps the table handles */
        t = NULL;
    }
    if (t)
        mdb_txn_abort(t);
    return rc;
}

/* Before the first write: from here on a power loss means a rebuild. */
static int unseal(struct store *s, struct index_env *e)
{
    MDB_txn *t;
    int rc = mdb_txn_begin(e->env, NULL, 0, &t);
    if (rc != 0)
        return rc;
    rc = index_meta_put(s, e, t, e->applied, false);
    if (rc == 0)
        rc = mdb_txn_commit(t);
    else
        mdb_txn_abort(t);
    return rc == 0 ? mdb_env_sync(e->env, 1) : rc;
}

static struct index_env *env_new(const char *dir)
{
    struct index_env *e = xcalloc(1, sizeof(*e));
    e->dir = xstrdup(dir);
    return e;
}

struct index_env *index_open(struct store *s, const char *dir)
{
    const char *why = NULL;
    struct stat st;
    if (stat(dir, &st) != 0)
        return NULL;
    struct index_env *e = env_new(dir);
    e->mark = mark_open(dir);
    if (!e->mark || !mark_trusts(e->mark)) {
        why = "a crash while it was in use";
    } else {
        e->mark->opening = 1;
        int rc = load(s, e, 0, &why);
        if (rc == 0 && !why)
            rc = unseal(s, e);
        if (rc == 0 && !why)
            env_warm(e->env, e->dbi[X_META]);
        if (rc != 0)
            why = mdb_strerror(rc);
        e->mark->opening = 0;
    }
    if (why) {
        log_warn("store.index.untrusted", "why", why, NULL);
        index_close(e);
        return NULL;
    }
    return e;
}

struct index_env *index_open_readonly(struct store *s, const char *dir)
{
    const char *why = NULL;
    struct stat st;
    if (stat(dir, &st) != 0)
        return NULL;
    struct index_env *e = env_new(dir);
    int rc = load(s, e, MDB_RDONLY, &why);
    if (rc == 0 && !why)
        return e;
    log_warn("store.index.untrusted", "why", why ? why : mdb_strerror(rc), NULL);
    index_close(e);
    return NULL;
}

int index_create(struct store *s, const char *dir, struct index_env **out)
{
    MDB_txn *t = NULL;
    *out = NULL;
    index_remove(dir);
    if (mkdir(dir, 0700) != 0)
        return errno;
    struct index_env *e = env_new(dir);
    e->mark = mark_open(dir);
    int rc = env_open(e, 0);
    if (rc == 0)
        rc = mdb_txn_begin(e->env, NULL, 0, &t);
    if (rc == 0)
        rc = open_dbis(e, t, MDB_CREATE);
    if (rc == 0)
        rc = index_meta_put(s, e, t, 0, false);
    if (rc == 0) {
        rc = mdb_txn_commit(t);
        t = NULL;
    }
    if (t)
        mdb_txn_abort(t);
    if (rc != 0) {
        index_close(e);
        return rc;
    }
    env_warm(e->env, e->dbi[X_META]);
    *out = e;
    return 0;
}

void index_close(struct index_env *e)
{
    if (!e)
        return;
    if (e->env)
        mdb_env_close(e->env);
    if (e->mark)
        (void)munmap(e->mark, sizeof(*e->mark));
    free(e->dir);
    free(e);
}

void index_remove(const char *dir)
{
    static const char *const file[] = {"data.mdb", "lock.mdb", "in-use"};
    for (size_t i = 0; i < sizeof(file) / sizeof(file[0]); i++) {
        char *path = store_path(dir, file[i]);
        (void)unlink(path);
        free(path);
    }
    /* A file in its place would fail every later rename. */
    (void)remove(dir);
}
