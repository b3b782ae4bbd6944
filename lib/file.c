#include "lib/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK 4096

static int system_fault(struct fault *f, const char *rule, const char *what, const char *path)
{
    enum fault_code code = FAULT_INTERNAL;
    int error = errno;

    if (error == ENOENT || error == ENOTDIR)
        code = FAULT_NOT_FOUND;
    else if (error == ENOSPC || error == EDQUOT)
        code = FAULT_FULL;
    else if (error == EACCES || error == EPERM)
        code = FAULT_DENIED;
    return fault_set(f, code, rule, "cannot %s %s: %s", what, path, strerror(error));
}

static int read_all(int fd, const char *path, struct buf *out, struct fault *f)
{
    uint8_t chunk[CHUNK];
    ssize_t n;
    int rc = 0;

    while ((n = read(fd, chunk, sizeof(chunk))) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            rc = system_fault(f, "file.read", "read", path);
            break;
        }
        buf_put(out, chunk, (size_t)n);
        if (buf_failed(out)) {
            rc = fault_set(f, FAULT_TOO_LARGE, "file.size", "%s is larger than %zu octets", path,
                           out->max);
            break;
        }
    }
    explicit_bzero(chunk, sizeof(chunk));
    return rc;
}

int file_read(const char *path, size_t max, struct buf *out, struct fault *f)
{
    bool from_stdin = strcmp(path, "-") == 0;
    int fd = STDIN_FILENO;
    int rc;

    buf_reset(out);
    out->max = max;
    if (!from_stdin)
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return system_fault(f, "file.read", "open", path);
    rc = read_all(fd, from_stdin ? "standard input" : path, out, f);
    if (!from_stdin)
        (void)close(fd);
    if (rc != 0)
        buf_reset(out);
    return rc;
}

static int write_all(int fd, const char *path, struct slice data, struct fault *f)
{
    while (data.n > 0) {
        ssize_t n = write(fd, data.p, data.n);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return system_fault(f, "file.write", "write", path);
        data = slice_of(data.p + n, data.n - (size_t)n);
    }
    return 0;
}

/* The folder of a path, without its file name: "." when there is none. */
static int folder_of(const char *path, char out[PATH_MAX], struct fault *f)
{
    const char *slash = strrchr(path, '/');
    size_t n = slash == NULL ? 0 : (size_t)(slash - path);

    if (n >= PATH_MAX)
        return fault_set(f, FAULT_TOO_LARGE, "file.path", "the path is too long");
    memcpy(out, path, n);
    out[n] = 0;
    if (slash == NULL)
        memcpy(out, ".", 2);
    else if (n == 0)
        memcpy(out, "/", 2);
    return 0;
}

static int sync_folder(const char *path, struct fault *f)
{
    char folder[PATH_MAX];
    int rc = folder_of(path, folder, f);
    int fd;

    if (rc != 0)
        return rc;
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return system_fault(f, "file.write", "open", folder);
    if (fsync(fd) != 0)
        rc = system_fault(f, "file.write", "sync", folder);
    (void)close(fd);
    return rc;
}

static int fill_and_sync(int fd, const char *path, unsigned mode, struct slice data,
                         struct fault *f)
{
    int rc = write_all(fd, path, data, f);

    if (rc == 0 && (fchmod(fd, (mode_t)mode) != 0 || fsync(fd) != 0))
        rc = system_fault(f, "file.write", "write", path);
    return rc;
}

static int replace(const char *path, unsigned mode, struct slice data, struct fault *f)
{
    char beside[PATH_MAX];
    int n = snprintf(beside, sizeof(beside), "%s.XXXXXX", path);
    int fd;
    int rc;

    if (n < 0 || (size_t)n >= sizeof(beside))
        return fault_set(f, FAULT_TOO_LARGE, "file.path", "the path is too long");
    fd = mkostemp(beside, O_CLOEXEC);
    if (fd < 0)
        return system_fault(f, "file.write", "create", path);
    rc = fill_and_sync(fd, path, mode, data, f);
    if (close(fd) != 0 && rc == 0)
        rc = system_fault(f, "file.write", "close", path);
    if (rc == 0 && rename(beside, path) != 0)
        rc = system_fault(f, "file.write", "replace", path);
    if (rc != 0) {
        (void)unlink(beside);
        return rc;
    }
    return sync_folder(path, f);
}

/* A device or a pipe, such as /dev/null, must not be replaced by a file. */
static int write_through(const char *path, struct slice data, struct fault *f)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    int rc;

    if (fd < 0)
        return system_fault(f, "file.write", "open", path);
    rc = write_all(fd, path, data, f);
    if (close(fd) != 0 && rc == 0)
        rc = system_fault(f, "file.write", "close", path);
    return rc;
}

int file_write(const char *path, unsigned mode, struct slice data, struct fault *f)
{
    struct stat st;

    if (strcmp(path, "-") == 0)
        return write_all(STDOUT_FILENO, "standard output", data, f);
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
        return write_through(path, data, f);
    return replace(path, mode, data, f);
}
