/* Results of a scan on their way to cerca-ca, many a message (lib/proto_observe.h). */
#ifndef TOOLS_SCANRECORD_H
#define TOOLS_SCANRECORD_H

#include "lib/proto_observe.h"
#include "tools/tool.h"

struct scan_recorder {
    struct tool *tool; /* connected */
    struct buf octets; /* of the results that wait, one behind the other */
    size_t end[SCAN_RECORD_MAX];
    uint32_t n;
    uint64_t taken, fresh, strangers; /* as in struct scan_recorded, of all messages */
};
void scan_recorder_init(struct scan_recorder *r, struct tool *t);
void scan_recorder_free(struct scan_recorder *r);
/* Takes one, as scan_result_put wrote it, and sends those before if there is no more room. */
int scan_recorder_add(struct scan_recorder *r, struct slice result, struct fault *f) WARN_UNUSED;
/* Sends what waits. */
int scan_recorder_flush(struct scan_recorder *r, struct fault *f) WARN_UNUSED;
/* Says what became of them, at the end. */
void scan_recorder_tell(const struct scan_recorder *r);

#endif
