#include <stdlib.h>

#include "lib/file.h"
#include "tools/audit.h"
#include "tools/commands.h"

struct checkpoint_args {
    bool key, newest;
    const char *out, *log;
};

static int get(struct tool *t, const struct checkpoint_args *a, struct buf *note, struct buf *keys,
               struct fault *f)
{
    struct checkpoint *c = xcalloc(1, sizeof(*c));
    bool now = !a->newest && !a->key && a->log == NULL;
    int64_t log;
    int rc = audit_log_option(a->log, &log, f);

    if (rc == 0)
        rc = tool_connect(t, f);

    if (rc == 0)
        rc = audit_newest(t, log, now, c, note, keys, f);
    if (rc == -FAULT_NOT_FOUND && a->key && a->log == NULL)
        rc = audit_newest(t, log, true, c, note, keys, f);
    free(c);
    return rc;
}

static int run_audit_checkpoint(struct tool *t, void *args)
{
    const struct checkpoint_args *a = args;
    struct fault f = {0};
    struct buf note, keys;
    struct slice what;
    int rc;

    buf_init(&note, NOTE_MAX);
    buf_init(&keys, NOTE_MAX);
    rc = get(t, a, &note, &keys, &f);
    what = buf_slice(a->key ? &keys : &note);
    if (rc == 0 && a->out != NULL)
        rc = file_write(a->out, 0644, what, &f);
    if (rc != 0)
        rc = tool_fail(t, &f);
    else if (a->out == NULL)
        rc = tool_print(t, what);
    buf_free(&note);
    buf_free(&keys);
    return rc;
}

static const struct opt opts[] = {
    {"newest", OPT_FLAG, offsetof(struct checkpoint_args, newest), NULL,
     "the newest that there is; sign none", 0},
    {"key", OPT_FLAG, offsetof(struct checkpoint_args, key), NULL,
     "the public keys to verify checkpoints with, Ed25519 first", 0},
    {"out", OPT_TEXT, offsetof(struct checkpoint_args, out), "FILE", "instead of standard output",
     0},
    {"log", OPT_TEXT, offsetof(struct checkpoint_args, log), "NUMBER",
     "the newest of a log that a restore ended, by its number; 0: the first", 0},
    {NULL, OPT_FLAG, 0, NULL, NULL, 0},
};

const struct command cmd_audit_checkpoint = {
    .name = "audit checkpoint",
    .help = "have a checkpoint of the audit log signed now, and print it",
    .arguments = "[options]",
    .examples = "  cerca audit checkpoint --out today.checkpoint\n"
                "  cerca audit checkpoint --key\n"
                "  cerca audit checkpoint --log 0\n",
    .opts = opts,
    .args_size = sizeof(struct checkpoint_args),
    .run = run_audit_checkpoint,
};
