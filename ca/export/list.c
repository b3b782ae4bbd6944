#include "ca/export/list.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Folders below one another: audit/NUMBER/tile/LEVEL/x001/.../067.p */
#define DEPTH_MAX 12

struct walk {
    struct export_list *list;
    bool (*wanted)(const char *name, bool is_folder);
    struct fault *fault;
};

/* False: no name that goes into an export. */
static bool add(struct export_list *l, const char *folder, const char *name, enum export_kind kind,
                uint64_t generation)
{
    struct export_item *i;
    char path[VIEWEXPORT_PATH_MAX + 1];
    int n = snprintf(path, sizeof path, "%s/%s", folder, name);

    if (n < 0 || (size_t)n >= sizeof path || !viewexport_path_valid(slice_str(path)))
        return false;
    /* The room doubles when a power of two is full. */
    if ((l->n & (l->n - 1)) == 0)
        l->item = xreallocarray(l->item, l->n == 0 ? 1 : 2 * l->n, sizeof *l->item);
    i = &l->item[l->n++];
    *i = (struct export_item){.kind = kind, .generation = generation};
    memcpy(i->path, path, (size_t)n + 1);
    return true;
}

static bool ends(const char *name, const char *with)
{
    size_t n = strlen(name), k = strlen(with);

    return n > k && strcmp(name + n - k, with) == 0;
}

static bool of_issuer(const char *name, bool is_folder)
{
    return !is_folder && (ends(name, ".der") || ends(name, ".pem"));
}

/* c2sp.org/tlog-tiles: numbers all the way, or below an "x", or before ".p". */
static bool of_audit(const char *name, bool is_folder)
{
    size_t n;

    if (strcmp(name, is_folder ? "tile" : "checkpoint") == 0)
        return true;
    name += is_folder && name[0] == 'x';
    n = strspn(name, "0123456789");
    return n > 0 && (name[n] == '\0' || (is_folder && strcmp(name + n, ".p") == 0));
}

static bool is_folder(int dirfd, const struct dirent *e)
{
    struct stat st;

    if (e->d_type != DT_UNKNOWN)
        return e->d_type == DT_DIR;
    return fstatat(dirfd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

/* What cannot be read is no reason to seal an export without it. What was listed a moment ago and
 * is gone was replaced meanwhile: the next attempt finds what is there. */
static int cannot_list(const char *path, struct fault *f)
{
    return fault_set(f, errno == ENOENT ? FAULT_UNAVAILABLE : FAULT_INTERNAL, "view.export",
                     "cannot list %s of the view: %s", path, strerror(errno));
}

/* 1 and the next entry that is not hidden, 0 at the end, or a fault. */
static int next_entry(DIR *d, const char *path, struct dirent **e, struct fault *f)
{
    do {
        errno = 0;
        *e = readdir(d);
    } while (*e != NULL && (*e)->d_name[0] == '.');
    if (*e != NULL)
        return 1;
    return errno == 0 ? 0 : cannot_list(path, f);
}

/* Names that no export has are none of ours. */
static int walk(struct walk *w, int fd, const char *path, unsigned depth);

static int walk_entry(struct walk *w, int dirfd, const struct dirent *e, const char *path,
                      unsigned depth)
{
    bool folder = is_folder(dirfd, e);
    char below[VIEWEXPORT_PATH_MAX + 1];
    int n;

    if (!w->wanted(e->d_name, folder))
        return 0;
    if (!folder) {
        (void)add(w->list, path, e->d_name, EXPORT_FILE, 0);
        return 0;
    }
    n = snprintf(below, sizeof below, "%s/%s", path, e->d_name);
    if (depth == 0 || n < 0 || (size_t)n >= sizeof below)
        return 0;
    return walk(w, openat(dirfd, e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), below,
                depth - 1);
}

/* `fd` is taken over. */
static int walk(struct walk *w, int fd, const char *path, unsigned depth)
{
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    struct dirent *e;
    int rc;

    if (d == NULL) {
        rc = cannot_list(path, w->fault);
        if (fd >= 0)
            (void)close(fd);
        return rc;
    }
    while ((rc = next_entry(d, path, &e, w->fault)) == 1) {
        rc = walk_entry(w, dirfd(d), e, path, depth);
        if (rc != 0)
            break;
    }
    (void)closedir(d);
    return rc;
}

/* An issuer that was just made has no pair yet. */
static int add_pair(struct export_list *l, int fd, const char *folder, struct fault *f)
{
    char name[VIEWFILE_NAME_MAX];
    uint64_t generation;
    int rc = viewfile_current(fd, &generation, f);

    if (rc == -FAULT_NOT_FOUND) {
        fault_clear(f);
        return 0;
    }
    if (rc != 0)
        return rc;
    if (add(l, folder, "current", EXPORT_CURRENT, generation)) {
        viewfile_name(VIEWFILE_LOG, generation, name);
        if (add(l, folder, name, EXPORT_LOG, generation)) {
            viewfile_name(VIEWFILE_SNAPSHOT, generation, name);
            if (add(l, folder, name, EXPORT_FILE, 0))
                return 0;
        }
    }
    return fault_set(f, FAULT_INTERNAL, "view.export", "%s has no name for an export", folder);
}

static int add_folder(struct walk *w, int view_fd, const char *name)
{
    bool audit = strcmp(name, "audit") == 0;
    int fd = openat(view_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), rc = 0;

    if (fd < 0) /* no folder, or a link, or gone */
        return errno == ENOTDIR || errno == ELOOP || errno == ENOENT ? 0
                                                                     : cannot_list(name, w->fault);
    if (!audit && faccessat(fd, "issuer.der", F_OK, 0) != 0) {
        rc = errno == ENOENT ? 0 : cannot_list(name, w->fault);
        (void)close(fd);
        return rc;
    }
    if (!audit)
        rc = add_pair(w->list, fd, name, w->fault);
    w->wanted = audit ? of_audit : of_issuer;
    if (rc == 0)
        return walk(w, fd, name, audit ? DEPTH_MAX : 0);
    (void)close(fd);
    return rc;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct export_item *)a)->path, ((const struct export_item *)b)->path);
}

int export_list(const char *view_dir, bool audit, struct export_list *out, struct fault *f)
{
    struct walk w = {.list = out, .fault = f};
    DIR *d = opendir(view_dir);
    struct dirent *e;
    int rc;

    *out = (struct export_list){NULL, 0};
    if (d == NULL)
        return fault_set(f, FAULT_NOT_FOUND, "view.missing", "cannot open the view %s: %s",
                         view_dir, strerror(errno));
    while ((rc = next_entry(d, "the folders", &e, f)) == 1) {
        rc = audit || strcmp(e->d_name, "audit") != 0 ? add_folder(&w, dirfd(d), e->d_name) : 0;
        if (rc != 0)
            break;
    }
    (void)closedir(d);
    if (out->n > 0)
        qsort(out->item, out->n, sizeof *out->item, by_path);
    if (rc != 0)
        export_list_free(out);
    return rc;
}

void export_list_free(struct export_list *l)
{
    free(l->item);
    *l = (struct export_list){NULL, 0};
}
