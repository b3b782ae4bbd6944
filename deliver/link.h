/*
 * The way from cerca-watch to cerca-ca's watch socket: questions and their answers, and word that
 * something may be due. Everything on the loop. It is made again when it is lost.
 */
#ifndef DELIVER_LINK_H
#define DELIVER_LINK_H

#include "lib/conf.h"
#include "lib/loop.h"
#include "lib/proto_watch.h"

struct link;

struct link_callbacks {
    void (*wake)(void *arg); /* something may be due, or the connection is new */
};
/* Once for each question: the answer, or a fault (body is empty then). */
typedef void (*link_reply)(void *arg, struct slice body, const struct fault *f);

struct link *link_new(struct loop *l, const struct conf *conf, const struct link_callbacks *cb,
                      void *arg);
/* Without a connection, or when it is lost before the answer: FAULT_UNAVAILABLE, from the loop or
 * before this returns. */
void link_ask(struct link *k, uint16_t type, struct slice body, link_reply reply, void *arg);
/* Nobody is answered any more. NULL is fine. */
void link_free(struct link *k);

#endif
