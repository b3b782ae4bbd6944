/* Scans that go by themselves: how far each is, and what becomes of it. */
#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/proto_observe.h"
#include "tools/commands.h"
#include "tools/rows.h"

static json_t *time_or_null(int64_t t)
{
    return t == 0 ? json_null() : json_time(t);
}

static json_t *job_json(const struct job_info *i)
{
    char every[CLOCK_TEXT_SIZE];
    json_t *o = json_object();

    clock_format_span(i->every, every);
    json_put(o, "name", json_text(i->name));
    json_put(o, "state", json_text(i->state));
    json_put(o, "every", json_string(every));
    json_put(o, "next", time_or_null(i->next));
    json_put(o, "started", time_or_null(i->started));
    json_put(o, "finished", time_or_null(i->finished));
    json_put(o, "position", json_integer((json_int_t)i->position));
    json_put(o, "targets", json_integer((json_int_t)i->total));
    json_put(o, "results", json_integer((json_int_t)i->results));
    return o;
}

static const struct column columns[] = {
    {"NAME", "name", 20, COLUMN_ALWAYS, NULL},
    {"STATE", "state", 12, COLUMN_ALWAYS, NULL},
    {"EVERY", "every", 6, COLUMN_WIDE, NULL},
    {"RESULTS", "results", 8, COLUMN_ALWAYS, NULL},
    {"STARTED", "started", 22, COLUMN_ALWAYS, NULL},
    {"NEXT", "next", 0, COLUMN_ALWAYS, NULL},
    {NULL, NULL, 0, COLUMN_ALWAYS, NULL},
};
static const char *const keys[] = {"name",     "state",    "every",   "next",    "started",
                                   "finished", "position", "targets", "results", NULL};
static const struct sheet sheet = {columns, keys};

static int one_page(struct tool *t, void *arg, struct rows *rows, bool *more, struct fault *f)
{
    struct job_info i;
    struct frame answer;
    struct wire_in w;
    uint32_t n;
    int rc = tool_call_patient(t, MSG_JOB_LIST, SLICE_NONE, MSG_JOB_LISTED, &answer, f);

    (void)arg;
    *more = false;
    if (rc != 0)
        return rc;
    wire_in_init(&w, answer.body);
    n = wire_get_count(&w, JOBS_MAX, 1);
    for (uint32_t k = 0; rc == 0 && k < n; k++) {
        job_info_get(&w, &i);
        if (!wire_failed(&w) && rows_add(rows, job_json(&i)) != EXIT_OK)
            rc = fault_set(f, FAULT_INTERNAL, "output", "the list is not complete");
    }
    return rc == 0 && !wire_in_done(&w) ? tool_broken_answer(f) : rc;
}

static int run_list(struct tool *t, void *args)
{
    (void)args;
    return rows_all_pages(t, &sheet, one_page, NULL);
}

const struct command cmd_scans_list = {
    .name = "scans list",
    .help = "list the scans that go by themselves, and how far each is",
    .arguments = "[options]",
    .examples = "  cerca scans list\n",
    .formats = FORMAT_TABLE | FORMAT_JSON | FORMAT_CSV,
    .format = FORMAT_TABLE,
    .run = run_list,
};

/* ---- pause, resume, run ---- */

static int change(struct tool *t, enum job_verb verb)
{
    struct job_change c = {.verb = verb};
    struct job_info i;
    struct frame answer;
    struct wire_in w;
    struct fault f = {0};
    struct buf body;
    int rc;

    if (tool_field(c.name, sizeof(c.name), "NAME", t->words[0], &f) != 0)
        return tool_usage(t, "%s", f.text);
    buf_init(&body, 256);
    job_change_put(&body, &c);
    rc = tool_call_patient(t, MSG_JOB_CHANGE, buf_slice(&body), MSG_JOB_CHANGED, &answer, &f);
    buf_free(&body);
    if (rc == 0) {
        wire_in_init(&w, answer.body);
        job_info_get(&w, &i);
        if (!wire_in_done(&w))
            rc = tool_broken_answer(&f);
    }
    if (rc != 0)
        return tool_fail(t, &f);
    if (t->format == FORMAT_JSON)
        return json_print(t, job_json(&i));
    tool_say(t, "%s is %s", i.name, i.state);
    return EXIT_OK;
}

static int run_pause(struct tool *t, void *args)
{
    (void)args;
    return change(t, JOB_PAUSE);
}

static int run_resume(struct tool *t, void *args)
{
    (void)args;
    return change(t, JOB_RESUME);
}

static int run_run(struct tool *t, void *args)
{
    (void)args;
    return change(t, JOB_RUN);
}

#define CHANGING(symbol, verb, what)                                                               \
    const struct command cmd_scans_##symbol = {                                                    \
        .name = "scans " verb,                                                                     \
        .help = what,                                                                              \
        .arguments = "NAME [options]",                                                             \
        .examples = "  cerca scans " verb " servers\n",                                            \
        .min = 1,                                                                                  \
        .max = 1,                                                                                  \
        .formats = FORMAT_TEXT | FORMAT_JSON,                                                      \
        .format = FORMAT_TEXT,                                                                     \
        .run = run_##symbol,                                                                       \
    }
CHANGING(pause, "pause", "stop a scan that goes by itself where it is");
CHANGING(resume, "resume", "let a paused scan go on where it was");
CHANGING(run, "run", "begin a scan that goes by itself now");
