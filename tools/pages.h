/*
 * Lists that cerca-ca gives in pages: a flag "there are more", where it stands (in most), a count,
 * and the items.
 */
#ifndef TOOLS_PAGES_H
#define TOOLS_PAGES_H

#include "lib/proto_alert.h"
#include "lib/wire.h"
#include "tools/tool.h"

struct page_call {
    uint16_t ask, answer; /* types of messages */
    struct slice body;
    uint32_t max; /* items */
    uint8_t *at;  /* a struct page_head's: of ALERT_CURSOR octets, behind the flag; NULL: none */
};

/* Reads one item (the error sticks to w) and, unless wire_failed(w), does with it what there is to
 * do. 0, or a negative fault code: the rest is left. */
typedef int (*page_take)(struct wire_in *w, void *arg, struct fault *f);

/* Asks for one page. A page with more behind it has an item, unless it says where it stands: a page
 * that leads nowhere is a broken answer. */
int page_call(struct tool *t, const struct page_call *c, page_take take, void *arg, bool *more,
              struct fault *f) WARN_UNUSED;

/* Some of the exceptions, from behind q, which is moved on. */
typedef int (*exception_take)(void *arg, const struct exception_info *e, struct fault *f);
int page_exceptions(struct tool *t, struct exception_query *q, exception_take take, void *arg,
                    bool *more, struct fault *f) WARN_UNUSED;

#endif
