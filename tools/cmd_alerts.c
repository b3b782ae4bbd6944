/* Alerts: what people were told of, and that they have seen it. */
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/proto_alert.h"
#include "tools/commands.h"
#include "tools/rows.h"
#include "lib/text.h"

#define KEY_HEX (2 * ALERT_CURSOR)
#define PREFIX_MIN 6 /* digits of a key that may stand for it */

static json_t *time_or_null(int64_t t)
{
    return t == 0 ? json_null() : json_time(t);
}

static json_t *alert_json(const struct alert_info *i)
{
    json_t *o = json_object();

    json_put(o, "id", json_hex(i->key, sizeof(i->key)));
    json_put(o, "severity", json_string(severity_word((enum severity)i->severity)));
    json_put(o, "state", json_text(i->state));
    json_put(o, "rule", json_text(i->rule));
    json_put(o, "name", json_text(i->name));
    json_put(o, "subject", json_text(i->subject));
    json_put(o, "summary", json_text(i->summary));
    json_put(o, "deadline", time_or_null(i->deadline));
    json_put(o, "owner", json_text(i->owner));
    json_put(o, "contact", json_text(i->contact));
    json_put(o, "told", json_text(i->level));
    json_put(o, "times", json_integer(i->times));
    json_put(o, "first_seen", time_or_null(i->first_seen));
    json_put(o, "last_seen", time_or_null(i->last_seen));
    json_put(o, "resolved", time_or_null(i->resolved));
    json_put(o, "next", time_or_null(i->next));
    json_put(o, "acknowledged_by", json_text(i->by));
    json_put(o, "acknowledged", time_or_null(i->acknowledged));
    json_put(o, "note", json_text(i->note));
    return o;
}

static void cell_id(const json_t *row, struct buf *out)
{
    buf_printf(out, "%.8s", json_str(row, "id"));
}

static const struct column columns[] = {
    {"ID", "id", 9, COLUMN_ALWAYS, cell_id},     {"SEVERITY", "severity", 9, COLUMN_ALWAYS, NULL},
    {"STATE", "state", 12, COLUMN_ALWAYS, NULL}, {"RULE", "rule", 14, COLUMN_WIDE, NULL},
    {"OWNER", "owner", 12, COLUMN_WIDE, NULL},   {"NAME", "name", 24, COLUMN_ALWAYS, NULL},
    {"WHAT", "summary", 0, COLUMN_ALWAYS, NULL}, {NULL, NULL, 0, COLUMN_ALWAYS, NULL},
};
static const char *const keys[] = {
    "id",       "severity",        "state",   "rule", "name",  "subject",    "summary",
    "deadline", "owner",           "contact", "told", "times", "first_seen", "last_seen",
    "resolved", "acknowledged_by", "note",    NULL};
static const struct sheet sheet = {columns, keys};

/* ---- list ---- */

static int page_of_alerts(struct tool *t, struct alert_query *q, page_take take, void *arg,
                          bool *more, struct fault *f)
{
    struct buf body;
    int rc;

    buf_init(&body, 1024);
    alert_query_put(&body, q);
    rc = page_call(t,
                   &(struct page_call){.ask = MSG_ALERT_LIST,
                                       .answer = MSG_ALERT_LISTED,
                                       .body = buf_slice(&body),
                                       .max = ALERT_PAGE_MAX,
                                       .at = q->after},
                   take, arg, more, f);
    buf_free(&body);
    q->further = true;
    return rc;
}

static int add_row(struct wire_in *w, void *arg, struct fault *f)
{
    struct alert_info info;

    alert_info_get(w, &info);
    if (!wire_failed(w) && rows_add(arg, alert_json(&info)) != EXIT_OK)
        return fault_set(f, FAULT_INTERNAL, "output", "the list is not complete");
    return 0;
}

static int one_page(struct tool *t, void *arg, struct rows *rows, bool *more, struct fault *f)
{
    return page_of_alerts(t, arg, add_row, rows, more, f);
}

struct list_args {
    bool all;
    const char *severity, *owner, *rule, *contains;
};

static int run_list(struct tool *t, void *args)
{
    const struct list_args *a = args;
    struct alert_query q = {.all = a->all};
    enum severity least;
    struct fault f = {0};

    if (a->severity != NULL) {
        if (!severity_parse(a->severity, &least))
            return tool_usage(t, "--severity: \"%s\" should be info, warning or critical",
                              a->severity);
        q.severity = (uint8_t)least;
    }
    if (tool_field(q.owner, sizeof(q.owner), "--owner", a->owner, &f) != 0 ||
        tool_field(q.rule, sizeof(q.rule), "--rule", a->rule, &f) != 0 ||
        tool_field(q.contains, sizeof(q.contains), "--contains", a->contains, &f) != 0)
        return tool_usage(t, "%s", f.text);
    return rows_all_pages(t, &sheet, one_page, &q);
}

#define AT(field) offsetof(struct list_args, field)
static const struct opt list_opts[] = {
    {"all", OPT_FLAG, AT(all), NULL, "resolved ones too", 'a'},
    {"severity", OPT_MATCH, AT(severity), "WORD", "info, warning or critical, and what is worse",
     0},
    {"owner", OPT_MATCH, AT(owner), "NAME", "of this owner", 0},
    {"rule", OPT_MATCH, AT(rule), "RULE", "expiry, renewal.late, ca.crl ...", 0},
    {"contains", OPT_MATCH, AT(contains), "TEXT", "somewhere in the name or the subject", 0},
    {NULL, OPT_FLAG, 0, NULL, NULL, 0},
};

const struct command cmd_alerts_list = {
    .name = "alerts list",
    .help = "list what somebody has to know of, or do something about",
    .arguments = "[options]",
    .examples = "  cerca alerts list\n"
                "  cerca alerts list --severity critical -o json\n",
    .opts = list_opts,
    .args_size = sizeof(struct list_args),
    .formats = FORMAT_TABLE | FORMAT_JSON | FORMAT_CSV,
    .format = FORMAT_TABLE,
    .run = run_list,
};

/* ---- one alert ---- */

/* By the beginning of its key, or by its name. */
struct search {
    const char *word;
    size_t n;
    struct alert_info found;
};

static bool is_called(const struct alert_info *i, const char *word)
{
    char hex[KEY_HEX + 1];
    size_t n = strlen(word);

    hex_encode(slice_of(i->key, sizeof(i->key)), hex);
    return strcmp(word, i->name) == 0 || strcmp(word, i->subject) == 0 ||
           (n >= PREFIX_MIN && strncmp(hex, word, n) == 0);
}

static int match(struct wire_in *w, void *arg, struct fault *f)
{
    struct search *s = arg;
    struct alert_info info;

    (void)f;
    alert_info_get(w, &info);
    if (wire_failed(w) || !is_called(&info, s->word))
        return 0;
    s->found = info;
    s->n++;
    return 0;
}

static int find_key(struct tool *t, const char *word, uint8_t key[ALERT_CURSOR], struct fault *f)
{
    struct alert_query q = {.all = false};
    struct search s = {.word = word};
    bool more = true;
    int rc = 0;

    if (strlen(word) == KEY_HEX && hex_decode(word, key, ALERT_CURSOR) == 0)
        return 0;
    while (rc == 0 && more)
        rc = page_of_alerts(t, &q, match, &s, &more, f);
    if (rc != 0)
        return rc;
    memcpy(key, s.found.key, ALERT_CURSOR);
    if (s.n == 0)
        return fault_set(f, FAULT_NOT_FOUND, "alert.unknown", "no open alert is called \"%.80s\"",
                         word);
    if (s.n > 1)
        return fault_set(f, FAULT_CONFLICT, "alert.many",
                         "%zu open alerts are called \"%.80s\": say the ID of one", s.n, word);
    return 0;
}

static void line(struct buf *out, const char *name, const char *value)
{
    if (value[0] == '\0')
        return;
    buf_printf(out, "%-16s", name);
    text_safe(slice_str(value), false, out);
    buf_put_str(out, "\n");
}

static void time_line(struct buf *out, const char *name, int64_t at)
{
    char text[CLOCK_TEXT_SIZE];

    clock_format(at, text);
    line(out, name, at == 0 ? "" : text);
}

static int print_text(const struct tool *t, const struct alert_info *i)
{
    char hex[KEY_HEX + 1];
    struct buf out;
    int rc;

    buf_init(&out, 8192);
    hex_encode(slice_of(i->key, sizeof(i->key)), hex);
    line(&out, "alert", hex);
    line(&out, "name", i->name);
    line(&out, "what", i->summary);
    line(&out, "severity", severity_word((enum severity)i->severity));
    line(&out, "state", i->state);
    line(&out, "rule", i->rule);
    line(&out, "subject", i->subject);
    line(&out, "owner", i->owner);
    line(&out, "contact", i->contact);
    line(&out, "told", i->level);
    time_line(&out, "first seen", i->first_seen);
    time_line(&out, "last seen", i->last_seen);
    time_line(&out, "deadline", i->deadline);
    time_line(&out, "told again", i->next);
    time_line(&out, "resolved", i->resolved);
    line(&out, "acknowledged by", i->by);
    time_line(&out, "acknowledged", i->acknowledged);
    line(&out, "note", i->note);
    rc = tool_print(t, buf_slice(&out));
    buf_free(&out);
    return rc;
}

static int ask(struct tool *t, uint16_t type, struct slice body, uint16_t answer_type)
{
    struct alert_info info;
    struct fault f = {0};
    struct frame answer;
    struct wire_in w;
    int rc = tool_call_patient(t, type, body, answer_type, &answer, &f);

    if (rc == 0) {
        wire_in_init(&w, answer.body);
        alert_info_get(&w, &info);
        rc = wire_in_done(&w) ? 0 : tool_broken_answer(&f);
    }
    if (rc != 0)
        return tool_fail(t, &f);
    return t->format == FORMAT_JSON ? json_print(t, alert_json(&info)) : print_text(t, &info);
}

static int run_show(struct tool *t, void *args)
{
    uint8_t key[ALERT_CURSOR];
    struct fault f = {0};

    (void)args;
    if (find_key(t, t->words[0], key, &f) != 0)
        return tool_fail(t, &f);
    return ask(t, MSG_ALERT_SHOW, slice_of(key, sizeof(key)), MSG_ALERT_SHOWN);
}

const struct command cmd_alerts_show = {
    .name = "alerts show",
    .help = "show one alert: what it is about, since when, who was told",
    .arguments = "ID | NAME",
    .examples = "  cerca alerts show 3f1a9c02\n"
                "  cerca alerts show dns:www.example.com\n",
    .min = 1,
    .max = 1,
    .formats = FORMAT_TEXT | FORMAT_JSON,
    .format = FORMAT_TEXT,
    .run = run_show,
};

struct ack_args {
    const char *note;
};

static int acknowledge(struct tool *t, const char *note, bool back)
{
    struct alert_ack a = {.back = back};
    struct fault f = {0};
    struct buf body;
    int rc;

    if (tool_field(a.note, sizeof(a.note), "--note", note, &f) != 0)
        return tool_usage(t, "%s", f.text);
    if (find_key(t, t->words[0], a.key, &f) != 0)
        return tool_fail(t, &f);
    buf_init(&body, 1024);
    alert_ack_put(&body, &a);
    rc = ask(t, MSG_ALERT_ACK, buf_slice(&body), MSG_ALERT_ACKED);
    buf_free(&body);
    return rc;
}

static int run_ack(struct tool *t, void *args)
{
    return acknowledge(t, ((const struct ack_args *)args)->note, false);
}

static int run_unack(struct tool *t, void *args)
{
    (void)args;
    return acknowledge(t, NULL, true);
}

static const struct opt ack_opts[] = {
    {"note", OPT_TEXT, offsetof(struct ack_args, note), "TEXT", "what is done about it; recorded",
     0},
    {NULL, OPT_FLAG, 0, NULL, NULL, 0},
};

const struct command cmd_alerts_ack = {
    .name = "alerts ack",
    .help = "say that you have seen an alert: it is not repeated and does not escalate",
    .arguments = "ID | NAME [options]",
    .examples = "  cerca alerts ack 3f1a9c02 --note 'renewed on Monday'\n",
    .opts = ack_opts,
    .args_size = sizeof(struct ack_args),
    .min = 1,
    .max = 1,
    .formats = FORMAT_TEXT | FORMAT_JSON,
    .format = FORMAT_TEXT,
    .run = run_ack,
};

const struct command cmd_alerts_unack = {
    .name = "alerts unack",
    .help = "take that back: it goes on as if nobody had seen it",
    .arguments = "ID | NAME",
    .examples = "  cerca alerts unack 3f1a9c02\n",
    .min = 1,
    .max = 1,
    .formats = FORMAT_TEXT | FORMAT_JSON,
    .format = FORMAT_TEXT,
    .run = run_unack,
};
