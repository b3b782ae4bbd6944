#include <stdlib.h>
#include <string.h>

#include "tools/audit.h"
#include "tools/commands.h"
#include "tools/find.h"
#include "tools/rows.h"

struct log_args {
    int64_t since, until;
    const char *actor, *action, *serial, *rule, *from, *log;
    uint32_t limit; /* 0: all */
};

static const struct log_args defaults = {.limit = 100};

static void what(const json_t *row, struct buf *out)
{
    static const char *const keys[] = {"profile", "rule", "field", "value", "detail"};

    if (json_is_true(json_object_get(row, "pruned")))
        buf_put_str(out, "(details dropped)");
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        const char *s = json_str(row, keys[i]);

        if (*s != '\0')
            buf_printf(out, "%s%s", out->n > 0 ? " " : "", s);
    }
}

static const struct column columns[] = {
    {"INDEX", "index", 9, COLUMN_ALWAYS, NULL},    {"TIME", "time", 20, COLUMN_ALWAYS, NULL},
    {"ACTION", "action", 10, COLUMN_ALWAYS, NULL}, {"ACTOR", "actor", 18, COLUMN_ALWAYS, NULL},
    {"SERIAL", "serial", 32, COLUMN_WIDE, NULL},   {"WHAT", "detail", 0, COLUMN_ALWAYS, what},
    {NULL, NULL, 0, COLUMN_ALWAYS, NULL},
};

static const char *const keys[] = {"index",  "time",    "action",     "actor", "origin",
                                   "serial", "profile", "rule",       "field", "value",
                                   "detail", "fault",   "generation", NULL};

static const struct sheet sheet = {columns, keys};

static int read_from(const char *text, uint64_t *out, struct fault *f)
{
    size_t n = strlen(text);

    *out = 0;
    if (n == 0 || n > 18 || strspn(text, "0123456789") != n)
        return fault_set(f, FAULT_MALFORMED, "usage", "--from: \"%.40s\" should be an index", text);
    *out = strtoull(text, NULL, 10);
    return 0;
}

static int fill(struct audit_read *r, const struct log_args *a, struct fault *f)
{
    struct show_request serial = {0};
    int rc = tool_field(r->actor, sizeof(r->actor), "--actor", a->actor, f);

    if (rc == 0)
        rc = tool_field(r->action, sizeof(r->action), "--action", a->action, f);
    if (rc == 0)
        rc = tool_field(r->rule, sizeof(r->rule), "--rule", a->rule, f);
    if (rc == 0 && a->serial != NULL) {
        r->has_serial = true;
        rc = find_selector(a->serial, &serial, f);
        if (rc == 0 && hex_decode(serial.selector, r->serial, sizeof(r->serial)) != 0)
            rc = fault_set(f, FAULT_MALFORMED, "usage", "--serial: not a serial number");
    }
    if (rc == 0)
        rc = audit_log_option(a->log, &r->log, f);
    r->since = a->since;
    r->until = a->until;
    r->backwards = a->from == NULL && a->limit > 0;
    r->from = r->backwards ? UINT64_MAX : 0;
    r->generic = a->actor == NULL && a->action == NULL && a->rule == NULL && a->serial == NULL &&
                 a->since == 0 && a->until == 0;
    return rc == 0 && a->from != NULL ? read_from(a->from, &r->from, f) : rc;
}

/* ---- the newest: they come from the end, and are shown in order ---- */

struct kept {
    json_t **row;
    size_t n;
};

static int keep_page(struct kept *k, struct audit_page *page, struct fault *f)
{
    struct audit_leaf leaf;

    for (uint32_t i = 0; i < page->n; i++) {
        audit_leaf_get(&page->leaves, &leaf);
        if (wire_failed(&page->leaves))
            break;
        k->row[k->n++] = audit_json(&leaf);
    }
    return wire_in_done(&page->leaves)
               ? 0
               : fault_set(f, FAULT_MALFORMED, "answer", "cerca-ca sent a broken page");
}

static int newest(struct tool *t, struct audit_read *r, uint32_t limit, struct rows *rows,
                  struct fault *f)
{
    struct kept k = {.row = xcalloc(limit, sizeof(k.row[0]))};
    struct audit_page page = {.more = true};
    int rc = 0;

    while (rc == 0 && page.more && k.n < limit) {
        r->limit = limit - k.n < AUDIT_LIMIT_MAX ? (uint32_t)(limit - k.n) : AUDIT_LIMIT_MAX;
        rc = audit_page(t, r, &page, f);
        if (rc == 0)
            rc = keep_page(&k, &page, f);
        r->from = page.next;
    }
    for (size_t i = k.n; i-- > 0;) {
        if (rc == 0 && rows_add(rows, json_incref(k.row[i])) != EXIT_OK)
            rc = fault_set(f, FAULT_INTERNAL, "output", "the list is not complete");
        json_decref(k.row[i]);
    }
    free(k.row);
    if (rc == 0 && page.more && t->format == FORMAT_TABLE)
        tool_say(t, "there are older ones; --limit N shows N, --limit 0 all");
    return rc;
}

/* ---- forward ---- */

static int add_page(struct rows *rows, struct audit_page *page, struct fault *f)
{
    struct audit_leaf leaf;

    for (uint32_t i = 0; i < page->n; i++) {
        audit_leaf_get(&page->leaves, &leaf);
        if (wire_failed(&page->leaves))
            break;
        if (rows_add(rows, audit_json(&leaf)) != EXIT_OK)
            return fault_set(f, FAULT_INTERNAL, "output", "the list is not complete");
    }
    return wire_in_done(&page->leaves)
               ? 0
               : fault_set(f, FAULT_MALFORMED, "answer", "cerca-ca sent a broken page");
}

static int forward(struct tool *t, struct audit_read *r, uint32_t limit, struct rows *rows,
                   struct fault *f)
{
    struct audit_page page = {.more = true};
    int rc = 0;

    while (rc == 0 && page.more && (limit == 0 || rows->n < limit)) {
        uint64_t left = limit == 0 ? AUDIT_LIMIT_MAX : limit - rows->n;

        r->limit = left < AUDIT_LIMIT_MAX ? (uint32_t)left : AUDIT_LIMIT_MAX;
        rc = audit_page(t, r, &page, f);
        if (rc == 0)
            rc = add_page(rows, &page, f);
        r->from = page.next;
    }
    return rc;
}

static int run_audit_log(struct tool *t, void *args)
{
    const struct log_args *a = args;
    struct audit_read r = {0};
    struct fault f = {0};
    struct rows rows;
    int rc = fill(&r, a, &f);

    if (rc != 0)
        return tool_usage(t, "%s", f.text);
    rc = tool_connect(t, &f);
    if (rc != 0)
        return tool_fail(t, &f);
    rows_begin(&rows, t, &sheet);
    rc = r.backwards ? newest(t, &r, a->limit, &rows, &f) : forward(t, &r, a->limit, &rows, &f);
    if (rc == 0)
        return rows_end(&rows);
    rows_drop(&rows);
    return tool_fail(t, &f);
}

static const struct opt opts[] = {
    {"since", OPT_TIME, offsetof(struct log_args, since), "TIME", "not older than that", 0},
    {"until", OPT_TIME, offsetof(struct log_args, until), "TIME", "older than that", 0},
    {"actor", OPT_MATCH, offsetof(struct log_args, actor), "NAME",
     "who, such as operator:alice or uid:1000", 0},
    {"action", OPT_MATCH, offsetof(struct log_args, action), "WORD",
     "what, such as intent, finish, refuse, revoke", 0},
    {"serial", OPT_MATCH, offsetof(struct log_args, serial), "SERIAL", "about this certificate", 0},
    {"rule", OPT_MATCH, offsetof(struct log_args, rule), "RULE", "refused by this rule", 0},
    {"from", OPT_TEXT, offsetof(struct log_args, from), "INDEX",
     "from this record on, instead of the newest", 0},
    {"log", OPT_TEXT, offsetof(struct log_args, log), "NUMBER",
     "a log that a restore ended, by its number; 0: the first", 0},
    {"limit", OPT_COUNT, offsetof(struct log_args, limit), "N", "records (default 100); 0: all",
     'l'},
    {NULL, OPT_FLAG, 0, NULL, NULL, 0},
};

const struct command cmd_audit_log = {
    .name = "audit log",
    .help = "show the newest records of the audit log, or those that match",
    .arguments = "[options]",
    .examples = "  cerca audit log --action refuse --since 2026-11-01\n"
                "  cerca audit log --from 0 --limit 0 -o csv >audit.csv\n"
                "  cerca audit log --log 0 --limit 0\n",
    .opts = opts,
    .args_size = sizeof(struct log_args),
    .defaults = &defaults,
    .formats = FORMAT_TABLE | FORMAT_JSON | FORMAT_CSV,
    .format = FORMAT_TABLE,
    .run = run_audit_log,
};
