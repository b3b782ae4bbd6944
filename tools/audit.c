#include "tools/audit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/audit/audit.h"
#include "lib/clock.h"
#include "lib/pem.h"

int audit_log_option(const char *text, int64_t *log, struct fault *f)
{
    size_t n = text == NULL ? 0 : strlen(text);

    *log = AUDIT_LOG_NOW;
    if (text == NULL)
        return 0;
    if (n == 0 || n > 18 || strspn(text, "0123456789") != n)
        return fault_set(f, FAULT_MALFORMED, "usage",
                         "--log: \"%.40s\" should be the number of an audit log", text);
    *log = strtoll(text, NULL, 10);
    return 0;
}

int audit_page(struct tool *t, const struct audit_read *r, struct audit_page *out, struct fault *f)
{
    struct frame answer;
    struct buf body;
    int rc;

    buf_init(&body, FRAME_BODY_MAX);
    audit_read_put(&body, r);
    t->started_us = clock_mono_us(); /* --timeout is for one page */
    rc = tool_call_patient(t, MSG_AUDIT_READ, buf_slice(&body), MSG_AUDIT_PAGE, &answer, f);
    buf_free(&body);
    if (rc == 0 && audit_page_get(answer.body, out) != 0)
        rc = tool_broken_answer(f);
    return rc;
}

static int take_checkpoints(struct slice body, audit_each_checkpoint fn, void *arg, uint32_t *n,
                            uint64_t *last, struct fault *f)
{
    struct checkpointed c;
    struct wire_in w;
    int rc = 0;

    wire_in_init(&w, body);
    *n = wire_get_count(&w, CHECKPOINTS_MAX, 24);
    for (uint32_t i = 0; i < *n && rc == 0; i++) {
        checkpointed_get(&w, &c);
        *last = c.size;
        if (wire_failed(&w))
            return tool_broken_answer(f);
        rc = fn(arg, &c, f);
    }
    return rc == 0 && !wire_in_done(&w) ? tool_broken_answer(f) : rc;
}

int audit_checkpoints(struct tool *t, int64_t log, uint64_t least, audit_each_checkpoint fn,
                      void *arg, struct fault *f)
{
    struct frame answer;
    struct buf body;
    uint64_t last = 0;
    uint32_t n = 1;
    int rc = 0;

    buf_init(&body, 16);
    while (rc == 0 && n > 0) {
        buf_reset(&body);
        wire_put_i64(&body, log);
        wire_put_u64(&body, least);
        t->started_us = clock_mono_us();
        rc = tool_call_patient(t, MSG_AUDIT_CHECKPOINTS, buf_slice(&body), MSG_AUDIT_CHECKPOINTED,
                               &answer, f);
        if (rc == 0)
            rc = take_checkpoints(answer.body, fn, arg, &n, &last, f);
        if (least == UINT64_MAX)
            break;
        least = last + 1;
    }
    buf_free(&body);
    return rc;
}

struct copy {
    struct buf *note, *keys;
};

static int copy_out(void *arg, const struct checkpointed *c, struct fault *f)
{
    struct copy *to = arg;

    (void)f;
    buf_reset(to->note);
    buf_reset(to->keys);
    buf_put_slice(to->note, c->note);
    buf_put_slice(to->keys, c->keys);
    return 0;
}

int audit_newest(struct tool *t, int64_t log, bool now, struct checkpoint *c, struct buf *note,
                 struct buf *keys, struct fault *f)
{
    struct copy to = {note, keys};
    struct frame answer;
    uint64_t last;
    uint32_t n;
    int rc;

    buf_reset(note);
    if (now) {
        rc = tool_call_patient(t, MSG_AUDIT_SIGN, SLICE_NONE, MSG_AUDIT_CHECKPOINTED, &answer, f);
        if (rc == 0)
            rc = take_checkpoints(answer.body, copy_out, &to, &n, &last, f);
    } else {
        rc = audit_checkpoints(t, log, UINT64_MAX, copy_out, &to, f);
    }
    if (rc == 0 && note->n == 0)
        rc = fault_set(f, FAULT_NOT_FOUND, "checkpoint.none", "there is no checkpoint yet");
    return rc == 0 ? checkpoint_get(buf_slice(note), c, f) : rc;
}

int audit_read_tile(void *tool, const struct tile *t, uint8_t *out, struct fault *f)
{
    struct tool *to = tool;
    struct frame answer;
    struct buf body;
    int rc;

    buf_init(&body, 16);
    tile_request_put(&body, t);
    to->started_us = clock_mono_us();
    rc = tool_call_patient(to, MSG_AUDIT_TILE, buf_slice(&body), MSG_AUDIT_TILE_IS, &answer, f);
    buf_free(&body);
    if (rc == 0 && answer.body.n != 32 * (size_t)t->width)
        rc = tool_broken_answer(f);
    if (rc == 0)
        memcpy(out, answer.body.p, answer.body.n);
    return rc;
}

/* ---- showing ---- */

json_t *json_base64(const uint8_t *p, size_t n)
{
    struct buf b;
    json_t *v;

    buf_init(&b, 2 * n + 8);
    base64_put(&b, slice_of(p, n), 0);
    v = json_string(buf_cstr(&b));
    buf_free(&b);
    return v;
}

json_t *json_hex_long(struct slice s)
{
    char *text = xcalloc(1, 2 * s.n + 1);
    json_t *v;

    hex_encode(s, text);
    v = json_string(text);
    free(text);
    return v;
}

static void put_event(json_t *o, const struct audit_event *e)
{
    json_put(o, "time", json_time(e->time));
    json_put(o, "action", json_text(audit_action_name(e->action)));
    json_put(o, "actor", json_text(e->actor));
    json_put(o, "origin", json_text(e->origin));
    json_put(o, "serial", e->has_serial ? json_hex(e->serial, sizeof(e->serial)) : json_text(""));
    json_put(o, "profile", json_text(e->profile));
    json_put(o, "rule", json_text(e->rule));
    json_put(o, "field", json_text(e->field));
    json_put(o, "value", json_text(e->value));
    json_put(o, "detail", json_text(e->detail));
    json_put(o, "fault",
             json_text(e->fault_code == 0 ? "" : fault_code_name((enum fault_code)e->fault_code)));
    json_put(o, "generation", json_hex(e->generation, sizeof(e->generation)));
}

json_t *audit_json(const struct audit_leaf *leaf)
{
    struct audit_event e;
    json_t *o = json_object();

    json_put(o, "index", json_integer((json_int_t)leaf->index));
    if (audit_leaf_pruned(leaf))
        json_put(o, "pruned", json_true());
    else if (audit_get(leaf->record, &e) == 0)
        put_event(o, &e);
    else
        json_put(o, "action", json_text("unreadable"));
    return o;
}
