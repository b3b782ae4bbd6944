/* Findings: what is wrong by the policy for all, and what of it is accepted until a day. */
#include <string.h>

#include "lib/clock.h"
#include "lib/proto_alert.h"
#include "tools/commands.h"
#include "tools/pages.h"
#include "tools/rows.h"

static json_t *time_or_null(int64_t t)
{
    return t == 0 ? json_null() : json_time(t);
}

/* ---- list ---- */

static json_t *finding_json(const struct finding_info *i)
{
    json_t *o = json_object();

    json_put(o, "rule", json_text(i->rule));
    json_put(o, "severity", json_string(severity_word((enum severity)i->severity)));
    json_put(o, "name", json_text(i->name));
    json_put(o, "owner", json_text(i->owner));
    json_put(o, "text", json_text(i->text));
    json_put(o, "identity", json_hex(i->identity, sizeof(i->identity)));
    json_put(o, "serial", json_hex(i->serial, sizeof(i->serial)));
    json_put(o, "issuer", json_text(i->issuer));
    json_put(o, "not_after", json_time(i->not_after));
    json_put(o, "excepted_until", time_or_null(i->until));
    return o;
}

static const struct column columns[] = {
    {"RULE", "rule", 18, COLUMN_ALWAYS, NULL}, {"SEVERITY", "severity", 9, COLUMN_ALWAYS, NULL},
    {"OWNER", "owner", 12, COLUMN_WIDE, NULL}, {"NAME", "name", 28, COLUMN_ALWAYS, NULL},
    {"WHAT", "text", 0, COLUMN_ALWAYS, NULL},  {NULL, NULL, 0, COLUMN_ALWAYS, NULL},
};
static const char *const keys[] = {"rule",      "severity",       "name",   "owner",
                                   "text",      "identity",       "serial", "issuer",
                                   "not_after", "excepted_until", NULL};
static const struct sheet sheet = {columns, keys};

static json_t *next_item(struct wire_in *w, void *arg)
{
    struct finding_info info;

    (void)arg;
    finding_info_get(w, &info);
    return finding_json(&info);
}

static int one_page(struct tool *t, void *arg, struct rows *rows, bool *more, struct fault *f)
{
    struct finding_query *q = arg;
    struct buf body;
    int rc;

    buf_init(&body, 1024);
    finding_query_put(&body, q);
    rc = rows_call(t,
                   &(struct page_call){.ask = MSG_FINDING_LIST,
                                       .answer = MSG_FINDING_LISTED,
                                       .body = buf_slice(&body),
                                       .max = FINDING_PAGE_MAX,
                                       .at = q->after},
                   next_item, q, rows, more, f);
    buf_free(&body);
    q->further = true;
    return rc;
}

struct list_args {
    bool all;
    const char *severity, *owner, *rule;
};

static int run_list(struct tool *t, void *args)
{
    const struct list_args *a = args;
    struct finding_query q = {.excepted = a->all};
    enum severity least;
    struct fault f = {0};

    if (a->severity != NULL) {
        if (!severity_parse(a->severity, &least))
            return tool_usage(t, "--severity: \"%s\" should be info, warning or critical",
                              a->severity);
        q.severity = (uint8_t)least;
    }
    if (tool_field(q.owner, sizeof(q.owner), "--owner", a->owner, &f) != 0 ||
        tool_field(q.rule, sizeof(q.rule), "--rule", a->rule, &f) != 0)
        return tool_usage(t, "%s", f.text);
    return rows_all_pages(t, &sheet, one_page, &q);
}

#define AT(field) offsetof(struct list_args, field)
static const struct opt list_opts[] = {
    {"all", OPT_FLAG, AT(all), NULL, "those with an exception too", 'a'},
    {"severity", OPT_MATCH, AT(severity), "WORD", "info, warning or critical, and what is worse",
     0},
    {"owner", OPT_MATCH, AT(owner), "NAME", "of this owner", 0},
    {"rule", OPT_MATCH, AT(rule), "RULE", "one of cerca findings count", 0},
    {NULL, OPT_FLAG, 0, NULL, NULL, 0},
};

const struct command cmd_findings_list = {
    .name = "findings list",
    .help = "list what is wrong in the inventory by the policy that holds for all of it",
    .arguments = "[options]",
    .examples = "  cerca findings list --severity warning\n"
                "  cerca findings list --rule key.shared -o csv\n",
    .opts = list_opts,
    .args_size = sizeof(struct list_args),
    .formats = FORMAT_TABLE | FORMAT_JSON | FORMAT_CSV,
    .format = FORMAT_TABLE,
    .run = run_list,
};

/* ---- count ---- */

static json_t *count_json(const struct finding_count *c, int64_t when)
{
    json_t *o = json_object();

    json_put(o, "rule", json_text(c->rule));
    json_put(o, "severity", json_string(severity_word((enum severity)c->severity)));
    json_put(o, "found", json_integer((json_int_t)c->found));
    json_put(o, "excepted", json_integer((json_int_t)c->excepted));
    json_put(o, "text", json_text(c->text));
    json_put(o, "evaluated", time_or_null(when));
    return o;
}

static const struct column count_columns[] = {
    {"RULE", "rule", 18, COLUMN_ALWAYS, NULL},  {"SEVERITY", "severity", 9, COLUMN_ALWAYS, NULL},
    {"FOUND", "found", 9, COLUMN_ALWAYS, NULL}, {"EXCEPTED", "excepted", 9, COLUMN_ALWAYS, NULL},
    {"WHAT", "text", 0, COLUMN_ALWAYS, NULL},   {NULL, NULL, 0, COLUMN_ALWAYS, NULL},
};
static const char *const count_keys[] = {"rule",     "severity",  "found",
                                         "excepted", "evaluated", NULL};
static const struct sheet count_sheet = {count_columns, count_keys};

static int count_page(struct tool *t, void *arg, struct rows *rows, bool *more, struct fault *f)
{
    int64_t *when = arg; /* the evaluation ended; 0: not yet */
    struct finding_count c;
    struct frame answer;
    struct wire_in w;
    uint32_t n;
    int rc = tool_call_patient(t, MSG_FINDING_COUNT, SLICE_NONE, MSG_FINDING_COUNTED, &answer, f);

    *more = false;
    if (rc != 0)
        return rc;
    wire_in_init(&w, answer.body);
    *when = wire_get_i64(&w);
    n = wire_get_count(&w, 256, 1);
    for (uint32_t i = 0; rc == 0 && i < n; i++) {
        finding_count_get(&w, &c);
        if (!wire_failed(&w) && rows_add(rows, count_json(&c, *when)) != EXIT_OK)
            rc = fault_set(f, FAULT_INTERNAL, "output", "the list is not complete");
    }
    return rc == 0 && !wire_in_done(&w) ? tool_broken_answer(f) : rc;
}

static int run_count(struct tool *t, void *args)
{
    char text[CLOCK_TEXT_SIZE];
    int64_t when = 0;
    int rc = rows_all_pages(t, &count_sheet, count_page, &when);

    (void)args;
    if (rc != EXIT_OK)
        return rc;
    clock_format(when, text);
    if (when != 0)
        tool_say(t, "as of %s; cerca findings list looks anew", text);
    else
        tool_say(t, "the first evaluation has not ended yet");
    return rc;
}

const struct command cmd_findings_count = {
    .name = "findings count",
    .help = "count them by rule, as they are just now",
    .arguments = "[options]",
    .examples = "  cerca findings count\n",
    .formats = FORMAT_TABLE | FORMAT_JSON | FORMAT_CSV,
    .format = FORMAT_TABLE,
    .run = run_count,
};

/* ---- exceptions ---- */

static json_t *exception_json(const struct exception_info *e)
{
    json_t *o = json_object();

    json_put(o, "rule", json_text(e->rule));
    json_put(o, "subject", json_text(e->subject));
    json_put(o, "until", json_time(e->until));
    json_put(o, "ended", json_boolean(e->until <= clock_now()));
    json_put(o, "by", json_text(e->by));
    json_put(o, "approver", json_text(e->approver));
    json_put(o, "reason", json_text(e->reason));
    json_put(o, "created", json_time(e->created));
    return o;
}

static const struct column exception_columns[] = {
    {"RULE", "rule", 18, COLUMN_ALWAYS, NULL},    {"SUBJECT", "subject", 33, COLUMN_ALWAYS, NULL},
    {"UNTIL", "until", 21, COLUMN_ALWAYS, NULL},  {"APPROVER", "approver", 18, COLUMN_WIDE, NULL},
    {"REASON", "reason", 0, COLUMN_ALWAYS, NULL}, {NULL, NULL, 0, COLUMN_ALWAYS, NULL},
};
static const char *const exception_keys[] = {"rule",     "subject", "until",   "ended", "by",
                                             "approver", "reason",  "created", NULL};
static const struct sheet exception_sheet = {exception_columns, exception_keys};

static int add_exception(void *arg, const struct exception_info *e, struct fault *f)
{
    if (rows_add(arg, exception_json(e)) == EXIT_OK)
        return 0;
    return fault_set(f, FAULT_INTERNAL, "output", "the list is not complete");
}

static int exception_page(struct tool *t, void *query, struct rows *rows, bool *more,
                          struct fault *f)
{
    return page_exceptions(t, query, add_exception, rows, more, f);
}

static int run_exceptions(struct tool *t, void *args)
{
    struct exception_query q = {.rule = ""};

    (void)args;
    return rows_all_pages(t, &exception_sheet, exception_page, &q);
}

const struct command cmd_findings_exceptions = {
    .name = "findings exceptions",
    .help = "list what is accepted, until when, and who said so",
    .arguments = "[options]",
    .examples = "  cerca findings exceptions\n",
    .formats = FORMAT_TABLE | FORMAT_JSON | FORMAT_CSV,
    .format = FORMAT_TABLE,
    .run = run_exceptions,
};

struct except_args {
    int64_t until;
    const char *reason;
    bool end;
};

static int run_except(struct tool *t, void *args)
{
    const struct except_args *a = args;
    struct exception_info e = {.until = a->end ? 0 : a->until};
    struct fault f = {0};
    struct frame answer;
    struct buf body;
    int rc;

    if (a->end == (a->until != 0))
        return tool_usage(t, "say either --until DATE or --end");
    if (tool_field(e.rule, sizeof(e.rule), "RULE", t->words[0], &f) != 0 ||
        tool_field(e.subject, sizeof(e.subject), "SUBJECT", t->words[1], &f) != 0 ||
        tool_field(e.reason, sizeof(e.reason), "--reason", a->reason, &f) != 0)
        return tool_usage(t, "%s", f.text);
    buf_init(&body, 2048);
    exception_info_put(&body, &e);
    rc = tool_call(t, MSG_FINDING_EXCEPT, buf_slice(&body), MSG_FINDING_EXCEPTED, &answer, &f);
    buf_free(&body);
    return rc == 0 ? EXIT_OK : tool_fail(t, &f);
}

static const struct opt except_opts[] = {
    {"until", OPT_TIME, offsetof(struct except_args, until), "TIME", "then it ends by itself", 0},
    {"reason", OPT_TEXT, offsetof(struct except_args, reason), "TEXT", "why; recorded", 0},
    {"end", OPT_FLAG, offsetof(struct except_args, end), NULL, "take an exception back", 0},
    {NULL, OPT_FLAG, 0, NULL, NULL, 0},
};

const struct command cmd_findings_except = {
    .name = "findings except",
    .help = "accept a finding of one identity, or of all (*), until a day",
    .arguments = "RULE IDENTITY --until TIME --reason TEXT | --end",
    .examples = "  cerca findings except key.shared 00112233445566778899aabbccddeeff "
                "--until 2027-01-31 --reason 'new pair in January'\n"
                "  cerca findings except name.wildcard '*' --end\n",
    .opts = except_opts,
    .args_size = sizeof(struct except_args),
    .min = 2,
    .max = 2,
    .formats = FORMAT_TEXT | FORMAT_JSON,
    .format = FORMAT_TEXT,
    .run = run_except,
};
