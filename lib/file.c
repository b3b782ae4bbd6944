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

int file_refused(struct fault *f, const char *rule, const char *path)
{
    enum fault_code code = FAULT_CONFIG;
    int error = errno;

    if (error == EIO || error == EMFILE || error == ENFILE || error == ENOMEM || error == EAGAIN)
        code = FAULT_INTERNAL;
    else if (error == ENOSPC || error == EDQUOT)
        code = FAULT_FULL;
    return fault_set(f, code, rule, "%.150s: %s", path, strerror(error));
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

int file_begin(const char *path, struct file_new *out, struct fault *f)
{
    struct stat st;
    int n = snprintf(out->beside, sizeof(out->beside), "%s.XXXXXX", path);

    out->path = path;
    out->fd = -1;
    if (n < 0 || (size_t)n >= sizeof(out->beside))
        return fault_set(f, FAULT_TOO_LARGE, "file.path", "the path is too long");
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
        out->beside[0] = '\0';
        out->fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    } else {
        out->fd = mkostemp(out->beside, O_CLOEXEC);
    }
    return out->fd < 0 ? system_fault(f, "file.write", "create", path) : 0;
}

void file_drop(struct file_new *n)
{
    if (n->fd < 0)
        return;
    (void)close(n->fd);
    n->fd = -1;
    if (n->beside[0] != '\0')
        (void)unlink(n->beside);
}

static int close_new(struct file_new *n, struct fault *f)
{
    int fd = n->fd;

    n->fd = -1;
    return close(fd) == 0 ? 0 : system_fault(f, "file.write", "close", n->path);
}

static int put_in_place(struct file_new *n, unsigned mode, struct fault *f)
{
    int rc = 0;

    if (fchmod(n->fd, (mode_t)mode) != 0 || fsync(n->fd) != 0)
        rc = system_fault(f, "file.write", "write", n->path);
    if (close_new(n, f) != 0 && rc == 0)
        rc = -(int)f->code;
    if (rc == 0 && rename(n->beside, n->path) != 0)
        rc = system_fault(f, "file.write", "replace", n->path);
    if (rc != 0) {
        (void)unlink(n->beside);
        return rc;
    }
    return sync_folder(n->path, f);
}

int file_end(struct file_new *n, unsigned mode, struct fault *f)
{
    return n->beside[0] == '\0' ? close_new(n, f) : put_in_place(n, mode, f);
}

int file_write(const char *path, unsigned mode, struct slice data, struct fault *f)
{
    struct file_new n = {.fd = -1};
    int rc;

    if (strcmp(path, "-") == 0)
        return write_all(STDOUT_FILENO, "standard output", data, f);
    rc = file_begin(path, &n, f);
    if (rc == 0)
        rc = write_all(n.fd, path, data, f);
    if (rc == 0)
        return file_end(&n, mode, f);
    file_drop(&n);
    return rc;
}
