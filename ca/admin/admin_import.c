/* Importing over the admin socket. */
#include "ca/admin/admin_inner.h"

#include <stdlib.h>

struct importing {
    struct ask *ask;
    uint32_t n;
};

static void imported(void *arg, const struct import_outcome *out, const struct fault *f)
{
    struct importing *i = arg;
    struct ask *q = i->ask;

    if (f->code != FAULT_NONE) {
        ask_fail(q, f);
    } else {
        wire_put_u32(&q->out, i->n);
        for (uint32_t k = 0; k < i->n; k++)
            import_outcome_put(&q->out, &out[k]);
        ask_answer(q, MSG_IMPORTED, buf_slice(&q->out));
    }
    free(i);
}

void start_import(struct ask *q)
{
    struct import_request *r = xcalloc(1, sizeof(*r));
    const struct requester *who = &q->client->who;
    struct importing *i;

    if (import_request_get(buf_slice(&q->in), r) != 0) {
        (void)fault_set(&q->fault, FAULT_MALFORMED, "request.body", "the request is malformed");
        ask_fail(q, &q->fault);
        free(r);
        return;
    }
    i = xcalloc(1, sizeof(*i));
    *i = (struct importing){q, r->n};
    importer_submit(q->client->admin->importer, r, &q->in, who->name, who->origin, imported, i);
}
