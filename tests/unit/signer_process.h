/* A real cerca-signer in a process of its own, for tests of what it answers and how it ends. */
#ifndef TESTS_UNIT_SIGNER_PROCESS_H
#define TESTS_UNIT_SIGNER_PROCESS_H

#include <sys/types.h>

#include "lib/conn.h"
#include "lib/proto.h"
#include "tests/unit/signer_place.h"

struct process {
    struct place *place;
    pid_t pid; /* 0: not running */
    struct client *client;
};

/* A place behind the shim, provisioned; call_limit is one second. Nothing runs yet. */
struct process *process_new(const char *issuers);
/* The same with nothing in it: no token, no keys. */
struct process *process_blank(const char *issuers);
/* cerca-signer --provision to its end: as process_end. What it logged is appended to `said`, unless
 * that is NULL. */
int process_provision(struct process *p, struct buf *said);
/* Other issuers in its configuration; a signer that runs has the old one. */
void process_reissue(const struct process *p, const char *issuers);
void process_free(struct process *p);
/* Orders the shim (tests/shim/control.h); NULL: nothing more. */
void process_order(const struct process *p, const char *line);
/* How often the shim saw this call since the last process_start. */
unsigned process_calls(const struct process *p, const char *function);

/* Starts it and waits until it is connected, or has ended. */
void process_start(struct process *p);
/* Waits for its end: the exit code, or minus the signal. */
int process_end(struct process *p);
void process_kill(struct process *p, int signo);

/* Asks for the key of the issuer: its public half (copied to out) and identifier. */
void process_key(struct process *p, const char *issuer, struct buf *spki, uint8_t key_id[20]);
/* MSG_SIGN; the certificate is copied to out. */
int process_sign(struct process *p, const char *issuer, struct slice tbs, struct buf *out,
                 struct fault *f) WARN_UNUSED;
/* MSG_HELLO, as cerca-ca sends it. */
int process_greet(struct process *p, struct fault *f) WARN_UNUSED;
int process_ping(struct process *p, struct fault *f) WARN_UNUSED;

#endif
