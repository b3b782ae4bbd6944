/* The tables of agent.conf and of an entry's file (lib/conf_schema.h), for agent/conf/ alone. */
#ifndef AGENT_CONF_SCHEMA_H
#define AGENT_CONF_SCHEMA_H

#include "lib/conf_schema.h"

extern const struct conf_table agent_table; /* over struct agent_conf */
extern const struct conf_table entry_table; /* over struct agent_cert */
extern const struct conf_table trust_table; /* over struct agent_trust */
/* Of both kinds of entries: over struct agent_cert, which struct agent_trust begins with. */
extern const struct conf_section agent_services, agent_hooks;
/* Keys in a token (agent/conf/schema_key.c), over struct agent_cert. */
extern const struct conf_section agent_key_section;
int agent_check_file(const char *text, struct fault *f);

#endif
