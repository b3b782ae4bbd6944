#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/file.h"
#include "tools/audit_stream.h"
#include "tools/commands.h"
#include "tools/progress.h"

#define OUT_MAX (1u << 20)

struct export_args {
    const char *out;
    const char *since, *log;
};

struct export
{
    struct tool *tool;
    char dir[PATH_MAX - 512];
    int64_t log;
    FILE *records, *hashes;
    struct checkpoint c;
    struct buf note, keys;
    uint64_t first;
    uint64_t checkpoints;
    struct progress progress;
};

static int failed(const char *what, const char *path, struct fault *f)
{
    return fault_set(f, FAULT_INTERNAL, "export.write", "cannot %s %s: %s", what, path,
                     strerror(errno));
}

static int make_folder(const struct export *e, const char *name, struct fault *f)
{
    char path[PATH_MAX];

    (void)snprintf(path, sizeof(path), "%s%s", e->dir, name);
    return mkdir(path, 0700) == 0 ? 0 : failed("make the folder", path, f);
}

/* Records are for auditors: nobody else reads them. */
static int open_file(const struct export *e, const char *name, FILE **out, struct fault *f)
{
    char path[PATH_MAX];
    int fd;

    (void)snprintf(path, sizeof(path), "%s/%s", e->dir, name);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    *out = fd < 0 ? NULL : fdopen(fd, "w");
    return *out != NULL ? 0 : failed("make", path, f);
}

static int close_file(const struct export *e, FILE **file, int rc, struct fault *f)
{
    bool bad;

    if (*file == NULL)
        return rc;
    bad = fflush(*file) != 0 || ferror(*file) || fsync(fileno(*file)) != 0;
    bad = fclose(*file) != 0 || bad;
    *file = NULL;
    return rc == 0 && bad ? failed("write below", e->dir, f) : rc;
}

/* ---- checkpoints ---- */

static int put_checkpoint(void *arg, const struct checkpointed *c, struct fault *f)
{
    struct export *e = arg;
    char path[PATH_MAX];

    if (c->size > e->c.size)
        return 0;
    (void)snprintf(path, sizeof(path), "%s/checkpoints/%020" PRIu64 ".checkpoint", e->dir, c->size);
    e->checkpoints++;
    return file_write(path, 0600, c->note, f);
}

/* ---- records ---- */

static void put_hex(FILE *out, struct slice s)
{
    char text[2 * 64 + 1];

    while (s.n > 0) {
        size_t n = s.n < 64 ? s.n : 64;

        hex_encode(slice_of(s.p, n), text);
        (void)fputs(text, out);
        s = slice_of(s.p + n, s.n - n);
    }
}

static void put_record(FILE *out, const struct audit_leaf *l)
{
    (void)fprintf(out, "{\"index\":%" PRIu64 ",\"salt\":\"", l->index);
    put_hex(out, l->salt);
    (void)fputs("\",\"record\":\"", out);
    put_hex(out, l->record);
    (void)fputs("\"}\n", out);
}

static int put_hashes(struct export *e, struct audit_stream *s, struct fault *f)
{
    const uint8_t *hash;

    for (uint64_t i = 0; i < e->first; i++) {
        int rc = audit_stream_hash(s, i, &hash, f);
        if (rc != 0)
            return rc;
        (void)fwrite(hash, 1, 32, e->hashes);
        if (i % TILE_WIDTH == 0)
            progress_draw(&e->progress, "hashes", i, e->first);
    }
    return 0;
}

/* Hashes are those of the tiles; without tiles, of every record. */
static int put_records(struct export *e, struct fault *f)
{
    struct audit_stream *s = xcalloc(1, sizeof(*s));
    uint64_t from = e->log == AUDIT_LOG_NOW ? e->first : 0;
    struct audit_leaf leaf;
    const uint8_t *hash;
    uint8_t own[32];
    int rc;

    audit_stream_begin(s, e->tool, e->log, from, e->c.size);
    rc = from == 0 ? 0 : put_hashes(e, s, f);
    for (uint64_t i = from; rc == 0 && i < e->c.size; i++) {
        rc = audit_stream_next(s, &leaf, &hash, f);
        if (rc != 0)
            break;
        if (i >= e->first)
            put_record(e->records, &leaf);
        audit_leaf_hash(&leaf, own);
        (void)fwrite(hash == NULL ? own : hash, 1, 32, e->hashes);
        if (i % TILE_WIDTH == 0)
            progress_draw(&e->progress, "records", i, e->c.size);
    }
    progress_end(&e->progress);
    audit_stream_end(s);
    free(s);
    if (rc > 0)
        rc = fault_set(f, FAULT_INTERNAL, "audit.truncated",
                       "the log is shorter than its newest checkpoint");
    return rc;
}

/* Last: an export that was interrupted has none. */
static int put_head(const struct export *e, struct fault *f)
{
    char path[PATH_MAX];
    json_t *head = json_object();
    struct buf out;
    char *text;
    int rc;

    json_put(head, "format", json_text("cerca-audit-export-1"));
    json_put(head, "origin", json_text(e->c.origin));
    json_put(head, "size", json_integer((json_int_t)e->c.size));
    json_put(head, "first", json_integer((json_int_t)e->first));
    buf_init(&out, OUT_MAX);
    buf_put_slice(&out, buf_slice(&e->keys));
    json_put(head, "keys", json_text(buf_cstr(&out)));
    text = json_dumps(head, JSON_FLAGS | JSON_INDENT(2));
    buf_reset(&out);
    buf_printf(&out, "%s\n", text == NULL ? "" : text);
    (void)snprintf(path, sizeof(path), "%s/export.json", e->dir);
    rc = file_write(path, 0600, buf_slice(&out), f);
    free(text);
    buf_free(&out);
    json_decref(head);
    return rc;
}

static int run_all(struct export *e, struct fault *f)
{
    int rc = tool_connect(e->tool, f);

    if (rc == 0)
        rc = audit_newest(e->tool, e->log, false, &e->c, &e->note, &e->keys, f);
    if (rc == 0 && e->first > e->c.size)
        rc = fault_set(f, FAULT_NOT_FOUND, "export.since",
                       "the newest checkpoint is over %" PRIu64 " records only", e->c.size);
    if (rc == 0)
        rc = make_folder(e, "", f);
    if (rc == 0)
        rc = make_folder(e, "/checkpoints", f);
    if (rc == 0)
        rc = audit_checkpoints(e->tool, e->log, 0, put_checkpoint, e, f);
    if (rc == 0)
        rc = open_file(e, "records.jsonl", &e->records, f);
    if (rc == 0)
        rc = open_file(e, "leaf-hashes", &e->hashes, f);
    if (rc == 0)
        rc = put_records(e, f);
    rc = close_file(e, &e->records, rc, f);
    rc = close_file(e, &e->hashes, rc, f);
    return rc == 0 ? put_head(e, f) : rc;
}

static int begin(struct export *e, struct tool *t, const struct export_args *a)
{
    size_t n = a->out == NULL ? 0 : strlen(a->out);
    struct fault f;

    if (audit_log_option(a->log, &e->log, &f) != 0)
        return tool_usage(t, "%s", f.text);
    if (n == 0 || n >= sizeof(e->dir))
        return tool_usage(t, "--out is missing");
    if (a->since != NULL && (strlen(a->since) == 0 || strlen(a->since) > 18 ||
                             strspn(a->since, "0123456789") != strlen(a->since)))
        return tool_usage(t, "--since-checkpoint: \"%s\" should be the size of one", a->since);
    e->tool = t;
    memcpy(e->dir, a->out, n + 1);
    e->first = a->since == NULL ? 0 : strtoull(a->since, NULL, 10);
    buf_init(&e->note, NOTE_MAX);
    buf_init(&e->keys, NOTE_MAX);
    return EXIT_OK;
}

static int run_audit_export(struct tool *t, void *args)
{
    struct export *e = xcalloc(1, sizeof(*e));
    struct fault f = {0};
    int rc = begin(e, t, args);

    if (rc == EXIT_OK) {
        rc = run_all(e, &f);
        if (rc != 0)
            rc = tool_fail(t, &f);
        else
            tool_say(t, "%" PRIu64 " records and %" PRIu64 " checkpoints in %s",
                     e->c.size - e->first, e->checkpoints, e->dir);
    }
    buf_free(&e->note);
    buf_free(&e->keys);
    free(e);
    return rc;
}

static const struct opt opts[] = {
    {"out", OPT_TEXT, offsetof(struct export_args, out), "DIR", "a folder that is made for it", 0},
    {"since-checkpoint", OPT_TEXT, offsetof(struct export_args, since), "SIZE",
     "records from there on only; the hashes of those before come along", 0},
    {"log", OPT_TEXT, offsetof(struct export_args, log), "NUMBER",
     "a log that a restore ended, by its number; 0: the first", 0},
    {NULL, OPT_FLAG, 0, NULL, NULL, 0},
};

const struct command cmd_audit_export = {
    .name = "audit export",
    .help = "write the audit log, up to its newest checkpoint, into a folder",
    .arguments = "--out DIR [--since-checkpoint SIZE] [--log NUMBER]",
    .examples = "  cerca audit export --out audit-2026-11 && cerca audit verify audit-2026-11\n"
                "  cerca audit export --log 0 --out audit-before-the-restore\n",
    .opts = opts,
    .args_size = sizeof(struct export_args),
    .run = run_audit_export,
};
