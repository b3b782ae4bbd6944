#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/deploy/place.h"
#include "lib/file.h"
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

int place_copy(const char *from, const char *to, struct fault *f)
{
    struct place_owner owner;
    char new[PATH_MAX];
    struct stat st;
    struct buf data;
    int rc;

    if (snprintf(new, sizeof(new), "%s.cerca-new", to) >= (int)sizeof(new))
        return fault_set(f, FAULT_TOO_LARGE, "deploy.path", "%.100s is too long", to);
    if (stat(from, &st) < 0)
        return place_failed("read", from, f);
    if (!S_ISREG(st.st_mode))
        return fault_set(f, FAULT_CONFIG, "deploy.path", "%.150s is no regular file", from);
    owner = (struct place_owner){
        .uid = st.st_uid == geteuid() ? (uid_t)-1 : st.st_uid,
        .gid = st.st_gid == getegid() ? (gid_t)-1 : st.st_gid,
        .mode = st.st_mode & 0777,
    };
    buf_init(&data, DEPLOY_FILE_MAX);
    rc = file_read(from, DEPLOY_FILE_MAX, &data, f);
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

static void overwrite(const char *path)
{
    static const uint8_t zeros[4096];
    int fd = open(path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
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

static int wipe_file(void *arg, const char *name, struct fault *f)
{
    char path[PATH_MAX];
    int rc = place_in(arg, name, path, f);

    if (rc < 0)
        return rc;
    overwrite(path);
    return unlink(path) == 0 || errno == ENOENT ? 0 : place_failed("remove", path, f);
}

static int wipe_folder(const char *folder, int (*one)(void *arg, const char *name, struct fault *f),
                       struct fault *f)
{
    char path[PATH_MAX];
    int rc;

    if (!place_exists(folder))
        return 0;
    if (snprintf(path, sizeof(path), "%s", folder) >= (int)sizeof(path))
        return fault_set(f, FAULT_TOO_LARGE, "deploy.path", "%.100s is too long", folder);
    rc = place_each(folder, one, path, f);
    if (rc == 0 && rmdir(folder) < 0)
        rc = place_failed("remove", folder, f);
    return rc;
}

static int wipe_any(void *arg, const char *name, struct fault *f)
{
    char path[PATH_MAX];
    struct stat st;
    int rc = place_in(arg, name, path, f);

    if (rc == 0 && lstat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return wipe_folder(path, wipe_file, f);
    return rc == 0 ? wipe_file(arg, name, f) : rc;
}

int place_wipe(const char *folder, struct fault *f)
{
    return wipe_folder(folder, wipe_any, f);
}

void place_drop(const char *folder)
{
    struct fault f;

    if (place_wipe(folder, &f) < 0)
        log_fault(LOG_LEVEL_WARN, "deploy.not-removed", &f, "folder", folder, NULL);
}
