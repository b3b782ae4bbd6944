#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/deploy/inner.h"
#include "lib/log.h"
#include "lib/step.h"

/* Where a path leads once it is ours: DIR/current/NAME. */
static int target_of(const struct agent_cert *c, const struct agent_file *file, char out[PATH_MAX],
                     struct fault *f)
{
    char current[PATH_MAX];
    int rc = place_in(c->state_dir, "current", current, f);

    return rc < 0 ? rc : place_in(current, place_name(file), out, f);
}

/* Is something there that is not ours? A path of DEPLOY_EXCHANGE lies in the folder itself. */
static int is_foreign(const struct agent_cert *c, const struct agent_file *file, bool *foreign,
                      struct fault *f)
{
    char target[PATH_MAX];
    int rc = target_of(c, file, target, f);

    *foreign = rc == 0 && place_outside(file) && place_exists(file->path) &&
               !place_links_to(file->path, target);
    return rc;
}

/* ---- taking over ---- */

/* Where the files are that were there before. */
static int old_path(const struct agent_cert *c, const struct agent_file *file, char out[PATH_MAX],
                    bool *there, struct fault *f)
{
    int rc = 0;

    *there = false;
    if (c->method == AGENT_EXCHANGE) {
        rc = place_in(c->folder, place_name(file), out, f);
        *there = rc == 0 && place_exists(out);
        return rc;
    }
    if (place_outside(file))
        rc = is_foreign(c, file, there, f);
    if (rc == 0 && *there)
        memcpy(out, file->path, strlen(file->path) + 1);
    return rc;
}

static int copy_old(const struct agent_cert *c, const char *folder, size_t *copied, struct fault *f)
{
    size_t n;
    const struct agent_file *files = deploy_files(c, &n);
    int rc = 0;

    *copied = 0;
    for (size_t i = 0; i < n && rc == 0; i++) {
        char from[PATH_MAX], to[PATH_MAX];
        bool there;

        rc = old_path(c, &files[i], from, &there, f);
        if (rc < 0 || !there)
            continue;
        rc = place_in(folder, place_name(&files[i]), to, f);
        if (rc == 0)
            rc = place_copy(from, to, f);
        *copied += rc == 0;
    }
    return rc;
}

/* Version 0, made of what lies there; nothing when nothing does. */
static int make_first(const struct agent_cert *c, const char *first, struct fault *f)
{
    char versions[PATH_MAX], new[PATH_MAX];
    size_t copied = 0;
    int rc = place_in(c->state_dir, "versions", versions, f);

    if (rc == 0)
        rc = place_in(versions, ".old", new, f);
    if (rc == 0)
        rc = place_folder(c->state_dir, f);
    if (rc == 0)
        rc = place_folder(versions, f);
    if (rc == 0)
        rc = place_wipe(new, f);
    if (rc == 0)
        rc = place_folder(new, f);
    if (rc == 0)
        rc = copy_old(c, new, &copied, f);
    if (rc == 0 && copied > 0)
        rc = place_sync(new, f);
    if (rc < 0 || copied == 0) {
        place_drop(new);
        return rc;
    }
    STEP("deploy-old-copied");
    if (rename(new, first) < 0)
        return place_failed("make", first, f);
    return place_sync(versions, f);
}

/* Each path leads to its own octets, which are taken again: somebody may have changed them since an
 * earlier attempt. */
static int link_old(const struct agent_cert *c, const char *first, struct fault *f)
{
    size_t n;
    const struct agent_file *files = deploy_files(c, &n);
    int rc = 0;

    for (size_t i = 0; i < n && rc == 0; i++) {
        char target[PATH_MAX], copy[PATH_MAX];
        bool foreign;

        rc = is_foreign(c, &files[i], &foreign, f);
        if (rc < 0 || !foreign)
            continue;
        rc = place_in(first, place_name(&files[i]), copy, f);
        if (rc == 0)
            rc = target_of(c, &files[i], target, f);
        if (rc == 0)
            rc = place_copy(files[i].path, copy, f);
        if (rc == 0)
            rc = place_symlink(target, files[i].path, f);
        STEP("deploy-old-linked");
    }
    return rc;
}

int deploy_take_over(const struct agent_cert *c, struct fault *f)
{
    char first[PATH_MAX];
    unsigned current = 0;
    int rc = place_version(c, 0, first, f);

    if (rc == 0)
        rc = place_get(c, PLACE_CURRENT, &current, f);
    if (rc == 0 && current > 0)
        return 0;
    if (rc < 0 && f->code != FAULT_NOT_FOUND)
        return rc;
    rc = place_exists(first) ? 0 : make_first(c, first, f);
    if (rc < 0 || !place_exists(first))
        return rc;
    rc = place_set(c, PLACE_GOOD, 0, f);
    if (rc == 0)
        rc = place_set(c, PLACE_CURRENT, 0, f);
    STEP("deploy-old-current");
    return rc == 0 && c->method == AGENT_SYMLINK ? link_old(c, first, f) : rc;
}

/* ---- installing ---- */

static int link_paths(const struct agent_cert *c, struct fault *f)
{
    size_t n;
    const struct agent_file *files = deploy_files(c, &n);
    int rc = 0;

    for (size_t i = 0; i < n && rc == 0; i++) {
        char target[PATH_MAX];
        bool foreign;

        if (!place_outside(&files[i]))
            continue;
        rc = is_foreign(c, &files[i], &foreign, f);
        if (rc == 0)
            rc = target_of(c, &files[i], target, f);
        if (rc == 0 && foreign)
            log_warn("deploy.path-replaced", "entry", c->name, "path", files[i].path, NULL);
        if (rc == 0 && !place_links_to(files[i].path, target))
            rc = place_symlink(target, files[i].path, f);
        STEP("deploy-linked");
    }
    return rc;
}

int deploy_show(const struct agent_cert *c, unsigned version, struct fault *f)
{
    int rc = c->method == AGENT_EXCHANGE ? exchange_show(c, version, f) : 0;

    if (rc == 0)
        rc = place_set(c, PLACE_CURRENT, version, f);
    STEP("deploy-visible");
    return rc == 0 && c->method == AGENT_SYMLINK ? link_paths(c, f) : rc;
}

bool deploy_missing(const struct agent_cert *c)
{
    size_t n;
    const struct agent_file *files = deploy_files(c, &n);
    struct fault f;

    for (size_t i = 0; i < n; i++) {
        char path[PATH_MAX];
        bool there;

        if (c->method == AGENT_EXCHANGE && old_path(c, &files[i], path, &there, &f) == 0 && !there)
            return true;
        if (c->method == AGENT_SYMLINK && place_outside(&files[i]) && !place_exists(files[i].path))
            return true;
    }
    return false;
}

int deploy_may_begin(const struct agent_cert *c, struct fault *f)
{
    size_t n;
    const struct agent_file *files = deploy_files(c, &n);
    bool there = false;
    int rc = 0;

    for (size_t i = 0; i < n && rc == 0 && !c->take_over; i++) {
        char path[PATH_MAX];

        rc = old_path(c, &files[i], path, &there, f);
        if (there)
            return fault_set(f, FAULT_CONFLICT, "deploy.path",
                             "%.150s is there already, and take_over is false", path);
    }
    return rc;
}

static int before_first(const struct agent_cert *c, struct fault *f)
{
    int rc = deploy_may_begin(c, f);

    return rc == 0 && c->take_over ? deploy_take_over(c, f) : rc;
}

int deploy_install(const struct agent_cert *c, unsigned version, struct fault *f)
{
    unsigned current = 0;
    int rc = deploy_check(c, f);

    if (rc == 0)
        rc = deploy_has(c, version, f);
    if (rc < 0)
        return rc;
    rc = place_get(c, PLACE_CURRENT, &current, f);
    if (rc < 0 && f->code == FAULT_NOT_FOUND)
        rc = before_first(c, f);
    else if (rc == 0 && current == 0)
        rc = deploy_take_over(c, f); /* to its end */
    return rc == 0 ? deploy_show(c, version, f) : rc;
}

/* ---- giving up ---- */

int deploy_release(const struct agent_cert *c, struct fault *f)
{
    size_t n;
    const struct agent_file *files = deploy_files(c, &n);
    int rc = 0;

    for (size_t i = 0; i < n && rc == 0; i++) {
        char target[PATH_MAX];

        rc = target_of(c, &files[i], target, f);
        if (rc == 0 && place_outside(&files[i]) && place_links_to(files[i].path, target) &&
            place_is_file(target))
            rc = place_copy(target, files[i].path, f);
    }
    return rc;
}
