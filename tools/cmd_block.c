/* What nothing is issued for any more: subjects and names, and keys that were lost. */
#include <string.h>

#include "tools/certjson.h"
#include "tools/commands.h"
#include "tools/revoke.h"
#include "tools/rows.h"

#define WORDS_MAX 1024

/* ---- list ---- */

static json_t *block_json(const struct block_info *b)
{
    const struct cert_info *i = &b->by;
    json_t *o = json_object();

    json_put(o, "kind", json_string(b->identity ? "identity" : "key"));
    json_put(o, "id", json_hex(b->id, b->identity ? BLOCK_IDENTITY : sizeof(b->id)));
    json_put(o, "serial", json_hex(i->serial, SERIAL_LEN));
    json_put(o, "status", json_text(i->status));
    json_put(o, "revoked_at", i->revoked_at != 0 ? json_time(i->revoked_at) : json_null());
    json_put(o, "reason", i->revoked_at != 0 ? json_string(reason_name(i->reason)) : json_null());
    json_put(o, "profile", json_text(i->profile));
    json_put(o, "owner", json_text(i->owner));
    json_put(o, "subject", json_text(i->subject));
    json_put(o, "sans", sans_json(i->sans));
    return o;
}

static void cell_name(const json_t *row, struct buf *out)
{
    const json_t *sans = json_object_get(row, "sans");

    if (json_array_size(sans) > 0)
        buf_put_str(out, json_string_value(json_array_get(sans, 0)));
    else
        buf_put_str(out, json_str(row, "subject"));
}

static const struct column columns[] = {
    {"KIND", "kind", 8, COLUMN_ALWAYS, NULL},      {"ID", "id", 32, COLUMN_ALWAYS, NULL},
    {"PROFILE", "profile", 14, COLUMN_WIDE, NULL}, {"NAME", "name", 0, COLUMN_ALWAYS, cell_name},
    {NULL, NULL, 0, COLUMN_ALWAYS, NULL},
};
static const char *const keys[] = {"kind",    "id",    "serial",  "status", "revoked_at", "reason",
                                   "profile", "owner", "subject", "sans",   NULL};
static const struct sheet sheet = {columns, keys};

static json_t *next_item(struct wire_in *w, void *arg)
{
    struct block_info *info = xcalloc(1, sizeof(*info));
    struct block_query *q = arg;
    json_t *o;

    block_info_get(w, info);
    q->further = true;
    q->identity = info->identity;
    memcpy(q->id, info->id, sizeof(q->id));
    o = block_json(info);
    free(info);
    return o;
}

static int one_page(struct tool *t, void *arg, struct rows *rows, bool *more, struct fault *f)
{
    struct block_query *q = arg;
    struct buf body;
    int rc;

    buf_init(&body, 1024);
    block_query_put(&body, q);
    rc = rows_call(t,
                   &(struct page_call){.ask = MSG_BLOCK_LIST,
                                       .answer = MSG_BLOCK_LISTED,
                                       .body = buf_slice(&body),
                                       .max = FRAME_BODY_MAX},
                   next_item, q, rows, more, f);
    buf_free(&body);
    return rc;
}

static int run_list(struct tool *t, void *args)
{
    struct block_query query = {.further = false};

    (void)args;
    return rows_all_pages(t, &sheet, one_page, &query);
}

const struct command cmd_block_list = {
    .name = "block list",
    .help = "list the identities and keys that nothing is issued for any more",
    .arguments = "[options]",
    .examples = "  cerca block list\n"
                "  cerca block list -o json\n",
    .formats = FORMAT_TABLE | FORMAT_JSON | FORMAT_CSV,
    .format = FORMAT_TABLE,
    .run = run_list,
};

/* ---- add ---- */

static int run_add(struct tool *t, void *args)
{
    const struct revoke_request order = {.block = true};
    struct targets l = {0};
    struct fault f = {0};
    int rc =
        targets_by_words(t, &l, &f) == 0 ? revoke_run(t, &l, &order, "blocked") : tool_fail(t, &f);

    (void)args;
    targets_free(&l);
    return rc;
}

const struct command cmd_block_add = {
    .name = "block add",
    .help = "issue nothing more for the profile, subject and names of a certificate",
    .arguments = "(SERIAL | FINGERPRINT | FILE)...",
    .examples = "  cerca block add laptop.pem\n",
    .min = 1,
    .max = WORDS_MAX,
    .formats = FORMAT_TABLE | FORMAT_JSON | FORMAT_CSV,
    .format = FORMAT_TABLE,
    .run = run_add,
};

/* ---- remove ---- */

static int run_remove(struct tool *t, void *args)
{
    uint8_t id[BLOCK_IDENTITY];
    struct fault f = {0};
    struct frame answer;
    struct buf body;
    int rc;

    (void)args;
    if (hex_decode(t->words[0], id, sizeof(id)) != 0)
        return tool_usage(
            t,
            "\"%s\" should be the %d digits of an identity (cerca block list); a lost "
            "key stays blocked",
            t->words[0], 2 * BLOCK_IDENTITY);
    buf_init(&body, 64);
    unblock_put(&body, id);
    rc = tool_call(t, MSG_UNBLOCK, buf_slice(&body), MSG_UNBLOCKED, &answer, &f);
    buf_free(&body);
    if (rc != 0)
        return tool_fail(t, &f);
    tool_say(t, "%s may be issued for again; its tokens stay revoked", t->words[0]);
    return EXIT_OK;
}

const struct command cmd_block_remove = {
    .name = "block remove",
    .help = "let an identity have certificates again",
    .arguments = "IDENTITY",
    .examples = "  cerca block remove 0b2e6c1f4f1d5c0a9b3e77a2c4d8e6f0\n",
    .min = 1,
    .max = 1,
    .run = run_remove,
};
