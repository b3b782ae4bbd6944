#include "tools/pages.h"

#include <string.h>

static void get_head(struct wire_in *w, const struct page_call *c, struct page_head *out)
{
    if (c->at != NULL) {
        page_head_get(w, c->max, out);
        memcpy(c->at, out->at, sizeof(out->at));
    } else {
        out->more = wire_get_flag(w);
        out->n = wire_get_count(w, c->max, 1);
    }
}

int page_call(struct tool *t, const struct page_call *c, page_take take, void *arg, bool *more,
              struct fault *f)
{
    struct page_head head;
    struct frame answer;
    struct wire_in w;
    int rc = tool_call_patient(t, c->ask, c->body, c->answer, &answer, f);

    if (rc != 0)
        return rc;
    wire_in_init(&w, answer.body);
    get_head(&w, c, &head);
    *more = head.more;
    for (uint32_t i = 0; i < head.n && rc == 0 && !wire_failed(&w); i++)
        rc = take(&w, arg, f);
    if (rc == 0 && (!wire_in_done(&w) || (*more && head.n == 0 && c->at == NULL)))
        rc = tool_broken_answer(f);
    return rc;
}

struct exceptions {
    struct exception_query *query;
    exception_take take;
    void *arg;
};

static int take_exception(struct wire_in *w, void *arg, struct fault *f)
{
    struct exceptions *x = arg;
    struct exception_info e;

    exception_info_get(w, &e);
    if (wire_failed(w))
        return 0;
    memcpy(x->query->rule, e.rule, sizeof(x->query->rule));
    memcpy(x->query->subject, e.subject, sizeof(x->query->subject));
    return x->take(x->arg, &e, f);
}

int page_exceptions(struct tool *t, struct exception_query *q, exception_take take, void *arg,
                    bool *more, struct fault *f)
{
    struct exceptions x = {q, take, arg};
    struct buf body;
    int rc;

    buf_init(&body, 512);
    exception_query_put(&body, q);
    rc = page_call(t,
                   &(struct page_call){.ask = MSG_EXCEPTION_LIST,
                                       .answer = MSG_EXCEPTION_LISTED,
                                       .body = buf_slice(&body),
                                       .max = EXCEPTION_PAGE_MAX},
                   take_exception, &x, more, f);
    buf_free(&body);
    return rc;
}
