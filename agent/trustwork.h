/*
 * Work on an entry of trust.d, in this process, as agent/work.h has it of certificates: its record
 * says `verified`, or `stuck` once people have to look: what came was refused, services did not
 * take it, or the end of what is installed is near. A source that is away for a while is none of
 * these: the reason is in the record, and it is asked again.
 */
#ifndef AGENT_TRUSTWORK_H
#define AGENT_TRUSTWORK_H

#include "agent/conf/trust.h"
#include "agent/work.h"

/* Asks the sources now. `timeout`: seconds a source. *r may be NULL. */
enum work_result trust_work(const struct agent_trust *t, int64_t timeout, struct record *r,
                            struct fault *f);

#endif
