/*
 * One delivery over HTTP, as a conversation without its transport: requests out, answers in, until
 * it is delivered or not. Pure, so that every form and every answer is tested without a server.
 *
 *     step = talk_begin(t);
 *     while (step == TALK_SEND)
 *         step = talk_answer(t, what t->out was answered with);
 *
 * Whatever stands in a notice is data of others: it is escaped for the form that it goes into, and
 * control characters, and those that turn the direction of text, come out as "?".
 */
#ifndef WATCH_NOTIFY_TALK_H
#define WATCH_NOTIFY_TALK_H

#include "lib/conf.h"
#include "lib/notice.h"

#define TALK_HEADERS_MAX 6
#define TALK_BODY_MAX ((size_t)128 << 10)
#define TALK_ANSWER_MAX ((size_t)256 << 10) /* of a server's answer no more is read */
#define TALK_WHY_SIZE 256
#define TALK_TICKET_SIZE 128

/* A channel that works: its configuration and what its files held. */
struct notify_target {
    const struct conf_channel *conf;
    const char *url;
    struct slice secret;
    const char *source; /* who tells: the host and name of this CA, "ca.example.com" */
};

struct talk_request {
    const char *method; /* GET, POST or PATCH */
    struct buf url, body;
    const char *content_type; /* NULL: no body */
    size_t n_headers;
    struct buf header[TALK_HEADERS_MAX]; /* "Name: value"; one may hold the secret */
};

struct talk_reply {
    long status;
    struct slice body;   /* at most TALK_ANSWER_MAX octets of it */
    int64_t retry_after; /* seconds that the server asked for; 0: none */
};

enum talk_step {
    TALK_SEND,      /* t->out, then talk_answer */
    TALK_DELIVERED, /* t->why: what the server said */
    TALK_FAILED,    /* t->why; perhaps later */
    TALK_REFUSED,   /* t->why; the same would be refused again */
};

struct talk {
    const struct notify_target *target;
    const struct notice *notice;
    int64_t now;
    char ticket[TALK_TICKET_SIZE]; /* in and out: the one that is open for the condition */
    bool closed;                   /* out: it is not any more */
    unsigned stage;                /* of the channel's own */
    bool old_search;               /* Jira: the way of its servers, not of its cloud */
    struct talk_request out;
    char why[TALK_WHY_SIZE];
    int64_t retry_after;
};

void talk_init(struct talk *t, const struct notify_target *target, const struct notice *n,
               const char *ticket, int64_t now);
enum talk_step talk_begin(struct talk *t);
enum talk_step talk_answer(struct talk *t, const struct talk_reply *r);
/* Wipes. */
void talk_free(struct talk *t);

#endif
