#include "ca/view/recall.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ca/view/issuer.h"

struct recall {
    const struct viewfile *v;
    uint64_t after;
    view_recall_row fn;
    void *arg;
};

/* A row stands for its serial when no later one does. */
static int offer(const struct recall *r, const struct viewfile_row *row)
{
    struct viewfile_row newest;

    if (row->change <= r->after || viewfile_lookup(r->v, row->serial, &newest) != 0 ||
        newest.change != row->change)
        return 0;
    return r->fn(r->arg, row);
}

static int from_snapshot(const struct recall *r, int dirfd, uint64_t generation, struct fault *f)
{
    struct viewfile_snapshot s;
    struct viewfile_row row;
    int rc = viewfile_snapshot_open(dirfd, generation, &s, f);

    if (rc != 0)
        return rc;
    for (uint64_t k = 0; rc == 0 && k < s.header.rows; k++)
        if (viewfile_row_get(s.rows + k * VIEWFILE_ROW, &row) == 0)
            rc = offer(r, &row);
    viewfile_snapshot_close(&s);
    return rc;
}

static int from_log(const struct recall *r, int dirfd, uint64_t generation, struct fault *f)
{
    struct viewfile_log log = VIEWFILE_LOG_NONE;
    struct viewfile_row rows[256];
    size_t n = 0;
    int rc = viewfile_log_open(dirfd, generation, false, &log, f);

    while (rc == 0) {
        rc = viewfile_log_read(&log, rows, 256, &n, f);
        for (size_t k = 0; rc == 0 && k < n; k++)
            rc = offer(r, &rows[k]);
        if (n == 0)
            break;
    }
    viewfile_log_close(&log);
    return rc;
}

static int from_folder(const struct recall *r, const char *path, uint64_t generation,
                       struct fault *f)
{
    int dirfd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc;

    if (dirfd < 0)
        return fault_set(f, FAULT_NOT_FOUND, "view.missing", "there is no view in %s", path);
    rc = from_snapshot(r, dirfd, generation, f);
    if (rc == 0)
        rc = from_log(r, dirfd, generation, f);
    (void)close(dirfd);
    return rc;
}

int view_recall(const char *dir, const struct store_issuer *si, uint64_t after, view_recall_row fn,
                void *arg, uint64_t *through, struct fault *f)
{
    struct recall r = {.after = after, .fn = fn, .arg = arg};
    char *path = view_issuer_path(dir, si);
    struct viewfile_info info;
    struct viewfile *v = NULL;
    int rc;

    *through = 0;
    if (path == NULL)
        return fault_set(f, FAULT_INTERNAL, "view.folder", "no memory for a path");
    rc = viewfile_open(path, &v, f);
    if (rc == 0) {
        viewfile_info(v, &info);
        *through = info.change;
        r.v = v;
        if (memcmp(info.owner, si->spki_hash, sizeof(info.owner)) != 0)
            rc = fault_set(f, FAULT_NOT_FOUND, "view.foreign", "%s is another issuer's", path);
        else if (fn != NULL)
            rc = from_folder(&r, path, info.generation, f);
    }
    viewfile_close(v);
    free(path);
    return rc;
}
