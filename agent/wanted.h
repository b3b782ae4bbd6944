/* What the configuration of an entry asks to be certified, and what the certificate in force lacks
 * of it. */
#ifndef AGENT_WANTED_H
#define AGENT_WANTED_H

#include "agent/conf/conf.h"

struct wanted {
    bool names, subject;
};

/* Of the certificate in force; nothing when that cannot be read. */
struct wanted wanted_changes(const struct agent_cert *c);
/* Of what is asked for: SHA-256, lower-case hexadecimal. */
void wanted_hash(const struct agent_cert *c, char out[65]);

/* The same of the files: where each is, what is in it, and whose it is. */
void wanted_files_hash(const struct agent_cert *c, char out[65]);

#endif
