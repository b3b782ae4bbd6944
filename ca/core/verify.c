#include "ca/core/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ca/store/store.h"
#include "lib/backupfile.h"
#include "lib/clock.h"
#include "lib/sandbox.h"

#define PROGRESS_EVERY_US 100000

struct verify {
    uint64_t told_us, findings;
};

static int jail(const char *path, struct fault *f)
{
    struct sandbox s = {.program = "cerca-ca-verify"};

    sandbox_allow(&s, path, false);
    sandbox_allow(&s, "/etc/localtime", false);
    return sandbox_enter(&s, f);
}

static void finding(void *arg, const char *rule, const char *text)
{
    struct verify *v = arg;

    v->findings++;
    printf("finding %s: %s\n", rule, text);
}

static bool progress(void *arg, const char *what, uint64_t done, uint64_t total)
{
    struct verify *v = arg;
    uint64_t now = clock_mono_us();

    if (now - v->told_us >= PROGRESS_EVERY_US) {
        v->told_us = now;
        printf("progress %" PRIu64 " %" PRIu64 " %s\n", done, total, what);
        (void)fflush(stdout);
    }
    return true;
}

/* What the manifest says must be what is in the image. */
static void compare(struct verify *v, const struct backup_manifest *m, const struct store_stats *s)
{
    if (m->change != s->change || m->certificates != s->certificates ||
        m->last_tick != s->last_tick || m->schema != s->schema ||
        memcmp(m->uuid, s->uuid, sizeof(m->uuid)) != 0)
        finding(v, "backup.store", "the manifest is of another state of the store");
    if (m->audit_log != s->audit_log || m->audit_size != s->audit_size ||
        memcmp(m->audit_root, s->audit_root, sizeof(m->audit_root)) != 0)
        finding(v, "backup.audit", "the manifest is of another state of the audit log");
}

static int check_image(struct verify *v, const char *path, const struct backup_manifest *m,
                       struct fault *f)
{
    struct store_options o = {.dir = path, .image = path, .read_only = true, .no_derive = true};
    struct store_check_report report = {v, progress, finding};
    struct store_stats stats;
    struct store *s;
    uint64_t found;
    int rc = store_open(&o, &s, f);

    if (rc != 0)
        return rc;
    rc = store_stats(s, &stats, f);
    if (rc == 0) {
        compare(v, m, &stats);
        rc = store_check(s, &report, &found, f);
    }
    store_close(s);
    return rc;
}

static int read_manifest(const char *path, struct backup_manifest *m, struct fault *f)
{
    uint8_t hash[32];
    int fd = open(path, O_RDONLY | O_CLOEXEC), rc;

    if (fd < 0)
        return fault_set(f, FAULT_NOT_FOUND, "backup.file", "cannot open %s: %s", path,
                         strerror(errno));
    rc = backup_open(fd, m, hash, f);
    if (rc == 0)
        rc = backup_hash(fd, hash, NULL, NULL, f);
    (void)close(fd);
    return rc;
}

int backup_verify(const char *path, uint64_t *findings, struct fault *f)
{
    struct backup_manifest m;
    struct verify v = {0};
    int rc;

    *findings = 0;
    rc = jail(path, f);
    if (rc == 0)
        rc = read_manifest(path, &m, f);
    if (rc == 0 && m.schema < STORE_SCHEMA)
        printf("note schema %u is brought up to date by a restore; only the hash was checked\n",
               m.schema);
    else if (rc == 0)
        rc = check_image(&v, path, &m, f);
    *findings = v.findings;
    return rc;
}
