/*
 * From a certificate to a service that serves it. Each function may be called again after a crash,
 * at any point, with the same arguments: it does what is still missing. All block; none is for
 * several threads. `version` numbers a certificate's material, 1 the first; 0 is what was there
 * before the agent (take_over).
 *
 * Rules of faults begin with "deploy.": "deploy.check" (the material is not what it should be),
 * "deploy.write", "deploy.test" (the service refuses it), "deploy.reload", "deploy.probe" (not
 * served in time), "deploy.hook".
 */
#ifndef AGENT_DEPLOY_DEPLOY_H
#define AGENT_DEPLOY_DEPLOY_H

#include "agent/conf.h"
#include "lib/buf.h"

struct deploy_material {
    struct slice key;   /* PKCS#8 PEM; empty: it is not in a file */
    struct slice leaf;  /* DER */
    struct slice chain; /* DER certificates, one behind the other */
};

/* Writes STATE/NAME/versions/N in every configured format, with owner and mode, synced; then reads
 * it back and checks: the key matches, the chain is complete to the trust, the names are those
 * configured, not expired. */
int deploy_stage(const struct agent_cert *c, const struct deploy_material *m, unsigned version,
                 struct fault *f) WARN_UNUSED;
/* The services' own configuration tests, against the new version where a service can. */
int deploy_test(const struct agent_cert *c, unsigned version, struct fault *f) WARN_UNUSED;
/* One rename: key and certificate become visible together. */
int deploy_install(const struct agent_cert *c, unsigned version, struct fault *f) WARN_UNUSED;
/* Every service, in order. */
int deploy_reload(const struct agent_cert *c, struct fault *f) WARN_UNUSED;
/* Probes every configured address until the served certificate is that of the version, or the time
 * is over. */
int deploy_verify(const struct agent_cert *c, unsigned version, struct fault *f) WARN_UNUSED;
/* The version before is visible again, services reload, probes repeat. */
int deploy_rollback(const struct agent_cert *c, struct fault *f) WARN_UNUSED;

/* The version that is visible; -FAULT_NOT_FOUND: none. */
int deploy_current(const struct agent_cert *c, unsigned *version, struct fault *f) WARN_UNUSED;
/* Files that services read already become version 0 (take_over); nothing when that was done. */
int deploy_take_over(const struct agent_cert *c, struct fault *f) WARN_UNUSED;
/* The leaf of a version, DER. */
int deploy_leaf(const struct agent_cert *c, unsigned version, struct buf *der,
                struct fault *f) WARN_UNUSED;

enum deploy_hook { DEPLOY_BEFORE, DEPLOY_AFTER, DEPLOY_FAILED };
/* Nothing where none is configured. The hook gets CERCA_NAME, CERCA_STATE and, when something
 * failed, CERCA_REASON and CERCA_RULE in its environment. */
int deploy_hook(const struct agent_cert *c, enum deploy_hook which, const struct fault *why,
                struct fault *f) WARN_UNUSED;

#endif
