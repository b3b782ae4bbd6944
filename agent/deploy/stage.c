#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/deploy/fill.h"
#include "agent/deploy/inner.h"
#include "agent/deploy/material.h"
#include "lib/step.h"
#include "lib/units.h"

#define NAMES_MAX 16384 /* octets that a user's or group's entry may need */

const struct agent_file *deploy_files(const struct agent_cert *c, size_t *n)
{
    static const struct agent_file standard[] = {
        {.path = "key.pem", .format = AGENT_KEY, .owner = "", .group = ""},
        {.path = "cert.pem", .format = AGENT_CERT, .owner = "", .group = ""},
        {.path = "chain.pem", .format = AGENT_CHAIN, .owner = "", .group = ""},
        {.path = "fullchain.pem", .format = AGENT_FULLCHAIN, .owner = "", .group = ""},
        {.path = "key.uri", .format = AGENT_KEY_URI, .owner = "", .group = "", .text = ""},
    };

    *n = c->n_files > 0 ? c->n_files : sizeof(standard) / sizeof(standard[0]) - 1;
    if (c->n_files > 0)
        return c->files;
    return agent_key_in_token(c) ? standard + 1 : standard;
}

/* ---- whose a file is ---- */

static int unknown(const char *what, const char *name, struct fault *f)
{
    return fault_set(f, FAULT_CONFIG, "deploy.owner", "there is no %s %.60s", what, name);
}

static int find_user(const char *name, uid_t *out, struct fault *f)
{
    char room[NAMES_MAX];
    struct passwd pw, *found = NULL;
    uint64_t number = 0;

    *out = (uid_t)-1;
    if (name == NULL || name[0] == '\0')
        return 0;
    if (units_parse_number(name, &number) == 0 && number < UINT32_MAX) {
        *out = (uid_t)number;
        return 0;
    }
    if (getpwnam_r(name, &pw, room, sizeof(room), &found) != 0 || found == NULL)
        return unknown("user", name, f);
    *out = pw.pw_uid;
    return 0;
}

static int find_group(const char *name, gid_t *out, struct fault *f)
{
    char room[NAMES_MAX];
    struct group gr, *found = NULL;
    uint64_t number = 0;

    *out = (gid_t)-1;
    if (name == NULL || name[0] == '\0')
        return 0;
    if (units_parse_number(name, &number) == 0 && number < UINT32_MAX) {
        *out = (gid_t)number;
        return 0;
    }
    if (getgrnam_r(name, &gr, room, sizeof(room), &found) != 0 || found == NULL)
        return unknown("group", name, f);
    *out = gr.gr_gid;
    return 0;
}

int deploy_owner(const char *user, const char *group, unsigned mode, struct place_owner *out,
                 struct fault *f)
{
    int rc = find_user(user, &out->uid, f);

    out->gid = (gid_t)-1;
    out->mode = mode;
    return rc < 0 ? rc : find_group(group, &out->gid, f);
}

/* ---- writing ---- */

static int write_file(const struct agent_cert *c, const struct agent_file *file,
                      const struct deploy_material *m, const char *folder, struct fault *f)
{
    struct place_owner owner;
    char path[PATH_MAX];
    struct buf data;
    unsigned mode = file->mode != 0 ? file->mode : material_has_key(file->format) ? 0600 : 0644;
    int rc = deploy_owner(file->owner, file->group, mode, &owner, f);

    buf_init(&data, DEPLOY_FILE_MAX);
    if (rc == 0)
        rc = material_put(c, file, m, &data, f);
    if (rc == 0)
        rc = place_in(folder, place_name(file), path, f);
    if (rc == 0)
        rc = place_write(path, buf_slice(&data), &owner, f);
    buf_free(&data);
    return rc;
}

static int write_own(const char *folder, const char *name, struct slice data, struct fault *f)
{
    const struct place_owner owner = {(uid_t)-1, (gid_t)-1, 0600};
    char path[PATH_MAX];
    int rc = place_in(folder, name, path, f);

    return rc == 0 ? place_write(path, data, &owner, f) : rc;
}

static int write_identity(const struct deploy_material *m, const char *folder, struct fault *f)
{
    struct buf data;
    int rc;

    buf_init(&data, DEPLOY_FILE_MAX);
    rc = material_identity(m, &data, f);
    if (rc == 0)
        rc = write_own(folder, DEPLOY_IDENTITY, buf_slice(&data), f);
    if (rc == 0 && m->uri.n > 0)
        rc = write_own(folder, DEPLOY_IDENTITY_URI, m->uri, f);
    buf_free(&data);
    return rc;
}

struct writing {
    const struct agent_cert *c;
    const struct deploy_material *m;
};

static int write_all(void *arg, const char *folder, struct fault *f)
{
    const struct writing *w = arg;
    size_t n;
    const struct agent_file *files = deploy_files(w->c, &n);
    int rc = write_identity(w->m, folder, f);

    for (size_t i = 0; i < n && rc == 0; i++) {
        rc = write_file(w->c, &files[i], w->m, folder, f);
        STEP("deploy-file");
    }
    return rc;
}

/* ---- which version ---- */

static bool in_force(const struct agent_cert *c, unsigned version)
{
    struct fault f;
    unsigned v;

    fault_clear(&f);
    return (place_get(c, PLACE_CURRENT, &v, &f) == 0 && v == version) ||
           (place_get(c, PLACE_GOOD, &v, &f) == 0 && v == version);
}

static int same_leaf(const struct agent_cert *c, unsigned version, struct slice leaf,
                     struct fault *f)
{
    struct buf der;
    int rc;

    buf_init(&der, DEPLOY_FILE_MAX);
    rc = deploy_leaf(c, version, &der, f);
    if (rc == 0 && !slice_eq(buf_slice(&der), leaf))
        rc = fault_set(f, FAULT_CONFLICT, "deploy.version", "version %u of %.60s is another one",
                       version, c->name);
    buf_free(&der);
    return rc;
}

/* Versions that failed and that no other will follow: above those in force, but not this one. */
static int forget_failed(const struct agent_cert *c, unsigned version, struct fault *f)
{
    unsigned numbers[64];
    char path[PATH_MAX];
    size_t n;
    int rc = place_versions(c, numbers, sizeof(numbers) / sizeof(numbers[0]), &n, f);

    for (size_t i = 0; i < n && rc == 0 && !in_force(c, numbers[i]); i++) {
        if (numbers[i] == 0)
            continue;
        rc = place_version(c, numbers[i], path, f);
        if (rc == 0 && numbers[i] != version)
            rc = place_wipe(path, f);
    }
    return rc;
}

static int make(const struct agent_cert *c, unsigned version, deploy_fill fill, void *arg,
                struct fault *f)
{
    char folder[PATH_MAX], new[PATH_MAX], path[PATH_MAX];
    int rc = place_in(c->state_dir, "versions", folder, f);

    if (rc == 0)
        rc = place_in(folder, ".new", new, f);
    if (rc == 0)
        rc = place_version(c, version, path, f);
    if (rc == 0)
        rc = place_folder(c->state_dir, f);
    if (rc == 0)
        rc = place_folder(folder, f);
    if (rc == 0)
        rc = place_wipe(new, f);
    if (rc == 0)
        rc = place_folder(new, f);
    if (rc == 0)
        rc = fill(arg, new, f);
    if (rc == 0)
        rc = place_sync(new, f);
    if (rc == 0)
        rc = place_wipe(path, f);
    STEP("deploy-written");
    if (rc == 0 && rename(new, path) < 0)
        rc = place_failed("make", path, f);
    if (rc < 0) {
        place_drop(new); /* a full disk gets its room back */
        return rc;
    }
    return place_sync(folder, f);
}

int deploy_make(const struct agent_cert *c, unsigned version, deploy_fill fill, void *arg,
                struct fault *f)
{
    int rc =
        version == 0 || version > VERSION_MAX
            ? fault_set(f, FAULT_TOO_LARGE, "deploy.version", "a version has no number %u", version)
            : forget_failed(c, version, f);

    if (rc == 0)
        rc = make(c, version, fill, arg, f);
    STEP("deploy-staged");
    return rc;
}

int deploy_stage(const struct agent_cert *c, const struct deploy_material *m, unsigned version,
                 struct fault *f)
{
    struct writing w = {c, m};
    int rc = deploy_check(c, f);

    if (rc == 0)
        rc = material_check(c, m, f);
    if (rc < 0)
        return rc;
    return in_force(c, version) ? same_leaf(c, version, m->leaf, f)
                                : deploy_make(c, version, write_all, &w, f);
}
