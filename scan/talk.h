/*
 * One connection: connects, says what has to be said before TLS, then makes a handshake or asks by
 * a ClientHello. Non-blocking, on a loop; has no deadline of its own.
 */
#ifndef SCAN_TALK_H
#define SCAN_TALK_H

#include "lib/loop.h"
#include "scan/answer.h"
#include "scan/handshake.h"
#include "scan/hello.h"
#include "scan/starttls.h"

struct talk_to {
    const uint8_t *address; /* 16 octets, as scan_range has them */
    uint16_t port;
    enum scan_starttls starttls;
    const char *sni;           /* "": none */
    const struct hello *hello; /* to ask with; NULL: a handshake */
};

struct talk {
    struct loop *loop;
    int fd; /* -1: none */
    struct loop_watch *watch;
    struct loop_task task; /* ends that are known at once are told at the end of the turn */
    void (*ended)(void *arg);
    void *arg;
    struct handshakes *all;
    char sni[SCAN_HOST_MAX];
    bool asks; /* by a ClientHello */
    struct buf out;
    size_t sent;
    struct dialogue *dialogue;
    struct handshake *handshake;
    struct answer answer;
    size_t octets;

    /* Good when it has ended, and as far as it came before. */
    enum scan_stage stage;
    enum scan_outcome outcome; /* with `asks`: SCAN_SERVED is a ServerHello */
    char detail[SCAN_DETAIL_MAX];
};

enum talk_began {
    TALK_BEGAN = 0,
    TALK_NO_SOCKET = 1, /* for want of descriptors, ports or memory: try later */
};
/* Begins in zeroed memory. `ended` is called once, from the loop, and may call talk_end. What `to`
 * points to is copied. */
enum talk_began talk_begin(struct talk *t, struct loop *l, struct handshakes *all,
                           const struct talk_to *to, void (*ended)(void *arg),
                           void *arg) WARN_UNUSED;
/* What is known so far goes into the result, whose slices are good until talk_end. */
void talk_tell(const struct talk *t, struct scan_result *out);
/* Closes and frees, without calling `ended`; what is zeroed may be given too. */
void talk_end(struct talk *t);

#endif
