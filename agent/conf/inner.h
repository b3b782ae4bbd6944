/* What reading entries of both kinds shares; for agent/conf/ alone. */
#ifndef AGENT_CONF_INNER_H
#define AGENT_CONF_INNER_H

#include "agent/conf/conf.h"
#include "lib/conf_schema.h"

#define AGENT_CERT_FOLDER "conf.d"
#define AGENT_TRUST_FOLDER "trust.d"

/* Name, path and state_dir of the entry NAME in that folder; the caller's also after a fault. */
int agent_conf_entry(const struct agent_conf *c, const char *folder, const char *name,
                     struct agent_cert *out, struct fault *f) WARN_UNUSED;
/* The text of the file `path` through a table into `root`; relative paths are of `dir`. */
int agent_conf_parse(const char *path, const char *dir, const struct conf_table *table, void *root,
                     const char *text, struct fault *f) WARN_UNUSED;

/* The digest of an entry with that text, of which agent.conf fills in the rest. */
void agent_conf_digest(const struct agent_conf *c, const char *text, uint8_t out[32]);
/* Entries with a path that another one has become bad ones ("conf.duplicate"): of several that one
 * is kept whose file it is already, else the first of those that have brought files, else of all.
 */
void agent_conf_paths(struct agent_conf *c);

#endif
