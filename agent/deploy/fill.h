/* For who deploys something else than a certificate by the same means: versions whose files it
 * writes itself (deploy.h does the rest). */
#ifndef AGENT_DEPLOY_FILL_H
#define AGENT_DEPLOY_FILL_H

#include "agent/deploy/place.h"

/* Writes what version N has into its folder, which is new. */
typedef int (*deploy_fill)(void *arg, const char *folder, struct fault *f);
/* versions/N, synced; instead of one that was begun before. Rules as of deploy_stage. */
int deploy_make(const struct agent_cert *c, unsigned version, deploy_fill fill, void *arg,
                struct fault *f) WARN_UNUSED;
/* Rule "deploy.owner". */
int deploy_owner(const char *user, const char *group, unsigned mode, struct place_owner *out,
                 struct fault *f) WARN_UNUSED;

#endif
