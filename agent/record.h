/*
 * How far an entry is: STATE/NAME/state, JSON, replaced whole and synced before the next step is
 * begun. Nothing in it is secret.
 */
#ifndef AGENT_RECORD_H
#define AGENT_RECORD_H

#include "agent/conf/conf.h"
#include "lib/agentstate.h"

#define RECORD_SEEN_MAX 16

struct record_seen {
    char service[33], address[128], served[65];
    int64_t at;
};

struct record {
    enum agent_state state;
    enum agent_state resume;    /* of stuck and rolled_back: what is tried next */
    bool rolling;               /* of rolled_back: the old one may not be back yet */
    bool fresh_key;             /* the next renewal makes a key, whatever reuse_key says */
    bool linking;               /* the server wants requests linked to their connection */
    unsigned version;           /* the one under way; of verified: the one in force */
    unsigned failures;          /* in a row */
    int64_t since;              /* in this state */
    int64_t next;               /* nothing is done before */
    char rule[64], reason[256]; /* of the last failure; "": none */
    /* Of the certificate in force */
    int64_t not_before, not_after;
    char fingerprint[65]; /* SHA-256, lower-case hexadecimal; "": there is none */
    char wanted[65];      /* of the configured names and subject that it was made for, likewise */
    char files[65];       /* ... and files; "": written down by an agent that did not know */
    int64_t hint_start, hint_end, hint_next; /* the CA's; when to ask it again */
    char hint[256];
    int64_t verified; /* when services were last seen to serve it; 0: never */
    size_t n_seen;
    struct record_seen seen[RECORD_SEEN_MAX];
};

/* Nothing waits for a time that was written down by a clock that is ahead of the present one.
 * What is there, or a new one (tracked) when there is none. A file that cannot be read as one is
 * logged and taken for none: what is installed says the rest. Rule "agent.state". */
int record_load(const struct agent_cert *c, struct record *out, struct fault *f) WARN_UNUSED;
int record_save(const struct agent_cert *c, const struct record *r, struct fault *f) WARN_UNUSED;

#endif
