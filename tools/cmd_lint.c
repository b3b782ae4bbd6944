/* cerca lint: what is wrong with anyone's certificate. Needs no configuration and no daemon. */
#include <stdlib.h>
#include <string.h>

#include "lib/file.h"
#include "lib/key_blocklist.h"
#include "lib/lint.h"
#include "lib/pem.h"
#include "tools/commands.h"
#include "tools/rows.h"

#define FILE_MAX (16u << 20)
#define TEXT_MAX 16384

struct lint_args {
    const char *severity, *blocklist;
    bool rules;
};

static const struct opt lint_opts[] = {
    {"severity", OPT_TEXT, offsetof(struct lint_args, severity), "LEVEL",
     "the least that is told: error, warning or notice (default)", 0},
    {"blocklist", OPT_TEXT, offsetof(struct lint_args, blocklist), "LIST",
     "a file of weak keys, as ca.key_blocklist in cerca.conf(5)", 0},
    {"rules", OPT_FLAG, offsetof(struct lint_args, rules), NULL, "list the rules instead", 0},
    {.name = NULL},
};

/* The certificates of the file; slices point into `der`. */
struct looked {
    struct buf der;
    size_t n, cap;
    struct slice *item;
    struct lint_links *links;
};

/* One run. */
struct report {
    struct rows rows;
    enum lint_severity least;
    struct key_blocklist *blocklist;
    const struct looked *all;
    size_t at; /* which certificate */
    size_t count[LINT_NOTICE + 1];
    int rc;
};

/* --- reading --------------------------------------------------------------------- */

static void add(struct looked *l, struct slice one)
{
    if (l->n == l->cap) {
        struct slice *more;

        l->cap = l->cap == 0 ? 16 : 2 * l->cap;
        more = xcalloc(l->cap, sizeof(*more));
        if (l->n > 0)
            memcpy(more, l->item, l->n * sizeof(*more));
        free(l->item);
        l->item = more;
    }
    l->item[l->n++] = one;
}

/* The blocks go into one buffer, which must not move while slices point into it: it is as large
 * as the text from the start. */
static int read_pem(struct looked *l, const char *path, struct slice text, struct fault *f)
{
    static const char *const labels[] = {"CERTIFICATE", "X509 CERTIFICATE", NULL};
    struct buf one;
    size_t room = text.n;
    int rc;

    buf_init(&l->der, room);
    if (buf_grow(&l->der, room) == NULL)
        return fault_set(f, FAULT_TOO_LARGE, "lint.file", "%s is too large", path);
    l->der.n = 0;
    buf_init(&one, room);
    while ((rc = pem_next(&text, labels, NULL, &one, f)) == 0) {
        size_t start = l->der.n;

        buf_put_slice(&l->der, buf_slice(&one));
        add(l, slice_of(l->der.p + start, one.n));
        buf_reset(&one);
    }
    buf_free(&one);
    if (rc < 0)
        return rc;
    return l->n > 0 ? 0
                    : fault_set(f, FAULT_MALFORMED, "lint.file",
                                "%s holds no certificate, neither PEM nor DER", path);
}

static int read_file(struct looked *l, const char *path, struct fault *f)
{
    struct buf file = {0};
    struct slice text;
    int rc = file_read(path, FILE_MAX, &file, f);

    text = buf_slice(&file);
    if (rc == 0 && text.n > 0 && text.p[0] == 0x30) {
        l->der = file;
        add(l, text);
        return 0;
    }
    if (rc == 0)
        rc = read_pem(l, path, text, f);
    buf_free(&file);
    return rc;
}

static void find_links(struct looked *l)
{
    l->links = xcalloc(l->n, sizeof(*l->links));
    for (size_t i = 0; i < l->n; i++)
        lint_links(l->item[i], &l->links[i]);
}

static void looked_free(struct looked *l)
{
    buf_free(&l->der);
    free(l->item);
    free(l->links);
}

/* --- telling --------------------------------------------------------------------- */

static const struct column columns[] = {
    {"N", "certificate", 4, COLUMN_ALWAYS, NULL}, {"SEVERITY", "severity", 8, COLUMN_ALWAYS, NULL},
    {"RULE", "rule", 26, COLUMN_ALWAYS, NULL},    {"SECTION", "section", 24, COLUMN_WIDE, NULL},
    {"WHAT", "what", 0, COLUMN_ALWAYS, NULL},     {NULL, NULL, 0, COLUMN_ALWAYS, NULL},
};

static const char *const keys[] = {"certificate", "subject", "serial", "severity",
                                   "rule",        "section", "what",   NULL};

static const struct sheet sheet = {columns, keys};

static json_t *subject_json(struct slice name)
{
    struct buf text;
    json_t *v;

    buf_init(&text, TEXT_MAX);
    name_print(name, &text);
    v = json_text(buf_cstr(&text));
    buf_free(&text);
    return v;
}

static json_t *serial_json(struct slice serial)
{
    char hex[2 * 64 + 1];

    hex_encode(slice_of(serial.p, serial.n < 64 ? serial.n : 64), hex);
    return json_string(hex);
}

static void tell(void *arg, const struct lint_rule *rule, const char *why)
{
    struct report *r = arg;
    const struct lint_links *links = &r->all->links[r->at];
    json_t *row;

    r->count[rule->severity]++;
    if (rule->severity > r->least || r->rc != EXIT_OK)
        return;
    row = json_object();
    json_put(row, "certificate", json_integer((json_int_t)r->at + 1));
    json_put(row, "subject", subject_json(links->subject));
    json_put(row, "serial", serial_json(links->serial));
    json_put(row, "severity", json_string(lint_severity_name(rule->severity)));
    json_put(row, "rule", json_string(rule->name));
    json_put(row, "section", json_string(rule->section));
    json_put(row, "what", json_text(why));
    r->rc = rows_add(&r->rows, row);
}

static struct slice issuer_of(const struct looked *l, size_t at)
{
    for (size_t i = 0; i < l->n; i++)
        if (lint_linked(&l->links[at], &l->links[i]))
            return l->item[i];
    return SLICE_NONE;
}

static void ask_blocklist(struct report *r)
{
    static const struct lint_rule blocked = {"key.blocklisted", "the list given", LINT_ERROR,
                                             LINT_OTHERS, NULL};
    uint8_t hash[32];

    sha256(r->all->links[r->at].spki, hash);
    if (key_blocklist_has(r->blocklist, hash))
        tell(r, &blocked, "its key is on the list of weak keys");
}

static int look(struct tool *t, struct report *r)
{
    rows_begin(&r->rows, t, &sheet);
    for (r->at = 0; r->at < r->all->n && r->rc == EXIT_OK; r->at++) {
        lint_certificate(r->all->item[r->at], issuer_of(r->all, r->at), tell, r);
        ask_blocklist(r);
    }
    if (r->rc != EXIT_OK) {
        rows_drop(&r->rows);
        return r->rc;
    }
    r->rc = rows_end(&r->rows);
    tool_say(t, "certificates %zu, errors %zu, warnings %zu, notices %zu", r->all->n,
             r->count[LINT_ERROR], r->count[LINT_WARNING], r->count[LINT_NOTICE]);
    return r->rc != EXIT_OK || r->count[LINT_ERROR] > 0 ? EXIT_FAILED : EXIT_OK;
}

static int parse_severity(const struct tool *t, const char *text, enum lint_severity *out)
{
    *out = LINT_NOTICE;
    if (text == NULL)
        return EXIT_OK;
    for (unsigned s = LINT_ERROR; s <= LINT_NOTICE; s++) {
        *out = (enum lint_severity)s;
        if (strcmp(text, lint_severity_name(*out)) == 0)
            return EXIT_OK;
    }
    return tool_usage(t, "--severity: \"%s\" should be error, warning or notice", text);
}

/* --- the rules --------------------------------------------------------------------- */

static const struct column rule_columns[] = {
    {"SEVERITY", "severity", 8, COLUMN_ALWAYS, NULL},
    {"RULE", "rule", 34, COLUMN_ALWAYS, NULL},
    {"SECTION", "section", 0, COLUMN_ALWAYS, NULL},
    {NULL, NULL, 0, COLUMN_ALWAYS, NULL},
};

static const char *const rule_keys[] = {"severity", "rule", "section", NULL};

static const struct sheet rule_sheet = {rule_columns, rule_keys};

/* Those for anyone's certificates. */
static int list_rules(struct tool *t)
{
    struct rows rows;
    int rc = EXIT_OK;

    rows_begin(&rows, t, &rule_sheet);
    for (size_t i = 0; i < lint_rules_count() && rc == EXIT_OK; i++) {
        const struct lint_rule *r = lint_rule(i);
        json_t *row;

        if ((r->whose & LINT_OTHERS) == 0)
            continue;
        row = json_object();
        json_put(row, "severity", json_string(lint_severity_name(r->severity)));
        json_put(row, "rule", json_string(r->name));
        json_put(row, "section", json_string(r->section));
        rc = rows_add(&rows, row);
    }
    if (rc == EXIT_OK)
        return rows_end(&rows);
    rows_drop(&rows);
    return rc;
}

static int run_lint(struct tool *t, void *args)
{
    const struct lint_args *a = args;
    struct looked all = {.n = 0};
    struct report r = {.all = &all, .rc = EXIT_OK};
    struct fault f = {0};
    int rc = parse_severity(t, a->severity, &r.least);

    if (rc != EXIT_OK)
        return rc;
    if (a->rules)
        return list_rules(t);
    if (t->n_words == 0)
        return tool_usage(t, "FILE is missing");
    if (key_blocklist_load(a->blocklist == NULL ? "" : a->blocklist, &r.blocklist, &f) != 0 ||
        read_file(&all, t->words[0], &f) != 0) {
        rc = tool_fail(t, &f);
    } else {
        find_links(&all);
        rc = look(t, &r);
    }
    looked_free(&all);
    key_blocklist_free(r.blocklist);
    return rc;
}

const struct command cmd_lint = {
    .name = "lint",
    .help = "say what is wrong with a certificate, anyone's",
    .arguments = "(FILE | --rules) [options]",
    .examples = "  cerca lint web.pem\n"
                "  cerca lint chain.pem --severity warning -o json\n"
                "  cerca lint --rules\n"
                "  openssl s_client -connect HOST:443 -showcerts </dev/null | cerca lint -\n",
    .opts = lint_opts,
    .args_size = sizeof(struct lint_args),
    .min = 0,
    .max = 1,
    .formats = FORMAT_TABLE | FORMAT_JSON | FORMAT_CSV,
    .format = FORMAT_TABLE,
    .run = run_lint,
};
