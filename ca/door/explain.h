/* What the door would do with a request, step by step, and why. The steps are those of issuing. */
#ifndef CA_DOOR_EXPLAIN_H
#define CA_DOOR_EXPLAIN_H

#include "ca/door/door.h"

/* `body` is that of MSG_ISSUE; appends that of MSG_EXPLAINED. Nothing is recorded, issued or
 * audited; a serial number is passed over. On any thread but the loop's, which holds
 * authorities_read. A request with a token is refused: "explain.token"; a malformed one:
 * "request.body". */
int door_explain(struct door *d, const struct requester *who, struct slice body, struct buf *out,
                 struct fault *f) WARN_UNUSED;

#endif
