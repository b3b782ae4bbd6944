/*
 * Secrets of type kubernetes.io/tls, by the API of Kubernetes: read, then made (POST) or changed by
 * a merge patch (RFC 7396) that names the version it is of (resourceVersion). Who changed it
 * meanwhile is not overwritten blindly: the server says 409, and it is read again. Labels and
 * further data stay. What is right already is not written.
 */
#ifndef AGENT_DEPLOY_KUBE_H
#define AGENT_DEPLOY_KUBE_H

#include "agent/conf/conf.h"
#include "lib/buf.h"

#define KUBE_TRIES 5 /* at a Secret that others change */

/* By a jailed child. Afterwards the Secret has that key and those certificates (PEM), as the server
 * says. Rules: "kube.token", "kube.failed" (no answer, or one that cannot be read), "kube.denied"
 * (401, 403), "kube.type" (it is another kind of Secret), "kube.conflict" (others go on changing
 * it), "kube.refused" (any other status, with what the server says). */
int kube_put(const struct agent_secret *s, struct slice key, struct slice chain,
             struct fault *f) WARN_UNUSED;
/* Has it these? 0, or "kube.other", and the rules above. */
int kube_verify(const struct agent_secret *s, struct slice key, struct slice chain,
                struct fault *f) WARN_UNUSED;

#endif
