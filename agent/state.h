/*
 * What is done to an entry: a table of states, each with the step that leads out of it. What a step
 * has reached is durable before the next one begins, and each step may be begun again after a crash
 * at any instruction.
 *
 *   state              its step                                          then
 *   tracked            look at what is there, take files over            verified, or due
 *   verified           wait; ask the CA for a hint                       due
 *   due                make a key, durable                               key
 *   key                make the request as the server wants it           csr
 *   csr                (durable that it is sent from now on)             submitted
 *   submitted          send it                                           issued, awaiting_approval
 *   awaiting_approval  wait as long as the server says, send it again    issued
 *   issued             check and write the files beside the old ones     staged
 *   staged             wait for a window; test; make them visible        installed
 *   installed          reload services                                   reloaded
 *   reloaded           look at every address until it serves them        verified
 *   rolled_back        bring the old files back; wait                    staged, due
 *   stuck              wait                                              where it was stuck
 */
#ifndef AGENT_STATE_H
#define AGENT_STATE_H

#include "agent/record.h"

struct state_row {
    enum agent_state then;   /* where its step leads */
    enum agent_state failed; /* ... when it fails for good: stuck, or rolled_back */
    enum agent_state again;  /* ... and what is tried after that */
    bool remote;             /* asks the CA: what is "not now" is tried again in place */
    const char *does;        /* for people: "makes a key" */
};

/* Of every state but removed. */
const struct state_row *state_row(enum agent_state s);

struct state_failure {
    enum agent_state state; /* where the entry is then */
    enum agent_state resume;
    int64_t next;
    bool loud; /* people have to look */
};
/* What becomes of an entry whose step failed: pure. `f`: why. */
struct state_failure state_fail(const struct record *r, const struct fault *f, int64_t retry_after,
                                int64_t now, uint64_t random);

#endif
