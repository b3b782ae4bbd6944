/*
 * The one door. Every certificate, whatever protocol asked for it, is issued
 * here, in these steps (door_steps.c has them in this order):
 *
 *   authorise   who asks, for which profile
 *   policy      key, names, validity, owner
 *   draft       the exact TBS, linted
 *   intent      one durable commit
 *   sign        the signer re-checks and signs
 *   verify      byte for byte our TBS, and the signature holds
 *   finish      one durable commit; the change is published to the view
 *   release     only now does the answer leave
 *
 * A request that was refused is recorded too, before its answer leaves.
 *
 * Threads: door_issue and all replies belong to the loop; the costly steps run on the
 * workers, the commits on the store's writer.
 */
#ifndef CA_DOOR_DOOR_H
#define CA_DOOR_DOOR_H

#include "ca/door/authority.h"
#include "ca/door/serial.h"
#include "ca/door/workers.h"
#include "ca/view/view.h"

/* Who asks, as the adapter knows it; what they may ask is decided here. */
struct requester {
    char name[64]; /* "operator:alice" */
    enum conf_role role;
    uid_t uid;       /* on this host */
    uint64_t source; /* of who has no role: whose refusals count together; 0: those of the uid */
    char origin[64]; /* "admin pid=123" */
    bool own;        /* a program of this CA, for itself: what it needs waits for nobody */
};

struct door;

struct door_parts {
    const struct conf *conf;
    struct loop *loop;
    struct store *store;
    struct view *view;
    struct authorities *authorities;
    struct workers *workers;
};

#define DOOR_IN_FLIGHT_MAX 4096 /* requests; one more is told to retry */

struct door *door_new(const struct door_parts *parts);
/* Last: workers, signer links and the store are gone, so that nothing comes back. Who still waits
 * is told to retry. */
void door_free(struct door *d);
size_t door_in_flight(const struct door *d);
/* Good until the loop goes on. */
struct door_stats;
const struct door_stats *door_stats(const struct door *d);
/* From now on every new request is told to retry. */
void door_close(struct door *d);

/* Exactly one of `issued` and `fault` is set; both good during the call. */
typedef void (*door_reply)(void *arg, const struct issued *issued, const struct fault *fault);
/* `body` is that of MSG_ISSUE; it is copied. */
void door_issue(struct door *d, const struct requester *who, struct slice body, door_reply reply,
                void *arg);
/* The same for an OCSP responder of this issuer, by the profile ocsp-responder: every issuer
 * with an ocsp_url has responders, whichever the profile names. */
void door_issue_delegate(struct door *d, const struct requester *who, struct authority *issuer,
                         struct slice body, door_reply reply, void *arg);
/* The same for who is neither an operator nor brings a token (ca/door/bearer.h). `e` is good until
 * the reply. */
struct door_evidence;
void door_issue_proven(struct door *d, const struct requester *who, struct door_evidence *e,
                       struct slice body, door_reply reply, void *arg);
/* Issues the certificate of a configured issuer for the key in its token. */
void door_issue_ca(struct door *d, const struct requester *who, struct authority *subject,
                   struct slice spki, door_reply reply, void *arg);

/* The same key and name, certified by another issuer; `subject` has a certificate. */
void door_cross_sign(struct door *d, const struct requester *who, struct authority *subject,
                     struct authority *by, door_reply reply, void *arg);

/* A signature came for a draft that was given up: dropped, and recorded so. A signer_late; `arg` is
 * the door. */
void door_late(void *arg, struct slice certificate);
/* A request that was refused before the door (a role too low): recorded, then answered. */
void door_refuse(struct door *d, const struct requester *who, const struct fault *f,
                 door_reply reply, void *arg);
/* Records such a refusal with nobody waiting. */
void door_record_refusal(struct door *d, const struct requester *who, const struct fault *f);
/* The same, n times, of who has no role: the first of a source in a minute, the others as a number.
 */
void door_refuse_stranger(struct door *d, const struct requester *who, const struct fault *f,
                          uint32_t n);
/* Is issuing possible now? For `cerca status`. */
int door_check(struct door *d, struct fault *f) WARN_UNUSED;

#endif
