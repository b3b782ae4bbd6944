/* A notice as a mail (RFC 5322, MIME) and as a line of syslog. */
#ifndef WATCH_NOTIFY_MAIL_H
#define WATCH_NOTIFY_MAIL_H

#include "watch/notify/talk.h"

#define MAIL_TO_MAX 65

/* Who gets it: the channel's `to`, and the owner's address where it is one. */
size_t mail_recipients(const struct notify_target *g, const struct notice *n,
                       const char *out[MAIL_TO_MAX]);
/* Message-ID is made of the notice's id, so a repeated mail is the same one; mails about one
 * condition refer to it, so that they are one thread. */
void mail_render(const struct notify_target *g, const struct notice *n, struct buf *out);

/* RFC 5424 with structured data, or CEF in one. Without a frame. For a local socket, where the
 * daemon adds time and host itself, `local`: "<PRI>cerca: ..." */
void syslog_render(const struct notify_target *g, const struct notice *n, const char *host,
                   bool local, struct buf *out);

#endif
