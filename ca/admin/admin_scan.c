/* `cerca scans`: the scheduled ones, and what operators want of them. On the loop. */
#include "ca/admin/admin_inner.h"

#include "ca/observe/jobs.h"

void list_scans(struct ask *q)
{
    const struct jobs *j = q->client->admin->parts.jobs;
    struct job_info i;
    struct buf rows;
    uint32_t n = 0;

    buf_init(&rows, FRAME_BODY_MAX);
    while (n < JOBS_MAX && jobs_tell(j, n, &i)) {
        job_info_put(&rows, &i);
        n++;
    }
    wire_put_u32(&q->out, n);
    buf_put_slice(&q->out, buf_slice(&rows));
    buf_free(&rows);
    ask_answer(q, MSG_JOB_LISTED, buf_slice(&q->out));
}

static void changed(void *arg, const struct job_info *i, const struct fault *f)
{
    struct ask *q = arg;

    if (f->code != FAULT_NONE) {
        ask_fail(q, f);
        return;
    }
    job_info_put(&q->out, i);
    ask_answer(q, MSG_JOB_CHANGED, buf_slice(&q->out));
}

void change_scan(struct ask *q)
{
    const struct requester *who = &q->client->who;
    struct job_change c;

    if (job_change_get(buf_slice(&q->in), &c) != 0) {
        (void)fault_set(&q->fault, FAULT_MALFORMED, "request.body", "the request is malformed");
        ask_fail(q, &q->fault);
        return;
    }
    jobs_change(q->client->admin->parts.jobs, &c, who->name, who->origin, changed, q);
}
