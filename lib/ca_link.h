/*
 * The way from a front end to its socket of cerca-ca: any thread asks, the loop's thread answers,
 * whatever happens to cerca-ca meanwhile. One connection, many questions on it; it is made again
 * when it is lost.
 */
#ifndef LIB_CA_LINK_H
#define LIB_CA_LINK_H

#include "lib/conf.h"
#include "lib/loop.h"

/* Questions that wait at once; one more is told to retry. */
#define CA_LINK_MAX 4096
/* Seconds beyond sign_timeout after which a question is answered with FAULT_UNAVAILABLE,
 * "est.deadline": whoever asks again gets what came of it. */
#define CA_LINK_SPARE_S 10

struct ca_link;

/* On the loop, once for each question: the answer, or a fault (then type is MSG_FAULT). */
typedef void (*ca_link_reply)(void *arg, uint16_t type, struct slice body, const struct fault *f);

#define CA_LINK_ANSWERS_MAX 8
struct ca_link_options {
    const struct conf *conf;
    void (*socket)(const struct conf *c, struct buf *path); /* conf_enroll_socket ... */
    const uint16_t *answers; /* the types that cerca-ca answers with, beside MSG_FAULT */
    size_t n_answers;
};
/* What the options point to outlives the link. */
struct ca_link *ca_link_new(struct loop *l, const struct ca_link_options *o);
/* From any thread. Takes over what is in `body`. */
void ca_link_ask(struct ca_link *k, uint16_t type, struct buf *body, ca_link_reply reply,
                 void *arg);
/* On the loop: who waits is told to retry, and from now on so is who asks, at once and on their own
 * thread. */
void ca_link_close(struct ca_link *k);
/* Closed, and nobody asks any more; before the loop. NULL is fine. */
void ca_link_free(struct ca_link *k);

#endif
