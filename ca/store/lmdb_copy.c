/*
 * A copy of the durable environment while it serves. LMDB writes to a descriptor: a pipe, from a
 * thread of its own, so that whoever asked sees every octet.
 *
 * Pages go out as they lie, freed ones among them. Compacting would leave those out (few, for rows
 * are mostly added) at the cost of walking the trees.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/store/store_lmdb.h"
#include "lib/step.h"

#define PIPE_OCTETS 1048576
#define CHUNK 262144                    /* stays in a processor's cache on its way */
#define ROOM_EVERY ((uint64_t)64 << 20) /* octets between looks at the disk */

struct copier {
    MDB_env *env;
    int fd;
    int rc;
};

/* LMDB may meet a pipe that nobody reads any more. */
static void *copier_main(void *arg)
{
    struct copier *c = arg;
    sigset_t pipe_only;
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    (void)pthread_sigmask(SIG_BLOCK, &pipe_only, NULL);
    c->rc = mdb_env_copyfd2(c->env, c->fd, 0);
    (void)close(c->fd);
    return NULL;
}

static ssize_t read_some(int fd, uint8_t *p, size_t n)
{
    ssize_t got;
    do
        got = read(fd, p, n);
    while (got < 0 && errno == EINTR);
    return got;
}

static int check_room(struct store *s, struct fault *f)
{
    uint64_t free_bytes;
    if (!space_full(s, &free_bytes))
        return 0;
    return fault_set(f, FAULT_FULL, "backup.room",
                     "the disk of the store is full: the copy was given up");
}

static int pump(struct store *s, int fd, uint8_t *p, ssize_t first, store_sink sink, void *arg,
                struct fault *f)
{
    uint64_t since = 0;
    ssize_t n = first;
    int rc = 0;
    while (rc == 0 && n > 0) {
        rc = sink(arg, slice_of(p, (size_t)n), f);
        since += (uint64_t)n;
        if (rc == 0 && since >= ROOM_EVERY) {
            rc = check_room(s, f);
            since = 0;
        }
        STEP("store.copy");
        n = rc == 0 ? read_some(fd, p, CHUNK) : 0;
    }
    if (rc == 0 && n < 0)
        rc = fault_set(f, FAULT_INTERNAL, "backup.pipe", "%s", strerror(errno));
    return rc;
}

/* The copy's transaction has begun when its first octets come: until then nothing is committed. */
static int copy(struct store *s, struct copier *c, int from, store_sink sink, void *arg,
                struct store_stats *stats, struct fault *f)
{
    uint8_t *p = xcalloc(1, CHUNK);
    pthread_t thread;
    ssize_t n = 0;
    pthread_mutex_lock(&s->commit_lock);
    int rc = store_stats(s, stats, f);
    bool runs = rc == 0 && pthread_create(&thread, NULL, copier_main, c) == 0;
    if (runs)
        n = read_some(from, p, CHUNK);
    pthread_mutex_unlock(&s->commit_lock);
    if (rc == 0 && !runs)
        rc = fault_set(f, FAULT_INTERNAL, "backup.thread", "no thread for the copy");
    if (rc == 0)
        rc = pump(s, from, p, n, sink, arg, f);
    (void)close(from);
    if (runs)
        pthread_join(thread, NULL);
    else
        (void)close(c->fd);
    free(p);
    return rc == 0 && c->rc != 0 ? store_fail(f, c->rc, "copying the store") : rc;
}

int store_copy(struct store *s, store_sink sink, void *arg, struct store_stats *stats,
               struct fault *f)
{
    int ends[2];
    memset(stats, 0, sizeof(*stats));
    if (pipe2(ends, O_CLOEXEC) != 0)
        return fault_set(f, FAULT_INTERNAL, "backup.pipe", "%s", strerror(errno));
    (void)fcntl(ends[1], F_SETPIPE_SZ, PIPE_OCTETS);
    struct copier c = {.env = s->env, .fd = ends[1]};
    return copy(s, &c, ends[0], sink, arg, stats, f);
}
