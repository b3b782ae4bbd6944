/* Requests that wait for an operator's yes: list, show, approve, deny. Those for certificates
 * (kind "issue") say what would be certified. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/proto_request.h"
#include "tools/commands.h"
#include "tools/rows.h"
#include "lib/text.h"

static json_t *approvers_json(const struct request_certificate *c)
{
    json_t *list = json_array();

    for (size_t i = 0; i < c->n; i++)
        if (json_array_append_new(list, json_text(c->approved_by[i])) != 0)
            abort();
    return list;
}

/* Else it is made when the certificate is. */
static bool has_key(const struct request_certificate *c)
{
    static const uint8_t none[sizeof(c->spki_hash)];

    return memcmp(c->spki_hash, none, sizeof(none)) != 0;
}

static void put_certificate(json_t *o, const struct request_certificate *c)
{
    json_put(o, "profile", json_text(c->profile));
    json_put(o, "subject", json_text(c->subject));
    json_put(o, "names", json_text(c->names));
    json_put(o, "key", json_text(c->key));
    json_put(o, "key_sha256",
             has_key(c) ? json_hex(c->spki_hash, sizeof(c->spki_hash)) : json_null());
    json_put(o, "owner", json_text(c->owner));
    json_put(o, "behind", json_text(c->behind));
    json_put(o, "approvals", json_integer(c->needed));
    json_put(o, "approved_by", approvers_json(c));
    json_put(o, "serial", c->has_serial ? json_hex(c->serial, sizeof(c->serial)) : json_null());
}

static json_t *request_json(const struct request_info *r)
{
    bool decided = r->decided_by[0] != '\0';
    json_t *o = json_object();

    json_put(o, "id", json_integer((json_int_t)r->id));
    json_put(o, "kind", json_text(r->kind));
    json_put(o, "state", json_text(r->state));
    json_put(o, "text", json_text(r->text));
    json_put(o, "asked_by", json_text(r->asked_by));
    json_put(o, "asked_uid", r->asked_uid != UINT32_MAX ? json_integer(r->asked_uid) : json_null());
    json_put(o, "origin", json_text(r->origin));
    json_put(o, "created", json_time(r->created));
    json_put(o, "expires", json_time(r->expires));
    json_put(o, "generation", json_hex(r->generation, sizeof(r->generation)));
    json_put(o, "sha256", json_hex(r->sha256, sizeof(r->sha256)));
    json_put(o, "decided_by", decided ? json_text(r->decided_by) : json_null());
    json_put(o, "decided_uid", decided ? json_integer(r->decided_uid) : json_null());
    json_put(o, "decided_at", decided ? json_time(r->decided_at) : json_null());
    json_put(o, "result", json_text(r->result));
    if (r->certificate.profile[0] != '\0')
        put_certificate(o, &r->certificate);
    return o;
}

static const struct column columns[] = {
    {"ID", "id", 6, COLUMN_ALWAYS, NULL},        {"STATE", "state", 9, COLUMN_ALWAYS, NULL},
    {"KIND", "kind", 14, COLUMN_ALWAYS, NULL},   {"ASKED BY", "asked_by", 18, COLUMN_ALWAYS, NULL},
    {"SINCE", "created", 20, COLUMN_WIDE, NULL}, {"EXPIRES", "expires", 20, COLUMN_WIDE, NULL},
    {"FROM", "origin", 20, COLUMN_WIDE, NULL},   {"WHAT", "text", 0, COLUMN_ALWAYS, NULL},
    {NULL, NULL, 0, COLUMN_ALWAYS, NULL},
};

static const char *const keys[] = {
    "id",         "kind",        "state",      "text",    "asked_by",
    "asked_uid",  "origin",      "created",    "expires", "sha256",
    "decided_by", "decided_uid", "decided_at", "result",  NULL,
};

static const struct sheet sheet = {columns, keys};

/* ---- list ---- */

struct list_args {
    bool all;
    const char *kind, *profile, *asked_by, *name;
};

static json_t *next_item(struct wire_in *w, void *arg)
{
    struct request_query *query = arg;
    struct request_info info;

    request_info_get(w, &info);
    query->after = info.id;
    return request_json(&info);
}

static int one_page(struct tool *t, void *arg, struct rows *rows, bool *more, struct fault *f)
{
    struct buf body;
    int rc;

    buf_init(&body, FRAME_BODY_MAX);
    request_query_put(&body, arg);
    rc = rows_call(t,
                   &(struct page_call){.ask = MSG_REQUEST_LIST,
                                       .answer = MSG_REQUEST_LISTED,
                                       .body = buf_slice(&body),
                                       .max = REQUEST_PAGE_MAX},
                   next_item, arg, rows, more, f);
    buf_free(&body);
    return rc;
}

static int run_list(struct tool *t, void *args)
{
    const struct list_args *a = args;
    struct request_query query = {.all = a->all};
    struct fault f = {0};

    if (tool_field(query.kind, sizeof(query.kind), "--kind", a->kind, &f) != 0 ||
        tool_field(query.profile, sizeof(query.profile), "--profile", a->profile, &f) != 0 ||
        tool_field(query.asked_by, sizeof(query.asked_by), "--asked-by", a->asked_by, &f) != 0 ||
        tool_field(query.name, sizeof(query.name), "--name", a->name, &f) != 0)
        return tool_usage(t, "%s", f.text);
    return rows_all_pages(t, &sheet, one_page, &query);
}

static const struct opt list_opts[] = {
    {"all", OPT_FLAG, offsetof(struct list_args, all), NULL,
     "those that are decided or expired too", 'a'},
    {"kind", OPT_MATCH, offsetof(struct list_args, kind), "KIND",
     "issue (certificates), ca-install, ca-cross-sign or open", 0},
    {"profile", OPT_MATCH, offsetof(struct list_args, profile), "NAME",
     "certificates of this profile", 'p'},
    {"asked-by", OPT_MATCH, offsetof(struct list_args, asked_by), "WHO",
     "such as token:7 or operator:alice", 0},
    {"name", OPT_MATCH, offsetof(struct list_args, name), "TEXT", "this is in the names", 0},
    {NULL, OPT_FLAG, 0, NULL, NULL, 0},
};

const struct command cmd_request_list = {
    .name = "request list",
    .help = "list what waits for an operator's yes",
    .arguments = "[options]",
    .examples = "  cerca request list\n"
                "  cerca request list --profile vpn-client --name .example.com\n"
                "  cerca request list --all -o json\n",
    .opts = list_opts,
    .args_size = sizeof(struct list_args),
    .formats = FORMAT_TABLE | FORMAT_JSON | FORMAT_CSV,
    .format = FORMAT_TABLE,
    .run = run_list,
};

/* ---- one request ---- */

static void print_line(struct buf *out, const char *name, const char *value)
{
    buf_printf(out, "%-12s", name);
    text_safe(slice_str(value), false, out);
    buf_put_str(out, "\n");
}

static void print_time(struct buf *out, const char *name, int64_t at)
{
    char text[CLOCK_TEXT_SIZE];

    clock_format(at, text);
    print_line(out, name, text);
}

static void print_certificate(struct buf *out, const struct request_certificate *c)
{
    char hex[65], count[48];

    print_line(out, "profile", c->profile);
    print_line(out, "subject", c->subject);
    print_line(out, "names", c->names);
    hex_encode(slice_of(c->spki_hash, sizeof(c->spki_hash)), hex);
    print_line(out, "key", c->key);
    if (has_key(c))
        print_line(out, "key sha256", hex);
    if (c->owner[0] != '\0')
        print_line(out, "owner", c->owner);
    if (c->behind[0] != '\0')
        print_line(out, "behind it", c->behind);
    (void)snprintf(count, sizeof(count), "%u of %u", c->n, c->needed);
    print_line(out, "approvals", count);
    for (size_t i = 0; i < c->n; i++)
        print_line(out, "approved by", c->approved_by[i]);
    if (!c->has_serial)
        return;
    hex_encode(slice_of(c->serial, sizeof(c->serial)), hex);
    print_line(out, "serial", hex);
}

static int print_text(const struct tool *t, const struct request_info *r)
{
    char hex[65];
    struct buf out;
    int rc;

    buf_init(&out, 65536);
    buf_printf(&out, "%-12s%" PRIu64 "\n", "request", r->id);
    print_line(&out, "state", r->state);
    print_line(&out, "kind", r->kind);
    print_line(&out, "what", r->text);
    hex_encode(slice_of(r->sha256, sizeof(r->sha256)), hex);
    print_line(&out, "sha256", hex);
    print_line(&out, "asked by", r->asked_by);
    print_line(&out, "from", r->origin);
    if (r->certificate.profile[0] != '\0')
        print_certificate(&out, &r->certificate);
    print_time(&out, "asked", r->created);
    print_time(&out, "expires", r->expires);
    if (r->decided_by[0] != '\0') {
        print_line(&out, "decided by", r->decided_by);
        print_time(&out, "decided", r->decided_at);
    }
    if (r->result[0] != '\0')
        print_line(&out, "result", r->result);
    rc = tool_print(t, buf_slice(&out));
    buf_free(&out);
    return rc;
}

static int choice(struct tool *t, const char *reason, struct request_choice *c)
{
    const char *word = t->words[0];
    struct fault f = {0};
    char *end;

    memset(c, 0, sizeof(*c));
    errno = 0;
    c->id = strtoull(word, &end, 10);
    if (word[0] < '0' || word[0] > '9' || *end != '\0' || errno != 0 || c->id == 0)
        return tool_usage(t, "\"%s\" should be the number of a request (cerca request list)", word);
    if (tool_field(c->reason, sizeof(c->reason), "--reason", reason, &f) != 0)
        return tool_usage(t, "%s", f.text);
    return EXIT_OK;
}

/* Deciding twice is refused, so that it may be asked again: the first answer may be lost. */
static int ask_one(struct tool *t, uint16_t type, uint16_t answer_type,
                   const struct request_choice *c)
{
    struct request_info info;
    struct fault f = {0};
    struct frame answer;
    struct wire_in w;
    struct buf body;
    int rc;

    buf_init(&body, 512);
    request_choice_put(&body, c);
    rc = tool_call(t, type, buf_slice(&body), answer_type, &answer, &f);
    buf_free(&body);
    if (rc == 0) {
        wire_in_init(&w, answer.body);
        request_info_get(&w, &info);
        rc = wire_in_done(&w) ? 0 : tool_broken_answer(&f);
    }
    if (rc != 0)
        return tool_fail(t, &f);
    return t->format == FORMAT_JSON ? json_print(t, request_json(&info)) : print_text(t, &info);
}

static int run_show(struct tool *t, void *args)
{
    struct request_choice c;
    int rc = choice(t, NULL, &c);

    (void)args;
    return rc != EXIT_OK ? rc : ask_one(t, MSG_REQUEST_SHOW, MSG_REQUEST_SHOWN, &c);
}

const struct command cmd_request_show = {
    .name = "request show",
    .help = "show one request: what it is, who asked, what became of it",
    .arguments = "ID",
    .examples = "  cerca request show 7\n",
    .min = 1,
    .max = 1,
    .formats = FORMAT_TEXT | FORMAT_JSON,
    .format = FORMAT_TEXT,
    .run = run_show,
};

/* ---- deciding ---- */

struct decide_args {
    bool dry_run;
    const char *reason;
};

static int decide(struct tool *t, const struct decide_args *a, uint16_t type)
{
    struct request_choice c;
    int rc = choice(t, a->reason, &c);

    if (rc != EXIT_OK)
        return rc;
    return a->dry_run ? ask_one(t, MSG_REQUEST_SHOW, MSG_REQUEST_SHOWN, &c)
                      : ask_one(t, type, MSG_REQUEST_DECIDED, &c);
}

static int run_approve(struct tool *t, void *args)
{
    return decide(t, args, MSG_REQUEST_APPROVE);
}

static int run_deny(struct tool *t, void *args)
{
    return decide(t, args, MSG_REQUEST_DENY);
}

static const struct opt approve_opts[] = {
    {"dry-run", OPT_FLAG, offsetof(struct decide_args, dry_run), NULL,
     "only show what would be approved", 'n'},
    {NULL, OPT_FLAG, 0, NULL, NULL, 0},
};

const struct command cmd_request_approve = {
    .name = "request approve",
    .help =
        "say yes to another's request: it is carried out, a certificate issued to who asks again",
    .arguments = "ID [options]",
    .examples = "  cerca request approve 7 --dry-run\n"
                "  cerca request approve 7\n",
    .opts = approve_opts,
    .args_size = sizeof(struct decide_args),
    .min = 1,
    .max = 1,
    .formats = FORMAT_TEXT | FORMAT_JSON,
    .format = FORMAT_TEXT,
    .run = run_approve,
};

static const struct opt deny_opts[] = {
    {"reason", OPT_TEXT, offsetof(struct decide_args, reason), "TEXT", "why; recorded", 0},
    {"dry-run", OPT_FLAG, offsetof(struct decide_args, dry_run), NULL,
     "only show what would be denied", 'n'},
    {NULL, OPT_FLAG, 0, NULL, NULL, 0},
};

const struct command cmd_request_deny = {
    .name = "request deny",
    .help = "say no to a request, your own ones included",
    .arguments = "ID [options]",
    .examples = "  cerca request deny 7 --reason 'not announced'\n",
    .opts = deny_opts,
    .args_size = sizeof(struct decide_args),
    .min = 1,
    .max = 1,
    .formats = FORMAT_TEXT | FORMAT_JSON,
    .format = FORMAT_TEXT,
    .run = run_deny,
};
