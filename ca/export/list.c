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

static void add(struct export_list *l, const char *folder, const char *name, enum export_kind kind,
                uint64_t generation)
{
    struct export_item *i;
    char path[VIEWEXPORT_PATH_MAX + 1];
    int n = snprintf(path, sizeof path, "%s/%s", folder, name);

    if (n < 0 || (size_t)n >= sizeof path || !viewexport_path_valid(slice_str(path)))
        return;
    /* The room doubles when a power of two is full. */
    if ((l->n & (l->n - 1)) == 0)
        l->item = xreallocarray(l->item, l->n == 0 ? 1 : 2 * l->n, sizeof *l->item);
    i = &l->item[l->n++];
    *i = (struct export_item){.kind = kind, .generation = generation};
    memcpy(i->path, path, (size_t)n + 1);
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

/* `fd` is taken over. */
static int walk(struct walk *w, int fd, const char *path, unsigned depth)
{
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    struct dirent *e;
    int rc = 0;

    if (d == NULL) {
        rc = fault_set(w->fault, FAULT_INTERNAL, "view.export", "cannot list %s of the view: %s",
                       path, strerror(errno));
        if (fd >= 0)
            (void)close(fd);
        return rc;
    }
    while (rc == 0 && (e = readdir(d)) != NULL) {
        bool folder = e->d_name[0] != '.' && is_folder(dirfd(d), e);
        char below[VIEWEXPORT_PATH_MAX + 1];

        if (e->d_name[0] == '.' || !w->wanted(e->d_name, folder))
            continue;
        if (!folder)
            add(w->list, path, e->d_name, EXPORT_FILE, 0);
        else if (depth > 0 &&
                 (size_t)snprintf(below, sizeof below, "%s/%s", path, e->d_name) < sizeof below)
            rc = walk(w,
                      openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
                      below, depth - 1);
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

    if (rc != 0)
        return rc == -FAULT_NOT_FOUND ? 0 : rc;
    add(l, folder, "current", EXPORT_CURRENT, generation);
    viewfile_name(VIEWFILE_LOG, generation, name);
    add(l, folder, name, EXPORT_LOG, generation);
    viewfile_name(VIEWFILE_SNAPSHOT, generation, name);
    add(l, folder, name, EXPORT_FILE, 0);
    return 0;
}

static int add_folder(struct walk *w, int view_fd, const char *name)
{
    bool audit = strcmp(name, "audit") == 0;
    int fd = openat(view_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), rc = 0;

    if (fd < 0)
        return 0; /* no folder */
    if (!audit && faccessat(fd, "issuer.der", F_OK, 0) != 0) {
        (void)close(fd);
        return 0;
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
    int rc = 0;

    *out = (struct export_list){NULL, 0};
    if (d == NULL)
        return fault_set(f, FAULT_NOT_FOUND, "view.missing", "cannot open the view %s: %s",
                         view_dir, strerror(errno));
    while (rc == 0 && (e = readdir(d)) != NULL)
        if (e->d_name[0] != '.' && (audit || strcmp(e->d_name, "audit") != 0))
            rc = add_folder(&w, dirfd(d), e->d_name);
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
