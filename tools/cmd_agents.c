/* Agents: who reports, and what each looks after. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/proto_agent.h"
#include "lib/proto_alert.h"
#include "lib/text.h"
#include "tools/commands.h"
#include "tools/rows.h"

#define TEXT_MAX 1048576

static json_t *time_or_null(int64_t t)
{
    return t == 0 ? json_null() : json_time(t);
}

static const char *state_of(const struct agent_info *i)
{
    if (i->silent)
        return "silent";
    return i->failing > 0 ? "failing" : "well";
}

static json_t *agent_json(const struct agent_info *i)
{
    json_t *o = json_object();

    json_put(o, "host", json_text(i->host));
    json_put(o, "state", json_string(state_of(i)));
    json_put(o, "name", json_text(i->name));
    json_put(o, "last", json_time(i->last));
    json_put(o, "first", json_time(i->first));
    json_put(o, "interval", json_integer(i->interval));
    json_put(o, "entries", json_integer(i->entries));
    json_put(o, "failing", json_integer(i->failing));
    json_put(o, "found", json_integer(i->found));
    json_put(o, "version", json_text(i->version));
    json_put(o, "address", json_text(i->address));
    json_put(o, "identity", json_hex(i->identity, sizeof(i->identity)));
    return o;
}

static const struct column columns[] = {
    {"HOST", "host", 24, COLUMN_ALWAYS, NULL},      {"STATE", "state", 8, COLUMN_ALWAYS, NULL},
    {"ENTRIES", "entries", 8, COLUMN_ALWAYS, NULL}, {"FAILING", "failing", 8, COLUMN_ALWAYS, NULL},
    {"VERSION", "version", 10, COLUMN_WIDE, NULL},  {"LAST", "last", 0, COLUMN_ALWAYS, NULL},
    {NULL, NULL, 0, COLUMN_ALWAYS, NULL},
};
static const char *const keys[] = {"host",     "state",    "name",    "last",  "first",
                                   "interval", "entries",  "failing", "found", "version",
                                   "address",  "identity", NULL};
static const struct sheet sheet = {columns, keys};

/* ---- list ---- */

static int page_of_agents(struct tool *t, struct agent_query *q, page_take take, void *arg,
                          bool *more, struct fault *f)
{
    struct buf body;
    int rc;

    buf_init(&body, 1024);
    agent_query_put(&body, q);
    rc = page_call(t,
                   &(struct page_call){.ask = MSG_AGENT_LIST,
                                       .answer = MSG_AGENT_LISTED,
                                       .body = buf_slice(&body),
                                       .max = AGENT_PAGE_MAX,
                                       .at = q->after},
                   take, arg, more, f);
    buf_free(&body);
    q->further = true;
    return rc;
}

static int add_row(struct wire_in *w, void *arg, struct fault *f)
{
    struct agent_info info;

    agent_info_get(w, &info);
    if (!wire_failed(w) && rows_add(arg, agent_json(&info)) != EXIT_OK)
        return fault_set(f, FAULT_INTERNAL, "output", "the list is not complete");
    return 0;
}

static int one_page(struct tool *t, void *arg, struct rows *rows, bool *more, struct fault *f)
{
    return page_of_agents(t, arg, add_row, rows, more, f);
}

struct list_args {
    const char *host;
    bool silent, failing;
};

static int run_list(struct tool *t, void *args)
{
    const struct list_args *a = args;
    struct agent_query q = {.silent = a->silent, .failing = a->failing};
    struct fault f = {0};

    if (tool_field(q.host, sizeof(q.host), "--host", a->host, &f) != 0)
        return tool_usage(t, "%s", f.text);
    return rows_all_pages(t, &sheet, one_page, &q);
}

#define AT(field) offsetof(struct list_args, field)
static const struct opt list_opts[] = {
    {"host", OPT_MATCH, AT(host), "NAME", "of this host, or with this name in the certificate", 0},
    {"silent", OPT_FLAG, AT(silent), NULL, "that have not reported for three intervals", 0},
    {"failing", OPT_FLAG, AT(failing), NULL, "that are stuck with something", 0},
    {NULL, OPT_FLAG, 0, NULL, NULL, 0},
};

const struct command cmd_agents_list = {
    .name = "agents list",
    .help = "list the agents that report, and when they last did",
    .arguments = "[options]",
    .examples = "  cerca agents list\n"
                "  cerca agents list --silent -o csv\n",
    .opts = list_opts,
    .args_size = sizeof(struct list_args),
    .formats = FORMAT_TABLE | FORMAT_JSON | FORMAT_CSV,
    .format = FORMAT_TABLE,
    .run = run_list,
};

/* ---- show ---- */

struct search {
    size_t n;
    struct agent_info found;
};

static int keep(struct wire_in *w, void *arg, struct fault *f)
{
    struct search *s = arg;

    (void)f;
    agent_info_get(w, &s->found);
    s->n++;
    return 0;
}

static int find_agent(struct tool *t, const char *word, struct agent_info *out, struct fault *f)
{
    struct agent_query q = {.silent = false};
    struct search s = {.n = 0};
    bool more = true;
    int rc = tool_field(q.host, sizeof(q.host), "HOST", word, f);

    while (rc == 0 && more)
        rc = page_of_agents(t, &q, keep, &s, &more, f);
    if (rc != 0)
        return rc;
    *out = s.found;
    if (s.n == 0)
        return fault_set(f, FAULT_NOT_FOUND, "agent.unknown", "no agent reports from \"%.80s\"",
                         word);
    if (s.n > 1)
        return fault_set(f, FAULT_CONFLICT, "agent.many",
                         "%zu agents are called \"%.80s\": say the name in the certificate of one",
                         s.n, word);
    return 0;
}

static json_t *services_json(const struct agent_entry *e)
{
    json_t *all = json_array();

    for (uint32_t i = 0; i < e->n_services; i++) {
        const struct agent_service *s = &e->service[i];
        json_t *o = json_object();

        json_put(o, "recipe", json_text(s->recipe));
        json_put(o, "address", json_text(s->address));
        json_put(o, "served", s->has_served ? json_hex(s->served, sizeof(s->served)) : json_null());
        json_put(o, "verified", time_or_null(s->verified));
        (void)!json_array_append_new(all, o);
    }
    return all;
}

static json_t *entry_json(const struct installed_info *i)
{
    const struct agent_entry *e = &i->entry;
    json_t *o = json_object(), *files = json_array();

    for (uint32_t k = 0; k < e->n_files; k++)
        (void)!json_array_append_new(files, json_text(e->files[k]));
    json_put(o, "name", json_text(e->name));
    json_put(o, "kind", json_string(agent_kind_word(e->kind)));
    json_put(o, "state", json_string(agent_state_word(e->state)));
    json_put(o, "since", time_or_null(e->since));
    json_put(o, "next", time_or_null(e->next));
    json_put(o, "reason", json_text(e->reason));
    json_put(o, "rule", json_text(e->rule));
    json_put(o, "sha256",
             e->has_fingerprint ? json_hex(e->fingerprint, sizeof(e->fingerprint)) : json_null());
    json_put(o, "identity",
             i->has_identity ? json_hex(i->identity, sizeof(i->identity)) : json_null());
    json_put(o, "files", files);
    json_put(o, "services", services_json(e));
    json_put(o, "reported", json_time(i->reported));
    return o;
}

struct entries {
    json_t *all;
    struct agent_show *query; /* goes on behind the last */
};

static int take_entry(struct wire_in *w, void *arg, struct fault *f)
{
    struct installed_info *i = xcalloc(1, sizeof(*i));
    struct entries *e = arg;

    (void)f;
    installed_info_get(w, i);
    if (!wire_failed(w))
        (void)!json_array_append_new(e->all, entry_json(i));
    memcpy(e->query->after, i->entry.name, sizeof(e->query->after));
    free(i);
    return 0;
}

static int page_of_entries(struct tool *t, struct agent_show *q, json_t *all, bool *more,
                           struct fault *f)
{
    struct entries e = {all, q};
    struct buf body;
    int rc;

    buf_init(&body, 256);
    agent_show_put(&body, q);
    rc = page_call(t,
                   &(struct page_call){.ask = MSG_AGENT_SHOW,
                                       .answer = MSG_AGENT_SHOWN,
                                       .body = buf_slice(&body),
                                       .max = AGENT_SHOWN_MAX},
                   take_entry, &e, more, f);
    buf_free(&body);
    return rc;
}

static void say(struct buf *out, const char *what, const char *value)
{
    if (value[0] == '\0')
        return;
    buf_printf(out, "  %-10s", what);
    text_safe(slice_str(value), false, out);
    buf_put_str(out, "\n");
}

static void say_list(struct buf *out, const char *what, const json_t *list, const char *key)
{
    size_t i;
    const json_t *v;

    json_array_foreach(list, i, v)
    {
        say(out, what, key == NULL ? json_string_value(v) : json_str(v, key));
    }
}

static void say_entry(struct buf *out, const json_t *e)
{
    buf_put_str(out, "\n");
    text_safe(slice_str(json_str(e, "name")), false, out);
    buf_printf(out, ": %s\n", json_str(e, "state"));
    say(out, "since", json_str(e, "since"));
    say(out, "why", json_str(e, "reason"));
    say(out, "rule", json_str(e, "rule"));
    say(out, "next", json_str(e, "next"));
    say(out, "SHA-256", json_str(e, "sha256"));
    say_list(out, "file", json_object_get(e, "files"), NULL);
    say_list(out, "service", json_object_get(e, "services"), "address");
}

static int print_text(const struct tool *t, const struct agent_info *a, const json_t *entries)
{
    char last[CLOCK_TEXT_SIZE], span[CLOCK_TEXT_SIZE];
    struct buf out;
    size_t i;
    const json_t *e;
    int rc;

    buf_init(&out, TEXT_MAX);
    clock_format(a->last, last);
    clock_format_span(a->interval, span);
    text_safe(slice_str(a->host), false, &out);
    buf_printf(&out, ": %s\n", state_of(a));
    say(&out, "last", last);
    say(&out, "every", span);
    say(&out, "name", a->name);
    say(&out, "address", a->address);
    say(&out, "version", a->version);
    json_array_foreach(entries, i, e)
    {
        say_entry(&out, e);
    }
    rc = tool_print(t, buf_slice(&out));
    buf_free(&out);
    return rc;
}

static int run_show(struct tool *t, void *args)
{
    json_t *entries = json_array();
    struct agent_show q = {.after = ""};
    struct agent_info a;
    struct fault f = {0};
    bool more = true;
    int rc = find_agent(t, t->words[0], &a, &f);

    (void)args;
    memcpy(q.identity, a.identity, sizeof(q.identity));
    while (rc == 0 && more)
        rc = page_of_entries(t, &q, entries, &more, &f);
    if (rc != 0) {
        json_decref(entries);
        return tool_fail(t, &f);
    }
    if (t->format == FORMAT_JSON) {
        json_t *o = agent_json(&a);

        json_put(o, "installed", entries);
        return json_print(t, o);
    }
    rc = print_text(t, &a, entries);
    json_decref(entries);
    return rc;
}

const struct command cmd_agents_show = {
    .name = "agents show",
    .help = "show what an agent looks after, where it is, and what it is stuck with",
    .arguments = "HOST | NAME [options]",
    .examples = "  cerca agents show web1\n",
    .min = 1,
    .max = 1,
    .formats = FORMAT_TEXT | FORMAT_JSON,
    .format = FORMAT_TEXT,
    .run = run_show,
};
