/*
 * What a server says to a ClientHello, from its first octets: the head of a ServerHello or of a
 * HelloRetryRequest, or an alert. Bounded; nothing behind that is looked at.
 */
#ifndef SCAN_ANSWER_H
#define SCAN_ANSWER_H

#include "lib/buf.h"
#include "lib/tls_suite.h"

#define ANSWER_OCTETS 16384 /* of a ServerHello and what comes before it */

enum answer_state {
    ANSWER_MORE = 0,    /* not all is here yet */
    ANSWER_HELLO = 1,   /* `wire_version` and `suite` */
    ANSWER_ALERT = 2,   /* `alert` */
    ANSWER_NO_TLS = 3,  /* no record of TLS */
    ANSWER_GARBAGE = 4, /* a record, but no answer to a ClientHello */
    ANSWER_TOO_LARGE = 5,
};

struct answer {
    struct buf message; /* of the handshake, put together from records */
    uint8_t head[5];    /* of the record that is being read */
    size_t n_head, left;
    size_t octets; /* read so far */
    uint8_t pending_alert[2];
    size_t n_pending_alert;
    unsigned warnings;
    uint16_t wire_version; /* negotiated: supported_versions, or that of the ServerHello */
    uint16_t suite;
    uint8_t alert;
};
void answer_init(struct answer *a);
void answer_free(struct answer *a);
/* The body of a ServerHello or HelloRetryRequest alone (RFC 8446 4.1.3): what was negotiated. */
int answer_read_hello(struct slice body, uint16_t *wire_version, uint16_t *suite) WARN_UNUSED;
/* Takes what came next. */
enum answer_state answer_feed(struct answer *a, struct slice in);

#endif
