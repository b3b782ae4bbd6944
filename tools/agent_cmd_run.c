/* cerca-agent run: the daemon. */
#include "agent/daemon.h"
#include "lib/log.h"
#include "tools/agent_tool.h"

static int run(struct tool *t, void *args)
{
    const struct agent_args *a = args;
    enum log_level level = LOG_LEVEL_INFO;
    struct agent_conf *c;
    struct fault f = {0};
    char state[4096];

    if (agent_tool_load(t, a, &c, &f) != 0)
        return tool_fail(t, &f);
    if (log_level_parse(c->log_level, &level) == 0)
        log_open("cerca-agent", level);
    (void)snprintf(state, sizeof(state), "%s", c->state_dir);
    return daemon_run(c, a->state_dir != NULL ? state : NULL, &f) == 0 ? EXIT_OK : tool_fail(t, &f);
}

const struct command cmd_agent_run = {
    .name = "run",
    .help = "keep all entries, in the foreground, until a signal ends it",
    .arguments = "[options]",
    .examples = "  cerca-agent run\n",
    .shared = agent_opts,
    .args_size = sizeof(struct agent_args),
    .run = run,
};
