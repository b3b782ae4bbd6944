/*
 * Commands that the service manager runs for the agent. cerca-agent.service is walled in: it has no
 * right to mount, to become another user or to write but to a few folders, all of which a command
 * of a service may need (`nginx -t` writes its log, `pg_ctl` becomes postgres). So under it a
 * command is a transient unit, by systemd-run(1), with the rights of any other service on the host:
 * commands are the administrator's own words. The unit of the agent asks for that by its
 * environment.
 */
#ifndef AGENT_DEPLOY_ASUNIT_H
#define AGENT_DEPLOY_ASUNIT_H

#include "agent/deploy/command.h"

/* Is CERCA_AGENT_COMMANDS=systemd-run in the environment? */
bool asunit_wanted(void);
/* 0: argv[0] can be found, where commands are looked for; else errno's number. systemd-run says no
 * more than that it has failed. */
int asunit_missing(const char *program);
/* The words of systemd-run, ended by NULL; each and the array are the caller's (asunit_free). */
char **asunit_argv(const struct command *c);
void asunit_free(char **argv);

#endif
