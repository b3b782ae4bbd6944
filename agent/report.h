/*
 * What the CA is told of this host (POST /.well-known/cerca/report, as JSON): every entry, how far
 * it is, where its files are and what services served. The certificate of one entry speaks for all.
 */
#ifndef AGENT_REPORT_H
#define AGENT_REPORT_H

#include "agent/conf/conf.h"

#define REPORT_ENTRIES 64 /* of one post */

/* The posts that tell all of it, one behind the other: calls `fn` with each. */
int report_make(const struct agent_conf *c,
                int (*fn)(void *arg, struct slice json, struct fault *f), void *arg,
                struct fault *f) WARN_UNUSED;
/* Tells the CA. -FAULT_NOT_FOUND, rule "agent.report": no entry has a certificate yet. */
int report_send(const struct agent_conf *c, struct fault *f) WARN_UNUSED;
/* That an entry is looked after no more. */
int report_removed(const struct agent_conf *c, const char *name, struct fault *f) WARN_UNUSED;

#endif
