#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/file.h"
#include "tools/audit_stream.h"
#include "tools/commands.h"
#include "tools/exported.h"
#include "tools/progress.h"
#include "lib/text.h"
#include "tools/verify.h"

struct verify_args {
    struct texts checkpoints, keys;
    const char *log;
};

struct run {
    struct tool *tool;
    int64_t log;
    struct verify v;
    struct progress progress;
    json_t *findings;
};

/* JSON comes at the end in one piece; for people every finding is shown at once. */
static void show(void *arg, const char *rule, const char *text)
{
    struct run *r = arg;
    struct buf out;
    json_t *o;

    if (r->tool->format == FORMAT_JSON) {
        o = json_object();
        json_put(o, "rule", json_text(rule));
        json_put(o, "text", json_text(text));
        (void)json_array_append_new(r->findings, o);
        return;
    }
    progress_end(&r->progress);
    buf_init(&out, 4096);
    buf_printf(&out, "%s: ", rule);
    text_safe(slice_str(text), false, &out);
    buf_put_str(&out, "\n");
    (void)tool_print(r->tool, buf_slice(&out));
    buf_free(&out);
}

static int add_files(struct run *r, const struct verify_args *a, struct fault *f)
{
    struct buf file = {0};
    int rc = 0;

    for (size_t i = 0; i < a->checkpoints.n && rc == 0; i++) {
        rc = file_read(a->checkpoints.item[i], NOTE_MAX, &file, f);
        if (rc == 0)
            verify_add_checkpoint(&r->v, a->checkpoints.item[i], true, buf_slice(&file));
    }
    buf_free(&file);
    return rc;
}

/* ---- online ---- */

static int add_keys(void *arg, const struct checkpointed *c, struct fault *f)
{
    (void)f;
    verify_add_keys(arg, c->keys);
    return 0;
}

static int add_own(void *arg, const struct checkpointed *c, struct fault *f)
{
    char name[64];

    (void)f;
    (void)snprintf(name, sizeof(name), "checkpoint %" PRIu64, c->size);
    verify_add_checkpoint(arg, name, false, c->note);
    return 0;
}

static int stream_all(struct run *r, uint64_t tiled, struct fault *f)
{
    struct audit_stream *s = xcalloc(1, sizeof(*s));
    struct audit_leaf leaf;
    const uint8_t *hash;
    uint8_t record[32];
    int rc;

    audit_stream_begin(s, r->tool, r->log, 0, tiled);
    while ((rc = audit_stream_next(s, &leaf, &hash, f)) == 0) {
        audit_leaf_hash(&leaf, record);
        verify_leaf(&r->v, record, hash);
        if (leaf.index % TILE_WIDTH == 0)
            progress_draw(&r->progress, "records", leaf.index, tiled);
    }
    progress_end(&r->progress);
    audit_stream_end(s);
    free(s);
    return rc > 0 ? 0 : rc;
}

static int verify_online(struct run *r, const struct verify_args *a, struct fault *f)
{
    struct checkpoint *newest = xcalloc(1, sizeof(*newest));
    struct buf note, keys;
    int rc = tool_connect(r->tool, f);

    buf_init(&note, NOTE_MAX);
    buf_init(&keys, NOTE_MAX);
    if (rc == 0)
        rc = audit_newest(r->tool, r->log, false, newest, &note, &keys, f);
    if (rc == 0 && r->v.origin[0] == '\0')
        memcpy(r->v.origin, newest->origin, sizeof(r->v.origin));
    if (rc == 0 && a->keys.n == 0)
        rc = audit_checkpoints(r->tool, r->log, 0, add_keys, &r->v, f);
    if (rc == 0)
        rc = audit_checkpoints(r->tool, r->log, 0, add_own, &r->v, f);
    if (rc == 0)
        rc = add_files(r, a, f);
    if (rc == 0) {
        verify_begin(&r->v);
        rc = stream_all(r, newest->size, f);
    }
    buf_free(&note);
    buf_free(&keys);
    free(newest);
    return rc;
}

/* ---- an export ---- */

static void draw(void *arg, uint64_t done, uint64_t total)
{
    progress_draw(arg, "records", done, total);
}

static int verify_export(struct run *r, const char *dir, const struct verify_args *a,
                         struct fault *f)
{
    struct exported *e;
    int rc = exported_open(dir, &e, f);

    if (rc != 0)
        return rc;
    if (r->v.origin[0] == '\0')
        (void)snprintf(r->v.origin, sizeof(r->v.origin), "%s", exported_origin(e));
    if (a->keys.n == 0)
        verify_add_keys(&r->v, slice_str(exported_keys(e)));
    rc = exported_checkpoints(e, &r->v, f);
    if (rc == 0)
        rc = add_files(r, a, f);
    if (rc == 0) {
        verify_begin(&r->v);
        rc = exported_leaves(e, &r->v, draw, &r->progress, f);
        progress_end(&r->progress);
    }
    exported_close(e);
    return rc;
}

/* ---- all ---- */

static int report(struct run *r, bool own_keys)
{
    const struct verify *v = &r->v;
    struct buf out;
    json_t *o;
    int rc;

    if (r->tool->format == FORMAT_JSON) {
        o = json_object();
        json_put(o, "ok", json_boolean(v->findings == 0));
        json_put(o, "origin", json_text(v->origin));
        json_put(o, "records", json_integer((json_int_t)v->records.size));
        json_put(o, "verified", json_integer((json_int_t)v->good_size));
        json_put(o, "checkpoints", json_integer((json_int_t)v->n_known));
        json_put(o, "findings", json_incref(r->findings));
        rc = json_print(r->tool, o);
    } else {
        buf_init(&out, 1024);
        buf_printf(&out,
                   "%" PRIu64 " records, %" PRIu64 " of them covered by %zu checkpoints of %s\n",
                   v->records.size, v->good_size, v->n_known, v->origin);
        if (own_keys)
            buf_put_str(&out,
                        "the keys came with the log itself: give --key to know whose it is\n");
        buf_put_str(&out,
                    v->findings == 0 ? "the audit log is sound\n" : "the audit log is NOT sound\n");
        rc = tool_print(r->tool, buf_slice(&out));
        buf_free(&out);
    }
    return rc == EXIT_OK && v->findings == 0 ? EXIT_OK : EXIT_FAILED;
}

static int run_audit_verify(struct tool *t, void *args)
{
    const struct verify_args *a = args;
    struct run r = {.tool = t, .findings = json_array()};
    struct fault f = {0};
    int rc = 0;

    if (audit_log_option(a->log, &r.log, &f) != 0 || (a->log != NULL && t->n_words > 0)) {
        json_decref(r.findings);
        return tool_usage(t, "%s",
                          f.code != FAULT_NONE ? f.text : "--log: an export is of one log");
    }
    verify_init(&r.v);
    r.v.finding = show;
    r.v.arg = &r;
    for (size_t i = 0; i < a->keys.n && rc == 0; i++)
        rc = verify_add_key(&r.v, a->keys.item[i], &f);
    if (rc == 0)
        rc = t->n_words > 0 ? verify_export(&r, t->words[0], a, &f) : verify_online(&r, a, &f);
    if (rc == 0)
        verify_end(&r.v);
    rc = rc == 0 ? report(&r, a->keys.n == 0) : tool_fail_to_verify(t, &f);
    verify_free(&r.v);
    json_decref(r.findings);
    return rc;
}

static const struct opt opts[] = {
    {"checkpoint", OPT_TEXTS, offsetof(struct verify_args, checkpoints), "FILE",
     "a checkpoint kept elsewhere, which the log must go on from; any number", 0},
    {"key", OPT_TEXTS, offsetof(struct verify_args, keys), "VKEY",
     "a public key of the log, as cerca audit checkpoint --key prints it; any number", 0},
    {"log", OPT_TEXT, offsetof(struct verify_args, log), "NUMBER",
     "a log that a restore ended, by its number; 0: the first", 0},
    {NULL, OPT_FLAG, 0, NULL, NULL, 0},
};

const struct command cmd_audit_verify = {
    .name = "audit verify",
    .help = "hash the whole audit log again, or an export of it, against its checkpoints",
    .arguments = "[EXPORT] [--checkpoint FILE]... [--key VKEY]...",
    .examples = "  cerca audit verify --checkpoint last-year.checkpoint\n"
                "  cerca audit verify --log 0\n"
                "  cerca audit verify audit-2026-11 --key \"$(cat log.vkey)\"\n",
    .opts = opts,
    .args_size = sizeof(struct verify_args),
    .max = 1,
    .formats = FORMAT_TEXT | FORMAT_JSON,
    .format = FORMAT_TEXT,
    .run = run_audit_verify,
};
