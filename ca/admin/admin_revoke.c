/* Revoking over the admin socket. */
#include "ca/admin/admin_inner.h"

#include <stdlib.h>

#include "ca/door/revoke.h"

static void reply(void *arg, const struct revoke_outcome *outcome, size_t n)
{
    struct ask *q = arg;

    wire_put_u32(&q->out, (uint32_t)n);
    for (size_t i = 0; i < n; i++)
        revoke_outcome_put(&q->out, &outcome[i]);
    ask_answer(q, MSG_REVOKED, buf_slice(&q->out));
}

void start_revoke(struct ask *q)
{
    struct revoke_request *r = xcalloc(1, sizeof(*r));

    if (revoke_request_get(buf_slice(&q->in), r) == 0) {
        door_revoke(q->client->admin->parts.door, &q->client->who, r, reply, q);
    } else {
        (void)fault_set(&q->fault, FAULT_MALFORMED, "request.body", "the request is malformed");
        ask_fail(q, &q->fault);
    }
    free(r);
}
