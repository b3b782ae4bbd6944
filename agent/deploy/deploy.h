/*
 * Deployment: a certificate becomes what services serve, or nothing has changed.
 *
 *   DIR/versions/N/     the files of version N, in every configured form, and identity.pem
 *                       (key, certificate, chain; mode 0600), which is the agent's own; of a key
 *                       in a token, identity.uri beside it
 *   DIR/current         symlink to versions/N: what services see, replaced by one rename, so that
 *                       key and certificate change together
 *   DIR/good            symlink to the version that was last seen served: what a rollback brings
 *                       back
 *
 * DIR is the entry's state_dir. Version 0 is what lay at the configured paths before the agent
 * came, octet for octet. `keep` versions older than the one in force are kept, the others wiped.
 *
 * The order is stage, test, install, reload, verify; after a failure of the last three, rollback.
 * Each may be called again with the same arguments after a crash at any instruction: it does what
 * is still missing. Whatever happens, a service finds a whole, valid pair. All block; one caller at
 * a time an entry. Commands run without a shell (agent/deploy/command.h).
 *
 * Rules: "deploy.key", "deploy.loads", "deploy.chain", "deploy.names", "deploy.expired",
 * "deploy.certificate" (checks); "deploy.write", "deploy.readonly", "deploy.full", "deploy.owner",
 * "deploy.password", "deploy.path", "deploy.command", "deploy.version" (no such one);
 * "deploy.test", "deploy.reload", "deploy.probe"; "deploy.hook"; "deploy.previous" (nothing to go
 * back to).
 */
#ifndef AGENT_DEPLOY_DEPLOY_H
#define AGENT_DEPLOY_DEPLOY_H

#include "agent/conf/conf.h"
#include "lib/buf.h"

#define DEPLOY_IDENTITY "identity.pem"
#define DEPLOY_IDENTITY_URI "identity.uri"

struct deploy_material {
    struct slice key;   /* PKCS#8 PEM; empty: it is in a token, ... */
    struct slice uri;   /* ... there (RFC 7512), */
    struct slice spki;  /* ... and shows this SubjectPublicKeyInfo */
    struct slice leaf;  /* DER */
    struct slice chain; /* DER certificates, one behind the other, without the anchor */
};

/* What the configuration alone does not say: that no two files have one name in a version's folder,
 * and recipes are known ("deploy.path", "deploy.recipe"). */
int deploy_check(const struct agent_cert *c, struct fault *f) WARN_UNUSED;
/* The programs that commands of services and hooks name can be run ("deploy.command"). */
int deploy_commands(const struct agent_cert *c, struct fault *f) WARN_UNUSED;
/* Before there is a first version: nothing lies at the paths that is not to be taken over
 * ("deploy.path"). */
int deploy_may_begin(const struct agent_cert *c, struct fault *f) WARN_UNUSED;
/* Checks the material (key matches, chain complete to the trust, the configured names are in, valid
 * now), then writes versions/N, synced. */
int deploy_stage(const struct agent_cert *c, const struct deploy_material *m, unsigned version,
                 struct fault *f) WARN_UNUSED;
/* The services' own tests, which see version N where services will see it, while everybody else
 * sees the present one (a mount namespace of their own). Where the system does not allow that,
 * nothing: deploy_reload tests then. */
int deploy_test(const struct agent_cert *c, unsigned version, struct fault *f) WARN_UNUSED;
/* Version N is visible: key and certificate by one rename. What lies at the configured paths is
 * taken over first; without `take_over` a file there is refused ("deploy.path"). */
int deploy_install(const struct agent_cert *c, unsigned version, struct fault *f) WARN_UNUSED;
/* Every service, in order; then every Secret. */
int deploy_reload(const struct agent_cert *c, struct fault *f) WARN_UNUSED;

#define DEPLOY_ADDRESS_MAX 128
#define DEPLOY_SEEN_MAX 64 /* addresses of an entry */

/* What an address served when it was last looked at. */
struct deploy_seen {
    const char *service;              /* its name; the configuration's */
    char address[DEPLOY_ADDRESS_MAX]; /* as configured */
    char served[65];                  /* SHA-256, lower-case hexadecimal; "": no certificate */
    bool right;                       /* it is the version's */
    char why[128];                    /* of no certificate; "": none */
    int64_t at;
};
struct deploy_view {
    size_t n;
    struct deploy_seen item[DEPLOY_SEEN_MAX];
};

/* Looks at every address until each has served version N several times in a row (of a version with
 * no certificate that can be read: any), or the time is over ("deploy.probe"). Then N is good, and
 * what is older than `keep` versions is wiped. `seen` may be NULL. */
int deploy_verify(const struct agent_cert *c, unsigned version, struct deploy_view *seen,
                  struct fault *f) WARN_UNUSED;
/* The good version is visible again, services reload, every address is looked at. "deploy.previous"
 * when there is no good one: what is installed stays then, since nothing else is there. */
int deploy_rollback(const struct agent_cert *c, struct deploy_view *seen,
                    struct fault *f) WARN_UNUSED;
/* One look at every address, whatever it serves. */
void deploy_look(const struct agent_cert *c, unsigned version, struct deploy_view *seen);

/* The version that is visible; -FAULT_NOT_FOUND: none. */
int deploy_current(const struct agent_cert *c, unsigned *version, struct fault *f) WARN_UNUSED;
/* A number above all that are there, at least 1. */
int deploy_next(const struct agent_cert *c, unsigned *version, struct fault *f) WARN_UNUSED;
/* Files that services read already become version 0: each path becomes a symlink to its own
 * octets, one after the other, so that every mixture is valid. Nothing when that was done. */
int deploy_take_over(const struct agent_cert *c, struct fault *f) WARN_UNUSED;
/* Somebody has taken away what lay at a configured path. */
bool deploy_missing(const struct agent_cert *c);
/* The leaf of a version, DER. */
int deploy_leaf(const struct agent_cert *c, unsigned version, struct buf *der,
                struct fault *f) WARN_UNUSED;
/* The entry is given up: paths become files again, with the contents that they show now. Folders
 * (agent/trust) stay where they are, and so the symlinks to them. */
int deploy_release(const struct agent_cert *c, struct fault *f) WARN_UNUSED;

enum deploy_hook { DEPLOY_BEFORE, DEPLOY_AFTER, DEPLOY_FAILED };
/* Nothing where none is configured. The hook gets CERCA_NAME, CERCA_STATE and, when something
 * failed, CERCA_REASON and CERCA_RULE in its environment. */
int deploy_hook(const struct agent_cert *c, enum deploy_hook which, const struct fault *why,
                struct fault *f) WARN_UNUSED;

#endif
