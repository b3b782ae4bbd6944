#include "client/newkey.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int system_fault(struct fault *f, const char *what, const char *path)
{
    return fault_set(f, FAULT_INTERNAL, "key.file", "cannot %s %s: %s", what, path,
                     strerror(errno));
}

static int sync_folder(const char *path, struct fault *f)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash == NULL ? xstrdup(".") : xstrdup(path);
    int rc = 0;
    int fd;

    if (slash != NULL)
        folder[slash == path ? 1 : slash - path] = 0;
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0)
        rc = system_fault(f, "sync", folder);
    if (fd >= 0)
        (void)close(fd);
    free(folder);
    return rc;
}

static int write_all(int fd, struct slice s)
{
    while (s.n > 0) {
        ssize_t n = write(fd, s.p, s.n);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        s = slice_of(s.p + n, s.n - (size_t)n);
    }
    return fsync(fd);
}

static int create(const char *path, struct slice pem, struct fault *f)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int rc = 0;

    if (fd < 0 && errno == EEXIST)
        return fault_set(f, FAULT_CONFLICT, "key.file",
                         "%s is there already, perhaps with a key that has a certificate; "
                         "move it away first",
                         path);
    if (fd < 0)
        return system_fault(f, "create", path);
    if (write_all(fd, pem) != 0)
        rc = system_fault(f, "write", path);
    (void)close(fd);
    if (rc == 0)
        rc = sync_folder(path, f);
    if (rc != 0)
        (void)unlink(path);
    return rc;
}

static void set_paths(struct keyfile *k, const char *path, const char *ending)
{
    size_t size = strlen(path) + strlen(ending) + 1;

    k->path = xstrdup(path);
    k->written = xcalloc(1, size);
    (void)snprintf(k->written, size, "%s%s", path, ending);
}

int outfile_check(const char *path, struct fault *f)
{
    const char *slash = path == NULL ? NULL : strrchr(path, '/');
    char *folder;
    int ok;

    if (slash == NULL || slash == path)
        return 0;
    folder = xmemdup(path, (size_t)(slash - path) + 1);
    folder[slash - path] = 0;
    ok = access(folder, W_OK | X_OK);
    free(folder);
    return ok == 0 ? 0
                   : fault_set(f, FAULT_NOT_FOUND, "out.file", "cannot write to the folder of %s",
                               path);
}

int keyfile_free_to_write(const char *path, struct fault *f)
{
    return access(path, F_OK) != 0
               ? 0
               : fault_set(
                     f, FAULT_CONFLICT, "key.file",
                     "%s is there already; --force replaces it once the certificate is issued",
                     path);
}

int keyfile_write(struct keyfile *k, const char *path, bool force, struct slice pem,
                  struct fault *f)
{
    bool stands = access(path, F_OK) == 0;
    int rc = force ? 0 : keyfile_free_to_write(path, f);

    if (rc != 0)
        return rc;
    set_paths(k, path, stands ? ".new" : "");
    rc = create(k->written, pem, f);
    if (rc != 0) {
        free(k->written);
        k->written = NULL;
    }
    return rc;
}

int keyfile_whole(const char *path, struct slice pem, struct fault *f)
{
    struct keyfile k;
    int rc;

    set_paths(&k, path, ".new");
    (void)unlink(k.written);
    rc = create(k.written, pem, f);
    if (rc == 0)
        rc = keyfile_keep(&k, f);
    keyfile_free(&k);
    return rc;
}

int keyfile_keep(struct keyfile *k, struct fault *f)
{
    if (k->written == NULL || strcmp(k->written, k->path) == 0)
        return 0;
    if (rename(k->written, k->path) != 0)
        return system_fault(f, "rename the key to", k->path);
    return sync_folder(k->path, f);
}

void keyfile_drop(struct keyfile *k)
{
    if (k->written != NULL)
        (void)unlink(k->written);
}

void keyfile_free(struct keyfile *k)
{
    free(k->path);
    free(k->written);
    *k = (struct keyfile){NULL, NULL};
}
