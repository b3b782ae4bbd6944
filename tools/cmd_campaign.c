/* Renewals pulled forward for all that have what must go, at a rate. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/proto_campaign.h"
#include "tools/commands.h"
#include "tools/json.h"
#include "tools/progress.h"
#include "tools/rows.h"

/* enum campaign_verb and enum campaign_state of watch/rules/campaign.h, as they are sent. */
enum { CREATE = 1, PAUSE, RESUME, CANCEL };
enum { RUNS = 1 };
static const char *const states[] = {"unknown", "running", "paused", "cancelled"};

/* ---- asking ---- */

static int count_page(struct tool *t, struct campaign_count *q, struct campaign_counted *sum,
                      bool *more, struct fault *f)
{
    struct campaign_counted some;
    struct frame answer;
    struct buf body;
    int rc;

    buf_init(&body, 2048);
    campaign_count_put(&body, q);
    rc = tool_call_patient(t, MSG_CAMPAIGN_COUNT, buf_slice(&body), MSG_CAMPAIGN_COUNTED, &answer,
                           f);
    buf_free(&body);
    if (rc != 0)
        return rc;
    if (campaign_counted_get(answer.body, &some) != 0)
        return tool_broken_answer(f);
    sum->renewed += some.renewed;
    sum->in_vain += some.in_vain;
    sum->pulled += some.pulled;
    sum->late += some.late;
    sum->blocked += some.blocked;
    sum->to_come += some.to_come;
    q->further = true;
    memcpy(q->after, some.at, sizeof(q->after));
    *more = some.more;
    return 0;
}

static int count(struct tool *t, const struct campaign_info *c, struct campaign_counted *sum,
                 struct fault *f)
{
    struct campaign_count q = {.of = *c};
    struct progress bar = {0};
    bool more = true;
    int rc = 0;

    memset(sum, 0, sizeof(*sum));
    while (rc == 0 && more) {
        rc = count_page(t, &q, sum, &more, f);
        /* identities come in their order, and are hashes */
        if (rc == 0 && more)
            progress_draw(&bar, "percent", q.after[0] * 100u / 256, 100);
    }
    progress_end(&bar);
    return rc;
}

static int change(struct tool *t, uint8_t verb, struct campaign_info *c, struct fault *f)
{
    struct frame answer;
    struct wire_in w;
    struct buf body;
    int rc;

    buf_init(&body, 2048);
    wire_put_u8(&body, verb);
    campaign_info_put(&body, c);
    rc = tool_call(t, MSG_CAMPAIGN_CHANGE, buf_slice(&body), MSG_CAMPAIGN_CHANGED, &answer, f);
    buf_free(&body);
    if (rc != 0)
        return rc;
    wire_in_init(&w, answer.body);
    campaign_info_get(&w, c);
    return wire_in_done(&w) ? 0 : tool_broken_answer(f);
}

/* ---- out ---- */

static json_t *campaign_json(const struct campaign_info *c)
{
    char rate[64], span[CLOCK_TEXT_SIZE];
    json_t *o = json_object();

    clock_format_span(c->per, span);
    (void)snprintf(rate, sizeof(rate), "%u/%s", c->rate, span);
    json_put(o, "name", json_text(c->name));
    json_put(o, "state", json_string(states[c->state < 4 ? c->state : 0]));
    json_put(o, "certificates", json_integer(c->count));
    json_put(o, "rate", json_text(rate));
    json_put(o, "start", json_time(c->start));
    json_put(o, "end", json_time(c->end));
    json_put(o, "issuer", json_text(c->issuer));
    json_put(o, "key_type", json_text(c->key_type));
    json_put(o, "algorithm", json_text(c->algorithm));
    json_put(o, "profile", json_text(c->profile));
    json_put(o, "owner", json_text(c->owner));
    json_put(o, "created", json_time(c->created));
    json_put(o, "by", json_text(c->by));
    json_put(o, "reason", json_text(c->reason));
    return o;
}

static void put_counts(json_t *o, const struct campaign_counted *n)
{
    json_put(o, "renewed", json_integer((json_int_t)n->renewed));
    json_put(o, "renewed_in_vain", json_integer((json_int_t)n->in_vain));
    json_put(o, "pulled_forward", json_integer((json_int_t)n->pulled));
    json_put(o, "late", json_integer((json_int_t)n->late));
    json_put(o, "blocked", json_integer((json_int_t)n->blocked));
    json_put(o, "to_come", json_integer((json_int_t)n->to_come));
}

static const struct column columns[] = {
    {"NAME", "name", 20, COLUMN_ALWAYS, NULL},      {"STATE", "state", 9, COLUMN_ALWAYS, NULL},
    {"OF", "certificates", 8, COLUMN_ALWAYS, NULL}, {"RATE", "rate", 10, COLUMN_ALWAYS, NULL},
    {"END", "end", 20, COLUMN_ALWAYS, NULL},        {"REASON", "reason", 0, COLUMN_ALWAYS, NULL},
    {NULL, NULL, 0, COLUMN_ALWAYS, NULL},
};
static const char *const keys[] = {"name",  "state",   "certificates", "rate",      "start",
                                   "end",   "issuer",  "key_type",     "algorithm", "profile",
                                   "owner", "created", "by",           "reason",    NULL};
static const struct sheet sheet = {columns, keys};

static const struct column status_columns[] = {
    {"NAME", "name", 20, COLUMN_ALWAYS, NULL},
    {"STATE", "state", 9, COLUMN_ALWAYS, NULL},
    {"RENEWED", "renewed", 8, COLUMN_ALWAYS, NULL},
    {"PULLED", "pulled_forward", 8, COLUMN_ALWAYS, NULL},
    {"TO COME", "to_come", 8, COLUMN_ALWAYS, NULL},
    {"LATE", "late", 8, COLUMN_ALWAYS, NULL},
    {"BLOCKED", "blocked", 8, COLUMN_ALWAYS, NULL},
    {"IN VAIN", "renewed_in_vain", 8, COLUMN_ALWAYS, NULL},
    {"END", "end", 20, COLUMN_ALWAYS, NULL},
    {NULL, NULL, 0, COLUMN_ALWAYS, NULL},
};
static const char *const status_keys[] = {
    "name", "state",   "certificates",    "renewed", "pulled_forward", "to_come",
    "late", "blocked", "renewed_in_vain", "rate",    "start",          "end",
    NULL};
static const struct sheet status_sheet = {status_columns, status_keys};

/* ---- list and status ---- */

/* Of a name, or all. *found: how many. */
static int each(struct tool *t, const char *name, bool counted, struct rows *rows, size_t *found,
                struct fault *f)
{
    struct campaign_info *c = xcalloc(64, sizeof(*c));
    struct campaign_counted n;
    struct frame answer;
    struct wire_in w;
    uint32_t all = 0;
    int rc = tool_call_patient(t, MSG_CAMPAIGN_LIST, SLICE_NONE, MSG_CAMPAIGN_LISTED, &answer, f);

    *found = 0;
    if (rc == 0) {
        wire_in_init(&w, answer.body);
        all = wire_get_count(&w, 64, 1);
        for (uint32_t i = 0; i < all; i++)
            campaign_info_get(&w, &c[i]);
        rc = wire_in_done(&w) ? 0 : tool_broken_answer(f);
    }
    for (uint32_t i = 0; rc == 0 && i < all; i++) {
        json_t *o;

        if (name != NULL && strcmp(name, c[i].name) != 0)
            continue;
        ++*found;
        if (counted)
            rc = count(t, &c[i], &n, f);
        if (rc != 0)
            break;
        o = campaign_json(&c[i]);
        if (counted)
            put_counts(o, &n);
        if (rows_add(rows, o) != EXIT_OK)
            rc = fault_set(f, FAULT_INTERNAL, "output", "the list is not complete");
    }
    free(c);
    return rc;
}

static int show(struct tool *t, const char *name, bool counted)
{
    struct fault f = {0};
    struct rows rows;
    size_t found;
    int rc = tool_connect(t, &f);

    if (rc != 0)
        return tool_fail(t, &f);
    rows_begin(&rows, t, counted ? &status_sheet : &sheet);
    rc = each(t, name, counted, &rows, &found, &f);
    if (rc == 0 && name != NULL && found == 0)
        rc =
            fault_set(&f, FAULT_NOT_FOUND, "campaign.unknown", "There is no campaign of this name");
    if (rc == 0)
        return rows_end(&rows);
    rows_drop(&rows);
    return tool_fail(t, &f);
}

static int run_list(struct tool *t, void *args)
{
    (void)args;
    return show(t, NULL, false);
}

static int run_status(struct tool *t, void *args)
{
    (void)args;
    return show(t, t->n_words > 0 ? t->words[0] : NULL, true);
}

const struct command cmd_campaign_list = {
    .name = "campaign list",
    .help = "list the campaigns",
    .arguments = "[options]",
    .examples = "  cerca campaign list\n",
    .formats = FORMAT_TABLE | FORMAT_JSON | FORMAT_CSV,
    .format = FORMAT_TABLE,
    .run = run_list,
};

const struct command cmd_campaign_status = {
    .name = "campaign status",
    .help = "how far a campaign is, or each",
    .arguments = "[NAME] [options]",
    .examples = "  cerca campaign status rsa-away\n",
    .max = 1,
    .formats = FORMAT_TABLE | FORMAT_JSON | FORMAT_CSV,
    .format = FORMAT_TABLE,
    .run = run_status,
};

/* ---- create ---- */

struct create_args {
    const char *issuer, *key_type, *alg, *profile, *owner;
    const char *rate, *reason;
    int64_t start;
    bool dry_run;
};

/* "100/h" is "100/1h". */
static bool read_rate(const char *text, struct campaign_info *c)
{
    const char *slash = text == NULL ? NULL : strchr(text, '/');
    char full[64];

    if (slash == NULL || strlen(text) > 32 ||
        strspn(text, "0123456789") != (size_t)(slash - text) || slash - text > 7)
        return false;
    (void)snprintf(full, sizeof(full), "%.*s/%s%s", (int)(slash - text), text,
                   slash[1] >= '0' && slash[1] <= '9' ? "" : "1", slash + 1);
    return conf_limit(full, &c->rate, &c->per) && c->per > 0;
}

static int fill(const struct create_args *a, const char *name, struct campaign_info *c,
                struct fault *f)
{
    if (tool_field(c->name, sizeof(c->name), "NAME", name, f) != 0 ||
        tool_field(c->issuer, sizeof(c->issuer), "--issuer", a->issuer, f) != 0 ||
        tool_field(c->key_type, sizeof(c->key_type), "--key-type", a->key_type, f) != 0 ||
        tool_field(c->algorithm, sizeof(c->algorithm), "--alg", a->alg, f) != 0 ||
        tool_field(c->profile, sizeof(c->profile), "--profile", a->profile, f) != 0 ||
        tool_field(c->owner, sizeof(c->owner), "--owner", a->owner, f) != 0 ||
        tool_field(c->reason, sizeof(c->reason), "--reason", a->reason, f) != 0)
        return -(int)f->code;
    c->created = clock_now();
    c->start = a->start > c->created ? a->start : c->created;
    c->state = RUNS;
    c->count = 1;
    return 0;
}

static int create(struct tool *t, const struct create_args *a, struct campaign_info *c,
                  struct fault *f)
{
    struct campaign_counted n;
    uint64_t all;
    int rc = count(t, c, &n, f);

    if (rc != 0)
        return rc;
    all = n.to_come + n.pulled + n.late + n.blocked;
    if (all == 0 || all > UINT32_MAX)
        return fault_set(f, FAULT_NOT_FOUND, "campaign.none",
                         "there is nothing to renew: no certificate that lasts is like that");
    c->count = (uint32_t)all;
    c->end = c->start + (int64_t)all * c->per / c->rate;
    return a->dry_run ? 0 : change(t, CREATE, c, f);
}

static int run_create(struct tool *t, void *args)
{
    const struct create_args *a = args;
    struct campaign_info c = {.count = 0};
    struct fault f = {0};
    char end[CLOCK_TEXT_SIZE];
    int rc;

    if (!read_rate(a->rate, &c))
        return tool_usage(t, "--rate says how many in which time: 100/h, 5000/1d");
    if (a->issuer == NULL && a->key_type == NULL && a->alg == NULL && a->profile == NULL &&
        a->owner == NULL)
        return tool_usage(t, "say what has to go: --issuer, --key-type, --alg, --profile, --owner");
    if (fill(a, t->words[0], &c, &f) != 0)
        return tool_usage(t, "%s", f.text);
    rc = tool_connect(t, &f);
    if (rc == 0)
        rc = create(t, a, &c, &f);
    if (rc != 0)
        return tool_fail(t, &f);
    clock_format(c.end, end);
    if (t->format == FORMAT_JSON)
        return json_print(t, campaign_json(&c));
    tool_say(t, "%s%u certificates%s at that rate until %s", a->dry_run ? "would pull " : "pulls ",
             c.count, " forward", end);
    return EXIT_OK;
}

#define AT(field) offsetof(struct create_args, field)
static const struct opt create_opts[] = {
    {"issuer", OPT_MATCH, AT(issuer), "NAME", "certificates of this issuer", 0},
    {"key-type", OPT_MATCH, AT(key_type), "TYPE", "with such a key: rsa2048, p256; rsa: any RSA",
     0},
    {"alg", OPT_MATCH, AT(alg), "NAME", "signed so: rsa-sha256, ecdsa-sha256", 0},
    {"profile", OPT_MATCH, AT(profile), "NAME", "of this profile", 0},
    {"owner", OPT_MATCH, AT(owner), "NAME", "of this owner", 0},
    {"rate", OPT_TEXT, AT(rate), "N/TIME", "so many in that time: 100/h", 0},
    {"start", OPT_TIME, AT(start), "TIME", "when it begins (default: now)", 0},
    {"reason", OPT_TEXT, AT(reason), "TEXT", "why; recorded, and told with the hints", 0},
    {"dry-run", OPT_FLAG, AT(dry_run), NULL, "say how many, and until when", 'n'},
    {NULL, OPT_FLAG, 0, NULL, NULL, 0},
};

const struct command cmd_campaign_create = {
    .name = "campaign create",
    .help = "pull renewals forward for all that have what must go, at a rate",
    .arguments = "NAME --rate N/TIME [--issuer NAME] [--key-type TYPE] [options]",
    .examples = "  cerca campaign create rsa-away --key-type rsa2048 --rate 500/h --dry-run\n",
    .opts = create_opts,
    .args_size = sizeof(struct create_args),
    .min = 1,
    .max = 1,
    .formats = FORMAT_TEXT | FORMAT_JSON,
    .format = FORMAT_TEXT,
    .run = run_create,
};

/* ---- pause, resume, cancel ---- */

static int run_change(struct tool *t, uint8_t verb)
{
    struct campaign_info c = {.count = 0};
    struct fault f = {0};

    if (tool_field(c.name, sizeof(c.name), "NAME", t->words[0], &f) != 0)
        return tool_usage(t, "%s", f.text);
    if (tool_connect(t, &f) != 0 || change(t, verb, &c, &f) != 0)
        return tool_fail(t, &f);
    if (t->format == FORMAT_JSON)
        return json_print(t, campaign_json(&c));
    tool_say(t, "%s is %s", c.name, states[c.state < 4 ? c.state : 0]);
    return EXIT_OK;
}

static int run_pause(struct tool *t, void *args)
{
    (void)args;
    return run_change(t, PAUSE);
}

static int run_resume(struct tool *t, void *args)
{
    (void)args;
    return run_change(t, RESUME);
}

static int run_cancel(struct tool *t, void *args)
{
    (void)args;
    return run_change(t, CANCEL);
}

#define CHANGING(symbol, verb, what)                                                               \
    const struct command cmd_campaign_##symbol = {                                                 \
        .name = "campaign " verb,                                                                  \
        .help = what,                                                                              \
        .arguments = "NAME",                                                                       \
        .examples = "  cerca campaign " verb " rsa-away\n",                                        \
        .min = 1,                                                                                  \
        .max = 1,                                                                                  \
        .formats = FORMAT_TEXT | FORMAT_JSON,                                                      \
        .format = FORMAT_TEXT,                                                                     \
        .run = run_##symbol,                                                                       \
    }
CHANGING(pause, "pause", "pull nobody forward for a while");
CHANGING(resume, "resume", "go on where a pause began");
CHANGING(cancel, "cancel", "pull nobody forward any more");
