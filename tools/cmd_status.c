#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/proto.h"
#include "tools/commands.h"
#include "tools/json.h"
#include "tools/units.h"
#include "lib/text.h"

#define TEXT_MAX 131072
#define PROGRAMS_MAX 64

static json_t *item_json(const struct status_item *s)
{
    json_t *o = json_object();

    json_put(o, "name", json_text(s->name));
    json_put(o, "ok", json_boolean(s->ok));
    json_put(o, "state", json_text(s->state));
    json_put(o, "text", json_text(s->text));
    json_put(o, "retry_after", json_integer(s->retry_after));
    json_put(o, "deadline", s->by != 0 ? json_time(s->by) : json_null());
    return o;
}

static int read_answer(struct slice body, json_t *status, struct fault *f)
{
    json_t *items = json_array();
    struct status_item item;
    struct wire_in w;
    bool ok;
    uint32_t n;

    wire_in_init(&w, body);
    ok = wire_get_u8(&w) == 1;
    n = wire_get_count(&w, STATUS_ITEMS_MAX, 1);
    for (uint32_t i = 0; i < n && !wire_failed(&w); i++) {
        status_item_get(&w, &item);
        if (!wire_failed(&w))
            (void)json_array_append_new(items, item_json(&item));
    }
    json_put(status, "ok", json_boolean(ok));
    json_put(status, "items", items);
    if (!wire_in_done(&w))
        return fault_set(f, FAULT_MALFORMED, "answer", "cerca-ca sent a broken status");
    return 0;
}

/* A CA that does not answer is a status too: monitors read it like any other. */
static void unreachable(json_t *status, const struct fault *f)
{
    struct status_item item = {.retry_after = f->retry_after};
    json_t *items = json_array();
    struct buf text;

    buf_init(&text, 2048);
    fault_print(f, &text);
    memcpy(item.name, "cerca-ca", sizeof("cerca-ca"));
    memcpy(item.state, "unreachable", sizeof("unreachable"));
    (void)snprintf(item.text, sizeof(item.text), "%s", buf_cstr(&text));
    buf_free(&text);
    (void)json_array_append_new(items, item_json(&item));
    json_put(status, "ok", json_false());
    json_put(status, "items", items);
}

/* In place of what is said of that program already. */
static void put_program(json_t *status, const struct status_item *p)
{
    json_t *items = json_object_get(status, "items");
    size_t n = json_array_size(items), i = 0;

    while (i < n && strcmp(json_str(json_array_get(items, i), "name"), p->name) != 0)
        i++;
    if (i < n)
        (void)json_array_set_new(items, i, item_json(p));
    else
        (void)json_array_append_new(items, item_json(p));
    if (!p->ok)
        json_put(status, "ok", json_false());
}

/* Where systemd runs the programs, cerca-ca knows nothing of them. */
static void put_programs(const struct conf *c, json_t *status)
{
    struct status_item *programs = xcalloc(PROGRAMS_MAX, sizeof(*programs));
    size_t n = units_status(c, programs, PROGRAMS_MAX);

    for (size_t i = 0; i < n; i++)
        put_program(status, &programs[i]);
    free(programs);
}

/* ---- as text ---- */

/* Groups, in the order of the screen, and the items of each: "crl" is "crl.issuing", too. */
static const struct {
    const char *title;
    const char *items[12];
} groups[] = {
    {"Issuing", {"cerca-ca", "issuing", "gate", "issuer", "requests", "limits"}},
    {"Programs", {"ca", "signer", "public", "enroll", "admin", "watch", "scan", "configuration"}},
    {"Tokens", {"hsm"}},
    {"CRLs", {"crl"}},
    {"OCSP", {"ocsp", "node"}},
    {"Store", {"store", "indexes", "audit", "checkpoint", "view", "view-export", "backup"}},
    {"Inventory", {"lifecycle", "inventory", "channel"}},
};
#define GROUPS (sizeof groups / sizeof groups[0])

/* Its place in `groups`; GROUPS: in none. */
static size_t group_of(const char *name)
{
    size_t n = strcspn(name, ".");

    for (size_t g = 0; g < GROUPS; g++)
        for (size_t k = 0; k < 12 && groups[g].items[k] != NULL; k++)
            if (strlen(groups[g].items[k]) == n && memcmp(groups[g].items[k], name, n) == 0)
                return g;
    return GROUPS;
}

/* 0: it is not well; 1: well, but it wants somebody; 2: nothing is to be done. */
static int rank(const json_t *item)
{
    static const char *const wanting[] = {"ends soon", "late", "reached", "none yet"};
    const char *state = json_str(item, "state");

    if (!json_is_true(json_object_get(item, "ok")))
        return 0;
    for (size_t i = 0; i < sizeof wanting / sizeof wanting[0]; i++)
        if (strcmp(state, wanting[i]) == 0)
            return 1;
    return 2;
}

/* RFC 3339 in UTC sorts as text. Without an end it comes last. */
static const char *deadline(const json_t *item)
{
    const char *at = json_string_value(json_object_get(item, "deadline"));

    return at != NULL ? at : "~";
}

static int compare(const void *a, const void *b)
{
    const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;

    if (rank(x) != rank(y))
        return rank(x) - rank(y);
    return strcmp(deadline(x), deadline(y));
}

static void print_row(const json_t *item, struct buf *out)
{
    static const char *const mark[] = {"FAIL", "todo", "ok"};
    struct buf row;

    buf_init(&row, 1024);
    buf_printf(&row, "%-4s %-18s %-14s %s", mark[rank(item)], json_str(item, "name"),
               json_str(item, "state"), json_str(item, "text"));
    while (row.n > 0 && row.p[row.n - 1] == ' ')
        row.n--;
    text_safe(buf_slice(&row), false, out);
    buf_put_str(out, "\n");
    buf_free(&row);
}

static void print_group(json_t *const *item, size_t n, size_t group, struct buf *out)
{
    bool begun = false;

    for (size_t i = 0; i < n; i++) {
        if (rank(item[i]) < 2 || group_of(json_str(item[i], "name")) != group)
            continue;
        if (!begun)
            buf_printf(out, "\n%s\n", group < GROUPS ? groups[group].title : "Further");
        begun = true;
        print_row(item[i], out);
    }
}

static void print_verdict(bool well, size_t bad, size_t todo, struct buf *out)
{
    buf_put_str(out, well ? "all is well\n" : "not all is well\n");
    if (bad + todo > 0)
        buf_printf(out, "\nNeeds attention: %zu at fault, %zu to do\n", bad, todo);
}

/* The verdict, what needs somebody, soonest first, then the rest by groups. */
static void print_text(const json_t *status, struct buf *out)
{
    const json_t *items = json_object_get(status, "items");
    size_t n = json_array_size(items), count[3] = {0};
    json_t **item = xcalloc(n + 1, sizeof item[0]), **sorted = xcalloc(n + 1, sizeof item[0]);

    for (size_t i = 0; i < n; i++) {
        item[i] = sorted[i] = json_array_get(items, i);
        count[rank(item[i])]++;
    }
    qsort(sorted, n, sizeof sorted[0], compare);
    print_verdict(json_is_true(json_object_get(status, "ok")), count[0], count[1], out);
    for (size_t i = 0; i < count[0] + count[1]; i++)
        print_row(sorted[i], out);
    for (size_t g = 0; g <= GROUPS; g++)
        print_group(item, n, g, out);
    free(item);
    free(sorted);
}

static int run_status(struct tool *t, void *args)
{
    json_t *status = json_object();
    struct fault f = {0};
    struct frame answer;
    struct buf out;
    bool well;
    int rc = tool_conf(t, &f);

    (void)args;
    if (rc != 0) {
        json_decref(status);
        return tool_fail(t, &f);
    }
    rc = tool_call(t, MSG_STATUS, SLICE_NONE, MSG_STATUS_REPLY, &answer, &f);
    if (rc == 0)
        rc = read_answer(answer.body, status, &f);
    if (rc != 0)
        unreachable(status, &f);
    put_programs(t->conf, status);
    well = json_is_true(json_object_get(status, "ok"));
    if (t->format == FORMAT_JSON) {
        rc = json_print(t, status);
        return rc == EXIT_OK && well ? EXIT_OK : EXIT_FAILED;
    }
    buf_init(&out, TEXT_MAX);
    print_text(status, &out);
    rc = tool_print(t, buf_slice(&out));
    buf_free(&out);
    json_decref(status);
    return rc == EXIT_OK && well ? EXIT_OK : EXIT_FAILED;
}

const struct command cmd_status = {
    .name = "status",
    .help = "say whether all is well; exit 0 only then",
    .arguments = "[options]",
    .examples = "  cerca status || cerca status -o json | jq '.items[] | select(.ok | not)'\n",
    .formats = FORMAT_TEXT | FORMAT_JSON,
    .format = FORMAT_TEXT,
    .run = run_status,
};
