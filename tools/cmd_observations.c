/* What scans have seen, target by target. */
#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/proto_alert.h"
#include "lib/proto_observe.h"
#include "tools/commands.h"
#include "tools/rows.h"

static json_t *time_or_null(int64_t t)
{
    return t == 0 ? json_null() : json_time(t);
}

/* "192.0.2.1:443", "[2001:db8::1]:443", "https://ct.example.net/a" */
static json_t *target_json(const struct observation_info *i)
{
    const char *v6 = strchr(i->host, ':') != NULL ? "[" : "";
    char text[SCAN_HOST_MAX + 16];

    if (i->port == 0) /* a log, which was not asked as a server */
        return json_text(i->host);
    (void)snprintf(text, sizeof(text), "%s%s%s:%u", v6, i->host, v6[0] != '\0' ? "]" : "",
                   (unsigned)i->port);
    return json_text(text);
}

static json_t *offered_json(const struct observation_info *i)
{
    json_t *all = json_array();

    for (unsigned v = 0; v < TLS_VERSIONS; v++)
        if ((i->offered & 1u << v) != 0)
            (void)!json_array_append_new(all, json_string(tls_version_name((enum tls_version)v)));
    return all;
}

static json_t *words_json(const char *words)
{
    json_t *all = json_array();

    while (words[0] != '\0') {
        size_t n = strcspn(words, " ");

        (void)!json_array_append_new(all, json_stringn(words, n));
        words += n + (words[n] == ' ');
    }
    return all;
}

static json_t *observation_json(const struct observation_info *i)
{
    json_t *o = json_object();

    json_put(o, "target", target_json(i));
    json_put(o, "sni", json_text(i->sni));
    json_put(o, "outcome", json_text(i->outcome));
    json_put(o, "compare", words_json(i->compare));
    json_put(o, "name", json_text(i->name));
    json_put(o, "last", json_time(i->last));
    json_put(o, "first", json_time(i->first));
    json_put(o, "address", json_text(i->address));
    json_put(o, "starttls", json_text(i->starttls));
    json_put(o, "stage", json_text(i->stage));
    json_put(o, "detail", json_text(i->detail));
    json_put(o, "version", json_text(i->version));
    json_put(o, "suite", json_text(i->suite));
    json_put(o, "offered", offered_json(i));
    json_put(o, "demands_client", json_boolean(i->demands_client));
    json_put(o, "stapled", json_boolean(i->stapled));
    json_put(o, "chain", json_integer(i->n_chain));
    json_put(o, "key_proved", i->n_chain > 0 ? json_boolean(i->proved) : json_null());
    json_put(o, "sha256",
             i->has_certificate ? json_hex(i->fingerprint, sizeof(i->fingerprint)) : json_null());
    json_put(o, "identity",
             i->has_certificate ? json_hex(i->identity, sizeof(i->identity)) : json_null());
    json_put(o, "source", json_text(i->source));
    json_put(o, "not_after", time_or_null(i->not_after));
    json_put(o, "served", time_or_null(i->served));
    json_put(o, "by", json_text(i->by));
    return o;
}

static const struct column columns[] = {
    {"TARGET", "target", 24, COLUMN_ALWAYS, NULL},
    {"SNI", "sni", 20, COLUMN_WIDE, NULL},
    {"OUTCOME", "outcome", 12, COLUMN_ALWAYS, NULL},
    {"COMPARED", "compare", 26, COLUMN_ALWAYS, NULL},
    {"NAME", "name", 0, COLUMN_ALWAYS, NULL},
    {NULL, NULL, 0, COLUMN_ALWAYS, NULL},
};
static const char *const keys[] = {"target",    "sni",    "outcome", "compare",  "name",
                                   "last",      "first",  "address", "starttls", "detail",
                                   "version",   "suite",  "offered", "sha256",   "source",
                                   "not_after", "served", "by",      NULL};
static const struct sheet sheet = {columns, keys};

static json_t *next_item(struct wire_in *w, void *arg)
{
    struct observation_info info;

    (void)arg;
    observation_info_get(w, &info);
    return observation_json(&info);
}

static int one_page(struct tool *t, void *arg, struct rows *rows, bool *more, struct fault *f)
{
    struct observation_query *q = arg;
    struct buf body;
    int rc;

    buf_init(&body, 1024);
    observation_query_put(&body, q);
    rc = rows_call(t,
                   &(struct page_call){.ask = MSG_OBSERVATION_LIST,
                                       .answer = MSG_OBSERVATION_LISTED,
                                       .body = buf_slice(&body),
                                       .max = OBSERVATION_PAGE_MAX,
                                       .at = q->after},
                   next_item, q, rows, more, f);
    buf_free(&body);
    q->further = true;
    return rc;
}

struct list_args {
    const char *host, *compare;
};

static int run_list(struct tool *t, void *args)
{
    const struct list_args *a = args;
    struct observation_query q = {.host = ""};
    struct fault f = {0};

    if (tool_field(q.host, sizeof(q.host), "--host", a->host, &f) != 0 ||
        tool_field(q.compare, sizeof(q.compare), "--outcome", a->compare, &f) != 0)
        return tool_usage(t, "%s", f.text);
    return rows_all_pages(t, &sheet, one_page, &q);
}

#define AT(field) offsetof(struct list_args, field)
static const struct opt list_opts[] = {
    {"host", OPT_MATCH, AT(host), "NAME", "at this name or address, or asked with this name", 0},
    {"outcome", OPT_MATCH, AT(compare), "WORD", "matches, superseded, expired, timeout ...", 0},
    {NULL, OPT_FLAG, 0, NULL, NULL, 0},
};

const struct command cmd_observations_list = {
    .name = "observations list",
    .help = "list what scans saw last at each target, against what is recorded",
    .arguments = "[options]",
    .examples = "  cerca observations list\n"
                "  cerca observations list --outcome superseded -o csv\n",
    .opts = list_opts,
    .args_size = sizeof(struct list_args),
    .formats = FORMAT_TABLE | FORMAT_JSON | FORMAT_CSV,
    .format = FORMAT_TABLE,
    .run = run_list,
};
