#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/deploy/inner.h"
#include "lib/step.h"

static const struct agent_file *ours(const struct agent_cert *c, const char *name)
{
    size_t n;
    const struct agent_file *files = deploy_files(c, &n);

    for (size_t i = 0; i < n; i++)
        if (strcmp(place_name(&files[i]), name) == 0)
            return &files[i];
    return NULL;
}

struct carrying {
    const struct agent_cert *c;
    const char *from, *to;
};

static int bring(void *arg, const char *name, struct fault *f)
{
    const struct carrying *t = arg;
    char from[PATH_MAX], to[PATH_MAX];
    int rc;

    if (ours(t->c, name) == NULL)
        return 0; /* identity.pem */
    rc = place_in(t->from, name, from, f);
    if (rc == 0)
        rc = place_in(t->to, name, to, f);
    return rc == 0 ? place_copy(from, to, f) : rc;
}

/* What others have in that folder stays in it: the same file by another name. */
static int keep(void *arg, const char *name, struct fault *f)
{
    const struct carrying *t = arg;
    char from[PATH_MAX], to[PATH_MAX];
    int rc = place_in(t->from, name, from, f);

    if (rc == 0)
        rc = place_in(t->to, name, to, f);
    if (rc < 0 || ours(t->c, name) != NULL)
        return rc;
    if (link(from, to) < 0)
        return fault_set(f, FAULT_CONFLICT, "deploy.path",
                         "%.150s cannot be kept when its folder is exchanged: %s", from,
                         strerror(errno));
    return 0;
}

/* As the folder that it replaces. By descriptor: who may write to the folder above could put
 * something else in its place before it is given away. */
static int make_like(const char *path, const char *like, struct fault *f)
{
    struct stat st;
    bool there = stat(like, &st) == 0;
    int fd, rc = 0;

    if (there && !S_ISDIR(st.st_mode))
        return fault_set(f, FAULT_CONFIG, "deploy.path", "%.150s is no folder", like);
    if (mkdir(path, 0700) < 0)
        return place_failed("make", path, f);
    fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return place_failed("make", path, f);
    if (there && (st.st_uid != geteuid() || st.st_gid != getegid()) &&
        fchown(fd, st.st_uid, st.st_gid) < 0)
        rc = place_failed("give away", path, f);
    if (rc == 0 && fchmod(fd, there ? st.st_mode & 07777 : 0755) < 0)
        rc = place_failed("make", path, f);
    close(fd);
    return rc;
}

int exchange_prepare(const struct agent_cert *c, unsigned version, char made[PATH_MAX],
                     struct fault *f)
{
    char from[PATH_MAX];
    struct carrying t = {c, from, made};
    int rc = place_version(c, version, from, f);

    if (snprintf(made, PATH_MAX, "%s.cerca-new", c->folder) >= PATH_MAX || c->folder[0] != '/')
        return fault_set(f, FAULT_CONFIG, "deploy.path", "%.100s cannot be exchanged", c->folder);
    if (rc == 0)
        rc = place_wipe(made, f);
    if (rc == 0)
        rc = make_like(made, c->folder, f);
    if (rc == 0)
        rc = place_each(from, bring, &t, f);
    t.from = c->folder;
    if (rc == 0 && place_exists(c->folder))
        rc = place_each(c->folder, keep, &t, f);
    return rc == 0 ? place_sync(made, f) : rc;
}

int exchange_show(const struct agent_cert *c, unsigned version, struct fault *f)
{
    char made[PATH_MAX];
    unsigned flags = place_exists(c->folder) ? RENAME_EXCHANGE : RENAME_NOREPLACE;
    int rc = exchange_prepare(c, version, made, f);

    if (rc < 0) {
        place_drop(made); /* a full disk gets its room back */
        return rc;
    }
    STEP("deploy-exchange");
    if (rc == 0 && renameat2(AT_FDCWD, made, AT_FDCWD, c->folder, flags) < 0)
        rc = place_failed("exchange", c->folder, f);
    STEP("deploy-exchanged");
    if (rc < 0) {
        place_drop(made); /* it has a key in it */
        return rc;
    }
    rc = place_sync_above(c->folder, f);
    return rc == 0 ? place_wipe(made, f) : rc;
}
