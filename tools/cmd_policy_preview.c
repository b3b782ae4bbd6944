/* Which recorded certificates a changed configuration would no longer allow. */
#include <unistd.h>

#include "lib/proto_preview.h"
#include "tools/commands.h"
#include "tools/json.h"
#include "tools/progress.h"
#include "tools/rows.h"

struct preview {
    struct tool *tool;
    struct rows rows;
    struct progress bar;
    struct policy_previewed result;
    bool done;
};

static const struct column columns[] = {
    {"SERIAL", "serial", 32, COLUMN_ALWAYS, NULL}, {"PROFILE", "profile", 14, COLUMN_WIDE, NULL},
    {"NAME", "name", 28, COLUMN_ALWAYS, NULL},     {"RULE", "rule", 18, COLUMN_ALWAYS, NULL},
    {"WHY", "text", 0, COLUMN_ALWAYS, NULL},       {NULL, NULL, 0, COLUMN_ALWAYS, NULL},
};
static const char *const keys[] = {"serial", "profile", "name", "rule", "text", NULL};
static const struct sheet sheet = {columns, keys};

static int take_refused(struct preview *p, struct slice body, struct fault *f)
{
    struct policy_refused r;
    struct wire_in w;
    uint32_t n;

    wire_in_init(&w, body);
    n = wire_get_count(&w, FRAME_BODY_MAX, SERIAL_LEN);
    for (uint32_t i = 0; i < n; i++) {
        json_t *o = json_object();

        policy_refused_get(&w, &r);
        json_put(o, "serial", json_hex(r.serial, SERIAL_LEN));
        json_put(o, "profile", json_text(r.profile));
        json_put(o, "name", json_text(r.name));
        json_put(o, "rule", json_text(r.rule));
        json_put(o, "text", json_text(r.text));
        progress_end(&p->bar);
        if (rows_add(&p->rows, o) != EXIT_OK)
            return fault_set(f, FAULT_INTERNAL, "output", "the list is not complete");
    }
    return wire_in_done(&w) ? 0 : fault_set(f, FAULT_MALFORMED, "answer", "a broken list came");
}

static int take(struct preview *p, const struct frame *frame, struct fault *f)
{
    uint64_t done, total;
    char what[64];

    if (frame->fd >= 0)
        (void)close(frame->fd);
    if (frame->type == MSG_POLICY_REFUSED)
        return take_refused(p, frame->body, f);
    if (frame->type == MSG_POLICY_PROGRESS &&
        check_progress_get(frame->body, what, &done, &total) == 0) {
        progress_draw(&p->bar, what, done, total);
        return 0;
    }
    if (frame->type == MSG_POLICY_PREVIEWED && policy_previewed_get(frame->body, &p->result) == 0) {
        p->done = true;
        return 0;
    }
    return fault_set(f, FAULT_MALFORMED, "answer", "cerca-ca answered something else");
}

/* --timeout is for each sign of life: a large store takes its time. */
static int run_all(struct preview *p, int fd, struct fault *f)
{
    int ms = tool_time_left_ms(p->tool);
    struct frame frame;
    int rc = client_call_fd(p->tool->client, MSG_POLICY_PREVIEW, SLICE_NONE, fd, ms, &frame, f);

    while (rc == 0) {
        rc = take(p, &frame, f);
        if (rc != 0 || p->done)
            break;
        rc = client_more(p->tool->client, ms, &frame, f);
    }
    progress_end(&p->bar);
    return rc;
}

/* Looked at here first, so that a mistake is told with its line. */
static int load(const char *path, int *fd, struct fault *f)
{
    struct conf *conf;
    int rc = conf_load(path, &conf, f);

    *fd = -1;
    if (rc != 0)
        return rc;
    conf_free(conf);
    return conf_seal(path, fd, f);
}

static int run_preview(struct tool *t, void *args)
{
    struct preview p = {.tool = t};
    struct fault f = {0};
    int fd, rc = load(t->words[0], &fd, &f);

    (void)args;
    if (rc == 0)
        rc = tool_connect(t, &f);
    if (rc == 0) {
        rows_begin(&p.rows, t, &sheet);
        rc = run_all(&p, fd, &f);
        if (rc != 0)
            rows_drop(&p.rows);
        else if (rows_end(&p.rows) != EXIT_OK)
            rc = fault_set(&f, FAULT_INTERNAL, "output", "the list is not complete");
    }
    if (fd >= 0)
        (void)close(fd);
    if (rc != 0)
        return tool_fail(t, &f);
    tool_say(t, "%llu of %llu valid certificates would no longer be allowed",
             (unsigned long long)p.result.refused, (unsigned long long)p.result.looked);
    return EXIT_OK;
}

const struct command cmd_policy_preview = {
    .name = "policy preview",
    .help = "list the valid certificates that a changed configuration would no longer allow",
    .arguments = "NEWCONF [options]",
    .examples = "  cerca policy preview /etc/cerca/cerca.conf.new\n"
                "  cerca policy preview new.conf -o json | jq -r '.[].rule' | sort | uniq -c\n",
    .min = 1,
    .max = 1,
    .formats = FORMAT_TABLE | FORMAT_JSON | FORMAT_CSV,
    .format = FORMAT_TABLE,
    .run = run_preview,
};
