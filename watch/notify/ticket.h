/* Tickets of a service over HTTP with JSON: what its forms share. */
#ifndef WATCH_NOTIFY_TICKET_H
#define WATCH_NOTIFY_TICKET_H

#include "watch/notify/talk_inner.h"

typedef enum talk_step (*ticket_next)(struct talk *t);

/* The next request, with login: the channel's URL without a slash at its end, then what fmt makes,
 * at most 511 octets. */
void ticket_request(struct talk *t, const char *method, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* t->ticket is the id at object.key; false: there is none that could be one. */
bool ticket_keep(struct talk *t, const json_t *object, const char *key);
/* None is open: open_one, unless all that is to be told is that the condition is over, or seen. */
enum talk_step ticket_none(struct talk *t, ticket_next open_one);

/* The answer to a search: what its list is called, and in a row of it the id; what comes next when
 * there is none, and when there is one. */
struct ticket_list {
    const char *name, *key;
    ticket_next open_one, go_on;
};
enum talk_step ticket_found(struct talk *t, const struct talk_reply *r,
                            const struct ticket_list *l);

#endif
