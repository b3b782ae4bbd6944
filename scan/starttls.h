/*
 * What has to be said before TLS begins, by protocol, without a socket: octets in, octets out. One
 * table of dialogues; every parser is bounded, and what comes behind the last answer (where TLS
 * has to begin) is refused, since nothing authentic can stand there (RFC 3207 6).
 */
#ifndef SCAN_STARTTLS_H
#define SCAN_STARTTLS_H

#include "lib/scanresult.h"

#define DIALOGUE_OCTETS 16384 /* of all that the server says */

enum dialogue_state {
    DIALOGUE_MORE = 0,    /* wait for the server */
    DIALOGUE_BEGIN = 1,   /* TLS begins */
    DIALOGUE_REFUSED = 2, /* it will not, or does not speak this protocol; `why` */
    DIALOGUE_TOO_LARGE = 3,
};

struct dialogue {
    enum scan_starttls kind;
    unsigned step;
    bool seen; /* of this step: what it looks for was there */
    struct buf in;
    struct buf out; /* to send; taken and reset by the caller */
    size_t octets;
    char why[SCAN_DETAIL_MAX];
};

/* `kind` is not STARTTLS_NONE. Puts what is said first, if we begin, into `out`. */
void dialogue_init(struct dialogue *d, enum scan_starttls kind);
void dialogue_free(struct dialogue *d);
enum dialogue_state dialogue_feed(struct dialogue *d, struct slice in);

#endif
