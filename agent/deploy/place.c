#include "agent/deploy/place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/units.h"

int place_failed(const char *what, const char *path, struct fault *f)
{
    int error = errno;

    if (error == ENOSPC || error == EDQUOT)
        return fault_set(f, FAULT_FULL, "deploy.full", "cannot %s %.150s: %s", what, path,
                         strerror(error));
    if (error == EROFS)
        return fault_set(
            f, FAULT_UNAVAILABLE, "deploy.readonly",
            "cannot %s %.100s: read-only for the agent; is it cerca-agent.service that "
            "keeps it so, it wants ReadWritePaths= of that folder",
            what, path);
    return fault_set(f, FAULT_UNAVAILABLE, "deploy.write", "cannot %s %.150s: %s", what, path,
                     strerror(error));
}

/* ---- names ---- */

int place_in(const char *folder, const char *name, char out[PATH_MAX], struct fault *f)
{
    int n = snprintf(out, PATH_MAX, "%s/%s", folder, name);

    return n > 0 && n < PATH_MAX ? 0
                                 : fault_set(f, FAULT_TOO_LARGE, "deploy.path",
                                             "a path below %.100s is too long", folder);
}

int place_version(const struct agent_cert *c, unsigned version, char out[PATH_MAX], struct fault *f)
{
    char name[32];

    snprintf(name, sizeof(name), "versions/%u", version);
    return place_in(c->state_dir, name, out, f);
}

const char *place_name(const struct agent_file *file)
{
    const char *slash = strrchr(file->path, '/');

    return slash == NULL ? file->path : slash + 1;
}

bool place_outside(const struct agent_file *file)
{
    return strchr(file->path, '/') != NULL;
}

bool place_exists(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0;
}

bool place_is_file(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* ---- symlinks ---- */

static int beside(const char *path, char out[PATH_MAX], struct fault *f)
{
    int n = snprintf(out, PATH_MAX, "%s.cerca-new", path);

    return n > 0 && n < PATH_MAX
               ? 0
               : fault_set(f, FAULT_TOO_LARGE, "deploy.path", "%.100s is too long", path);
}

static int into_place(const char *from, const char *to, struct fault *f)
{
    if (rename(from, to) < 0) {
        int rc = place_failed("replace", to, f);

        (void)unlink(from);
        return rc;
    }
    return place_sync_above(to, f);
}

int place_symlink(const char *target, const char *path, struct fault *f)
{
    char new[PATH_MAX];
    int rc = beside(path, new, f);

    if (rc < 0)
        return rc;
    if (unlink(new) < 0 && errno != ENOENT)
        return place_failed("remove", new, f);
    if (symlink(target, new) < 0)
        return place_failed("make", new, f);
    return into_place(new, path, f);
}

bool place_links_to(const char *path, const char *target)
{
    char is[PATH_MAX];
    ssize_t n = readlink(path, is, sizeof(is));

    return n > 0 && (size_t)n < sizeof(is) && slice_is(slice_of(is, (size_t)n), target);
}

static const char *const link_names[] = {"current", "good"};

static bool version_number(const char *text, unsigned *out)
{
    uint64_t v = 0;

    if (units_parse_number(text, &v) < 0 || v > VERSION_MAX)
        return false;
    *out = (unsigned)v;
    return true;
}

int place_get(const struct agent_cert *c, enum place_link which, unsigned *version, struct fault *f)
{
    static const char front[] = "versions/";
    char path[PATH_MAX], target[64];
    ssize_t n;
    int rc = place_in(c->state_dir, link_names[which], path, f);

    *version = 0;
    if (rc < 0)
        return rc;
    n = readlink(path, target, sizeof(target) - 1);
    if (n < 0)
        return errno == ENOENT ? fault_set(f, FAULT_NOT_FOUND, "deploy.version",
                                           "no version of %.60s is %s", c->name, link_names[which])
                               : place_failed("read", path, f);
    target[n] = '\0';
    if (strncmp(target, front, sizeof(front) - 1) != 0 ||
        !version_number(target + sizeof(front) - 1, version))
        return fault_set(f, FAULT_CONFLICT, "deploy.version", "%.100s leads to %.60s", path,
                         target);
    return 0;
}

int place_set(const struct agent_cert *c, enum place_link which, unsigned version, struct fault *f)
{
    char path[PATH_MAX], target[32];
    int rc = place_in(c->state_dir, link_names[which], path, f);

    snprintf(target, sizeof(target), "versions/%u", version);
    if (rc < 0 || place_links_to(path, target))
        return rc;
    return place_symlink(target, path, f);
}

/* ---- folders ---- */

int place_sync(const char *folder, struct fault *f)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd >= 0 && fsync(fd) == 0 ? 0 : place_failed("sync", folder, f);

    if (fd >= 0)
        close(fd);
    return rc;
}

static int folder_of(const char *path, char out[PATH_MAX], struct fault *f)
{
    const char *slash = strrchr(path, '/');

    if (slash == NULL || slash - path >= PATH_MAX)
        return fault_set(f, FAULT_CONFIG, "deploy.path", "%.150s is no absolute path", path);
    memcpy(out, path, (size_t)(slash - path) + 1);
    out[slash == path ? 1 : slash - path] = '\0';
    return 0;
}

int place_sync_above(const char *path, struct fault *f)
{
    char folder[PATH_MAX];
    int rc = folder_of(path, folder, f);

    return rc == 0 ? place_sync(folder, f) : rc;
}

int place_folder(const char *path, struct fault *f)
{
    if (mkdir(path, 0711) < 0)
        return errno == EEXIST ? 0 : place_failed("make", path, f);
    return chmod(path, 0711) == 0 ? 0 : place_failed("make", path, f);
}

int place_each(const char *folder, int (*fn)(void *arg, const char *name, struct fault *f),
               void *arg, struct fault *f)
{
    DIR *d = opendir(folder);
    struct dirent *e;
    int rc = 0;

    if (d == NULL)
        return place_failed("read", folder, f);
    while (rc == 0 && (e = readdir(d)) != NULL)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            rc = fn(arg, e->d_name, f);
    closedir(d);
    return rc;
}

struct numbers {
    unsigned *out;
    size_t max, n;
};

static int take_number(void *arg, const char *name, struct fault *f)
{
    struct numbers *v = arg;
    unsigned number;
    size_t at = v->n;

    (void)f;
    if (!version_number(name, &number))
        return 0;
    while (at > 0 && v->out[at - 1] < number)
        at--;
    if (at == v->max)
        return 0;
    if (v->n < v->max)
        v->n++;
    memmove(v->out + at + 1, v->out + at, (v->n - at - 1) * sizeof(*v->out));
    v->out[at] = number;
    return 0;
}

int place_versions(const struct agent_cert *c, unsigned *out, size_t max, size_t *n,
                   struct fault *f)
{
    struct numbers v = {out, max, 0};
    char folder[PATH_MAX];
    int rc = place_in(c->state_dir, "versions", folder, f);

    *n = 0;
    if (rc == 0 && place_exists(folder))
        rc = place_each(folder, take_number, &v, f);
    *n = v.n;
    return rc;
}
