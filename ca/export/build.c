#include "ca/export/build.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ca/export/list.h"
#include "ca/view/issuer.h"
#include "lib/file.h"
#include "lib/key.h"
#include "lib/step.h"

#define PAIR_TRIES 1000

struct build {
    struct export_job *job;
    struct fault *fault;
    uint8_t room[VIEWEXPORT_PIECE];
};

/* ---- pieces ---- */

/* One that is there with the right length was written whole: it was renamed into place. */
static int put_octets(struct build *b, struct slice s, const uint8_t hash[32])
{
    struct buf path;
    struct stat st;
    int rc = 0;

    buf_init(&path, PATH_MAX);
    viewexport_piece_path(&path, b->job->out_dir, hash);
    if (stat(buf_cstr(&path), &st) != 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size != s.n) {
        rc = file_write(buf_cstr(&path), 0644, s, b->fault);
        b->job->new_octets += s.n;
        STEP("export.piece");
    }
    buf_free(&path);
    return rc;
}

static int put_piece(struct build *b, const char *path, struct slice s)
{
    struct viewexport_entry e = {.size = (uint32_t)s.n, .path = slice_str(path)};

    sha256(s, e.hash);
    viewexport_entry_put(&b->job->list, &e);
    b->job->octets += s.n;
    return put_octets(b, s, e.hash);
}

/* From `at` up to `end`, in pieces of `size`. */
static int put_range(struct build *b, const char *path, int fd, uint64_t at, uint64_t end,
                     size_t size)
{
    int rc = 0;

    while (rc == 0 && at < end) {
        size_t want = end - at < size ? (size_t)(end - at) : size;
        ssize_t n = pread(fd, b->room, want, (off_t)at);

        if (n != (ssize_t)want)
            return fault_set(b->fault, FAULT_UNAVAILABLE, "view.export",
                             "%s of the view cannot be read, or became shorter", path);
        rc = put_piece(b, path, slice_of(b->room, want));
        at += want;
    }
    return rc;
}

/* ---- files ---- */

static int open_item(struct build *b, const struct export_item *i, int *fd, struct stat *st)
{
    char path[PATH_MAX];

    (void)snprintf(path, sizeof path, "%s/%s", b->job->view_dir, i->path);
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (*fd >= 0 && fstat(*fd, st) == 0 && S_ISREG(st->st_mode))
        return 0;
    if (*fd >= 0)
        (void)close(*fd);
    /* Listed a moment ago: it was replaced meanwhile, and the next attempt finds what is there. */
    return fault_unavailable(b->fault, 1, "view.export", "%s of the view cannot be opened",
                             i->path);
}

static int put_file(struct build *b, const struct export_item *i)
{
    struct stat st;
    int fd, rc = open_item(b, i, &fd, &st);

    if (rc != 0)
        return rc;
    rc = put_range(b, i->path, fd, 0, (uint64_t)st.st_size, VIEWEXPORT_PIECE);
    (void)close(fd);
    return rc;
}

static int put_current(struct build *b, const struct export_item *i)
{
    char text[24];
    int n = snprintf(text, sizeof text, "%llu\n", (unsigned long long)i->generation);

    return put_piece(b, i->path, slice_of(text, (size_t)n));
}

/* A writer that is stopped between the two words gets a turn: an export that does not say of when
 * it is would answer nothing. Two zeros: nothing was written yet, so it is of no time. */
static int pair(const uint64_t from[2], uint64_t *out, struct fault *f)
{
    for (int i = 0; i < PAIR_TRIES; i++) {
        if (viewfile_pair_get(from, out) == 0 ||
            (viewfile_word_get(&from[0]) == 0 && viewfile_word_get(&from[1]) == 0))
            return 0;
        (void)sched_yield();
    }
    return fault_unavailable(f, 1, "view.export", "the view's log says no time");
}

/* The words in front are loaded before the records are read, so that the copy is never older than
 * it says; then they are written as of now. */
static int read_log(struct viewfile_log *l, uint8_t page[VIEWFILE_LOG_START], struct fault *f)
{
    uint64_t stamp, through, count;
    struct viewfile_live live = {0};
    struct viewfile_row rows[256];
    size_t n;
    int rc;

    if (pair(l->live->stamp, &stamp, f) != 0 || pair(l->live->through, &through, f) != 0)
        return -(int)f->code;
    count = viewfile_word_get(&l->live->count);
    do
        rc = viewfile_log_read(l, rows, 256, &n, f);
    while (rc == 0 && n > 0);
    if (rc == 0 && l->seen < count)
        rc = fault_set(f, FAULT_MALFORMED, "view.damaged", "the view's log is damaged");
    viewfile_word_set(&live.count, l->seen);
    viewfile_pair_set(live.through, through);
    viewfile_pair_set(live.stamp, stamp);
    memset(page, 0, VIEWFILE_LOG_START);
    viewfile_header_put(VIEWFILE_LOG, &l->header, page);
    memcpy(page + VIEWFILE_HEADER, &live, sizeof live);
    return rc;
}

static int open_log(struct build *b, const struct export_item *i, struct viewfile_log *l)
{
    char folder[PATH_MAX];
    int fd, rc;

    (void)snprintf(folder, sizeof folder, "%s/%s", b->job->view_dir, i->path);
    *strrchr(folder, '/') = '\0';
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return fault_unavailable(b->fault, 1, "view.export", "%s cannot be opened: %s", folder,
                                 strerror(errno));
    rc = viewfile_log_open(fd, i->generation, false, l, b->fault);
    (void)close(fd);
    return rc;
}

static int put_log(struct build *b, const struct export_item *i)
{
    uint8_t page[VIEWFILE_LOG_START];
    struct viewfile_log l;
    int rc = open_log(b, i, &l);

    if (rc != 0)
        return rc;
    rc = read_log(&l, page, b->fault);
    if (rc == 0)
        rc = put_piece(b, i->path, slice_of(page, sizeof page));
    if (rc == 0)
        rc = put_range(b, i->path, l.fd, VIEWFILE_LOG_START,
                       VIEWFILE_LOG_START + l.seen * VIEWFILE_RECORD, VIEWEXPORT_LOG_PIECE);
    viewfile_log_close(&l);
    return rc;
}

/* ---- all of it ---- */

static int put_items(struct build *b, const struct export_list *l)
{
    int rc = 0;

    for (size_t i = 0; i < l->n && rc == 0; i++) {
        const struct export_item *at = &l->item[i];

        b->job->files++;
        rc = at->kind == EXPORT_LOG       ? put_log(b, at)
             : at->kind == EXPORT_CURRENT ? put_current(b, at)
                                          : put_file(b, at);
    }
    return rc;
}

static int make_folder(const struct export_job *j, struct fault *f)
{
    char path[PATH_MAX];

    (void)snprintf(path, sizeof path, "%s/" VIEWEXPORT_PIECES, j->out_dir);
    if (view_folder(path) == 0 || errno == EEXIST)
        return 0;
    return fault_set(f, FAULT_INTERNAL, "view.export", "cannot make %s: %s", path, strerror(errno));
}

void export_free(struct export_job *j)
{
    buf_free(&j->list);
}

int export_build(struct export_job *j, struct fault *f)
{
    struct build *b;
    struct export_list list;
    int rc = make_folder(j, f);

    buf_free(&j->list); /* of an attempt before */
    if (rc == 0)
        rc = export_list(j->view_dir, j->audit, &list, f);
    if (rc != 0)
        return rc;
    b = xcalloc(1, sizeof *b);
    b->job = j;
    b->fault = f;
    buf_init(&j->list, VIEWEXPORT_MANIFEST_MAX);
    viewexport_head_put(&j->list, &j->head);
    rc = put_items(b, &list);
    if (rc == 0 && buf_failed(&j->list))
        rc = fault_set(f, FAULT_TOO_LARGE, "view.export", "the export has too many files");
    if (rc == 0) {
        sha256(buf_slice(&j->list), j->manifest);
        rc = put_octets(b, buf_slice(&j->list), j->manifest);
    }
    export_list_free(&list);
    free(b);
    return rc;
}
