/*
 * A copy of the durable environment while it serves: the pages up to the last one that a read
 * transaction sees, as they lie in the file, as LMDB's own copy takes them. What it sees is not
 * written again before it ends; LMDB writes by pwrite, so that pread sees the same as the map.
 *
 * They are read into memory first, and the sink gets that: free pages among them may be used again
 * meanwhile, and would else be other ones when they are hashed than when they are written.
 * Compacting would leave those out (few, for rows are mostly added) at the cost of walking the
 * trees.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ca/store/store_lmdb.h"
#include "lib/step.h"

#define CHUNK 524288                    /* whole pages; a commit may have to wait for one */
#define METAS 2                         /* pages in front, which commits write by turns */
#define ROOM_EVERY ((uint64_t)64 << 20) /* octets between looks at the disk */

struct image {
    MDB_txn *t;
    int fd;
    uint64_t octets, at;
    uint8_t *chunk;
    size_t n;
};

static int check_room(struct store *s, struct fault *f)
{
    uint64_t free_bytes;
    if (!space_full(s, &free_bytes))
        return 0;
    return fault_set(f, FAULT_FULL, "backup.room",
                     "the disk of the store is full: the copy was given up");
}

/* The next piece, of n octets at most. */
static int image_read(struct image *i, size_t n, struct fault *f)
{
    uint64_t left = i->octets - i->at;
    size_t want = left < n ? (size_t)left : n;
    for (i->n = 0; i->n < want;) {
        ssize_t got = pread(i->fd, i->chunk + i->n, want - i->n, (off_t)(i->at + i->n));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return fault_set(f, FAULT_INTERNAL, "backup.read", "cannot read the store: %s",
                             got == 0 ? "it ends early" : strerror(errno));
        i->n += (size_t)got;
    }
    i->at += i->n;
    return 0;
}

/* No commit is under way: which pages there are, and the ones in front. */
static int image_look(struct store *s, struct image *i, struct fault *f)
{
    MDB_envinfo info;
    MDB_stat env;
    struct stat st;
    int rc = mdb_env_info(s->env, &info);
    if (rc == 0)
        rc = mdb_env_stat(s->env, &env);
    if (rc == 0)
        rc = mdb_env_get_fd(s->env, &i->fd);
    if (rc != 0)
        return store_fail(f, rc, "copying the store");
    if (fstat(i->fd, &st) != 0)
        return fault_set(f, FAULT_INTERNAL, "backup.read", "%s", strerror(errno));
    /* Pages at the end that are free already may never have been written. */
    i->octets = ((uint64_t)info.me_last_pgno + 1) * env.ms_psize;
    if (i->octets > (uint64_t)st.st_size)
        i->octets = (uint64_t)st.st_size;
    return image_read(i, METAS * (size_t)env.ms_psize, f);
}

/* A write transaction that writes nothing keeps the others waiting: what the last commit was is
 * then the same for all that is read here. */
static int image_begin(struct store *s, struct image *i, struct store_stats *stats, struct fault *f)
{
    MDB_txn *none;
    int rc = mdb_txn_begin(s->env, NULL, 0, &none);
    if (rc != 0)
        return store_fail(f, rc, "copying the store");
    rc = store_stats(s, stats, f);
    if (rc == 0)
        rc = read_begin(s, &i->t, f);
    if (rc == 0)
        rc = image_look(s, i, f);
    mdb_txn_abort(none);
    return rc;
}

static int pump(struct store *s, struct image *i, store_sink sink, void *arg, struct fault *f)
{
    uint64_t since = 0;
    int rc = sink(arg, slice_of(i->chunk, i->n), f);
    while (rc == 0 && i->at < i->octets) {
        STEP("store.copy");
        rc = image_read(i, CHUNK, f);
        if (rc == 0)
            rc = sink(arg, slice_of(i->chunk, i->n), f);
        since += i->n;
        if (rc == 0 && since >= ROOM_EVERY) {
            rc = check_room(s, f);
            since = 0;
        }
    }
    return rc;
}

int store_copy(struct store *s, store_sink sink, void *arg, struct store_stats *stats,
               struct fault *f)
{
    struct image i = {.chunk = xpages(CHUNK)};
    memset(stats, 0, sizeof(*stats));
    int rc = image_begin(s, &i, stats, f);
    if (rc == 0)
        rc = pump(s, &i, sink, arg, f);
    if (i.t != NULL)
        read_end(s, i.t);
    free(i.chunk);
    return rc;
}
