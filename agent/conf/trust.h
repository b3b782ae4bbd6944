/*
 * What is kept fresh for services that check clients: CRLs and CA certificates, from elsewhere. One
 * file each in the folder trust.d beside agent.conf, NAME.conf for NAME, which no file of conf.d
 * has too.
 */
#ifndef AGENT_CONF_TRUST_H
#define AGENT_CONF_TRUST_H

#include "agent/conf/conf.h"

#define TRUST_SOURCES_MAX 32
#define TRUST_FILES_MAX 16

enum trust_kind { TRUST_CRL = 0, TRUST_CA };

/* Where something comes from. */
struct trust_source {
    char *name; /* first */
    enum trust_kind kind;
    char *url;    /* http, https or file */
    char *issuer; /* PEM: whose signature a CRL must have; below which a CA certificate must be */
    char *trust;  /* PEM: whom to trust as https server; "": that of agent.conf */
};

enum trust_form {
    TRUST_PEM = 0, /* all in one file */
    TRUST_DER,     /* of one source */
    TRUST_HASHED,  /* a folder with names by subject, as `openssl rehash` makes */
    TRUST_SERIALS, /* a folder with an empty file for each revoked serial number, decimal */
};

struct trust_file {
    char *path; /* first */
    enum trust_form form;
    char **sources; /* none: all */
    size_t n_sources;
    char *owner, *group;
    unsigned mode; /* 0: 0644, a folder 0755 */
};

struct agent_trust {
    /* First, so that the tables of services and hooks are those of certificates: name, path,
     * state_dir, keep, take_over, services and hooks; `files` has paths and owners of those
     * below. */
    struct agent_cert as;
    struct trust_source *sources;
    size_t n_sources;
    struct trust_file *lists;
    size_t n_lists;
    int64_t every;         /* seconds between two looks */
    int64_t min_remaining; /* seconds; less than that until a nextUpdate is an alert. 0: a third of
                            * what the list had when it was made */
    uint64_t max_size;     /* octets of one source */
};

/* One file alone, as it would be NAME.conf there. Rules: those of conf_load. */
int agent_conf_read_trust(const struct agent_conf *c, const char *name, const char *text,
                          struct agent_trust *out, struct fault *f) WARN_UNUSED;
void agent_trust_free(struct agent_trust *t);
void agent_trust_example(struct buf *out);
void agent_trust_manual(struct buf *out);

#endif
