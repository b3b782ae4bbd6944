#include "tools/agent_tool.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"

const struct opt agent_opts[] = {
    {"state-dir", OPT_TEXT, offsetof(struct agent_args, state_dir), "DIR",
     "what the agent keeps; else that of agent.conf", 0},
    {NULL, OPT_FLAG, 0, NULL, NULL, 0},
};

static const char *absolute(const char *path, char out[PATH_MAX])
{
    char here[PATH_MAX];

    if (path == NULL || path[0] == '/' || getcwd(here, sizeof(here)) == NULL ||
        snprintf(out, PATH_MAX, "%s/%s", here, path) >= PATH_MAX)
        return path;
    return out;
}

int agent_tool_load(const struct tool *t, const struct agent_args *a, struct agent_conf **out,
                    struct fault *f)
{
    const char *dir = t->conf_path != NULL ? t->conf_path : getenv("CERCA_AGENT_CONF");
    char state[PATH_MAX];

    if (dir == NULL || dir[0] == '\0')
        dir = AGENT_CONF_DIR;
    return agent_conf_load(dir, absolute(a->state_dir, state), out, f);
}

int agent_tool_entry(const struct tool *t, const struct agent_conf *c, struct entry *out,
                     struct fault *f)
{
    const char *name = t->words[0];

    if (entries_find(c, name, out))
        return 0;
    for (size_t i = 0; i < c->n_bad; i++) {
        if (strcmp(c->bad[i].name, name) == 0) {
            *f = c->bad[i].why;
            return -(int)f->code;
        }
    }
    return fault_set(f, FAULT_NOT_FOUND, "agent.entry", "there is no entry %.60s in %.120s", name,
                     c->dir);
}

static void say_well(const struct tool *t, const struct agent_cert *c, const struct record *r)
{
    char until[CLOCK_TEXT_SIZE], next[CLOCK_TEXT_SIZE];

    clock_format(r->not_after, until);
    clock_format(r->next, next);
    if (r->state == STATE_VERIFIED)
        tool_say(t, "%s is verified: version %u, valid until %s; looked at again %s", c->name,
                 r->version, until, next);
    else
        tool_say(t, "%s is %s; goes on %s", c->name, agent_state_word(r->state), next);
}

int agent_tool_result(const struct tool *t, const struct agent_cert *c, enum work_result result,
                      const struct record *r, const struct fault *f)
{
    if (result == WORK_WELL) {
        say_well(t, c, r);
        return EXIT_OK;
    }
    if (result == WORK_PENDING) {
        tool_say(t, "%s waits for an approval: %s", c->name, f->text);
        return EXIT_PENDING;
    }
    return tool_fail(t, f);
}
