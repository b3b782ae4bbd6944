/*
 * What comes of a message with certificates that others issued. One message after the other goes
 * to the store, a few certificates at a time, so that those who wait for a certificate share their
 * commit with a few at most; reading and checking goes on beside that, on workers.
 */
#ifndef CA_INVENTORY_IMPORT_H
#define CA_INVENTORY_IMPORT_H

#include "ca/door/authority.h"
#include "ca/door/workers.h"
#include "ca/policy/policy.h"
#include "lib/loop.h"
#include "lib/proto_import.h"

struct importer;

struct importer_parts {
    struct loop *loop;
    struct store *store;
    struct authorities *authorities;
    struct workers *workers;
    const struct conf *conf;
};

struct importer *importer_new(const struct importer_parts *p);
/* After the last answer. NULL is fine. */
void importer_free(struct importer *m);

/* Called on the loop, once: `out` has request->n outcomes, or `f` says why none of it was
 * done, or not all of it (f->code): then the same request may come again. */
typedef void (*importer_done)(void *arg, const struct import_outcome *out, const struct fault *f);

/* Takes request over, which is from malloc, and `body`, which it points into. On the loop. */
void importer_submit(struct importer *m, struct import_request *request, struct buf *body,
                     const char *actor, const char *origin, importer_done done, void *arg);

#endif
