/* Putting a new pair of snapshot and log in force while the old one is being published to. */
#include "ca/view/issuer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/step.h"

#define BATCH 256

static int cannot(struct fault *f, const char *what)
{
    return fault_set(f, errno == ENOSPC || errno == EDQUOT ? FAULT_FULL : FAULT_INTERNAL,
                     "view.write", "cannot %s of the view: %s", what, strerror(errno));
}

struct view_cut view_cut_now(struct view_issuer *i)
{
    struct view_cut cut;

    pthread_mutex_lock(i->lock);
    cut = (struct view_cut){.generation = ++i->highest,
                            .count = i->log.seen,
                            .chain = i->log.chain,
                            .through = i->through};
    pthread_mutex_unlock(i->lock);
    return cut;
}

/* The records first, `count` after them. A write that stops half way leaves `count` alone, and the
 * next one writes the same octets again: readers that took the first half took the truth. */
int view_log_append(struct viewfile_log *l, const struct viewfile_row *rows, size_t n,
                    struct fault *f)
{
    uint8_t out[BATCH * VIEWFILE_RECORD];

    while (n > 0) {
        size_t some = n < BATCH ? n : BATCH, size = some * VIEWFILE_RECORD;
        uint64_t chain = l->chain;
        ssize_t put;

        for (size_t k = 0; k < some; k++)
            viewfile_record_put(&chain, &rows[k], out + k * VIEWFILE_RECORD);
        errno = ENOSPC; /* what a short write means */
        put = pwrite(l->fd, out, size, (off_t)(VIEWFILE_LOG_START + l->seen * VIEWFILE_RECORD));
        if (put != (ssize_t)size)
            return cannot(f, "write the log");
        STEP("view.record");
        l->chain = chain;
        l->seen += some;
        viewfile_word_set(&l->live->count, l->seen);
        STEP("view.count");
        rows += some;
        n -= some;
    }
    return 0;
}

static int new_log(struct view_issuer *i, const struct view_cut *cut, struct viewfile_log *out,
                   struct fault *f)
{
    struct viewfile_header h = {.issuer = i->number,
                                .generation = cut->generation,
                                .base = cut->through,
                                .created = clock_now()};
    uint8_t page[VIEWFILE_LOG_START] = {0};
    char name[VIEWFILE_NAME_MAX];
    int fd, rc = 0;

    *out = VIEWFILE_LOG_NONE;
    memcpy(h.owner, i->owner, sizeof h.owner);
    viewfile_header_put(VIEWFILE_LOG, &h, page);
    viewfile_name(VIEWFILE_LOG, cut->generation, name);
    fd = openat(i->dirfd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0)
        return cannot(f, "make a log");
    /* Synced before it is mapped: a store to a page without a block behind it could not fail. */
    if (fchmod(fd, 0644) < 0 || pwrite(fd, page, sizeof page, 0) != (ssize_t)sizeof page ||
        fsync(fd) < 0)
        rc = cannot(f, "make a log");
    close(fd);
    return rc < 0 ? rc : viewfile_log_open(i->dirfd, cut->generation, true, out, f);
}

static int new_current(const struct view_issuer *i, uint64_t generation, struct fault *f)
{
    char text[24];
    int fd, n = snprintf(text, sizeof text, "%llu\n", (unsigned long long)generation), rc = 0;

    fd = openat(i->dirfd, "current.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return cannot(f, "make `current`");
    if (fchmod(fd, 0644) < 0 || write(fd, text, (size_t)n) != n || fsync(fd) < 0)
        rc = cannot(f, "make `current`");
    close(fd);
    return rc;
}

/* Moves records from one log to the other, until there are no more, or fewer than a batch. */
static int move(struct viewfile_log *from, struct viewfile_log *to, bool all, struct fault *f)
{
    struct viewfile_row rows[BATCH];
    size_t n;
    int rc;

    do {
        rc = viewfile_log_read(from, rows, BATCH, &n, f);
        if (rc == 0)
            rc = view_log_append(to, rows, n, f);
    } while (rc == 0 && n > 0 && (all || n == BATCH));
    return rc;
}

/* Under the lock: from here on publishers write to the new log. */
static int take_over(struct view_issuer *i, struct viewfile_log *tail, struct viewfile_log *fresh,
                     struct fault *f)
{
    uint64_t stamp = 0;
    int rc = 0;

    if (i->log.fd >= 0) {
        rc = move(tail, fresh, true, f);
        if (rc == 0 && tail->seen < i->log.seen)
            rc = fault_set(f, FAULT_MALFORMED, "view.damaged", "the view's log is damaged");
        if (rc == 0 && viewfile_pair_get(i->log.live->stamp, &stamp) == 0)
            viewfile_pair_set(fresh->live->stamp, stamp);
    }
    if (rc < 0)
        return rc;
    viewfile_pair_set(fresh->live->through, i->through);
    STEP("view.before-rename");
    if (renameat(i->dirfd, "current.new", i->dirfd, "current") < 0)
        return cannot(f, "replace `current`");
    STEP("view.after-rename");
    if (i->log.fd >= 0) {
        viewfile_word_set(&i->log.live->next, fresh->header.generation);
        i->old = i->log.header.generation;
        i->old_since_us = clock_mono_us();
        viewfile_log_close(&i->log);
    }
    i->log = *fresh;
    *fresh = VIEWFILE_LOG_NONE;
    return 0;
}

static void discard(struct view_issuer *i, uint64_t generation)
{
    char name[VIEWFILE_NAME_MAX];

    viewfile_name(VIEWFILE_SNAPSHOT, generation, name);
    unlinkat(i->dirfd, name, 0);
    viewfile_name(VIEWFILE_LOG, generation, name);
    unlinkat(i->dirfd, name, 0);
}

int view_swap(struct view_issuer *i, const struct view_cut *cut, uint64_t rows, struct fault *f)
{
    /* Shares the old log's descriptor, counts on its own. */
    struct viewfile_log fresh, tail = {.fd = i->log.fd, .seen = cut->count, .chain = cut->chain};
    int rc;

    rc = new_log(i, cut, &fresh, f);
    if (rc == 0 && i->log.fd >= 0)
        rc = move(&tail, &fresh, false, f);
    if (rc == 0 && fdatasync(fresh.fd) < 0)
        rc = cannot(f, "sync the log");
    if (rc == 0)
        rc = new_current(i, cut->generation, f);
    if (rc == 0) {
        pthread_mutex_lock(i->lock);
        if (i->log.fd < 0)
            i->through = cut->through;
        rc = take_over(i, &tail, &fresh, f);
        if (rc == 0)
            i->snapshot_rows = rows;
        pthread_mutex_unlock(i->lock);
    }
    viewfile_log_close(&fresh);
    if (rc < 0)
        discard(i, cut->generation);
    else if (fsync(i->dirfd) < 0)
        rc = cannot(f, "sync the folder");
    return rc;
}

/* Long enough for a reader that has just read `current` to open what it names; those that come
 * later find the file gone and read `current` again. */
#define OLD_GRACE_US (30 * UINT64_C(1000000))

void view_issuer_sweep_old(struct view_issuer *i)
{
    if (i->old == 0 || clock_mono_us() - i->old_since_us < OLD_GRACE_US)
        return;
    discard(i, i->old);
    i->old = 0;
}
