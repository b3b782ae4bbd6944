/* cerca-agent renew and rekey: an entry is worked on now, here. */
#include "agent/daemon.h"
#include "lib/log.h"
#include "tools/agent_tool.h"

struct renew_args {
    struct agent_args agent;
    bool due;
};

static int work(struct tool *t, const struct renew_args *a, bool fresh_key)
{
    struct work_order order = {.now = !a->due, .fresh_key = fresh_key, .no_window = !a->due};
    struct entry e;
    struct agent_conf *c;
    struct fault f = {0};
    struct record r;
    int rc;

    if (agent_tool_load(t, &a->agent, &c, &f) != 0)
        return tool_fail(t, &f);
    order.timeout = c->timeout;
    if (agent_tool_entry(t, c, &e, &f) != 0) {
        rc = tool_fail(t, &f);
    } else {
        enum work_result result = entry_work(&e, &order, &r, &f);

        rc = agent_tool_result(t, e.as, result, &r, &f);
        daemon_wake(c);
    }
    agent_conf_free(c);
    return rc;
}

static int run_renew(struct tool *t, void *args)
{
    return work(t, args, false);
}

static int run_rekey(struct tool *t, void *args)
{
    return work(t, args, true);
}

static const struct opt opts[] = {
    {"if-due", OPT_FLAG, offsetof(struct renew_args, due), NULL,
     "only what the daemon would do now: nothing before it is due, and windows are waited for", 0},
    {NULL, OPT_FLAG, 0, NULL, NULL, 0},
};

const struct command cmd_agent_renew = {
    .name = "renew",
    .help = "get a new certificate and bring it to its services, now",
    .arguments = "NAME [options]",
    .examples = "  cerca-agent renew web\n"
                "  cerca-agent renew web --if-due\n",
    .opts = opts,
    .shared = agent_opts,
    .args_size = sizeof(struct renew_args),
    .min = 1,
    .max = 1,
    .run = run_renew,
};

const struct command cmd_agent_rekey = {
    .name = "rekey",
    .help = "the same with a new key, whatever reuse_key says",
    .arguments = "NAME [options]",
    .examples = "  cerca-agent rekey web\n",
    .shared = agent_opts,
    .args_size = sizeof(struct renew_args),
    .min = 1,
    .max = 1,
    .run = run_rekey,
};
