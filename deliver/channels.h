/* The channels of the configuration with what their files hold, read before the jail. */
#ifndef DELIVER_CHANNELS_H
#define DELIVER_CHANNELS_H

#include "watch/notify/talk.h"

#define CHANNEL_SECRET_MAX 4096

struct channel_keys {
    struct notify_target target; /* points into what follows */
    struct buf url, secret;
    const char *secret_text; /* the same, with a NUL */
    const char *ca_file;
    int local_fd; /* a datagram socket for a local syslog; -1: none */
};

/* One for each channel of the configuration, in its order. Refused: a file that is not there, that
 * others may read ("channel.secret"), a URL that is none ("channel.url"). */
int channels_load(const struct conf *conf, struct channel_keys **out, struct fault *f) WARN_UNUSED;
/* Wipes. */
void channels_free(const struct conf *conf, struct channel_keys *k);

#endif
