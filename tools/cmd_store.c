#include <unistd.h>

#include "lib/proto.h"
#include "tools/commands.h"
#include "tools/json.h"
#include "tools/progress.h"
#include "lib/text.h"

struct check {
    struct tool *tool;
    json_t *findings;
    struct progress progress;
    uint64_t found; /* as MSG_CHECK_DONE has it */
    bool done;
};

/* JSON comes at the end in one piece; for people every finding is shown at once. */
static int take_finding(struct check *c, struct slice body)
{
    char rule[64], text[512];
    struct buf out;
    json_t *o;

    if (check_finding_get(body, rule, text) != 0)
        return -1;
    if (c->tool->format == FORMAT_JSON) {
        o = json_object();
        json_put(o, "rule", json_text(rule));
        json_put(o, "text", json_text(text));
        return json_array_append_new(c->findings, o);
    }
    progress_end(&c->progress);
    buf_init(&out, 4 * sizeof(text));
    buf_printf(&out, "%s: ", rule);
    text_safe(slice_str(text), false, &out);
    buf_put_str(&out, "\n");
    (void)tool_print(c->tool, buf_slice(&out));
    buf_free(&out);
    return 0;
}

static int take(struct check *c, const struct frame *frame, struct fault *f)
{
    uint64_t done, total;
    char what[64];
    int rc = -1;

    if (frame->type == MSG_CHECK_PROGRESS) {
        rc = check_progress_get(frame->body, what, &done, &total);
        if (rc == 0)
            progress_draw(&c->progress, what, done, total);
    } else if (frame->type == MSG_CHECK_FINDING) {
        rc = take_finding(c, frame->body);
    } else if (frame->type == MSG_CHECK_DONE) {
        rc = check_done_get(frame->body, &c->found);
        c->done = rc == 0;
    }
    if (frame->fd >= 0)
        (void)close(frame->fd);
    return rc == 0 ? 0
                   : fault_set(f, FAULT_MALFORMED, "answer", "cerca-ca answered something else");
}

/* --timeout is for each sign of life: a large store takes its time. */
static int run_all(struct check *c, struct fault *f)
{
    int ms = tool_time_left_ms(c->tool);
    struct frame frame;
    int rc = client_call(c->tool->client, MSG_CHECK, SLICE_NONE, ms, &frame, f);

    while (rc == 0) {
        rc = take(c, &frame, f);
        if (rc != 0 || c->done)
            break;
        rc = client_more(c->tool->client, ms, &frame, f);
    }
    progress_end(&c->progress);
    return rc;
}

static int report(struct check *c)
{
    json_t *o;
    int rc;

    if (c->tool->format == FORMAT_JSON) {
        o = json_object();
        json_put(o, "ok", json_boolean(c->found == 0));
        json_put(o, "findings", json_incref(c->findings));
        rc = json_print(c->tool, o);
    } else {
        rc = tool_print(c->tool, slice_str(c->found == 0 ? "the store is sound\n"
                                                         : "the store is NOT sound\n"));
    }
    return rc == EXIT_OK && c->found == 0 ? EXIT_OK : EXIT_FAILED;
}

static int run_store_check(struct tool *t, void *args)
{
    struct check c = {.tool = t, .findings = json_array()};
    struct fault f = {0};
    int rc = tool_connect(t, &f);

    (void)args;
    if (rc == 0)
        rc = run_all(&c, &f);
    rc = rc == 0 ? report(&c) : tool_fail_to_verify(t, &f);
    json_decref(c.findings);
    return rc;
}

const struct command cmd_store_check = {
    .name = "store check",
    .help = "walk every invariant of the store while it serves; exit 1 when one is broken",
    .arguments = "[options]",
    .examples = "  cerca store check\n",
    .formats = FORMAT_TEXT | FORMAT_JSON,
    .format = FORMAT_TEXT,
    .run = run_store_check,
};
