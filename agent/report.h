/*
 * What the CA is told of this host (POST /.well-known/cerca/report, as JSON): every entry, how far
 * it is, where its files are and what services served; then, in posts of their own, the
 * certificates that lie in the folders of `scan`. The certificate of one entry speaks for all.
 */
#ifndef AGENT_REPORT_H
#define AGENT_REPORT_H

#include "agent/conf/conf.h"

/* Of one post */
#define REPORT_ENTRIES 64
#define REPORT_FOUND 32           /* certificates */
#define REPORT_FOUND_OCTETS 49152 /* of those, in base64 */

/* The posts that tell all of it, or what is not `found`, one behind the other: calls `fn` with
 * each. */
int report_make(const struct agent_conf *c, bool found,
                int (*fn)(void *arg, struct slice json, struct fault *f), void *arg,
                struct fault *f) WARN_UNUSED;
/* Tells the CA; without `found` nothing of what lies in folders, which are not looked at then.
 * -FAULT_NOT_FOUND, rule "agent.report": no entry has a certificate yet. */
int report_send(const struct agent_conf *c, bool found, struct fault *f) WARN_UNUSED;
/* That an entry is looked after no more. */
int report_removed(const struct agent_conf *c, const char *name, struct fault *f) WARN_UNUSED;

#endif
