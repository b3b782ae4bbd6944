#include <stdio.h>

#include "lib/proto.h"
#include "tools/commands.h"
#include "tools/json.h"

struct gate_args {
    const char *reason;
    bool dry_run;
};

static int print_gate(const struct tool *t, uint16_t type)
{
    json_t *o = json_object();

    json_put(o, "issuing", json_boolean(type == MSG_OPEN));
    return json_print(t, o);
}

static int ask_gate(struct tool *t, uint16_t type, const struct gate_args *a, const char *done)
{
    struct gate_request request = {{0}};
    struct fault f = {0};
    struct frame answer;
    struct buf body;
    int rc = tool_field(request.reason, sizeof(request.reason), "--reason", a->reason, &f);

    if (rc == 0 && a->dry_run) {
        rc = tool_connect(t, &f);
        return rc == 0 ? EXIT_OK : tool_fail(t, &f);
    }
    buf_init(&body, 1024);
    gate_request_put(&body, &request);
    if (rc == 0)
        rc = tool_call(t, type, buf_slice(&body), MSG_GATE_DONE, &answer, &f);
    buf_free(&body);
    if (rc != 0)
        return tool_fail(t, &f);
    return t->format == FORMAT_JSON ? print_gate(t, type) : tool_print(t, slice_str(done));
}

static int run_open(struct tool *t, void *args)
{
    return ask_gate(t, MSG_OPEN, args, "issuing is open\n");
}

static int run_close(struct tool *t, void *args)
{
    const struct gate_args *a = args;

    if (a->reason == NULL)
        return tool_usage(t, "--reason is missing");
    return ask_gate(t, MSG_CLOSE, args,
                    "issuing is closed; revocation, status, lists and CRLs go on\n");
}

static const struct opt opts[] = {
    {"reason", OPT_TEXT, offsetof(struct gate_args, reason), "TEXT",
     "why, for the audit log and for whoever is refused", 0},
    {"dry-run", OPT_FLAG, offsetof(struct gate_args, dry_run), NULL,
     "only see whether cerca-ca is there; change nothing", 0},
    {NULL, OPT_FLAG, 0, NULL, NULL, 0},
};

const struct command cmd_open = {
    .name = "open",
    .help = "let a closed or restored CA issue again",
    .arguments = "[--reason TEXT] [options]",
    .examples = "  cerca status; cerca open --reason \"what was lost is known and told\"\n",
    .opts = opts,
    .args_size = sizeof(struct gate_args),
    .formats = FORMAT_TEXT | FORMAT_JSON,
    .format = FORMAT_TEXT,
    .run = run_open,
};

const struct command cmd_close = {
    .name = "close",
    .help = "stop issuing, durably; everything else goes on",
    .arguments = "--reason TEXT [options]",
    .examples = "  cerca close --reason \"a key is being looked for\"\n",
    .opts = opts,
    .args_size = sizeof(struct gate_args),
    .formats = FORMAT_TEXT | FORMAT_JSON,
    .format = FORMAT_TEXT,
    .run = run_close,
};
