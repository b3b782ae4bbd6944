#include "agent/nextfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/newkey.h"
#include "lib/file.h"

static const char *const names[] = {NEXT_KEY,     NEXT_KEY ".new", NEXT_URI,
                                    NEXT_REQUEST, NEXT_LEAF,       NEXT_CHAIN};

void next_path(const struct agent_cert *c, const char *name, struct buf *path)
{
    buf_init(path, PATH_MAX);
    buf_printf(path, "%s/next%s%s", c->state_dir, name[0] != '\0' ? "/" : "", name);
}

/* What a filesystem keeps in other places is beyond us. */
static void overwrite(const char *path)
{
    static const uint8_t zeros[4096];
    struct stat st;
    int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0)
        return;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= (off_t)sizeof(zeros) * 16)
        for (off_t at = 0; at < st.st_size; at += (off_t)sizeof(zeros))
            if (pwrite(fd, zeros, sizeof(zeros), at) <= 0)
                break;
    (void)fsync(fd);
    (void)close(fd);
}

void next_wipe(const struct agent_cert *c)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct buf path;

        next_path(c, names[i], &path);
        if (strncmp(names[i], NEXT_KEY, strlen(NEXT_KEY)) == 0)
            overwrite(buf_cstr(&path));
        (void)unlink(buf_cstr(&path));
        buf_free(&path);
    }
}

int next_begin(const struct agent_cert *c, struct fault *f)
{
    struct buf path;
    int rc = 0;

    next_wipe(c);
    next_path(c, "", &path);
    if (mkdir(buf_cstr(&path), 0700) != 0 && errno != EEXIST)
        rc = fault_set(f, errno == ENOSPC || errno == EDQUOT ? FAULT_FULL : FAULT_INTERNAL,
                       "agent.files", "%.150s: %s", buf_cstr(&path), strerror(errno));
    buf_free(&path);
    return rc;
}

int next_put(const struct agent_cert *c, const char *name, struct slice data, struct fault *f)
{
    struct buf path;
    int rc;

    next_path(c, name, &path);
    rc = strcmp(name, NEXT_KEY) == 0 ? keyfile_whole(buf_cstr(&path), data, f)
                                     : file_write(buf_cstr(&path), 0600, data, f);
    buf_free(&path);
    return rc;
}

int next_get(const struct agent_cert *c, const char *name, size_t max, struct buf *out,
             struct fault *f)
{
    struct buf path;
    int rc;

    next_path(c, name, &path);
    rc = file_read(buf_cstr(&path), max, out, f);
    buf_free(&path);
    return rc;
}
