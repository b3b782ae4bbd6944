/*
 * The delegate socket: cerca-public asks for the certificates of its OCSP responders (RFC 6960
 * 4.2.2.2), and for nothing else. Each is issued through the one door, by the profile
 * ocsp-responder, for DELEGATE_LIFE at most, with a name of ours and none of the request's; and
 * no more than DELEGATE_RATE an issuer in DELEGATE_WINDOW_S, so that a responder that falls over
 * and over fills no store.
 * It also tells what it answers with, for `cerca status`, and what it has counted, for metrics;
 * nothing depends on that.
 */
#ifndef CA_DELEGATE_DELEGATE_H
#define CA_DELEGATE_DELEGATE_H

#include "ca/door/door.h"
#include "lib/counters.h"
#include "lib/proto.h"

#define DELEGATE_LIFE (7 * 86400)
#define DELEGATE_RATE 12
#define DELEGATE_WINDOW_S 600

struct delegates;

struct delegate_parts {
    const struct conf *conf;
    struct loop *loop;
    struct authorities *authorities;
    struct door *door;
};

/* Does this issuer delegate: has it a certificate, its key here and an ocsp_url? */
bool delegate_may(const struct authority *a);
/* The body of MSG_ISSUE for a responder of the issuer, with the key of a request and this name. */
int delegate_write(const struct conf *conf, const struct authority *a, const char *subject,
                   struct slice csr, struct buf *out, struct fault *f) WARN_UNUSED;

/* Serves on a listening descriptor, which it takes over. */
struct delegates *delegates_new(const struct delegate_parts *parts, int listen_fd);
/* No new connections and no new requests. */
void delegates_drain(struct delegates *d);
/* "ocsp.NAME" of the issuer at this place among the authorities; false: it delegates to
 * nobody (any more). */
bool delegates_status(const struct delegates *d, size_t authority, struct status_item *out);
/* What cerca-public has told of that issuer; NULL: nothing, or it delegates to nobody. */
const struct delegate_state *delegates_state(const struct delegates *d, size_t authority);
/* What cerca-public has counted; NULL: it has not told. */
const struct counters *delegates_counters(const struct delegates *d);
/* After the door. NULL is fine. */
void delegates_free(struct delegates *d);

#endif
