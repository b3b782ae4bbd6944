/* `cerca backup` and `cerca backup verify`. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/proto.h"
#include "tools/backup.h"
#include "tools/commands.h"
#include "tools/json.h"
#include "lib/text.h"

struct backup_args {
    const char *out;
    bool no_verify;
};

/* ---- cerca backup ---- */

struct writing {
    struct tool *tool;
    char beside[PATH_MAX]; /* the file until it is whole; "" none */
    int fd;
    struct progress progress;
    struct backup_done done;
};

static int open_beside(struct writing *w, const char *out, struct fault *f)
{
    int n = snprintf(w->beside, sizeof(w->beside), "%s.XXXXXX", out);

    if (n < 0 || (size_t)n >= sizeof(w->beside))
        return fault_set(f, FAULT_TOO_LARGE, "backup.file", "the path is too long");
    if (access(out, F_OK) == 0) {
        w->beside[0] = 0;
        return fault_set(f, FAULT_CONFLICT, "backup.exists", "%s is there already", out);
    }
    w->fd = mkostemp(w->beside, O_CLOEXEC);
    if (w->fd >= 0)
        return 0;
    w->beside[0] = 0;
    return fault_set(f, FAULT_INTERNAL, "backup.file", "cannot make %s: %s", out, strerror(errno));
}

static int take(struct writing *w, const struct frame *frame, bool *over, struct fault *f)
{
    uint64_t part, total;
    char what[64];
    int rc = -1;

    if (frame->type == MSG_BACKUP_PROGRESS) {
        rc = check_progress_get(frame->body, what, &part, &total);
        if (rc == 0)
            progress_draw(&w->progress, what, part, total);
    } else if (frame->type == MSG_BACKUP_DONE) {
        rc = backup_done_get(frame->body, &w->done);
        *over = true;
    }
    if (frame->fd >= 0)
        (void)close(frame->fd);
    return rc == 0 ? 0
                   : fault_set(f, FAULT_MALFORMED, "answer", "cerca-ca answered something else");
}

/* --timeout is for each sign of life. */
static int write_it(struct writing *w, struct fault *f)
{
    int ms = tool_time_left_ms(w->tool);
    struct frame frame;
    bool over = false;
    int rc = client_call_fd(w->tool->client, MSG_BACKUP, SLICE_NONE, w->fd, ms, &frame, f);

    while (rc == 0) {
        rc = take(w, &frame, &over, f);
        if (rc != 0 || over)
            break;
        rc = client_more(w->tool->client, ms, &frame, f);
    }
    progress_end(&w->progress);
    return rc;
}

static int sync_folder_of(const char *path, struct fault *f)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    int n = snprintf(folder, sizeof(folder), "%.*s", slash == NULL ? 1 : (int)(slash - path) + 1,
                     slash == NULL ? "." : path);
    int fd = n < 0 || n >= PATH_MAX ? -1 : open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int failed = fd < 0 || fsync(fd) != 0 ? errno : 0;

    if (fd >= 0)
        (void)close(fd);
    return failed == 0 ? 0
                       : fault_set(f, FAULT_INTERNAL, "backup.file", "cannot sync %s: %s", folder,
                                   strerror(failed));
}

/* Never over a file that is there: an older backup may be the better one. */
static int put_in_place(struct writing *w, const char *out, struct fault *f)
{
    if (link(w->beside, out) != 0)
        return fault_set(f, errno == EEXIST ? FAULT_CONFLICT : FAULT_INTERNAL, "backup.exists",
                         "cannot name it %s: %s", out, strerror(errno));
    (void)unlink(w->beside);
    w->beside[0] = 0;
    return sync_folder_of(out, f);
}

static int report(struct tool *t, const struct backup_done *d, const char *out, bool verified)
{
    char hash[65];
    struct buf text;
    json_t *o;
    int rc;

    hex_encode(slice_of(d->sha256, 32), hash);
    if (t->format == FORMAT_JSON) {
        o = json_object();
        json_put(o, "file", json_text(out));
        json_put(o, "octets", json_integer((json_int_t)d->octets));
        json_put(o, "certificates", json_integer((json_int_t)d->certificates));
        json_put(o, "change", json_integer((json_int_t)d->change));
        json_put(o, "audit_size", json_integer((json_int_t)d->audit_size));
        json_put(o, "sha256", json_text(hash));
        json_put(o, "verified", json_boolean(verified));
        json_put(o, "not_in_it", json_text("the token's keys, PINs"));
        return json_print(t, o);
    }
    buf_init(&text, 8192);
    buf_printf(&text,
               "%s: %llu octets, %llu certificates, change %llu, %llu audit records%s\n"
               "sha256 %s\n"
               "not in it: the keys, which never leave their token, and the PINs; without a copy "
               "of the token\nby its own means a restored CA cannot sign\n",
               out, (unsigned long long)d->octets, (unsigned long long)d->certificates,
               (unsigned long long)d->change, (unsigned long long)d->audit_size,
               verified ? ", verified" : "", hash);
    rc = tool_print(t, buf_slice(&text));
    buf_free(&text);
    return rc;
}

static int run_backup(struct tool *t, void *args)
{
    const struct backup_args *a = args;
    struct writing w = {.tool = t, .fd = -1};
    struct fault f = {0};
    int rc;

    if (a->out == NULL)
        return tool_usage(t, "--out is missing");
    rc = tool_connect(t, &f);
    if (rc == 0)
        rc = open_beside(&w, a->out, &f);
    if (rc == 0)
        rc = write_it(&w, &f);
    if (rc == 0 && !a->no_verify)
        rc = backup_check(t, w.beside, &f);
    if (rc == 0)
        rc = put_in_place(&w, a->out, &f);
    if (w.fd >= 0)
        (void)close(w.fd);
    if (w.beside[0] != 0)
        (void)unlink(w.beside);
    return rc == 0 ? report(t, &w.done, a->out, !a->no_verify) : tool_fail(t, &f);
}

/* ---- cerca backup verify ---- */

static json_t *manifest_json(const struct backup_manifest *m)
{
    json_t *o = json_object(), *parts = json_array();

    json_put(o, "time", json_time(m->time));
    json_put(o, "program", json_text(m->program));
    json_put(o, "store", json_hex(m->uuid, sizeof(m->uuid)));
    json_put(o, "schema", json_integer(m->schema));
    json_put(o, "certificates", json_integer((json_int_t)m->certificates));
    json_put(o, "change", json_integer((json_int_t)m->change));
    json_put(o, "audit_log", json_integer(m->audit_log));
    json_put(o, "audit_size", json_integer((json_int_t)m->audit_size));
    json_put(o, "audit_root", json_hex(m->audit_root, sizeof(m->audit_root)));
    json_put(o, "checkpoint", json_text(m->checkpoint));
    json_put(o, "generation", json_hex(m->generation, sizeof(m->generation)));
    for (size_t i = 0; i < m->n; i++)
        (void)json_array_append_new(parts, json_text(m->section[i].name));
    json_put(o, "parts", parts);
    return o;
}

static void print_manifest(const json_t *o, struct buf *out)
{
    const char *key;
    json_t *v;

    json_object_foreach((json_t *)(uintptr_t)o, key, v)
    {
        struct buf plain;

        buf_init(&plain, 65536);
        json_plain(v, &plain);
        buf_printf(out, "%-13s ", key);
        text_safe(buf_slice(&plain), false, out);
        buf_put_str(out, "\n");
        buf_free(&plain);
    }
}

static int run_verify(struct tool *t, void *args)
{
    struct backup_manifest *m = xcalloc(1, sizeof(*m));
    struct fault f = {0};
    struct buf text;
    json_t *o;
    int rc = backup_look(t, t->words[0], m, &f);

    (void)args;
    if (rc == 0)
        rc = backup_check(t, t->words[0], &f);
    if (rc != 0) {
        free(m);
        return tool_fail_to_verify(t, &f);
    }
    o = manifest_json(m);
    free(m);
    if (t->format == FORMAT_JSON)
        return json_print(t, o);
    buf_init(&text, 262144);
    print_manifest(o, &text);
    buf_put_str(&text, "the backup is sound\n");
    rc = tool_print(t, buf_slice(&text));
    buf_free(&text);
    json_decref(o);
    return rc;
}

static const struct opt opts[] = {
    {"out", OPT_TEXT, offsetof(struct backup_args, out), "FILE",
     "where to; never over a file that is there", 0},
    {"no-verify", OPT_FLAG, offsetof(struct backup_args, no_verify), NULL,
     "do not read it again and walk through it", 0},
    {NULL, OPT_FLAG, 0, NULL, NULL, 0},
};
static const struct opt verify_opts[] = {{NULL, OPT_FLAG, 0, NULL, NULL, 0}};

const struct command cmd_backup = {
    .name = "backup",
    .help = "copy all that a CA needs but its keys into a file, while it serves",
    .arguments = "--out FILE [options]",
    .examples = "  cerca backup --out \"cerca-$(date +%F).backup\"\n",
    .opts = opts,
    .args_size = sizeof(struct backup_args),
    .formats = FORMAT_TEXT | FORMAT_JSON,
    .format = FORMAT_TEXT,
    .run = run_backup,
};

const struct command cmd_backup_verify = {
    .name = "backup verify",
    .help = "check a backup offline: its hash, and every invariant of the store in it",
    .arguments = "FILE [options]",
    .examples = "  cerca backup verify cerca-2026-11-21.backup\n",
    .opts = verify_opts,
    .min = 1,
    .max = 1,
    .formats = FORMAT_TEXT | FORMAT_JSON,
    .format = FORMAT_TEXT,
    .run = run_verify,
};
