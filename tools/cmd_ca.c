#include <stdlib.h>

#include "lib/proto.h"
#include "tools/commands.h"
#include "tools/rows.h"

static json_t *ca_json(const struct ca_info *c)
{
    json_t *o = json_object();

    json_put(o, "name", json_text(c->name));
    json_put(o, "state", json_text(c->state));
    json_put(o, "subject", json_text(c->subject));
    json_put(o, "parent", json_text(c->parent));
    json_put(o, "generation", json_integer(c->generation));
    json_put(o, "successor", c->successor[0] != '\0' ? json_text(c->successor) : json_null());
    json_put(o, "token", json_text(c->token));
    json_put(o, "key", json_text(c->key));
    json_put(o, "signs_leaves", json_boolean(c->signs_leaves));
    json_put(o, "signs_cas", json_boolean(c->signs_cas));
    json_put(o, "not_before", c->certificate.n > 0 ? json_time(c->not_before) : json_null());
    json_put(o, "not_after", c->certificate.n > 0 ? json_time(c->not_after) : json_null());
    json_put(o, "fingerprint",
             c->certificate.n > 0 ? json_hex(c->fingerprint, sizeof(c->fingerprint)) : json_null());
    return o;
}

static const struct column columns[] = {
    {"NAME", "name", 12, COLUMN_ALWAYS, NULL},
    {"STATE", "state", 14, COLUMN_ALWAYS, NULL},
    {"KEY", "key", 7, COLUMN_ALWAYS, NULL},
    {"TOKEN", "token", 8, COLUMN_WIDE, NULL},
    {"PARENT", "parent", 10, COLUMN_WIDE, NULL},
    {"GEN", "generation", 3, COLUMN_WIDE, NULL},
    {"SUCCESSOR", "successor", 10, COLUMN_WIDE, NULL},
    {"NOT AFTER", "not_after", 20, COLUMN_ALWAYS, NULL},
    {"SUBJECT", "subject", 0, COLUMN_ALWAYS, NULL},
    {NULL, NULL, 0, COLUMN_ALWAYS, NULL},
};

static const char *const keys[] = {
    "name",       "state",      "subject",     "parent",       "token",
    "key",        "generation", "successor",   "signs_leaves", "signs_cas",
    "not_before", "not_after",  "fingerprint", NULL,
};

static const struct sheet sheet = {columns, keys};

static int add_rows(struct rows *rows, struct slice body, struct fault *f)
{
    struct ca_info *info = xcalloc(1, sizeof(*info));
    struct wire_in w;
    uint32_t n;
    int rc = 0;

    wire_in_init(&w, body);
    n = wire_get_count(&w, CA_MAX, 1);
    for (uint32_t i = 0; rc == 0 && i < n; i++) {
        ca_info_get(&w, info);
        if (!wire_failed(&w) && rows_add(rows, ca_json(info)) != EXIT_OK)
            rc = fault_set(f, FAULT_INTERNAL, "output", "the list is not complete");
    }
    free(info);
    if (rc == 0 && !wire_in_done(&w))
        rc = fault_set(f, FAULT_MALFORMED, "answer", "cerca-ca sent a broken list");
    return rc;
}

static int run_ca_list(struct tool *t, void *args)
{
    struct fault f = {0};
    struct frame answer;
    struct rows rows;
    int rc = tool_connect(t, &f);

    (void)args;
    if (rc == 0)
        rc = tool_call_patient(t, MSG_CA_LIST, SLICE_NONE, MSG_CA_LISTED, &answer, &f);
    if (rc != 0)
        return tool_fail(t, &f);
    rows_begin(&rows, t, &sheet);
    rc = add_rows(&rows, answer.body, &f);
    if (rc == 0)
        return rows_end(&rows);
    rows_drop(&rows);
    return tool_fail(t, &f);
}

const struct command cmd_ca_list = {
    .name = "ca list",
    .help = "list the issuers, their keys and certificates",
    .arguments = "[options]",
    .examples = "  cerca ca list\n",
    .formats = FORMAT_TABLE | FORMAT_JSON | FORMAT_CSV,
    .format = FORMAT_TABLE,
    .run = run_ca_list,
};
