/* Saved filters: list, remove; cerca list --save makes them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/shellword.h"
#include "tools/commands.h"
#include "tools/filters.h"
#include "tools/json.h"
#include "tools/rows.h"

/* One answer: `fn` for each filter in it. */
typedef int (*filter_each)(void *arg, const struct saved_filter *s, struct fault *f);
static int call(struct tool *t, const struct filter_query *q, filter_each fn, void *arg, bool *more,
                struct fault *f)
{
    struct saved_filter *s;
    struct frame answer;
    struct wire_in w;
    struct buf body;
    uint32_t n;
    int rc;

    buf_init(&body, 256);
    filter_query_put(&body, q);
    rc = tool_call_patient(t, MSG_FILTER_LIST, buf_slice(&body), MSG_FILTER_LISTED, &answer, f);
    buf_free(&body);
    if (rc != 0)
        return rc;
    s = xcalloc(1, sizeof(*s));
    wire_in_init(&w, answer.body);
    *more = wire_get_flag(&w);
    n = wire_get_count(&w, FILTERS_MAX, 1);
    for (uint32_t i = 0; rc == 0 && i < n; i++) {
        saved_filter_get(&w, s);
        rc = wire_failed(&w) ? tool_broken_answer(f) : fn(arg, s, f);
    }
    free(s);
    if (rc == 0 && (!wire_in_done(&w) || (n == 0 && *more)))
        rc = tool_broken_answer(f);
    return rc;
}

static int keep(void *arg, const struct saved_filter *s, struct fault *f)
{
    (void)f;
    *(struct saved_filter *)arg = *s;
    return 0;
}

int filters_get(struct tool *t, const char *name, struct saved_filter *out, struct fault *f)
{
    struct filter_query q = {.one = true};
    bool more;
    int rc = tool_field(q.name, sizeof(q.name), "--filter", name, f);

    memset(out, 0, sizeof(*out));
    if (rc == 0)
        rc = tool_connect(t, f);
    if (rc == 0)
        rc = call(t, &q, keep, out, &more, f);
    return rc == 0 && out->name[0] == 0 ? tool_broken_answer(f) : rc;
}

int filters_save(struct tool *t, struct saved_filter *s, struct fault *f)
{
    struct frame answer;
    struct buf body;
    int rc = tool_connect(t, f);

    if (rc == 0 && !filter_name_valid(s->name))
        rc = fault_set(f, FAULT_MALFORMED, "filter.name",
                       "a filter's name has letters, digits and ._- only, 63 at most");
    if (rc != 0)
        return rc;
    s->request.limit = 1;
    s->request.cursor = SLICE_NONE;
    buf_init(&body, LIST_REQUEST_MAX + 512);
    saved_filter_put(&body, s);
    rc = tool_call_patient(t, MSG_FILTER_SAVE, buf_slice(&body), MSG_FILTER_SAVED, &answer, f);
    buf_free(&body);
    return rc;
}

/* ---- list ---- */

static void say(struct buf *b, const char *name, const char *value)
{
    if (value[0] == 0)
        return;
    buf_printf(b, "%s--%s ", b->n > 0 ? " " : "", name);
    shellword_put(b, value);
}

/* As the options that make it. */
static void describe(const struct saved_filter *s, struct buf *b)
{
    const struct list_request *r = &s->request;
    char hex[2 * ANNOTATION_IDENTITY + 1], span[32] = "";

    hex_encode(slice_of(r->identity, sizeof(r->identity)), hex);
    if (s->expires_within != 0)
        (void)snprintf(span, sizeof(span), "%lld", (long long)s->expires_within);
    say(b, "status", r->status);
    say(b, "expires-within", span);
    say(b, "name", r->name);
    say(b, "owner", r->owner);
    say(b, "profile", r->profile);
    say(b, "issuer", r->issuer);
    say(b, "requester", r->requester);
    for (enum store_source from = SOURCE_ISSUED; from <= SOURCE_MAX; from++)
        say(b, "source", (r->sources & (1u << from)) != 0 ? source_name(from) : "");
    say(b, "identity", r->has_identity ? hex : "");
    say(b, "application", r->annotation.application);
    say(b, "environment", r->annotation.environment);
    say(b, "contact", r->annotation.contact);
    say(b, "tag", r->annotation.tag);
    say(b, "criticality", criticality_name(r->annotation.criticality));
    say(b, "method", method_name(r->annotation.method));
    say(b, "installed-on", r->installed_on);
    for (enum agent_state in = STATE_TRACKED; in <= STATE_MAX; in++)
        say(b, "installed", (r->installed >> in & 1) != 0 ? agent_state_word(in) : "");
}

static const struct column columns[] = {
    {"NAME", "name", 24, COLUMN_ALWAYS, NULL}, {"SAVED BY", "by", 20, COLUMN_ALWAYS, NULL},
    {"SAVED", "time", 20, COLUMN_WIDE, NULL},  {"MEANS", "means", 0, COLUMN_ALWAYS, NULL},
    {NULL, NULL, 0, COLUMN_ALWAYS, NULL},
};
static const char *const keys[] = {"name", "by", "time", "means", NULL};
static const struct sheet sheet = {columns, keys};

struct walk {
    struct rows *rows;
    struct filter_query *query;
};

static int add_row(void *arg, const struct saved_filter *s, struct fault *f)
{
    struct walk *w = arg;
    json_t *o = json_object();
    struct buf b;

    memcpy(w->query->name, s->name, sizeof(s->name));
    buf_init(&b, 2 * LIST_REQUEST_MAX);
    describe(s, &b);
    json_put(o, "name", json_text(s->name));
    json_put(o, "by", json_text(s->by));
    json_put(o, "time", json_time(s->time));
    json_put(o, "means", json_text(buf_cstr(&b)));
    buf_free(&b);
    return rows_add(w->rows, o) == EXIT_OK
               ? 0
               : fault_set(f, FAULT_INTERNAL, "output", "the list is not complete");
}

static int one_page(struct tool *t, void *query, struct rows *rows, bool *more, struct fault *f)
{
    struct walk w = {rows, query};

    return call(t, query, add_row, &w, more, f);
}

static int run_list(struct tool *t, void *args)
{
    struct filter_query query = {.one = false};

    (void)args;
    return rows_all_pages(t, &sheet, one_page, &query);
}

const struct command cmd_filter_list = {
    .name = "filter list",
    .help = "list the filters that were saved with cerca list --save",
    .arguments = "[options]",
    .examples = "  cerca filter list\n",
    .formats = FORMAT_TABLE | FORMAT_JSON | FORMAT_CSV,
    .format = FORMAT_TABLE,
    .run = run_list,
};

/* ---- remove ---- */

static int run_remove(struct tool *t, void *args)
{
    struct saved_filter *s = xcalloc(1, sizeof(*s));
    struct fault f = {0};
    int rc = tool_field(s->name, sizeof(s->name), "NAME", t->words[0], &f);

    (void)args;
    s->remove = true;
    if (rc == 0)
        rc = filters_save(t, s, &f);
    if (rc == 0)
        tool_say(t, "%s is removed", s->name);
    free(s);
    return rc == 0 ? EXIT_OK : tool_fail(t, &f);
}

const struct command cmd_filter_remove = {
    .name = "filter remove",
    .help = "remove a saved filter",
    .arguments = "NAME",
    .examples = "  cerca filter remove web-team\n",
    .min = 1,
    .max = 1,
    .run = run_remove,
};
