/* What the files of deploying share. */
#ifndef AGENT_DEPLOY_INNER_H
#define AGENT_DEPLOY_INNER_H

#include "agent/deploy/deploy.h"
#include "agent/deploy/place.h"

/* The configured files; where there are none: key.pem, cert.pem, chain.pem and fullchain.pem, at no
 * path of their own. */
const struct agent_file *deploy_files(const struct agent_cert *c, size_t *n);
/* -FAULT_NOT_FOUND: there is no such version. */
int deploy_has(const struct agent_cert *c, unsigned version, struct fault *f) WARN_UNUSED;
/* Version N is what services see (agent/deploy/install.c). */
int deploy_show(const struct agent_cert *c, unsigned version, struct fault *f) WARN_UNUSED;

/* For services that follow no symlinks: FOLDER.cerca-new is made of version N, ... */
int exchange_prepare(const struct agent_cert *c, unsigned version, char made[PATH_MAX],
                     struct fault *f) WARN_UNUSED;
/* ... changes places with FOLDER, and what was there is wiped. */
int exchange_show(const struct agent_cert *c, unsigned version, struct fault *f) WARN_UNUSED;

/* The entry's Secrets get the key and certificates of the visible version; nothing of one that was
 * taken over (agent/deploy/kube.h). */
int secrets_put(const struct agent_cert *c, struct fault *f) WARN_UNUSED;
int secrets_verify(const struct agent_cert *c, unsigned version, struct fault *f) WARN_UNUSED;

#endif
