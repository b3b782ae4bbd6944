/* A folder and those below it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "client/import.h"

static int tell_refused(const struct import_tree *t, const char *file, const char *rule,
                        const char *why)
{
    const struct import_sink *sink = &t->reader->sink;
    struct import_place at = {file, 0};
    struct fault f;

    fault_clear(&f);
    (void)fault_set(&f, FAULT_DENIED, rule, "%s", why);
    return sink->refused(sink->arg, &at, &f);
}

static int tell_skipped(const struct import_tree *t, const char *file, const char *why)
{
    const struct import_sink *sink = &t->reader->sink;

    return sink->skipped(sink->arg, file, why);
}

/* Opened by its path below the root, so that no link on the way leads out. A kernel without
 * openat2, or a jail, which has none either, follows no link at all. */
static int open_below(int root, const char *path, bool link)
{
    struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    int fd;

    if (!link)
        how.flags |= O_NOFOLLOW;
    fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
    if (fd < 0 && (errno == ENOSYS || errno == EPERM))
        fd = openat(root, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);
    return fd;
}

/* Whether it is read, as far as the budget goes: 0; else what the sink says of it. */
static int pay(const struct import_tree *t, const char *shown, const struct stat *st, bool *read)
{
    struct import_budget *b = t->budget;
    uint64_t size = (uint64_t)st->st_size;

    *read = b == NULL;
    if (b == NULL)
        return 0;
    if (size > b->file_max)
        return tell_skipped(t, shown, "too large for a file of certificates");
    if (b->files == 0 || b->octets < size) {
        b->over = true;
        return tell_refused(t, shown, "import.budget",
                            "the walk ends here: it has read as much as it may");
    }
    b->files--;
    b->octets -= size;
    *read = true;
    return 0;
}

static int one_file(const struct import_tree *t, const char *path, const char *shown, bool link)
{
    static const struct import_status not_told;
    int fd = open_below(t->root, path, link), rc;
    struct stat st;
    bool read;

    if (fd < 0 && link && (errno == EXDEV || errno == ELOOP))
        return tell_skipped(t, shown, "a link that leads out of the folder");
    if (fd < 0)
        return tell_refused(t, shown, "import.read", strerror(errno));
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        rc = tell_skipped(t, shown, link ? "a link to no file" : "no file");
    else if ((rc = pay(t, shown, &st, &read)) == 0 && read)
        rc = import_file(t->reader, fd, shown, false, &not_told);
    (void)close(fd);
    return rc;
}

static int walk(const struct import_tree *t, const char *path, int depth);

static bool elsewhere(const struct import_tree *t, const struct stat *st)
{
    struct stat root;

    return t->budget != NULL && t->budget->one_system &&
           (fstat(t->root, &root) != 0 || root.st_dev != st->st_dev);
}

static int enter(const struct import_tree *t, const char *path, const char *shown, int depth)
{
    if (depth == IMPORT_DEPTH_MAX)
        return tell_refused(t, shown, "import.depth", "there are too many folders within folders");
    return walk(t, path, depth + 1);
}

static int look_at(const struct import_tree *t, int folder, const char *path, const char *name,
                   int depth)
{
    char below[IMPORT_PATH_MAX], shown[2 * IMPORT_PATH_MAX];
    struct stat st;
    int n = snprintf(below, sizeof(below), "%s%s%s", path, path[0] == 0 ? "" : "/", name);

    (void)snprintf(shown, sizeof(shown), "%.*s/%s", IMPORT_PATH_MAX - 2, t->name, below);
    if (n < 0 || (size_t)n >= sizeof(below))
        return tell_refused(t, shown, "import.path", "its path is too long");
    if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return tell_refused(t, shown, "import.read", strerror(errno));
    if (t->pass != NULL && t->pass(t->arg, below, S_ISDIR(st.st_mode)))
        return 0;
    if (S_ISDIR(st.st_mode) && elsewhere(t, &st))
        return tell_skipped(t, shown, "another file system");
    if (S_ISDIR(st.st_mode))
        return enter(t, below, shown, depth);
    if (S_ISLNK(st.st_mode) && t->budget != NULL && t->budget->no_links)
        return tell_skipped(t, shown, "a symbolic link");
    if (S_ISREG(st.st_mode) || S_ISLNK(st.st_mode))
        return one_file(t, below, shown, S_ISLNK(st.st_mode));
    return tell_skipped(t, shown, "no file");
}

static bool is_over(const struct import_tree *t)
{
    return t->budget != NULL && t->budget->over;
}

static int walk(const struct import_tree *t, const char *path, int depth)
{
    int fd = open_below(t->root, path[0] == 0 ? "." : path, false), rc = 0;
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *e;
    char shown[2 * IMPORT_PATH_MAX];

    if (d == NULL) {
        (void)snprintf(shown, sizeof(shown), "%.*s/%s", IMPORT_PATH_MAX - 2, t->name, path);
        rc = tell_refused(t, shown, "import.read", strerror(errno));
        if (fd >= 0)
            (void)close(fd);
        return rc;
    }
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): the stream is this call's own */
    while (rc == 0 && !is_over(t) && (e = readdir(d)) != NULL)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            rc = look_at(t, fd, path, e->d_name, depth);
    (void)closedir(d);
    return rc;
}

int import_tree(const struct import_tree *t)
{
    return walk(t, "", 0);
}
