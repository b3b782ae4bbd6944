/*
 * A request on its way through the signer, and the queue between the loop's
 * thread and the threads that call the module.
 */
#ifndef CA_SIGNER_JOB_H
#define CA_SIGNER_JOB_H

#include "ca/signer/guard_crl.h"
#include "lib/buf.h"
#include "lib/proto.h"
#include "lib/proto_audit.h"

struct peer;

struct job {
    struct job *next;          /* in the queue, then among what is done */
    struct job *older, *newer; /* all that are under way; the loop's thread only */
    struct peer *peer;         /* who asked; NULL once that connection is gone; the same */
    uint64_t id;
    uint16_t type; /* MSG_SIGN, MSG_SIGN_CRL, MSG_CA_CSR, MSG_CHECKPOINT or MSG_PING */
    int fd;        /* that came along, ours; -1: none */

    /* The signing thread's, until the job is done. */
    const struct guard_issuer *by;
    struct slice tbs; /* in body */
    uint8_t serial[SERIAL_LEN];
    enum sig_alg alg; /* as tbs says */
    uint8_t hash[64]; /* of tbs, as the signature needs it */
    uint8_t tbs_hash[32];
    struct guard_crl crl;                 /* of MSG_SIGN_CRL */
    struct csr_request csr;               /* of MSG_CA_CSR */
    struct checkpoint_request checkpoint; /* of MSG_CHECKPOINT */
    int rc;                               /* 0, or the code of `fault` */
    struct buf answer;
    struct fault fault;

    size_t n;
    uint8_t body[]; /* a copy: the bytes that are parsed are the bytes that are hashed */
};

struct job *job_new(const struct frame *frame);
void job_free(struct job *j);

/* First in, first out; thread-safe. */
struct job_queue;

struct job_queue *job_queue_new(unsigned threads);
void job_queue_free(struct job_queue *q);
void job_queue_put(struct job_queue *q, struct job *j);
/* Waits for work; takes this thread's share of it, at most max, as a list. NULL: closed. */
struct job *job_queue_take(struct job_queue *q, size_t max);
/* Every take returns NULL from now on. */
void job_queue_close(struct job_queue *q);

#endif
