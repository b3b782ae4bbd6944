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

static int one_page(struct tool *t, struct block_query *q, struct rows *rows, bool *more,
                    struct fault *f)
{
    struct block_info *info;
    struct frame answer;
    struct wire_in w;
    struct buf body;
    uint32_t n;
    int rc;

    buf_init(&body, 64);
    block_query_put(&body, q);
    rc = tool_call_patient(t, MSG_BLOCK_LIST, buf_slice(&body), MSG_BLOCK_LISTED, &answer, f);
    buf_free(&body);
    if (rc != 0)
        return rc;
    info = xcalloc(1, sizeof(*info));
    wire_in_init(&w, answer.body);
    *more = wire_get_flag(&w);
    n = wire_get_count(&w, FRAME_BODY_MAX, 1);
    for (uint32_t i = 0; rc == 0 && i < n; i++) {
        block_info_get(&w, info);
        q->further = true;
        q->identity = info->identity;
        memcpy(q->id, info->id, sizeof(q->id));
        if (!wire_failed(&w) && rows_add(rows, block_json(info)) != EXIT_OK)
            rc = fault_set(f, FAULT_INTERNAL, "output", "the list is not complete");
    }
    free(info);
    if (rc == 0 && (!wire_in_done(&w) || (n == 0 && *more)))
        rc = fault_set(f, FAULT_MALFORMED, "answer", "cerca-ca sent a broken answer");
    return rc;
}

static int run_list(struct tool *t, void *args)
{
    struct block_query query = {.further = false};
    struct fault f = {0};
    struct rows rows;
    bool more = true;
    int rc = tool_connect(t, &f);

    (void)args;
    if (rc != 0)
        return tool_fail(t, &f);
    rows_begin(&rows, t, &sheet);
    while (rc == 0 && more)
        rc = one_page(t, &query, &rows, &more, &f);
    if (rc == 0)
        return rows_end(&rows);
    rows_drop(&rows);
    return tool_fail(t, &f);
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
