/*
 * CRLs and CA certificates kept fresh: fetched (by a jailed child), checked, written in every
 * configured form, made visible all at once, services reloaded and looked at, or what was there
 * comes back (agent/deploy/deploy.h, whose means these are).
 *
 * A CRL is taken when it is a full list in strict DER (lib/crl.h), signed by its issuer, its number
 * is above that of the one installed, thisUpdate is not ahead, and nextUpdate is. A CA certificate
 * is taken when it is below one of the configured certificates or of those taken before; a root of
 * its own signature when a certificate for the same name and key by such a one comes along (RFC
 * 4210 4.4, RFC 7030 4.1.3). What is refused changes nothing: what is installed stays, and its end
 * comes nearer, which is told long before.
 *
 * Rules: "trust.fetch", "trust.crl", "trust.issuer", "trust.number", "trust.time", "trust.ca",
 * "trust.write", "trust.missing" (nothing of a source was ever there), those of deploy.h.
 */
#ifndef AGENT_TRUST_TRUST_H
#define AGENT_TRUST_TRUST_H

#include "agent/conf/trust.h"
#include "agent/deploy/deploy.h"

/* What is installed of a source. */
struct trust_item {
    const struct trust_source *source;
    bool there;
    bool changed;    /* by this look */
    uint64_t number; /* of a CRL; 0: it has none */
    uint64_t entries;
    int64_t this_update;
    int64_t next_update; /* of a CRL; of CA certificates the earliest end. 0: none */
    struct fault why;    /* of the last look, when it failed; else FAULT_NONE */
};

struct trust_status {
    size_t n;
    struct trust_item item[TRUST_SOURCES_MAX];
    unsigned version; /* installed; 0: none, or what was there before */
    bool changed;
    int64_t next_update; /* the earliest; 0: none */
    int64_t late_from;   /* when people are to be told; 0: never */
    struct deploy_view seen;
};

/* Asks every source, installs what is new, and finishes what a crash left half done. What can be
 * had is installed even when a source fails; then its fault is returned. Hooks `before` and `after`
 * run where something is installed; `failed` is the caller's. `timeout`: seconds a source. */
int trust_refresh(const struct agent_trust *t, int64_t timeout, struct trust_status *out,
                  struct fault *f) WARN_UNUSED;
/* What is installed, nobody is asked. */
int trust_look(const struct agent_trust *t, struct trust_status *out, struct fault *f) WARN_UNUSED;

#endif
