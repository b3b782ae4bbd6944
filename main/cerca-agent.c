/* cerca-agent: keeps certificates on this host. Its commands are in tools/agent_cmd_*.c, what they
 * do in agent/. */
#include <sys/prctl.h>
#include <sys/resource.h>

#include "tools/agent_tool.h"

const struct program program = {
    .name = "cerca-agent",
    .manual = "cerca-agent(8)",
    .usage = "COMMAND [options]",
    .exits = "exit status: 0 all is well, 1 refused, failed or stuck, 2 not called as intended,\n"
             "3 waits for an approval, 4 no memory\n",
};

const struct opt common_opts[] = {
    {"conf-dir", OPT_TEXT, offsetof(struct tool, conf_path), "DIR",
     "folder of agent.conf and conf.d (else $CERCA_AGENT_CONF, /etc/cerca-agent)", 'c'},
    COMMON_OPTS,
};

const struct command *const commands[] = {
    &cmd_agent_add,   &cmd_agent_list,    &cmd_agent_status, &cmd_agent_explain, &cmd_agent_check,
    &cmd_agent_renew, &cmd_agent_rekey,   &cmd_agent_remove, &cmd_agent_run,     &cmd_agent_report,
    &cmd_agent_scan,  &cmd_agent_recipes, &cmd_agent_conf,   &cmd_completion,    NULL,
};

/* Its workers hold keys, and are in no jail: neither a core file nor another process of its user
 * has them. Commands that it runs can be looked into as any other. */
static void keep_to_itself(void)
{
    const struct rlimit none = {0, 0};

    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

int main(int argc, char **argv)
{
    keep_to_itself();
    return tool_main(argc, argv);
}
