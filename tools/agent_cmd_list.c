/* cerca-agent list and status. */
#include "agent/due.h"
#include "lib/clock.h"
#include "tools/agent_tool.h"
#include "tools/rows.h"

static void cell_what(const json_t *row, struct buf *out)
{
    const char *reason = json_str(row, "reason");

    buf_put_str(out, reason[0] != '\0' ? reason : json_str(row, "doing"));
}

static const struct column columns[] = {
    {"NAME", "name", 20, COLUMN_ALWAYS, NULL},
    {"STATE", "state", 18, COLUMN_ALWAYS, NULL},
    {"VALID UNTIL", "not_after", 21, COLUMN_ALWAYS, NULL},
    {"NEXT", "next", 21, COLUMN_WIDE, NULL},
    {"WHAT", "reason", 0, COLUMN_ALWAYS, cell_what},
    {NULL, NULL, 0, COLUMN_ALWAYS, NULL},
};
static const char *const keys[] = {"name",     "kind",    "state",    "since",    "not_after",
                                   "next",     "version", "in_force", "verified", "rule",
                                   "failures", "reason",  NULL};
static const struct sheet sheet = {columns, keys};

/* A file of conf.d that cannot be used is shown as one that is stuck. */
static json_t *bad_json(const struct agent_bad *b)
{
    json_t *o = json_object();

    json_put(o, "name", json_text(b->name));
    json_put(o, "state", json_text(agent_state_word(STATE_STUCK)));
    json_put(o, "since", json_null());
    json_put(o, "doing", json_text(""));
    json_put(o, "next", json_null());
    json_put(o, "rule", json_text(b->why.rule));
    json_put(o, "reason", json_text(b->why.text));
    json_put(o, "not_after", json_null());
    return o;
}

static bool needs_people(const struct record *r)
{
    return agent_state_fails(r->state) || r->failures > 0 || r->rule[0] != '\0' ||
           (r->not_after > 0 && due_late(r->not_before, r->not_after, clock_now(), 0));
}

static int add_all(const struct agent_conf *c, bool only_bad, struct rows *rows, size_t *bad)
{
    int rc = EXIT_OK;

    *bad = c->n_bad;
    for (size_t i = 0; rc == EXIT_OK && i < entries_count(c); i++) {
        struct entry e = entries_at(c, i);
        struct record r;
        struct fault f;
        bool wrong = record_load(e.as, &r, &f) != 0 || needs_people(&r);

        *bad += wrong;
        if (wrong || !only_bad)
            rc = rows_add(rows, agent_entry_json(&e, &r));
    }
    for (size_t i = 0; rc == EXIT_OK && i < c->n_bad; i++)
        rc = rows_add(rows, bad_json(&c->bad[i]));
    return rc;
}

static int print_rows(struct tool *t, const struct agent_conf *c, bool only_bad, size_t *bad)
{
    struct rows rows;
    int rc;

    rows_begin(&rows, t, &sheet);
    rc = add_all(c, only_bad, &rows, bad);
    if (rc == EXIT_OK)
        return rows_end(&rows);
    rows_drop(&rows);
    return rc;
}

static int run_list(struct tool *t, void *args)
{
    struct agent_conf *c;
    struct fault f = {0};
    size_t bad;
    int rc;

    if (agent_tool_load(t, args, &c, &f) != 0)
        return tool_fail(t, &f);
    rc = print_rows(t, c, false, &bad);
    agent_conf_free(c);
    return rc;
}

static int print_text(const struct tool *t, const struct entry *e, const struct record *r)
{
    struct buf text;
    int rc;

    buf_init(&text, 1 << 20);
    agent_entry_text(e, r, &text);
    rc = tool_print(t, buf_slice(&text));
    buf_free(&text);
    return rc;
}

static int status_of(struct tool *t, const struct entry *e)
{
    struct record r;
    struct fault f = {0};
    int rc;

    if (record_load(e->as, &r, &f) != 0)
        return tool_fail(t, &f);
    rc = t->format == FORMAT_JSON ? json_print(t, agent_entry_json(e, &r)) : print_text(t, e, &r);
    return rc == EXIT_OK && needs_people(&r) ? EXIT_FAILED : rc;
}

static int status_of_all(struct tool *t, const struct agent_conf *c)
{
    size_t bad = 0;
    int rc = print_rows(t, c, true, &bad);

    if (rc != EXIT_OK)
        return rc;
    if (bad > 0)
        tool_say(t, "%zu of %zu need attention", bad, entries_count(c) + c->n_bad);
    else
        tool_say(t, "all is well with %zu", entries_count(c));
    return bad > 0 ? EXIT_FAILED : EXIT_OK;
}

static int run_status(struct tool *t, void *args)
{
    struct entry e;
    struct agent_conf *c;
    struct fault f = {0};
    int rc;

    if (agent_tool_load(t, args, &c, &f) != 0)
        return tool_fail(t, &f);
    if (t->n_words == 0)
        rc = status_of_all(t, c);
    else
        rc = agent_tool_entry(t, c, &e, &f) == 0 ? status_of(t, &e) : tool_fail(t, &f);
    agent_conf_free(c);
    return rc;
}

const struct command cmd_agent_list = {
    .name = "list",
    .help = "all entries and how far each is",
    .arguments = "[options]",
    .examples = "  cerca-agent list -o json\n",
    .shared = agent_opts,
    .args_size = sizeof(struct agent_args),
    .formats = FORMAT_TABLE | FORMAT_JSON | FORMAT_CSV,
    .format = FORMAT_TABLE,
    .run = run_list,
};

const struct command cmd_agent_status = {
    .name = "status",
    .help = "what needs attention, or all about one entry; exit status 1 when something does",
    .arguments = "[NAME] [options]",
    .examples = "  cerca-agent status\n  cerca-agent status web -o json\n",
    .shared = agent_opts,
    .args_size = sizeof(struct agent_args),
    .max = 1,
    .formats = FORMAT_TABLE | FORMAT_JSON,
    .format = FORMAT_TABLE,
    .run = run_status,
};
