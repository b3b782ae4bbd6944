/* `cerca restore`: cerca-ca does it, for this program has nothing that opens a store. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/file.h"
#include "tools/backup.h"
#include "tools/commands.h"
#include "tools/json.h"
#include "lib/text.h"

#define FILES_MAX 8
#define PART_MAX ((size_t)1 << 30)
#define OUT_MAX 65536

struct restore_args {
    struct texts crl, checkpoint;
    const char *parts;
    bool dry_run;
};

/* ---- --parts ---- */

static int write_part(int fd, const struct backup_section *s, const char *dir, struct fault *f)
{
    static const char *const suffix[] = {"", "", ".der", ".record"};
    char path[PATH_MAX];
    struct buf data;
    uint8_t *to;
    int n, rc;

    if (s->kind < BACKUP_CONFIGURATION || s->kind > BACKUP_RECORD || s->name[0] == '.' ||
        strchr(s->name, '/') != NULL)
        return fault_set(f, FAULT_MALFORMED, "backup.manifest", "a part has no name for a file");
    n = snprintf(path, sizeof(path), "%s/%s%s", dir, s->name, suffix[s->kind]);
    if (n < 0 || (size_t)n >= sizeof(path) || s->octets > PART_MAX)
        return fault_set(f, FAULT_TOO_LARGE, "backup.manifest", "a part is too large");
    if (access(path, F_OK) == 0)
        return fault_set(f, FAULT_CONFLICT, "backup.exists", "%s is there already", path);
    buf_init(&data, PART_MAX);
    to = s->octets == 0 ? NULL : buf_grow(&data, (size_t)s->octets);
    rc = to == NULL ? 0 : backup_read(fd, s->at, to, (size_t)s->octets, f);
    if (rc == 0)
        rc = file_write(path, 0600, buf_slice(&data), f);
    buf_free(&data);
    return rc;
}

static int write_parts(const char *path, const struct backup_manifest *m, const char *dir,
                       struct fault *f)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY), rc = 0;

    if (fd < 0 || (mkdir(dir, 0700) != 0 && errno != EEXIST))
        rc = fault_set(f, FAULT_INTERNAL, "restore.parts", "%s: %s", fd < 0 ? path : dir,
                       strerror(errno));
    for (size_t i = 0; rc == 0 && i < m->n; i++)
        rc = write_part(fd, &m->section[i], dir, f);
    if (fd >= 0)
        (void)close(fd);
    return rc;
}

/* ---- the store ---- */

static void add(const char **argv, size_t *n, const char *name, const struct texts *t)
{
    for (size_t i = 0; i < t->n; i++) {
        argv[(*n)++] = name;
        argv[(*n)++] = t->item[i];
    }
}

/* "result KEY VALUE" lines. */
static json_t *results(const struct child *c)
{
    json_t *o = json_object();
    struct buf out;
    char *save = NULL;

    buf_init(&out, OUT_MAX);
    child_output(c, &out);
    buf_put_u8(&out, 0);
    for (char *line = strtok_r((char *)out.p, "\n", &save); line != NULL;
         line = strtok_r(NULL, "\n", &save)) {
        char *value = strncmp(line, "result ", 7) == 0 ? strchr(line + 7, ' ') : NULL;

        if (value == NULL)
            continue;
        *value++ = 0;
        json_put(o, line + 7, json_text(value));
    }
    buf_free(&out);
    return o;
}

static int run_core(struct tool *t, const struct restore_args *a, json_t **out, struct fault *f)
{
    const char *argv[4 * FILES_MAX + 6] = {"-c", t->conf->path, "--restore", t->words[0]};
    struct child c;
    size_t n = 4;
    int rc;

    add(argv, &n, "--crl", &a->crl);
    add(argv, &n, "--checkpoint", &a->checkpoint);
    rc = child_start(&c, "cerca-ca", argv, f);
    if (rc != 0)
        return rc;
    rc = backup_child(t, &c, f);
    *out = rc == 0 ? results(&c) : NULL;
    child_free(&c);
    return rc;
}

static int report(struct tool *t, json_t *o)
{
    struct buf out;
    const char *key;
    json_t *v;
    int rc;

    if (t->format == FORMAT_JSON)
        return json_print(t, o);
    buf_init(&out, OUT_MAX);
    json_object_foreach(o, key, v)
    {
        buf_printf(&out, "%-21s ", key);
        text_safe(slice_str(json_string_value(v)), false, &out);
        buf_put_str(&out, "\n");
    }
    buf_put_str(&out, "\nrestored, and closed: start cercad, look at cerca status and at what was "
                      "lost, then let it issue with cerca open\n");
    rc = tool_print(t, buf_slice(&out));
    buf_free(&out);
    json_decref(o);
    return rc;
}

static int restore(struct tool *t, const struct restore_args *a, struct fault *f, json_t **out)
{
    struct backup_manifest *m = xcalloc(1, sizeof(*m));
    int rc = backup_look(t, t->words[0], m, f);

    *out = NULL;
    if (rc == 0)
        rc = backup_check(t, t->words[0], f);
    if (rc == 0 && a->parts != NULL && !a->dry_run)
        rc = write_parts(t->words[0], m, a->parts, f);
    free(m);
    if (rc != 0 || a->parts != NULL)
        return rc;
    rc = tool_conf(t, f);
    return rc == 0 && !a->dry_run ? run_core(t, a, out, f) : rc;
}

static int run_restore(struct tool *t, void *args)
{
    const struct restore_args *a = args;
    struct fault f = {0};
    json_t *o;

    if (a->crl.n > FILES_MAX || a->checkpoint.n > FILES_MAX)
        return tool_usage(t, "at most %d of --crl and of --checkpoint", FILES_MAX);
    if (restore(t, a, &f, &o) != 0)
        return tool_fail(t, &f);
    return o == NULL ? EXIT_OK : report(t, o);
}

static const struct opt opts[] = {
    {"crl", OPT_TEXTS, offsetof(struct restore_args, crl), "FILE",
     "take over the revocations of this CRL too; may be given more than once", 0},
    {"checkpoint", OPT_TEXTS, offsetof(struct restore_args, checkpoint), "FILE",
     "a checkpoint of the audit log, to know how much of it is lost", 0},
    {"parts", OPT_TEXT, offsetof(struct restore_args, parts), "DIR",
     "only write the configuration, certificates and records into a folder", 0},
    {"dry-run", OPT_FLAG, offsetof(struct restore_args, dry_run), NULL,
     "only check the backup and the configuration", 0},
    {NULL, OPT_FLAG, 0, NULL, NULL, 0},
};

const struct command cmd_restore = {
    .name = "restore",
    .help = "make a backup the store of a stopped CA; it stays closed until cerca open",
    .arguments = "FILE [options]",
    .examples = "  cerca restore cerca-2026-11-21.backup --crl last-seen.crl\n",
    .opts = opts,
    .args_size = sizeof(struct restore_args),
    .min = 1,
    .max = 1,
    .formats = FORMAT_TEXT | FORMAT_JSON,
    .format = FORMAT_TEXT,
    .run = run_restore,
};
