#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/deploy/place.h"
#include "lib/key.h"
#include "lib/log.h"

/* ---- writing ---- */

static int write_all(int fd, struct slice data)
{
    while (data.n > 0) {
        ssize_t n = write(fd, data.p, data.n);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        data.p += n;
        data.n -= (size_t)n;
    }
    return 0;
}

static int own(int fd, const char *path, const struct place_owner *o, struct fault *f)
{
    if ((o->uid != (uid_t)-1 || o->gid != (gid_t)-1) && fchown(fd, o->uid, o->gid) < 0)
        return fault_set(f, FAULT_CONFIG, "deploy.owner", "cannot give %.150s to its owner: %s",
                         path, strerror(errno));
    return fchmod(fd, o->mode & 0777) == 0 ? 0 : place_failed("set the mode of", path, f);
}

int place_write(const char *path, struct slice data, const struct place_owner *owner,
                struct fault *f)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    int rc;

    if (fd < 0)
        return place_failed("write", path, f);
    rc = own(fd, path, owner, f); /* before there is anything to read in it */
    if (rc == 0 && (write_all(fd, data) < 0 || fsync(fd) < 0))
        rc = place_failed("write", path, f);
    if (close(fd) < 0 && rc == 0)
        rc = place_failed("write", path, f);
    if (rc < 0)
        (void)unlink(path);
    return rc;
}

static int read_all(int fd, const char *path, struct buf *out, struct fault *f)
{
    uint8_t piece[4096];
    ssize_t n;

    while ((n = read(fd, piece, sizeof(piece))) > 0 || (n < 0 && errno == EINTR))
        if (n > 0)
            buf_put(out, piece, (size_t)n);
    wipe(piece, sizeof(piece));
    if (n < 0)
        return place_failed("read", path, f);
    return buf_failed(out)
               ? fault_set(f, FAULT_TOO_LARGE, "deploy.path", "%.150s is too large", path)
               : 0;
}

/* Opened once: whoever may write to its folder could have it lead elsewhere between a look at whose
 * it is and the reading, and would be given what only we may read. Who opens a pipe waits. */
static int read_owned(const char *path, struct buf *out, struct place_owner *owner, struct fault *f)
{
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC), rc;
    struct stat st;

    if (fd < 0)
        return place_failed("read", path, f);
    if (fstat(fd, &st) < 0)
        rc = place_failed("read", path, f);
    else if (!S_ISREG(st.st_mode))
        rc = fault_set(f, FAULT_CONFIG, "deploy.path", "%.150s is no regular file", path);
    else
        rc = read_all(fd, path, out, f);
    (void)close(fd);
    if (rc == 0)
        *owner = (struct place_owner){
            .uid = st.st_uid == geteuid() ? (uid_t)-1 : st.st_uid,
            .gid = st.st_gid == getegid() ? (gid_t)-1 : st.st_gid,
            .mode = st.st_mode & 0777,
        };
    return rc;
}

int place_copy(const char *from, const char *to, struct fault *f)
{
    struct place_owner owner = {0};
    char new[PATH_MAX];
    struct buf data;
    int rc;

    if (snprintf(new, sizeof(new), "%s.cerca-new", to) >= (int)sizeof(new))
        return fault_set(f, FAULT_TOO_LARGE, "deploy.path", "%.100s is too long", to);
    buf_init(&data, DEPLOY_FILE_MAX);
    rc = read_owned(from, &data, &owner, f);
    if (rc == 0 && unlink(new) < 0 && errno != ENOENT)
        rc = place_failed("remove", new, f);
    if (rc == 0)
        rc = place_write(new, buf_slice(&data), &owner, f);
    if (rc == 0 && rename(new, to) < 0) {
        rc = place_failed("replace", to, f);
        (void)unlink(new);
    }
    buf_free(&data);
    return rc;
}

/* ---- wiping ---- */

/* A folder may be a service's own, who may turn what is in it into a link or a pipe at any moment:
 * each thing is opened where it lies, no link is followed, and no pipe waited for. */
static void overwrite(int folder, const char *name)
{
    static const uint8_t zeros[4096];
    int fd = openat(folder, name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat st;

    if (fd < 0)
        return;
    /* One with another name is still somebody's. */
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1)
        for (off_t left = st.st_size; left > 0;) {
            ssize_t n = write(fd, zeros, left < 4096 ? (size_t)left : sizeof(zeros));

            if (n <= 0)
                break;
            left -= n;
        }
    (void)fsync(fd);
    close(fd);
}

static int wipe_file(int folder, const char *name, struct fault *f)
{
    overwrite(folder, name);
    return unlinkat(folder, name, 0) == 0 || errno == ENOENT ? 0 : place_failed("remove", name, f);
}

static int wipe_folder(int above, const char *name,
                       int (*one)(int folder, const char *name, struct fault *f), struct fault *f)
{
    int fd = openat(above, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), rc = 0;
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *e;

    if (d == NULL) {
        rc = place_failed("read", name, f);
        if (fd >= 0)
            close(fd);
        return rc;
    }
    while (rc == 0 && (e = readdir(d)) != NULL)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            rc = one(fd, e->d_name, f);
    closedir(d);
    if (rc == 0 && unlinkat(above, name, AT_REMOVEDIR) < 0)
        rc = place_failed("remove", name, f);
    return rc;
}

static int wipe_any(int folder, const char *name, struct fault *f)
{
    struct stat st;

    return fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode)
               ? wipe_folder(folder, name, wipe_file, f)
               : wipe_file(folder, name, f);
}

int place_wipe(const char *folder, struct fault *f)
{
    return place_exists(folder) ? wipe_folder(AT_FDCWD, folder, wipe_any, f) : 0;
}

void place_drop(const char *folder)
{
    struct fault f;

    if (place_wipe(folder, &f) < 0)
        log_fault(LOG_LEVEL_WARN, "deploy.not-removed", &f, "folder", folder, NULL);
}
