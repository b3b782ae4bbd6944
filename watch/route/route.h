/* Who is told of what: a notice and the configuration's channels in, the channels out. Pure. */
#ifndef WATCH_ROUTE_ROUTE_H
#define WATCH_ROUTE_ROUTE_H

#include "lib/conf.h"
#include "lib/notice.h"

/* Does this channel tell such a notice? Tests and heartbeats go where they were asked for and are
 * never matched. */
bool route_takes(const struct conf_channel *c, const struct notice *n);
/* Those that do, at most max; the number. */
size_t route_channels(const struct conf *conf, const struct notice *n,
                      const struct conf_channel **out, size_t max);
/* Is this something that mail can be sent to (RFC 5321 4.1.2), without quotes and comments? */
bool route_address(const char *text);

/* When to try again what failed just now, for the `tries`th time, waiting since `added`: from 10 s
 * doubling up to a day, a quarter more or less by `chance`, and not before `retry_after` seconds,
 * which a server asked for (at most a day). 0: it has waited for give_up. */
int64_t route_next(uint32_t tries, int64_t added, int64_t now, int64_t give_up, int64_t retry_after,
                   uint32_t chance);

#endif
