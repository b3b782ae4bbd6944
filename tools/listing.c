#include "tools/listing.h"

#include <stdlib.h>

#include "lib/clock.h"

struct listing {
    uint16_t type;
    listing_one fn;
    void *arg;
    uint32_t n;
};

static int tell_rows(struct listing *l, struct list_page *page, struct fault *f)
{
    struct cert_info *info = xcalloc(1, sizeof(*info));
    int rc = 0;

    for (uint32_t i = 0; rc == 0 && i < page->n; i++) {
        cert_info_get(&page->rows, info);
        if (wire_failed(&page->rows))
            break;
        rc = l->fn(l->arg, info, f);
        l->n++;
    }
    free(info);
    if (rc == 0 && !wire_in_done(&page->rows))
        rc = fault_set(f, FAULT_MALFORMED, "answer", "cerca-ca sent a broken list");
    return rc;
}

/* *cursor becomes the place of the next page, empty at the end. */
static int one_page(struct tool *t, struct list_request *r, struct listing *l, struct buf *cursor,
                    struct fault *f)
{
    struct list_page page;
    struct frame answer;
    struct buf body;
    int rc;

    buf_init(&body, FRAME_BODY_MAX);
    r->cursor = buf_slice(cursor);
    list_request_put(&body, r);
    rc = tool_call_patient(t, l->type, buf_slice(&body), MSG_LIST_PAGE, &answer, f);
    buf_free(&body);
    if (rc != 0)
        return rc;
    if (list_page_get(answer.body, &page) != 0)
        return fault_set(f, FAULT_MALFORMED, "answer", "cerca-ca sent a broken list");
    buf_reset(cursor);
    buf_put_slice(cursor, page.cursor);
    return tell_rows(l, &page, f);
}

static int each(struct tool *t, uint16_t type, struct list_request *r, uint32_t limit,
                listing_one fn, void *arg, bool *more, struct fault *f)
{
    struct listing l = {type, fn, arg, 0};
    struct buf cursor;
    int rc = 0;

    buf_init(&cursor, LIST_CURSOR_MAX);
    do {
        uint32_t left = limit == 0 ? LIST_LIMIT_MAX : limit - l.n;

        r->limit = left > LIST_LIMIT_MAX ? LIST_LIMIT_MAX : left;
        t->started_us = clock_mono_us();
        rc = one_page(t, r, &l, &cursor, f);
    } while (rc == 0 && cursor.n > 0 && (limit == 0 || l.n < limit));
    *more = rc == 0 && cursor.n > 0;
    buf_free(&cursor);
    return rc;
}

int listing_each(struct tool *t, struct list_request *r, uint32_t limit, listing_one fn, void *arg,
                 bool *more, struct fault *f)
{
    return each(t, MSG_LIST, r, limit, fn, arg, more, f);
}

int listing_lines(struct tool *t, struct list_request *r, listing_one fn, void *arg,
                  struct fault *f)
{
    bool more;

    return each(t, MSG_LIST_LINES, r, 0, fn, arg, &more, f);
}
