#include <stdio.h>
#include <string.h>

#include "lib/proto.h"
#include "tools/commands.h"
#include "tools/json.h"
#include "tools/text.h"

#define TEXT_MAX 131072

static json_t *item_json(const struct status_item *s)
{
    json_t *o = json_object();

    json_put(o, "name", json_text(s->name));
    json_put(o, "ok", json_boolean(s->ok));
    json_put(o, "state", json_text(s->state));
    json_put(o, "text", json_text(s->text));
    json_put(o, "retry_after", json_integer(s->retry_after));
    return o;
}

static int read_answer(struct slice body, json_t *status, struct fault *f)
{
    json_t *items = json_array();
    struct status_item item;
    struct wire_in w;
    bool ok;
    uint32_t n;

    wire_in_init(&w, body);
    ok = wire_get_u8(&w) == 1;
    n = wire_get_count(&w, STATUS_ITEMS_MAX, 1);
    for (uint32_t i = 0; i < n && !wire_failed(&w); i++) {
        status_item_get(&w, &item);
        if (!wire_failed(&w))
            (void)json_array_append_new(items, item_json(&item));
    }
    json_put(status, "ok", json_boolean(ok));
    json_put(status, "items", items);
    if (!wire_in_done(&w))
        return fault_set(f, FAULT_MALFORMED, "answer", "cerca-ca sent a broken status");
    return 0;
}

/* A CA that does not answer is a status too: monitors read it like any other. */
static void unreachable(json_t *status, const struct fault *f)
{
    struct status_item item = {.retry_after = f->retry_after};
    json_t *items = json_array();
    struct buf text;

    buf_init(&text, 2048);
    fault_print(f, &text);
    memcpy(item.name, "cerca-ca", sizeof("cerca-ca"));
    memcpy(item.state, "unreachable", sizeof("unreachable"));
    (void)snprintf(item.text, sizeof(item.text), "%s", buf_cstr(&text));
    buf_free(&text);
    (void)json_array_append_new(items, item_json(&item));
    json_put(status, "ok", json_false());
    json_put(status, "items", items);
}

static void print_text(const json_t *status, struct buf *out)
{
    const json_t *items = json_object_get(status, "items");
    size_t i;
    json_t *item;

    json_array_foreach(items, i, item)
    {
        struct buf row;

        buf_init(&row, 1024);
        buf_printf(&row, "%-4s %-18s %-14s %s",
                   json_is_true(json_object_get(item, "ok")) ? "ok" : "FAIL",
                   json_str(item, "name"), json_str(item, "state"), json_str(item, "text"));
        while (row.n > 0 && row.p[row.n - 1] == ' ')
            row.n--;
        text_safe(buf_slice(&row), false, out);
        buf_put_str(out, "\n");
        buf_free(&row);
    }
    buf_put_str(out, json_is_true(json_object_get(status, "ok")) ? "all is well\n"
                                                                 : "not all is well\n");
}

static int run_status(struct tool *t, void *args)
{
    json_t *status = json_object();
    struct fault f = {0};
    struct frame answer;
    struct buf out;
    bool well;
    int rc = tool_conf(t, &f);

    (void)args;
    if (rc != 0) {
        json_decref(status);
        return tool_fail(t, &f);
    }
    rc = tool_call(t, MSG_STATUS, SLICE_NONE, MSG_STATUS_REPLY, &answer, &f);
    if (rc == 0)
        rc = read_answer(answer.body, status, &f);
    if (rc != 0)
        unreachable(status, &f);
    well = json_is_true(json_object_get(status, "ok"));
    if (t->format == FORMAT_JSON) {
        rc = json_print(t, status);
        return rc == EXIT_OK && well ? EXIT_OK : EXIT_FAILED;
    }
    buf_init(&out, TEXT_MAX);
    print_text(status, &out);
    rc = tool_print(t, buf_slice(&out));
    buf_free(&out);
    json_decref(status);
    return rc == EXIT_OK && well ? EXIT_OK : EXIT_FAILED;
}

const struct command cmd_status = {
    .name = "status",
    .help = "say whether all is well; exit 0 only then",
    .arguments = "[options]",
    .examples = "  cerca status || cerca status -o json | jq '.items[] | select(.ok | not)'\n",
    .formats = FORMAT_TEXT | FORMAT_JSON,
    .format = FORMAT_TEXT,
    .run = run_status,
};
