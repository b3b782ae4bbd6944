/* What was checked comes into force, file by file, as lib/viewfile.h says that a writer does it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/step.h"
#include "tools/viewimport_inner.h"

#define COPY ((size_t)1024 * VIEWFILE_RECORD)

/* ---- files that are replaced whole ---- */

enum turn {
    TURN_FILES,       /* what nothing else names */
    TURN_PAIRS,       /* what `current` names, then that */
    TURN_CHECKPOINTS, /* over tiles that are there by now */
};

static const char *base_of(const char *path)
{
    return strrchr(path, '/') == NULL ? path : strrchr(path, '/') + 1;
}

static enum turn turn_of(const char *path)
{
    uint64_t generation;

    if (import_is_log(path, &generation) || strcmp(base_of(path), "current") == 0)
        return TURN_PAIRS;
    return strcmp(base_of(path), "checkpoint") == 0 ? TURN_CHECKPOINTS : TURN_FILES;
}

/* A link to the view's own file changes nothing: rename(2) leaves both. */
static int move_file(const struct import *i, const char *path, struct fault *f)
{
    char from[PATH_MAX], to[PATH_MAX];
    int rc = import_make_folders(i->view, path, f);

    if (rc != 0)
        return rc;
    import_join(from, i->stage, path);
    import_join(to, i->view, path);
    return rename(from, to) == 0 ? 0 : import_cannot(f, "replace", to);
}

static int move_files(struct import *i, enum turn turn, struct fault *f)
{
    struct slice rest = i->entries;
    struct import_file file;
    int rc;

    while ((rc = import_next(&rest, &file, f)) == 1)
        if (turn_of(file.path) == turn) {
            rc = move_file(i, file.path, f);
            STEP("import.file");
            if (rc != 0)
                return rc;
        }
    return rc;
}

/* ---- a log that goes on ---- */

static int read_up_to(struct viewfile_log *l, uint64_t end, struct fault *f)
{
    struct viewfile_row rows[256];
    size_t n;
    int rc;

    do
        rc = viewfile_log_read(l, rows, end - l->seen < 256 ? (size_t)(end - l->seen) : 256, &n, f);
    while (rc == 0 && n > 0 && l->seen < end);
    return rc;
}

/* Is the view's log, whole, the beginning of that of the stage? */
static bool goes_on(struct viewfile_log *own, struct viewfile_log *staged)
{
    struct fault f;

    return memcmp(own->page, staged->page, VIEWFILE_HEADER) == 0 &&
           viewfile_word_get(&own->live->next) == 0 && read_up_to(own, UINT64_MAX, &f) == 0 &&
           own->seen >= viewfile_word_get(&own->live->count) &&
           own->seen <= viewfile_word_get(&staged->live->count) &&
           read_up_to(staged, own->seen, &f) == 0 && own->seen == staged->seen &&
           own->chain == staged->chain;
}

static void copy_pair(const uint64_t from[2], uint64_t to[2])
{
    uint64_t v;

    if (viewfile_pair_get(from, &v) == 0)
        viewfile_pair_set(to, v);
}

/* The records first, then their number; what time they are of once they are on the disk. */
static int append(struct viewfile_log *own, const struct viewfile_log *staged, struct fault *f)
{
    uint64_t count = viewfile_word_get(&staged->live->count);
    uint8_t *room = xcalloc(1, COPY);
    int rc = 0;

    for (uint64_t at = own->seen; at < count && rc == 0;) {
        size_t want =
            count - at < COPY / VIEWFILE_RECORD ? (size_t)(count - at) * VIEWFILE_RECORD : COPY;
        off_t where = (off_t)(VIEWFILE_LOG_START + at * VIEWFILE_RECORD);

        errno = ENOSPC; /* what a short write means */
        if (pread(staged->fd, room, want, where) != (ssize_t)want ||
            pwrite(own->fd, room, want, where) != (ssize_t)want)
            rc = import_cannot(f, "append to", "the log");
        at += want / VIEWFILE_RECORD;
    }
    free(room);
    STEP("import.records");
    if (rc != 0)
        return rc;
    viewfile_word_set(&own->live->count, count);
    if (fdatasync(own->fd) != 0)
        return import_cannot(f, "sync", "the log");
    copy_pair(staged->live->through, own->live->through);
    copy_pair(staged->live->stamp, own->live->stamp);
    return 0;
}

/* ---- another pair ---- */

/* The generation of "snapshot.G" or "log.G"; 0 for any other name. */
static uint64_t generation_of(const char *name)
{
    static const enum viewfile_kind kinds[] = {VIEWFILE_SNAPSHOT, VIEWFILE_LOG};
    const char *dot = strrchr(name, '.');
    uint64_t g = dot == NULL ? 0 : strtoull(dot + 1, NULL, 10);
    char again[VIEWFILE_NAME_MAX];

    for (size_t k = 0; k < 2; k++) {
        viewfile_name(kinds[k], g, again);
        if (strcmp(name, again) == 0)
            return g;
    }
    return 0;
}

/* Readers that have it mapped are sent to `current`, also when an earlier import was killed before
 * it could do that. */
static void remove_pair_file(int dirfd, const char *name, uint64_t generation)
{
    struct viewfile_log log;
    struct fault f;

    if (viewfile_log_open(dirfd, generation, true, &log, &f) == 0) {
        viewfile_word_set(&log.live->next, generation);
        viewfile_log_close(&log);
    }
    (void)unlinkat(dirfd, name, 0);
}

static void remove_others(int dirfd, uint64_t generation)
{
    int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *e;

    if (d == NULL) {
        if (fd >= 0)
            (void)close(fd);
        return;
    }
    while ((e = readdir(d)) != NULL) {
        uint64_t g = generation_of(e->d_name);

        if (g != 0 && g != generation)
            remove_pair_file(dirfd, e->d_name, g);
    }
    (void)closedir(d);
}

static int replace(const struct import *i, const char *folder, uint64_t generation,
                   struct viewfile_log *own, struct fault *f)
{
    char path[VIEWEXPORT_PATH_MAX + 1], name[VIEWFILE_NAME_MAX];
    int rc;

    viewfile_name(VIEWFILE_LOG, generation, name);
    (void)snprintf(path, sizeof path, "%.150s/%s", folder, name);
    rc = move_file(i, path, f);
    STEP("import.log");
    (void)snprintf(path, sizeof path, "%.150s/current", folder);
    if (rc == 0)
        rc = move_file(i, path, f);
    STEP("import.current");
    /* Whoever reads the old one is sent to `current`. */
    if (rc == 0 && own->fd >= 0)
        viewfile_word_set(&own->live->next, generation);
    return rc;
}

/* The view's own log, or, when there is none that reads, nothing. */
static void open_own(int dirfd, struct viewfile_log *out)
{
    uint64_t generation;
    struct fault f;

    *out = VIEWFILE_LOG_NONE;
    if (viewfile_current(dirfd, &generation, &f) == 0 &&
        viewfile_log_open(dirfd, generation, true, out, &f) != 0)
        *out = VIEWFILE_LOG_NONE;
}

static int apply_pair(struct import *i, const char *folder, int own_fd, int stage_fd,
                      struct fault *f)
{
    struct viewfile_log own, staged = VIEWFILE_LOG_NONE;
    uint64_t generation;
    int rc = viewfile_current(stage_fd, &generation, f);

    if (rc == 0)
        rc = viewfile_log_open(stage_fd, generation, false, &staged, f);
    if (rc != 0)
        return rc;
    open_own(own_fd, &own);
    if (own.fd >= 0 && own.header.generation == generation && goes_on(&own, &staged))
        rc = append(&own, &staged, f);
    else
        rc = replace(i, folder, generation, &own, f);
    if (rc == 0)
        remove_others(own_fd, generation);
    viewfile_log_close(&own);
    viewfile_log_close(&staged);
    return rc;
}

static int apply_issuer(struct import *i, const char *folder, struct fault *f)
{
    char path[PATH_MAX];
    int own, stage, rc;

    import_join(path, i->view, folder);
    own = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (own < 0)
        return import_cannot(f, "open", path);
    import_join(path, i->stage, folder);
    stage = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    rc = stage < 0 ? import_cannot(f, "open", path) : apply_pair(i, folder, own, stage, f);
    if (stage >= 0)
        (void)close(stage);
    (void)close(own);
    return rc;
}

static int apply_issuers(struct import *i, struct fault *f)
{
    struct slice rest = i->entries;
    struct import_file file;
    int rc;

    while ((rc = import_next(&rest, &file, f)) == 1) {
        char *slash = strchr(file.path, '/');

        if (slash == NULL || strcmp(slash, "/current") != 0)
            continue;
        *slash = '\0';
        rc = apply_issuer(i, file.path, f);
        if (rc != 0)
            return rc;
    }
    return rc;
}

/* ---- all of it ---- */

/* What the export before had and this one has not: a list of revocations that is no more, the
 * responder of a node that is none any more. Pairs were removed above. */
static void remove_gone(const struct import *i)
{
    struct viewexport_head head;
    struct import_file was, is;
    struct slice before, now = i->entries;
    struct fault f;
    int more;

    if (i->before.n == 0 || viewexport_begin(buf_slice(&i->before), &head, &before, &f) != 0)
        return;
    more = import_next(&now, &is, &f);
    while (import_next(&before, &was, &f) == 1) {
        char path[PATH_MAX];

        while (more == 1 && strcmp(is.path, was.path) < 0)
            more = import_next(&now, &is, &f);
        if ((more == 1 && strcmp(is.path, was.path) == 0) || generation_of(base_of(was.path)) != 0)
            continue;
        import_join(path, i->view, was.path);
        (void)unlink(path);
    }
}

int import_apply(struct import *i, struct fault *f)
{
    int fd, rc = move_files(i, TURN_FILES, f);

    if (rc == 0)
        rc = apply_issuers(i, f);
    if (rc == 0)
        rc = move_files(i, TURN_CHECKPOINTS, f);
    if (rc != 0)
        return rc;
    remove_gone(i);
    fd = open(i->view, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || syncfs(fd) != 0)
        rc = import_cannot(f, "sync", i->view);
    if (fd >= 0)
        (void)close(fd);
    return rc;
}
