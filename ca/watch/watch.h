/*
 * The watch socket: cerca-watch asks which deliveries are due, and tells what became of each; it
 * can do nothing else. What is told goes into the outbox (ca/store/outbox.h) with when to try again
 * (watch/route/route.h), and only once that is durable is it noted. Heartbeats are put into the
 * outbox here, too.
 *
 * Everything on the loop.
 */
#ifndef CA_WATCH_WATCH_H
#define CA_WATCH_WATCH_H

#include "ca/store/outbox.h"
#include "lib/loop.h"
#include "lib/proto_watch.h"

struct watch;

struct watch_parts {
    const struct conf *conf;
    struct loop *loop;
    struct store *store;
};

/* Serves on a listening descriptor, which it takes over. Deliveries to channels that the
 * configuration has no more are parked. */
struct watch *watch_new(const struct watch_parts *parts, int listen_fd);
/* No new connections, no new questions. */
void watch_drain(struct watch *w);

/* The channels of this configuration that tell such a notice. Any thread. */
void watch_route(const struct conf *conf, struct outbox_notice *o);

/* Puts a test into the outbox for this channel and tells once what became of it: `tested`, or why
 * that is not known: "channel.unknown", "notify.slow" (cerca-watch has not answered in time). */
typedef void (*watch_tested)(void *arg, const struct tested *t, const struct fault *f);
void watch_test(struct watch *w, const char *channel, const char *who, watch_tested fn, void *arg);

/* "channel.NAME": the i-th of the configuration; false: there is none. */
bool watch_status(struct watch *w, size_t i, struct status_item *out);
/* After the store is stopped. Whoever waits for a test is told. NULL is fine. */
void watch_free(struct watch *w);

#endif
