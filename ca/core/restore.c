#include "ca/core/restore.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ca/core/core.h"
#include "ca/core/restore_log.h"
#include "ca/core/takeover.h"
#include "lib/backupfile.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/file.h"
#include "lib/log.h"
#include "lib/step.h"

#define CHUNK 262144

struct restore {
    const struct conf *conf;
    const struct restore_options *o;
    struct backup_manifest m;
    struct store *store;
    struct takeover t;
    struct restore_log log;
    int64_t now;
    char aside[64]; /* "" when there was no store */
    struct fault *f;
};

static char *below(const struct restore *r, const char *name)
{
    char *path = NULL;

    if (asprintf(&path, "%s/%s", r->conf->store_dir, name) < 0)
        out_of_memory();
    return path;
}

static int failed(struct restore *r, const char *what, const char *path)
{
    return fault_set(r->f, errno == ENOSPC ? FAULT_FULL : FAULT_INTERNAL, "restore.file",
                     "cannot %s %s: %s", what, path, strerror(errno));
}

/* ---- the image ---- */

static void remove_leftover(const struct restore *r)
{
    static const char *const names[] = {STORE_RESTORED_DIR "/data.mdb",
                                        STORE_RESTORED_DIR "/lock.mdb"};
    char *dir = below(r, STORE_RESTORED_DIR);

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char *path = below(r, names[i]);

        (void)unlink(path);
        free(path);
    }
    (void)rmdir(dir);
    free(dir);
}

static int copy_octets(struct restore *r, int from, int to, const char *path)
{
    uint8_t *chunk = xcalloc(1, CHUNK);
    int rc = 0;

    for (uint64_t at = 0; rc == 0 && at < r->m.image;) {
        size_t n = r->m.image - at < CHUNK ? (size_t)(r->m.image - at) : CHUNK;

        rc = backup_read(from, at, chunk, n, r->f);
        if (rc == 0 && pwrite(to, chunk, n, (off_t)at) != (ssize_t)n)
            rc = failed(r, "write", path);
        at += n;
    }
    if (rc == 0 && fsync(to) != 0)
        rc = failed(r, "write", path);
    free(chunk);
    return rc;
}

static int copy_image(struct restore *r, int from)
{
    char *dir = below(r, STORE_RESTORED_DIR), *path = below(r, STORE_RESTORED_DIR "/data.mdb");
    int to = -1, rc;

    remove_leftover(r);
    if (mkdir(dir, 0700) != 0)
        rc = failed(r, "make", dir);
    else if ((to = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) < 0)
        rc = failed(r, "make", path);
    else
        rc = copy_octets(r, from, to, path);
    if (to >= 0)
        (void)close(to);
    free(dir);
    free(path);
    return rc;
}

static int read_backup(struct restore *r)
{
    uint8_t hash[32];
    int fd = open(r->o->backup, O_RDONLY | O_CLOEXEC | O_NOCTTY), rc;

    if (fd < 0)
        return failed(r, "open", r->o->backup);
    rc = backup_open(fd, &r->m, hash, r->f);
    if (rc == 0)
        rc = backup_hash(fd, hash, NULL, NULL, r->f);
    if (rc == 0)
        rc = copy_image(r, fd);
    (void)close(fd);
    STEP("restore.copied");
    return rc;
}

/* ---- the store ---- */

static int open_restored(struct restore *r)
{
    struct store_options o = {.dir = r->conf->store_dir,
                              .quota = r->conf->store_quota,
                              .free_watermark = r->conf->free_watermark,
                              .request_key_life = r->conf->request_key_life,
                              .intent_grace = r->conf->intent_grace,
                              .no_derive = true,
                              .restoring = true};

    return store_open(&o, &r->store, r->f);
}

static void close_restored(struct restore *r)
{
    store_close(r->store);
    r->store = NULL;
}

static int do_op(struct restore *r, struct store_op *op)
{
    if (store_do(r->store, op) == 0)
        return 0;
    *r->f = op->fault;
    return -(int)r->f->code;
}

/* Numbers move on past all that anybody can have seen. */
static int move_on(struct restore *r)
{
    char copied[CLOCK_TEXT_SIZE], why[STORE_REASON_MAX];
    struct store_op op = {.kind = STORE_RESTORED, .time = r->now, .why = why};
    uint64_t newest;
    int rc = takeover_newest(r->conf, r->store, &newest, r->f);

    if (rc != 0)
        return rc;
    clock_format(r->m.time, copied);
    snprintf(why, sizeof(why), "restored from a backup of %s", copied);
    op.restore.copied = r->m.time;
    op.skip_to = (newest > r->m.change ? newest : r->m.change) + TAKEOVER_MARGIN;
    op.restore.checkpoint = r->log.newest;
    op.restore.by = (uint32_t)getuid();
    return do_op(r, &op);
}

/* The first leaf of the new log says how the old one ended. */
static int begin_log(struct restore *r)
{
    const struct conf_operator *who = conf_operator(r->conf, getuid());
    struct store_op op = {.kind = STORE_AUDIT, .time = r->now};
    char root[65];

    hex_encode(slice_of(r->m.audit_root, 32), root);
    op.audit.action = AUDIT_RESTORE;
    op.audit.time = r->now;
    memcpy(op.audit.generation, r->conf->generation, sizeof(op.audit.generation));
    if (who != NULL)
        snprintf(op.audit.actor, sizeof(op.audit.actor), "operator:%.48s", who->name);
    else
        snprintf(op.audit.actor, sizeof(op.audit.actor), "uid:%u", (unsigned)getuid());
    snprintf(op.audit.origin, sizeof(op.audit.origin), "restore");
    snprintf(op.audit.detail, sizeof(op.audit.detail),
             "log %" PRId64 " ended: size %" PRIu64 ", root %s, newest checkpoint of size %" PRIu64,
             r->m.audit_log, r->m.audit_size, root, r->log.newest);
    return do_op(r, &op);
}

static int take_over(struct restore *r)
{
    int rc;

    r->t = (struct takeover){.conf = r->conf, .store = r->store, .after = r->m.change};
    rc = takeover_views(&r->t, r->f);
    for (size_t i = 0; rc == 0 && i < r->o->n_crls; i++)
        rc = takeover_crl(&r->t, r->o->crl[i], r->f);
    return rc == 0 ? takeover_records(&r->t, r->f) : rc;
}

static int make_store(struct restore *r, struct store_gate *gate)
{
    int rc = open_restored(r);

    if (rc == 0)
        rc = restore_checkpoints(&r->log, r->conf, r->o, &r->m, r->store, r->f);
    if (rc == 0)
        rc = move_on(r);
    close_restored(r);
    if (rc == 0)
        rc = open_restored(r);
    if (rc == 0)
        rc = begin_log(r);
    if (rc == 0)
        rc = take_over(r);
    if (rc == 0)
        rc = store_gate(r->store, gate, r->f);
    close_restored(r);
    STEP("restore.merged");
    return rc;
}

/* ---- in place ---- */

static int move(struct restore *r, const char *from, const char *to)
{
    char *a = below(r, from), *b = below(r, to);
    int rc = rename(a, b) == 0 || errno == ENOENT ? 0 : failed(r, "move", a);

    free(a);
    free(b);
    return rc;
}

static int sync_store(struct restore *r)
{
    int fd = open(r->conf->store_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd < 0 || fsync(fd) != 0 ? failed(r, "sync", r->conf->store_dir) : 0;

    if (fd >= 0)
        (void)close(fd);
    return rc;
}

static bool exists(const struct restore *r, const char *name)
{
    char *path = below(r, name);
    struct stat st;
    bool there = stat(path, &st) == 0;

    free(path);
    return there;
}

/* Names that nothing has yet, by the time. */
static void name_aside(struct restore *r, char indexes[64])
{
    int64_t n = r->now;

    do {
        snprintf(indexes, 64, "derived.replaced-%" PRId64, n);
        snprintf(r->aside, sizeof(r->aside), "durable.replaced-%" PRId64, n);
        n++;
    } while (exists(r, indexes) || exists(r, r->aside));
}

static int put_in_place(struct restore *r)
{
    char indexes[64];
    bool there = exists(r, "durable");
    int rc;

    name_aside(r, indexes);
    rc = move(r, "derived", indexes);
    if (rc == 0)
        rc = move(r, "durable", r->aside);
    if (rc == 0)
        rc = sync_store(r);
    STEP("restore.moved");
    if (rc == 0)
        rc = move(r, STORE_RESTORED_DIR, "durable");
    if (rc == 0)
        rc = sync_store(r);
    STEP("restore.placed");
    if (!there)
        r->aside[0] = '\0';
    return rc;
}

/* ---- what came of it ---- */

static void tell(const struct restore *r, const struct store_gate *g)
{
    const struct store_restore *s = &g->restore[g->n_restores - 1];
    char copied[CLOCK_TEXT_SIZE];

    clock_format(r->m.time, copied);
    printf("result backup_of %s\n", copied);
    printf("result lost_certificates %u\n", s->lost);
    printf("result lost_signatures %u\n", s->signatures);
    printf("result revocations_merged %u\n", s->revoked);
    printf("result holds_merged %u\n", s->held);
    printf("result holds_kept %u\n", s->kept_held);
    printf("result views_read %u\n", r->t.views);
    printf("result views_missing %u\n", r->t.missing);
    printf("result crls_read %u\n", r->t.crls);
    if (r->log.newest == 0)
        printf("result audit_records_lost unknown\n");
    else
        printf("result audit_records_lost %" PRIu64 "\n",
               r->log.newest > r->m.audit_size ? r->log.newest - r->m.audit_size : 0);
    if (r->log.later > 0)
        printf("result audit_logs_lost %u, of %" PRIu64 " records or more\n", r->log.later,
               r->log.later_records);
    if (r->log.unverified > 0)
        printf("result checkpoints_unverified %u\n", r->log.unverified);
    printf("result audit_log %" PRId64 "\n", g->audit_log);
    if (r->log.forked)
        printf("result audit_forked yes\n");
    printf("result replaced %s%s%s\n", r->aside[0] ? r->conf->store_dir : "nothing",
           r->aside[0] ? "/" : "", r->aside);
}

/* A log is named by the second in which its restore began: another restore of this store begins in
 * another one. */
static void end_second(const struct restore *r)
{
    while (clock_now() == r->now)
        (void)poll(NULL, 0, 20);
}

static int run(struct restore *r)
{
    struct store_gate *gate = xcalloc(1, sizeof(*gate));
    int lock, rc = store_lock(r->conf->store_dir, &lock, r->f);

    r->now = clock_now();
    if (rc == 0)
        rc = read_backup(r);
    if (rc == 0)
        rc = make_store(r, gate);
    if (rc == 0)
        rc = put_in_place(r);
    if (rc == 0)
        tell(r, gate);
    if (rc == 0)
        end_second(r);
    if (lock >= 0)
        (void)close(lock);
    free(gate);
    return rc;
}

int core_restore(const struct conf *conf, const struct restore_options *o, struct fault *f)
{
    const char *more[2 * RESTORE_FILES_MAX + 2] = {o->backup};
    struct restore *r;
    size_t n = 1;
    int rc;

    for (size_t i = 0; i < o->n_crls; i++)
        more[n++] = o->crl[i];
    for (size_t i = 0; i < o->n_checkpoints; i++)
        more[n++] = o->checkpoint[i];
    rc = core_jail(conf, true, more, f);
    if (rc != 0)
        return rc;
    r = xcalloc(1, sizeof(*r));
    *r = (struct restore){.conf = conf, .o = o, .f = f};
    rc = run(r);
    free(r);
    return rc;
}
