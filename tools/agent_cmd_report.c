/* cerca-agent report: what the CA is told of this host. */
#include "agent/report.h"
#include "tools/agent_tool.h"

struct report_args {
    struct agent_args agent;
    bool send;
};

static int print(void *arg, struct slice json, struct fault *f)
{
    const struct tool *t = arg;

    if (tool_print(t, json) == EXIT_OK && tool_print(t, slice_str("\n")) == EXIT_OK)
        return 0;
    return fault_set(f, FAULT_INTERNAL, "agent.report", "the report could not be printed");
}

static int run(struct tool *t, void *args)
{
    const struct report_args *a = args;
    struct agent_conf *c;
    struct fault f = {0};
    int rc;

    if (agent_tool_load(t, &a->agent, &c, &f) != 0)
        return tool_fail(t, &f);
    rc = a->send ? report_send(c, true, &f) : report_make(c, true, print, t, &f);
    agent_conf_free(c);
    return rc == 0 ? EXIT_OK : tool_fail(t, &f);
}

static const struct opt opts[] = {
    {"send", OPT_FLAG, offsetof(struct report_args, send), NULL, "tell the CA, now", 0},
    {NULL, OPT_FLAG, 0, NULL, NULL, 0},
};

const struct command cmd_agent_report = {
    .name = "report",
    .help = "print what the CA is told of this host, or tell it",
    .arguments = "[options]",
    .examples = "  cerca-agent report\n  cerca-agent report --send\n",
    .opts = opts,
    .shared = agent_opts,
    .args_size = sizeof(struct report_args),
    .run = run,
};
