/*
 * The enroll socket: cerca-enroll passes on what its clients showed, and gets certificates for them
 * through the one door, for the profiles of the configuration's labels and no others. It asks for
 * the certificate of its own HTTPS too, for the configured names, and for the CAs' certificates.
 *
 * What it says of a client is believed in one thing only: that the client of TLS had the key to the
 * first certificate of its chain. Tokens and certificates are looked at here (evidence.h).
 */
#ifndef CA_ENROLL_ENROLL_H
#define CA_ENROLL_ENROLL_H

#include "ca/door/door.h"
#include "lib/counters.h"

struct enroll;
struct passwords;
struct slow;
struct anchors;

struct enroll_parts {
    const struct conf *conf;
    struct loop *loop;
    struct store *store;
    struct authorities *authorities;
    struct workers *readers; /* what is slow and no request of the door */
    struct door *door;
    const struct passwords *passwords; /* ca/enroll/passwords.h; NULL: none */
    const struct anchors *anchors;
    struct slow *slow; /* who came with wrong secrets, by address and user; made by enroll_new */
};

/* Serves on a listening descriptor, which it takes over. */
struct enroll *enroll_new(const struct enroll_parts *parts, int listen_fd);
/* No new requests. NULL is fine. */
void enroll_drain(struct enroll *e);
/* What cerca-enroll has counted; NULL: it has not told. */
const struct counters *enroll_counters(const struct enroll *e);
/* After the door. NULL is fine. */
void enroll_free(struct enroll *e);

#endif
