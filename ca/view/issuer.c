/* One issuer's folder: found at start, published to while running. */
#include "ca/view/issuer.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/step.h"

/* "issuing-2". A name is an operator's: what could leave the folder is replaced, the
 * number keeps names apart. */
char *view_issuer_path(const char *dir, const struct store_issuer *si)
{
    char *path = NULL;

    if (asprintf(&path, "%s/%s-%u", dir, si->name, si->number) < 0)
        return NULL;
    for (char *p = path + strlen(dir) + 1; *p; p++)
        if (!isalnum((unsigned char)*p) && *p != '-' && *p != '_' &&
            !(*p == '.' && p[-1] != '/' && p[-1] != '.'))
            *p = '_';
    return path;
}

int view_folder(const char *path)
{
    int fd, rc;

    if (mkdir(path, 0755) < 0)
        return -1;
    /* Through a descriptor: the jail has no call that changes modes by path. */
    fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -1;
    rc = fchmod(fd, 0755);
    close(fd);
    return rc;
}

int view_issuer_open(const char *dir, const struct store_issuer *si, pthread_mutex_t *lock,
                     struct view_issuer **out, struct fault *f)
{
    struct view_issuer *i = xcalloc(1, sizeof *i);
    int rc;

    *out = NULL;
    i->dirfd = -1;
    i->log = VIEWFILE_LOG_NONE;
    i->lock = lock;
    i->number = si->number;
    memcpy(i->owner, si->spki_hash, sizeof i->owner);
    i->dir = view_issuer_path(dir, si);
    if (i->dir && (view_folder(i->dir) == 0 || errno == EEXIST))
        i->dirfd = open(i->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (i->dirfd >= 0) {
        *out = i;
        return 0;
    }
    rc = fault_set(f, FAULT_INTERNAL, "view.folder", "cannot open the view's folder for %s: %s",
                   si->name, strerror(errno));
    view_issuer_free(i);
    return rc;
}

void view_issuer_free(struct view_issuer *i)
{
    if (!i)
        return;
    viewfile_log_close(&i->log);
    if (i->dirfd >= 0)
        close(i->dirfd);
    free(i->dir);
    free(i);
}

/* The generation of "snapshot.G" or "log.G"; 0 for any other name. */
static uint64_t generation_of(const char *name)
{
    static const enum viewfile_kind kinds[] = {VIEWFILE_SNAPSHOT, VIEWFILE_LOG};
    const char *dot = strrchr(name, '.');
    uint64_t g = dot ? strtoull(dot + 1, NULL, 10) : 0;
    char again[VIEWFILE_NAME_MAX];

    for (size_t k = 0; k < 2; k++) {
        viewfile_name(kinds[k], g, again);
        if (strcmp(name, again) == 0)
            return g;
    }
    return 0;
}

/* What a crash left: a reader that still holds such a log is told to look at `current`. */
static void remove_leftover(struct view_issuer *i, const char *name, uint64_t generation)
{
    struct viewfile_log log;
    struct fault f;

    if (viewfile_log_open(i->dirfd, generation, true, &log, &f) == 0) {
        viewfile_word_set(&log.live->next, i->log.header.generation);
        viewfile_log_close(&log);
    }
    unlinkat(i->dirfd, name, 0);
}

static int each_file(struct view_issuer *i, bool sweep, struct fault *f)
{
    DIR *d = opendir(i->dir);
    struct dirent *e;

    if (!d)
        return fault_set(f, FAULT_INTERNAL, "view.folder", "cannot list %s: %s", i->dir,
                         strerror(errno));
    while ((e = readdir(d)) != NULL) {
        uint64_t g = generation_of(e->d_name);

        if (g > i->highest)
            i->highest = g;
        if (sweep && g != 0 && g != i->log.header.generation && g != i->old)
            remove_leftover(i, e->d_name, g);
    }
    closedir(d);
    return 0;
}

/* All valid records; 1 when the log says that there were more, or that it was replaced. */
static int read_log(struct view_issuer *i, struct fault *f)
{
    struct viewfile_row rows[256];
    uint64_t through, next = viewfile_word_get(&i->log.live->next);
    size_t n;
    int rc;

    i->through = i->log.header.base;
    do {
        rc = viewfile_log_read(&i->log, rows, 256, &n, f);
        for (size_t k = 0; rc == 0 && k < n; k++)
            if (rows[k].change > i->through)
                i->through = rows[k].change;
    } while (rc == 0 && n > 0);
    if (rc < 0)
        return rc;
    if (i->log.seen < viewfile_word_get(&i->log.live->count))
        return 1;
    if (viewfile_pair_get(i->log.live->through, &through) == 0 && through > i->through)
        i->through = through;
    viewfile_word_set(&i->log.live->count, i->log.seen);
    return next == 0 ? 0 : 1;
}

static int open_pair(struct view_issuer *i, struct fault *f)
{
    struct viewfile_snapshot s = {0};
    uint64_t generation;
    bool ours;
    int rc = viewfile_current(i->dirfd, &generation, f);

    if (rc == 0)
        rc = viewfile_snapshot_open(i->dirfd, generation, &s, f);
    if (rc != 0)
        return rc;
    rc = viewfile_log_open(i->dirfd, generation, true, &i->log, f);
    ours = s.header.issuer == i->number && s.header.base == i->log.header.base &&
           memcmp(s.header.owner, i->owner, sizeof i->owner) == 0 &&
           memcmp(i->log.header.owner, i->owner, sizeof i->owner) == 0;
    i->snapshot_rows = s.header.rows;
    viewfile_snapshot_close(&s);
    if (rc == 0 && !ours)
        rc = fault_set(f, FAULT_MALFORMED, "view.foreign", "%s is another issuer's", i->dir);
    return rc;
}

int view_issuer_attach(struct view_issuer *i, uint64_t newest, struct fault *f)
{
    int rc = each_file(i, false, f);

    if (rc == 0)
        rc = open_pair(i, f);
    if (rc == 0)
        rc = read_log(i, f);
    if (rc >= 0 && i->through > newest)
        rc = fault_set(f, FAULT_CONFLICT, "view.ahead",
                       "%s knows change %llu, the store only %llu: the store is older than what "
                       "was published; restore a newer one, or move the view away",
                       i->dir, (unsigned long long)i->through, (unsigned long long)newest);
    if (rc < 0)
        viewfile_log_close(&i->log);
    return rc;
}

int view_issuer_clean(struct view_issuer *i, struct fault *f)
{
    return each_file(i, true, f);
}

int view_issuer_append(struct view_issuer *i, const struct viewfile_row *rows, size_t n,
                       struct fault *f)
{
    return view_log_append(&i->log, rows, n, f);
}

void view_issuer_set_through(struct view_issuer *i, uint64_t number)
{
    i->through = number;
    viewfile_pair_set(i->log.live->through, number);
    STEP("view.through");
}

int view_issuer_stamp(struct view_issuer *i, int64_t t, struct fault *f)
{
    uint64_t before;

    if (fdatasync(i->log.fd) < 0)
        return fault_set(f, FAULT_INTERNAL, "view.sync", "cannot sync the view's log: %s",
                         strerror(errno));
    /* A stamp is the thisUpdate of answers (ocsp/issuer.c), which must not go back. One from a
     * clock that was wrong by more gives way: no reader answers with it. */
    if (viewfile_pair_get(i->log.live->stamp, &before) != 0 || before <= (uint64_t)t ||
        before - (uint64_t)t > VIEWFILE_STAMP_SLACK)
        viewfile_pair_set(i->log.live->stamp, (uint64_t)t);
    return 0;
}
