/* Tokens: create, list, revoke. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/file.h"
#include "lib/proto_token.h"
#include "tools/commands.h"
#include "tools/rows.h"

/* ---- create ---- */

struct create_args {
    const char *profile;
    struct texts names;
    uint32_t uses;
    int64_t ttl;
    const char *owner, *sid, *upn, *subject, *out;
    bool dry_run;
};

static const struct create_args create_defaults = {.uses = 1, .ttl = 3600};

static int fill(const struct create_args *a, struct token_request *r, struct fault *f)
{
    int rc = tool_field(r->profile, sizeof(r->profile), "--profile", a->profile, f);

    if (rc == 0 && a->names.n > TOKEN_PATTERNS_MAX)
        rc = fault_set(f, FAULT_TOO_LARGE, "token.names", "more than %d names", TOKEN_PATTERNS_MAX);
    for (size_t i = 0; rc == 0 && i < a->names.n; i++)
        rc = tool_field(r->names.item[r->names.n++], TOKEN_PATTERN_MAX, "--name", a->names.item[i],
                        f);
    if (rc == 0)
        rc = tool_field(r->owner, sizeof(r->owner), "--owner", a->owner, f);
    if (rc == 0)
        rc = tool_field(r->sid, sizeof(r->sid), "--sid", a->sid, f);
    if (rc == 0)
        rc = tool_field(r->upn, sizeof(r->upn), "--upn", a->upn, f);
    if (rc == 0)
        rc = tool_field(r->subject, sizeof(r->subject), "--subject", a->subject, f);
    r->uses = a->uses;
    r->life = a->ttl;
    r->dry_run = a->dry_run;
    return rc;
}

static int hand_out_json(const struct tool *t, const struct create_args *a,
                         const struct token_created *c, const char *text)
{
    json_t *o = json_object();

    if (a->dry_run)
        json_put(o, "dry_run", json_true());
    else
        json_put(o, "id", json_integer((json_int_t)c->id));
    json_put(o, "expires", json_time(c->expires));
    if (!a->dry_run && a->out == NULL)
        json_put(o, "token", json_text(text));
    return json_print(t, o);
}

/* The secret goes to the file or to standard output, nowhere else, and is not shown again. */
static int hand_out(struct tool *t, const struct create_args *a, const struct token_created *c)
{
    char until[CLOCK_TEXT_SIZE];
    struct buf line;
    struct fault f = {0};
    int rc = EXIT_OK;

    clock_format(c->expires, until);
    buf_init(&line, TOKEN_TEXT_MAX + 2);
    buf_put_slice(&line, c->text);
    buf_put_str(&line, "\n");
    if (!a->dry_run && a->out != NULL && file_write(a->out, 0600, buf_slice(&line), &f) != 0)
        rc = tool_fail(t, &f);
    else if (!a->dry_run && a->out == NULL && t->format != FORMAT_JSON)
        rc = tool_print(t, buf_slice(&line));
    if (rc != EXIT_OK)
        tool_say(t, "the token is lost: cerca token revoke %" PRIu64, c->id);
    else if (a->dry_run)
        tool_say(t, "would be made, until %s; nothing was recorded", until);
    else
        tool_say(t, "token %" PRIu64 ", until %s; it is not shown again", c->id, until);
    buf_reset(&line);
    buf_put_slice(&line, c->text);
    if (rc == EXIT_OK && t->format == FORMAT_JSON)
        rc = hand_out_json(t, a, c, buf_cstr(&line));
    buf_free(&line);
    return rc;
}

/* Not asked again by itself: each time would make a token. */
static int run_create(struct tool *t, void *args)
{
    const struct create_args *a = args;
    struct token_request *r;
    struct token_created created;
    struct fault f = {0};
    struct frame answer;
    struct buf body;
    int rc;

    if (a->profile == NULL)
        return tool_usage(t, "--profile is missing");
    r = xcalloc(1, sizeof(*r));
    buf_init(&body, FRAME_BODY_MAX);
    rc = fill(a, r, &f);
    if (rc == 0) {
        token_request_put(&body, r);
        rc = tool_call(t, MSG_TOKEN_CREATE, buf_slice(&body), MSG_TOKEN_CREATED, &answer, &f);
    }
    if (rc == 0 && token_created_get(answer.body, &created) != 0)
        rc = tool_broken_answer(&f);
    rc = rc == 0 ? hand_out(t, a, &created) : tool_fail(t, &f);
    buf_free(&body);
    free(r);
    return rc;
}

static const struct opt create_opts[] = {
    {"profile", OPT_TEXT, offsetof(struct create_args, profile), "NAME",
     "what it may be used for; no other", 'p'},
    {"name", OPT_TEXTS, offsetof(struct create_args, names), "PATTERN",
     "dns:web.example.com, dns:.example.com (all below), ip:10.0.0.0/8, email:, uri:", 0},
    {"uses", OPT_COUNT, offsetof(struct create_args, uses), "N", "certificates (default 1)", 0},
    {"ttl", OPT_SPAN, offsetof(struct create_args, ttl), "SPAN", "how long (default 1h)", 0},
    {"owner", OPT_TEXT, offsetof(struct create_args, owner), "NAME", "owner of the certificates",
     0},
    {"sid", OPT_TEXT, offsetof(struct create_args, sid), "S-1-5-...",
     "Microsoft security identifier of the account", 0},
    {"upn", OPT_TEXT, offsetof(struct create_args, upn), "USER@SUFFIX",
     "user principal name of the account", 0},
    {"subject", OPT_TEXT, offsetof(struct create_args, subject), "DN",
     "subject of the certificates; else nothing but a CN that is a name", 0},
    {"out", OPT_TEXT, offsetof(struct create_args, out), "FILE",
     "the token, mode 0600; else to standard output", 0},
    {"dry-run", OPT_FLAG, offsetof(struct create_args, dry_run), NULL,
     "check it only, record nothing", 'n'},
    {NULL, OPT_FLAG, 0, NULL, NULL, 0},
};

const struct command cmd_token_create = {
    .name = "token create",
    .help = "make a token with which others may get certificates",
    .arguments = "--profile NAME --name PATTERN [options]",
    .examples = "  cerca token create --profile tls-server --name dns:.web.example.com --uses 20 "
                "--ttl 1h --out web.token\n"
                "  cerca token create --profile tls-client --name email:alice@example.com "
                "--sid S-1-5-21-1-2-3-1104 -o json\n",
    .opts = create_opts,
    .args_size = sizeof(struct create_args),
    .defaults = &create_defaults,
    .formats = FORMAT_TEXT | FORMAT_JSON,
    .format = FORMAT_TEXT,
    .run = run_create,
};

/* ---- list ---- */

static json_t *token_json(const struct token_info *i)
{
    json_t *o = json_object(), *names = json_array();

    for (uint32_t k = 0; k < i->names.n; k++)
        (void)!json_array_append_new(names, json_text(i->names.item[k]));
    json_put(o, "id", json_integer((json_int_t)i->id));
    json_put(o, "state", json_text(i->state));
    json_put(o, "profile", json_text(i->profile));
    json_put(o, "names", names);
    json_put(o, "uses", json_integer(i->uses));
    json_put(o, "left", json_integer(i->left));
    json_put(o, "created", json_time(i->created));
    json_put(o, "expires", json_time(i->expires));
    json_put(o, "owner", json_text(i->owner));
    json_put(o, "sid", json_text(i->sid));
    json_put(o, "upn", json_text(i->upn));
    json_put(o, "subject", json_text(i->subject));
    json_put(o, "created_by", json_text(i->created_by));
    json_put(o, "revoked_at", i->revoked_at != 0 ? json_time(i->revoked_at) : json_null());
    json_put(o, "revoked_by", json_text(i->revoked_by));
    return o;
}

static const struct column columns[] = {
    {"ID", "id", 6, COLUMN_ALWAYS, NULL},
    {"STATE", "state", 9, COLUMN_ALWAYS, NULL},
    {"PROFILE", "profile", 14, COLUMN_ALWAYS, NULL},
    {"LEFT", "left", 7, COLUMN_ALWAYS, NULL},
    {"EXPIRES", "expires", 20, COLUMN_ALWAYS, NULL},
    {"OWNER", "owner", 12, COLUMN_WIDE, NULL},
    {"NAMES", "names", 0, COLUMN_ALWAYS, NULL},
    {NULL, NULL, 0, COLUMN_ALWAYS, NULL},
};

static const char *const keys[] = {
    "id",    "state", "profile", "names",   "uses",       "left",       "created",    "expires",
    "owner", "sid",   "upn",     "subject", "created_by", "revoked_at", "revoked_by", NULL,
};

static const struct sheet sheet = {columns, keys};

struct list_args {
    bool all;
};

static json_t *next_item(struct wire_in *w, void *arg)
{
    struct token_info *info = xcalloc(1, sizeof(*info));
    struct token_query *q = arg;
    json_t *o;

    token_info_get(w, info);
    q->after = info->id;
    o = token_json(info);
    free(info);
    return o;
}

static int one_page(struct tool *t, void *arg, struct rows *rows, bool *more, struct fault *f)
{
    struct token_query *q = arg;
    struct buf body;
    int rc;

    buf_init(&body, 1024);
    token_query_put(&body, q);
    rc = rows_call(t,
                   &(struct page_call){.ask = MSG_TOKEN_LIST,
                                       .answer = MSG_TOKEN_LISTED,
                                       .body = buf_slice(&body),
                                       .max = TOKEN_PAGE_MAX},
                   next_item, q, rows, more, f);
    buf_free(&body);
    return rc;
}

static int run_list(struct tool *t, void *args)
{
    const struct list_args *a = args;
    struct token_query query = {.all = a->all};

    return rows_all_pages(t, &sheet, one_page, &query);
}

static const struct opt list_opts[] = {
    {"all", OPT_FLAG, offsetof(struct list_args, all), NULL,
     "those that are used up, expired or revoked too", 'a'},
    {NULL, OPT_FLAG, 0, NULL, NULL, 0},
};

const struct command cmd_token_list = {
    .name = "token list",
    .help = "list the tokens that may still be used",
    .arguments = "[options]",
    .examples = "  cerca token list\n"
                "  cerca token list --all -o json\n",
    .opts = list_opts,
    .args_size = sizeof(struct list_args),
    .formats = FORMAT_TABLE | FORMAT_JSON | FORMAT_CSV,
    .format = FORMAT_TABLE,
    .run = run_list,
};

/* ---- revoke ---- */

static int run_revoke(struct tool *t, void *args)
{
    const char *word = t->words[0];
    struct token_info *info;
    struct fault f = {0};
    struct frame answer;
    struct wire_in w;
    struct buf body;
    uint64_t id;
    char *end;
    int rc;

    (void)args;
    errno = 0;
    id = strtoull(word, &end, 10);
    if (word[0] < '0' || word[0] > '9' || *end != '\0' || errno != 0 || id == 0)
        return tool_usage(t, "\"%s\" should be the number of a token (cerca token list)", word);
    buf_init(&body, 64);
    token_choice_put(&body, id);
    rc = tool_call(t, MSG_TOKEN_REVOKE, buf_slice(&body), MSG_TOKEN_REVOKED, &answer, &f);
    buf_free(&body);
    if (rc != 0)
        return tool_fail(t, &f);
    info = xcalloc(1, sizeof(*info));
    wire_in_init(&w, answer.body);
    token_info_get(&w, info);
    if (!wire_in_done(&w)) {
        (void)tool_broken_answer(&f);
        rc = tool_fail(t, &f);
    } else if (t->format == FORMAT_JSON) {
        rc = json_print(t, token_json(info));
    } else {
        tool_say(t, "token %" PRIu64 " is revoked; %u of its %u uses were left", id, info->left,
                 info->uses);
    }
    free(info);
    return rc;
}

const struct command cmd_token_revoke = {
    .name = "token revoke",
    .help = "make a token useless; certificates it was used for stay as they are",
    .arguments = "ID",
    .examples = "  cerca token revoke 7\n",
    .min = 1,
    .max = 1,
    .formats = FORMAT_TEXT | FORMAT_JSON,
    .format = FORMAT_TEXT,
    .run = run_revoke,
};
