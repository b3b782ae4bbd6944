/* What people are told: a test of a channel, what waits to be delivered, and deciding about it. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/proto_watch.h"
#include "tools/commands.h"
#include "tools/rows.h"
#include "lib/text.h"

static json_t *time_or_null(int64_t t)
{
    return t == 0 ? json_null() : json_time(t);
}

static json_t *row_json(const struct notify_row *r)
{
    json_t *o = json_object();

    json_put(o, "number", json_integer((json_int_t)r->number));
    json_put(o, "channel", json_text(r->channel));
    json_put(o, "state", json_text(r->parked ? "parked" : "waiting"));
    json_put(o, "kind", json_text(notice_kind_word(r->kind)));
    json_put(o, "severity", json_text(severity_word(r->severity)));
    json_put(o, "time", json_time(r->time));
    json_put(o, "tries", json_integer(r->tries));
    json_put(o, "tried", time_or_null(r->tried));
    json_put(o, "next", time_or_null(r->next));
    json_put(o, "why", json_text(r->why));
    json_put(o, "rule", json_text(r->rule));
    json_put(o, "subject", json_text(r->subject));
    json_put(o, "summary", json_text(r->summary));
    json_put(o, "id", json_text(r->id));
    return o;
}

/* ---- test ---- */

static json_t *tested_json(const char *channel, const struct tested *r)
{
    json_t *o = json_object();

    json_put(o, "channel", json_text(channel));
    json_put(o, "delivered", json_boolean(r->delivered));
    json_put(o, "server", json_text(r->why));
    json_put(o, "id", json_text(r->id));
    return o;
}

static int run_test(struct tool *t, void *args)
{
    struct tested result;
    struct fault f = {0};
    struct frame answer;
    struct buf body;
    int rc;

    (void)args;
    if (strlen(t->words[0]) >= WATCH_NAME_SIZE)
        return tool_usage(t, "a channel's name is not so long");
    buf_init(&body, 128);
    notify_channel_put(&body, t->words[0]);
    rc = tool_call(t, MSG_NOTIFY_TEST, buf_slice(&body), MSG_NOTIFY_TESTED, &answer, &f);
    buf_free(&body);
    if (rc == 0 && tested_get(answer.body, &result) != 0)
        rc = tool_broken_answer(&f);
    if (rc != 0)
        return tool_fail(t, &f);
    if (t->format == FORMAT_JSON)
        rc = json_print(t, tested_json(t->words[0], &result));
    else
        tool_say(t, "%s: %s", result.delivered ? "delivered" : "not delivered", result.why);
    return rc == EXIT_OK && !result.delivered ? EXIT_FAILED : rc;
}

const struct command cmd_notify_test = {
    .name = "notify test",
    .help = "send a test to a channel, and say what its server said",
    .arguments = "CHANNEL",
    .examples = "  cerca notify test team\n",
    .min = 1,
    .max = 1,
    .formats = FORMAT_TEXT | FORMAT_JSON,
    .format = FORMAT_TEXT,
    .run = run_test,
};

/* ---- list ---- */

static const struct column columns[] = {
    {"NUMBER", "number", 7, COLUMN_ALWAYS, NULL},   {"CHANNEL", "channel", 12, COLUMN_ALWAYS, NULL},
    {"STATE", "state", 8, COLUMN_ALWAYS, NULL},     {"KIND", "kind", 12, COLUMN_WIDE, NULL},
    {"SEVERITY", "severity", 9, COLUMN_WIDE, NULL}, {"TRIES", "tries", 6, COLUMN_ALWAYS, NULL},
    {"NEXT", "next", 20, COLUMN_ALWAYS, NULL},      {"WHY", "why", 24, COLUMN_ALWAYS, NULL},
    {"RULE", "rule", 14, COLUMN_WIDE, NULL},        {"SUBJECT", "subject", 24, COLUMN_WIDE, NULL},
    {"WHAT", "summary", 0, COLUMN_ALWAYS, NULL},    {NULL, NULL, 0, COLUMN_ALWAYS, NULL},
};

static const char *const keys[] = {"number", "channel", "state",   "kind", "severity",
                                   "time",   "tries",   "tried",   "next", "why",
                                   "rule",   "subject", "summary", "id",   NULL};

static const struct sheet sheet = {columns, keys};

struct list_args {
    const char *channel;
    bool parked;
};

static json_t *next_item(struct wire_in *w, void *arg)
{
    struct notify_query *query = arg;
    struct notify_row row;

    notify_row_get(w, &row);
    query->after = row.number;
    return row_json(&row);
}

static int one_page(struct tool *t, void *arg, struct rows *rows, bool *more, struct fault *f)
{
    struct buf body;
    int rc;

    buf_init(&body, FRAME_BODY_MAX);
    notify_query_put(&body, arg);
    rc = rows_call(t,
                   &(struct page_call){.ask = MSG_NOTIFY_LIST,
                                       .answer = MSG_NOTIFY_LISTED,
                                       .body = buf_slice(&body),
                                       .max = NOTIFY_ROWS_MAX},
                   next_item, arg, rows, more, f);
    buf_free(&body);
    return rc;
}

static int run_list(struct tool *t, void *args)
{
    const struct list_args *a = args;
    struct notify_query query = {.parked = a->parked};
    struct fault f = {0};

    if (tool_field(query.channel, sizeof(query.channel), "--channel", a->channel, &f) != 0)
        return tool_usage(t, "%s", f.text);
    return rows_all_pages(t, &sheet, one_page, &query);
}

static const struct opt list_opts[] = {
    {"channel", OPT_MATCH, offsetof(struct list_args, channel), "NAME", "of this channel", 0},
    {"parked", OPT_FLAG, offsetof(struct list_args, parked), NULL, "those alone that were given up",
     0},
    {NULL, OPT_FLAG, 0, NULL, NULL, 0},
};

const struct command cmd_notify_list = {
    .name = "notify list",
    .help = "list the notices that are not delivered yet",
    .arguments = "[options]",
    .examples = "  cerca notify list\n"
                "  cerca notify list --parked -o json\n",
    .opts = list_opts,
    .args_size = sizeof(struct list_args),
    .formats = FORMAT_TABLE | FORMAT_JSON | FORMAT_CSV,
    .format = FORMAT_TABLE,
    .run = run_list,
};

/* ---- show ---- */

static int number_of(struct tool *t, uint64_t *out)
{
    const char *word = t->words[0];
    char *end;

    errno = 0;
    *out = strtoull(word, &end, 10);
    if (word[0] < '0' || word[0] > '9' || *end != '\0' || errno != 0 || *out == 0)
        return tool_usage(t, "\"%s\" should be the number of a notice (cerca notify list)", word);
    return EXIT_OK;
}

static json_t *notice_json(const struct notice *n)
{
    json_t *o = json_object(), *facts = json_object();

    json_put(o, "number", json_integer((json_int_t)n->number));
    json_put(o, "id", json_text(n->id));
    json_put(o, "kind", json_text(notice_kind_word(n->kind)));
    json_put(o, "severity", json_text(severity_word(n->severity)));
    json_put(o, "time", json_time(n->time));
    json_put(o, "rule", json_text(n->rule));
    json_put(o, "subject", json_text(n->subject));
    json_put(o, "owner", json_text(n->owner));
    json_put(o, "contact", json_text(n->contact));
    json_put(o, "first_seen", time_or_null(n->first_seen));
    json_put(o, "deadline", time_or_null(n->deadline));
    json_put(o, "summary", json_text(n->summary));
    json_put(o, "text", json_text(n->text));
    for (uint32_t i = 0; i < n->n_facts; i++)
        json_put(facts, n->fact[i].name, json_text(n->fact[i].value));
    json_put(o, "facts", facts);
    return o;
}

static void print_value(struct buf *out, const char *name, const json_t *value)
{
    struct buf plain;

    if (json_is_null(value) || (json_is_string(value) && json_string_length(value) == 0))
        return;
    buf_init(&plain, 2 * NOTICE_TEXT_SIZE);
    json_plain(value, &plain);
    buf_printf(out, "%-14s", name);
    text_safe(buf_slice(&plain), true, out);
    buf_put_str(out, "\n");
    buf_free(&plain);
}

/* What the object has, then a line for each channel. */
static int print_text(const struct tool *t, json_t *o)
{
    const char *key;
    json_t *value, *facts = json_object_get(o, "facts");
    struct buf out;
    size_t i;
    int rc;

    buf_init(&out, 1 << 18);
    json_object_foreach(o, key, value)
    {
        if (!json_is_object(value) && !json_is_array(value))
            print_value(&out, key, value);
    }
    json_object_foreach(facts, key, value)
    {
        print_value(&out, key, value);
    }
    json_array_foreach(json_object_get(o, "deliveries"), i, value)
    {
        buf_printf(&out, "%-14s%s: %s, %lld tries", i == 0 ? "deliveries" : "",
                   json_str(value, "channel"), json_str(value, "state"),
                   (long long)json_integer_value(json_object_get(value, "tries")));
        buf_put_str(&out, json_str(value, "why")[0] == '\0' ? "" : "; ");
        text_safe(slice_str(json_str(value, "why")), false, &out);
        buf_put_str(&out, "\n");
    }
    rc = tool_print(t, buf_slice(&out));
    buf_free(&out);
    json_decref(o);
    return rc;
}

static json_t *shown_json(struct slice body, struct fault *f)
{
    struct notice *n = xcalloc(1, sizeof(*n));
    json_t *o = NULL, *deliveries = json_array();
    struct notify_row row;
    struct wire_in w;
    uint32_t count;

    wire_in_init(&w, body);
    notice_get(&w, n);
    count = wire_get_count(&w, NOTIFY_ROWS_MAX, 1);
    for (uint32_t i = 0; i < count && !wire_failed(&w); i++) {
        notify_row_get(&w, &row);
        if (!wire_failed(&w))
            (void)json_array_append_new(deliveries, row_json(&row));
    }
    if (wire_in_done(&w)) {
        o = notice_json(n);
        json_put(o, "deliveries", deliveries);
    } else {
        json_decref(deliveries);
        (void)tool_broken_answer(f);
    }
    free(n);
    return o;
}

static int run_show(struct tool *t, void *args)
{
    struct fault f = {0};
    struct frame answer;
    struct buf body;
    uint64_t number;
    json_t *o = NULL;
    int rc = number_of(t, &number);

    (void)args;
    if (rc != EXIT_OK)
        return rc;
    buf_init(&body, 16);
    notify_number_put(&body, number);
    if (tool_call_patient(t, MSG_NOTIFY_SHOW, buf_slice(&body), MSG_NOTIFY_SHOWN, &answer, &f) == 0)
        o = shown_json(answer.body, &f);
    buf_free(&body);
    if (o == NULL)
        return tool_fail(t, &f);
    return t->format == FORMAT_JSON ? json_print(t, o) : print_text(t, o);
}

const struct command cmd_notify_show = {
    .name = "notify show",
    .help = "show one notice, and where it has not been delivered yet",
    .arguments = "NUMBER",
    .examples = "  cerca notify show 12\n",
    .min = 1,
    .max = 1,
    .formats = FORMAT_TEXT | FORMAT_JSON,
    .format = FORMAT_TEXT,
    .run = run_show,
};

/* ---- retry and drop ---- */

struct decide_args {
    const char *channel;
    bool all;
};

static int send_decision(struct tool *t, const struct notify_decision *d)
{
    struct fault f = {0};
    struct frame answer;
    struct buf body;
    uint64_t count = 0;
    int rc;

    buf_init(&body, 128);
    notify_decision_put(&body, d);
    rc = tool_call(t, MSG_NOTIFY_DECIDE, buf_slice(&body), MSG_NOTIFY_DECIDED, &answer, &f);
    buf_free(&body);
    if (rc == 0 && notify_number_get(answer.body, &count) != 0)
        rc = tool_broken_answer(&f);
    if (rc != 0)
        return tool_fail(t, &f);
    if (t->format == FORMAT_JSON)
        return json_print(t, json_pack("{s:I}", "deliveries", (json_int_t)count));
    tool_say(t, "%" PRIu64 " %s", count,
             d->drop ? "dropped: nobody is told" : "are tried again, now");
    return EXIT_OK;
}

static int decide(struct tool *t, const struct decide_args *a, bool drop)
{
    struct notify_decision d = {.drop = drop};
    struct fault f = {0};
    int rc;

    if (tool_field(d.channel, sizeof(d.channel), "--channel", a->channel, &f) != 0)
        return tool_usage(t, "%s", f.text);
    if ((t->n_words == 1) == a->all)
        return tool_usage(t, "say a NUMBER, or --all");
    rc = a->all ? EXIT_OK : number_of(t, &d.number);
    return rc != EXIT_OK ? rc : send_decision(t, &d);
}

static int run_retry(struct tool *t, void *args)
{
    return decide(t, args, false);
}

static int run_drop(struct tool *t, void *args)
{
    return decide(t, args, true);
}

static const struct opt retry_opts[] = {
    {"channel", OPT_MATCH, offsetof(struct decide_args, channel), "NAME", "to this channel alone",
     0},
    {"all", OPT_FLAG, offsetof(struct decide_args, all), NULL, "all that wait or are parked", 'a'},
    {NULL, OPT_FLAG, 0, NULL, NULL, 0},
};

const struct command cmd_notify_retry = {
    .name = "notify retry",
    .help = "deliver a notice now that waits or is parked",
    .arguments = "NUMBER | --all [options]",
    .examples = "  cerca notify retry 12\n"
                "  cerca notify retry --all --channel team\n",
    .opts = retry_opts,
    .args_size = sizeof(struct decide_args),
    .max = 1,
    .formats = FORMAT_TEXT | FORMAT_JSON,
    .format = FORMAT_TEXT,
    .run = run_retry,
};

static const struct opt drop_opts[] = {
    {"channel", OPT_MATCH, offsetof(struct decide_args, channel), "NAME", "to this channel alone",
     0},
    {"all", OPT_FLAG, offsetof(struct decide_args, all), NULL, "all that are parked", 'a'},
    {NULL, OPT_FLAG, 0, NULL, NULL, 0},
};

const struct command cmd_notify_drop = {
    .name = "notify drop",
    .help = "forget a notice that is not delivered: nobody is told",
    .arguments = "NUMBER | --all [options]",
    .examples = "  cerca notify drop 12 --channel team\n"
                "  cerca notify drop --all\n",
    .opts = drop_opts,
    .args_size = sizeof(struct decide_args),
    .max = 1,
    .formats = FORMAT_TEXT | FORMAT_JSON,
    .format = FORMAT_TEXT,
    .run = run_drop,
};
