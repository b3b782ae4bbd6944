/* What the commands of cerca-agent share. */
#ifndef TOOLS_AGENT_TOOL_H
#define TOOLS_AGENT_TOOL_H

#include "agent/entries.h"
#include "agent/state.h"
#include "lib/clock.h"
#include "tools/json.h"

/* First in the arguments of each. */
struct agent_args {
    const char *state_dir;
};
extern const struct opt agent_opts[];

extern const struct command cmd_agent_add;
extern const struct command cmd_agent_check;
extern const struct command cmd_agent_conf;
extern const struct command cmd_agent_explain;
extern const struct command cmd_agent_list;
extern const struct command cmd_agent_recipes;
extern const struct command cmd_agent_rekey;
extern const struct command cmd_agent_remove;
extern const struct command cmd_agent_renew;
extern const struct command cmd_agent_report;
extern const struct command cmd_agent_run;
extern const struct command cmd_agent_scan;
extern const struct command cmd_agent_status;
extern const struct command cmd_completion;

/* Folders: --conf-dir, else $CERCA_AGENT_CONF, else /etc/cerca-agent. */
int agent_tool_load(const struct tool *t, const struct agent_args *a, struct agent_conf **out,
                    struct fault *f) WARN_UNUSED;
/* The entry that the first word names; the fault says why there is none. */
int agent_tool_entry(const struct tool *t, const struct agent_conf *c, struct entry *out,
                     struct fault *f) WARN_UNUSED;
/* How far an entry is; the caller owns it. */
json_t *agent_entry_json(const struct entry *e, const struct record *r);
/* The same for people, a line each. */
void agent_entry_text(const struct entry *e, const struct record *r, struct buf *out);
/* "not known" for 0; returns `out`. */
const char *agent_time_text(int64_t t, char out[CLOCK_TEXT_SIZE]);
/* The exit status of work on an entry; what went wrong is said. */
int agent_tool_result(const struct tool *t, const struct agent_cert *c, enum work_result result,
                      const struct record *r, const struct fault *f);

#endif
