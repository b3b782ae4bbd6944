#include "tools/rows.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/proto_alert.h"
#include "lib/text.h"

#define OUT_MAX (1u << 20)
#define FLUSH_AT (1u << 16)
#define NARROW 80
#define LINE_DEFAULT 120
#define LAST_MIN 20 /* what the last column has at least, if need be beyond the line */

static size_t line_width(void)
{
    const char *columns = getenv("COLUMNS");
    unsigned long given = columns == NULL ? 0 : strtoul(columns, NULL, 10);
    struct winsize size;
    size_t width = LINE_DEFAULT;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        width = size.ws_col;
    else if (given > 0 && given < UINT16_MAX)
        width = given;
    return width < NARROW ? NARROW : width;
}

/* RFC 4180 section 2. A cell that a spreadsheet would run as a formula gets an
 * apostrophe in front, which spreadsheets take for "this is text". */
static void csv_cell(struct slice text, struct buf *out)
{
    bool quote = false;
    bool formula = text.n > 0 && strchr("=+-@\t\r", text.p[0]) != NULL;

    for (size_t i = 0; i < text.n; i++)
        quote = quote || strchr(",\"\r\n", text.p[i]) != NULL;
    if (quote)
        buf_put_str(out, "\"");
    if (formula)
        buf_put_str(out, "'");
    for (size_t i = 0; i < text.n; i++)
        buf_put(out, text.p[i] == '"' ? "\"\"" : (const char *)&text.p[i],
                text.p[i] == '"' ? 2 : 1);
    if (quote)
        buf_put_str(out, "\"");
}

static void csv_head(struct rows *r)
{
    for (size_t i = 0; r->sheet->keys[i] != NULL; i++)
        buf_printf(&r->out, "%s%s", i > 0 ? "," : "", r->sheet->keys[i]);
    buf_put_str(&r->out, "\r\n");
}

static void csv_row(struct rows *r, const json_t *row)
{
    struct buf raw, safe;

    buf_init(&raw, OUT_MAX);
    buf_init(&safe, 4 * OUT_MAX);
    for (size_t i = 0; r->sheet->keys[i] != NULL; i++) {
        buf_reset(&raw);
        buf_reset(&safe);
        json_plain(json_object_get(row, r->sheet->keys[i]), &raw);
        text_safe(buf_slice(&raw), false, &safe);
        if (i > 0)
            buf_put_str(&r->out, ",");
        csv_cell(buf_slice(&safe), &r->out);
    }
    buf_put_str(&r->out, "\r\n");
    buf_free(&raw);
    buf_free(&safe);
}

/* What a cell may take: its own width, or, for the last one, the rest of the line. */
static size_t cell_width(const struct rows *r, const struct column *c, size_t used)
{
    if (c->width > 0)
        return c->width;
    return r->line > used + LAST_MIN ? r->line - used : LAST_MIN;
}

/* What a column takes of the line. */
static size_t column_cost(const struct column *c)
{
    return c->width > 0 ? c->width + 2 : LAST_MIN;
}

/* The last column is what a list is about: of the wide ones those are shown, from the left, that
 * leave it room. */
static void choose_columns(struct rows *r)
{
    const struct column *columns = r->sheet->columns;
    size_t used = 0;

    for (size_t i = 0; columns[i].title != NULL; i++)
        if (columns[i].when != COLUMN_WIDE)
            used += column_cost(&columns[i]);
    for (size_t i = 0; columns[i].title != NULL; i++) {
        bool paired = columns[i + 1].title != NULL && columns[i + 1].when == COLUMN_NARROW;
        size_t spared = paired ? column_cost(&columns[i + 1]) : 0;

        if (columns[i].when == COLUMN_ALWAYS)
            r->shown |= UINT32_C(1) << i;
        if (columns[i].when != COLUMN_WIDE)
            continue;
        if (used + column_cost(&columns[i]) <= r->line + spared) {
            used += column_cost(&columns[i]) - spared;
            r->shown |= UINT32_C(1) << i;
        } else if (paired) {
            r->shown |= UINT32_C(1) << (i + 1);
        }
    }
}

/* The cell as it is shown; the title when there is no row. */
static void table_cell(const struct column *c, const json_t *row, size_t width, struct buf *out)
{
    struct buf raw, safe;

    buf_init(&raw, OUT_MAX);
    buf_init(&safe, 4 * OUT_MAX);
    if (row == NULL)
        buf_put_str(&raw, c->title);
    else if (c->cell != NULL)
        c->cell(row, &raw);
    else
        json_plain(json_object_get(row, c->key), &raw);
    text_safe(buf_slice(&raw), false, &safe);
    text_cut(buf_slice(&safe), width, out);
    buf_free(&raw);
    buf_free(&safe);
}

static void table_line(struct rows *r, const json_t *row)
{
    size_t used = 0;

    for (const struct column *c = r->sheet->columns; c->title != NULL; c++) {
        size_t start = r->out.n;
        size_t width = cell_width(r, c, used);
        size_t shown;

        if ((r->shown & UINT32_C(1) << (c - r->sheet->columns)) == 0)
            continue;
        table_cell(c, row, width, &r->out);
        used += width + 2;
        shown = text_width(slice_of(r->out.p + start, r->out.n - start));
        for (; c[1].title != NULL && shown < width + 2; shown++)
            buf_put_str(&r->out, " ");
    }
    buf_put_str(&r->out, "\n");
}

static void json_row(struct rows *r, const json_t *row)
{
    char *text = json_dumps(row, JSON_FLAGS);

    if (!r->lines)
        buf_put_str(&r->out, r->n > 0 ? ",\n  " : "\n  ");
    buf_put_str(&r->out, text == NULL ? "null" : text);
    if (r->lines)
        buf_put_str(&r->out, "\n");
    free(text);
}

static int flush(struct rows *r, size_t at)
{
    int rc;

    if (r->out.n < at)
        return EXIT_OK;
    rc = tool_print(r->tool, buf_slice(&r->out));
    buf_reset(&r->out);
    return rc;
}

static void begin(struct rows *r, struct tool *t, const struct sheet *s, bool lines)
{
    *r = (struct rows){.tool = t, .sheet = s, .line = line_width(), .lines = lines};
    buf_init(&r->out, 8 * OUT_MAX);
    choose_columns(r);
    if (t->format == FORMAT_JSON)
        buf_put_str(&r->out, lines ? "" : "[");
    else if (t->format == FORMAT_CSV)
        csv_head(r);
    else
        table_line(r, NULL);
}

void rows_begin(struct rows *r, struct tool *t, const struct sheet *s)
{
    begin(r, t, s, false);
}

void rows_begin_lines(struct rows *r, struct tool *t, const struct sheet *s)
{
    begin(r, t, s, true);
}

int rows_flush(struct rows *r)
{
    return flush(r, 0);
}

int rows_add(struct rows *r, json_t *row)
{
    if (r->tool->format == FORMAT_JSON)
        json_row(r, row);
    else if (r->tool->format == FORMAT_CSV)
        csv_row(r, row);
    else
        table_line(r, row);
    json_decref(row);
    r->n++;
    return flush(r, FLUSH_AT);
}

int rows_end(struct rows *r)
{
    int rc;

    if (r->tool->format == FORMAT_JSON && !r->lines)
        buf_put_str(&r->out, r->n > 0 ? "\n]\n" : "]\n");
    rc = flush(r, 0);
    buf_free(&r->out);
    return rc;
}

void rows_drop(struct rows *r)
{
    if (r->n > 0) /* else a head alone, or half of an empty array */
        (void)tool_print(r->tool, buf_slice(&r->out));
    buf_free(&r->out);
}

int rows_all_pages(struct tool *t, const struct sheet *s, rows_page page, void *query)
{
    struct fault f = {0};
    struct rows rows;
    bool more = true;
    int rc = tool_connect(t, &f);

    if (rc != 0)
        return tool_fail(t, &f);
    rows_begin(&rows, t, s);
    while (rc == 0 && more)
        rc = page(t, query, &rows, &more, &f);
    if (rc == 0)
        return rows_end(&rows);
    rows_drop(&rows);
    return tool_fail(t, &f);
}

struct taking {
    struct rows *rows;
    rows_item item;
    void *arg;
};

static int take_row(struct wire_in *w, void *arg, struct fault *f)
{
    struct taking *g = arg;
    json_t *o = g->item(w, g->arg);

    if (wire_failed(w))
        json_decref(o);
    else if (rows_add(g->rows, o) != EXIT_OK)
        return fault_set(f, FAULT_INTERNAL, "output", "the list is not complete");
    return 0;
}

int rows_call(struct tool *t, const struct page_call *c, rows_item item, void *arg,
              struct rows *rows, bool *more, struct fault *f)
{
    struct taking g = {rows, item, arg};

    return page_call(t, c, take_row, &g, more, f);
}
