/*
 * What becomes of results of scans: read and looked at on a worker, then one operation of the store
 * for a message. Used by the admin socket and by scheduled jobs.
 */
#ifndef CA_OBSERVE_RECORDER_H
#define CA_OBSERVE_RECORDER_H

#include "ca/door/authority.h"
#include "ca/door/workers.h"
#include "ca/store/observations.h"
#include "lib/loop.h"
#include "lib/proto_observe.h"

struct recorder;

struct recorder_parts {
    struct loop *loop;
    struct store *store;
    struct authorities *authorities;
    struct workers *workers;
    const uint8_t *generation; /* of the configuration, 8 octets */
};
struct recorder *recorder_new(const struct recorder_parts *p);
/* After the last answer. NULL is fine. */
void recorder_free(struct recorder *r);

/* Called on the loop, once: what became of them; or `f` says why nothing did (f->code). */
typedef void (*recorder_done)(void *arg, const struct scan_recorded *what, const struct fault *f);
/* `body`: that of MSG_SCAN_RECORD, copied. Who says so, and from where: "operator:alice". On the
 * loop. Rules "request.body", and those of the store. */
void recorder_submit(struct recorder *r, struct slice body, const char *actor, const char *origin,
                     recorder_done done, void *arg);

#endif
