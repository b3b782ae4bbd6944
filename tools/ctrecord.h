/* Certificates that a log showed, on their way to cerca-ca, many a message (MSG_IMPORT): it takes
 * them as seen by a scan. */
#ifndef TOOLS_CTRECORD_H
#define TOOLS_CTRECORD_H

#include "lib/proto_import.h"
#include "tools/tool.h"

struct ct_recorder {
    struct tool *tool;              /* connected */
    struct import_request *request; /* that is filled now */
    size_t size;                    /* of its body */
    struct buf octets;              /* its certificates: room that does not move */
    uint64_t fresh, known, issued, refused, strangers;
};
void ct_recorder_init(struct ct_recorder *r, struct tool *t);
void ct_recorder_free(struct ct_recorder *r);
/* Takes one, and sends those before if there is no more room. `origin` is cut where it is too
 * long. */
int ct_recorder_add(struct ct_recorder *r, struct slice der, const char *origin,
                    struct fault *f) WARN_UNUSED;
/* Sends what waits. */
int ct_recorder_flush(struct ct_recorder *r, struct fault *f) WARN_UNUSED;

#endif
