/* `cerca view export`. */
#include "ca/admin/admin_inner.h"

static void exported(void *arg, const struct view_exported *made, const struct fault *f)
{
    struct ask *q = arg;

    if (f != NULL) {
        ask_fail(q, f);
        return;
    }
    view_exported_put(&q->out, made);
    ask_answer(q, MSG_VIEW_EXPORTED, buf_slice(&q->out));
}

void export_view(struct ask *q)
{
    exporter_run(q->client->admin->parts.exporter, exported, q);
}
