#include "tools/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/file.h"
#include "tools/certjson.h"
#include "tools/listing.h"

#define PAGE_MAX (512u << 20)

/* ---- reading ---- */

/* Days that are left, rounded down. */
static json_t *row_json(const struct report *r, const struct cert_info *i)
{
    json_t *o = cert_json(i), *checkpoint = json_object_get(r->doc, "checkpoint");

    json_put(o, "renewed", json_boolean(i->followed));
    json_put(o, "days", json_integer((i->not_after - r->now) / REPORT_DAY));
    json_put(o, "report_made", json_incref(json_object_get(r->doc, "made")));
    json_put(o, "checkpoint_size", json_incref(json_object_get(checkpoint, "size")));
    json_put(o, "checkpoint_root", json_incref(json_object_get(checkpoint, "root")));
    return o;
}

static int add_row(struct report *r, const struct cert_info *i, struct fault *f)
{
    bool bad = report_is_bare(i) && i->not_after < r->now + REPORT_SOON;
    json_t *row;

    r->listed++;
    if (r->tool->format == FORMAT_HTML && r->listed > r->args->rows)
        return 0;
    row = row_json(r, i);
    if (r->tool->format == FORMAT_HTML) {
        report_line(&r->table, r->kind->columns, row, bad);
        json_decref(row);
        return 0;
    }
    if (rows_add(&r->rows, row) == EXIT_OK)
        return 0;
    return fault_set(f, FAULT_INTERNAL, "output", "the report is not complete");
}

static bool streams(const struct report *r)
{
    return r->kind->columns != NULL && r->tool->format != FORMAT_HTML;
}

static int add(void *arg, const struct cert_info *i, struct fault *f)
{
    struct report *r = arg;

    sums_add(&r->sums, i, r->now);
    if (r->args->out != NULL || !streams(r)) /* whose rows would stand in its line */
        progress_draw(&r->bar, "certificates", r->sums.all, 0);
    return r->kind->columns == NULL ? 0 : add_row(r, i, f);
}

/* ---- writing ---- */

static const char *const part_keys[] = {"section", "item", "measure", "value", NULL};

static int part_row(struct rows *rows, const char *section, const char *item, const char *measure,
                    const json_t *value)
{
    json_t *o = json_object();

    json_put(o, "section", json_text(section));
    json_put(o, "item", json_text(item));
    json_put(o, "measure", json_text(measure));
    json_put(o, "value", json_incref((json_t *)value));
    return rows_add(rows, o);
}

static int figures_csv(struct rows *rows, const json_t *s)
{
    int rc = EXIT_OK;
    size_t i;
    json_t *f;

    json_array_foreach(json_object_get(s, "figures"), i, f)
    {
        if (rc == EXIT_OK)
            rc = part_row(rows, json_str(s, "id"), json_str(f, "name"), "count",
                          json_object_get(f, "value"));
    }
    return rc;
}

static int table_csv(struct rows *rows, const json_t *s)
{
    const json_t *columns = json_object_get(s, "columns");
    const char *first = json_str(json_array_get(columns, 0), "key");
    int rc = EXIT_OK;
    size_t i, k;
    json_t *row, *c;

    json_array_foreach(json_object_get(s, "rows"), i, row)
    {
        json_array_foreach(columns, k, c)
        {
            if (rc == EXIT_OK && k > 0)
                rc = part_row(rows, json_str(s, "id"), json_str(row, first), json_str(c, "key"),
                              json_object_get(row, json_str(c, "key")));
        }
    }
    return rc;
}

/* What has no list is told in CSV measure by measure. */
static int print_parts(struct report *r)
{
    static const struct column none[] = {{NULL, NULL, 0, COLUMN_ALWAYS, NULL}};
    static const struct sheet sheet = {none, part_keys};
    const json_t *checkpoint = json_object_get(r->doc, "checkpoint");
    struct rows rows;
    size_t i;
    json_t *s;
    int rc;

    rows_begin(&rows, r->tool, &sheet);
    rc = part_row(&rows, "report", r->kind->name, "made", json_object_get(r->doc, "made"));
    if (rc == EXIT_OK)
        rc = part_row(&rows, "checkpoint", json_str(checkpoint, "origin"), "size",
                      json_object_get(checkpoint, "size"));
    if (rc == EXIT_OK)
        rc = part_row(&rows, "checkpoint", json_str(checkpoint, "origin"), "root",
                      json_object_get(checkpoint, "root"));
    json_array_foreach(json_object_get(r->doc, "sections"), i, s)
    {
        if (rc == EXIT_OK)
            rc = figures_csv(&rows, s);
        if (rc == EXIT_OK)
            rc = table_csv(&rows, s);
    }
    if (rc == EXIT_OK)
        return rows_end(&rows);
    rows_drop(&rows);
    return rc;
}

static int print_page(struct report *r)
{
    struct buf out;
    int rc;

    buf_init(&out, 2 * (size_t)PAGE_MAX);
    report_page(r, &out);
    rc = tool_print(r->tool, buf_slice(&out));
    buf_free(&out);
    return rc;
}

/* Behind the rows, which are the document's "certificates". */
static int print_rest(struct report *r)
{
    char *text = json_dumps(r->doc, JSON_FLAGS);
    int rc = tool_print(r->tool, slice_str(", "));

    if (rc == EXIT_OK)
        rc = tool_print(r->tool, slice_str(text == NULL ? "}" : text + 1));
    if (rc == EXIT_OK)
        rc = tool_print(r->tool, slice_str("\n"));
    free(text);
    return rc;
}

static int list_begin(struct report *r, struct sheet *sheet)
{
    static const struct column none[] = {{NULL, NULL, 0, COLUMN_ALWAYS, NULL}};

    *sheet = (struct sheet){none, r->kind->keys};
    if (r->tool->format == FORMAT_JSON &&
        tool_print(r->tool, slice_str("{\"certificates\": ")) != EXIT_OK)
        return EXIT_FAILED;
    rows_begin(&r->rows, r->tool, sheet);
    return EXIT_OK;
}

static int print(struct report *r)
{
    int rc = streams(r) ? rows_end(&r->rows) : EXIT_OK;

    if (rc != EXIT_OK || (streams(r) && r->tool->format == FORMAT_CSV))
        return rc;
    if (r->tool->format == FORMAT_HTML)
        return print_page(r);
    if (r->tool->format == FORMAT_CSV)
        return print_parts(r);
    return streams(r) ? print_rest(r) : json_print(r->tool, json_incref(r->doc));
}

/* ---- all of it ---- */

static int fill(struct report *r, struct list_request *q, struct fault *f)
{
    int64_t within;
    int rc = list_args_fill(r->tool, &r->args->list, q, &within, f);

    if (rc == 0 && r->kind->preset != NULL)
        r->kind->preset(q, &within);
    r->within = within;
    list_args_now(q, within);
    return rc;
}

static int make(struct report *r, struct list_request *q)
{
    struct fault f = {0};
    struct sheet sheet;
    int rc = report_head(r, q, &f);

    if (rc != 0)
        return tool_fail(r->tool, &f);
    if (streams(r) && list_begin(r, &sheet) != EXIT_OK)
        return EXIT_FAILED;
    rc = listing_lines(r->tool, q, add, r, &f);
    progress_end(&r->bar);
    if (rc == 0)
        rc = r->kind->sections(r, &f);
    if (rc == 0)
        return print(r);
    if (streams(r))
        rows_drop(&r->rows);
    return tool_fail(r->tool, &f);
}

/* To a file it is whole or not there. */
static int make_file(struct report *r, struct list_request *q, const char *path)
{
    struct file_new file = {.fd = -1};
    struct fault f = {0};
    FILE *out;
    int fd, rc;

    if (file_begin(path, &file, &f) != 0)
        return tool_fail(r->tool, &f);
    fd = dup(file.fd);
    out = fd < 0 ? NULL : fdopen(fd, "w");
    if (out == NULL) {
        tool_say(r->tool, "cannot write to %s: %s", path, strerror(errno));
        if (fd >= 0)
            (void)close(fd);
        file_drop(&file);
        return EXIT_FAILED;
    }
    r->tool->out = out;
    rc = make(r, q);
    (void)fclose(out); /* which each tool_print flushed */
    r->tool->out = NULL;
    if (rc == EXIT_OK)
        return file_end(&file, 0640, &f) == 0 ? EXIT_OK : tool_fail(r->tool, &f);
    file_drop(&file);
    return rc;
}

int report_run(struct tool *t, const struct report_kind *kind, const struct report_args *a)
{
    struct report *r = xcalloc(1, sizeof(*r));
    struct list_request q = {.limit = 1};
    struct fault f = {0};
    int rc;

    r->tool = t;
    r->kind = kind;
    r->args = a;
    r->now = clock_now();
    r->doc = json_object();
    sums_init(&r->sums);
    buf_init(&r->table, PAGE_MAX);
    rc = fill(r, &q, &f);
    if (rc == 0)
        rc = tool_connect(t, &f);
    if (rc != 0)
        rc = strcmp(f.rule, "usage") == 0 || f.code == FAULT_TOO_LARGE ? tool_usage(t, "%s", f.text)
                                                                       : tool_fail(t, &f);
    else
        rc = a->out != NULL && strcmp(a->out, "-") != 0 ? make_file(r, &q, a->out) : make(r, &q);
    buf_free(&r->table);
    sums_free(&r->sums);
    json_decref(r->doc);
    free(r);
    return rc;
}
