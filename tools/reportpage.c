/* A report as a page. */
#include <string.h>

#include "tools/html.h"
#include "tools/report.h"

#define CELL_MAX (1u << 16)

/* ---- head ---- */

static void item(struct buf *out, const char *name, const char *value, bool mono)
{
    if (value[0] == '\0')
        return;
    buf_printf(out, "<dt>%s</dt><dd%s>", name, mono ? " class=\"mono\"" : "");
    html_text(out, value);
    buf_put_str(out, "</dd>\n");
}

static void checkpoint(struct buf *out, const json_t *c)
{
    size_t i;
    json_t *key;

    buf_put_str(out, "<dt>Audit checkpoint</dt><dd>");
    html_number(out, (uint64_t)json_integer_value(json_object_get(c, "size")));
    buf_put_str(out, " records of ");
    html_text(out, json_str(c, "origin"));
    buf_put_str(out, ", signed ");
    html_text(out, json_str(c, "time"));
    buf_put_str(out, "</dd>\n");
    item(out, "Root hash", json_str(c, "root"), true);
    json_array_foreach(json_object_get(c, "keys"), i, key)
    {
        item(out, i == 0 ? "Signed by" : "and by", json_string_value(key), true);
    }
}

static void configuration(struct buf *out, const json_t *c)
{
    const char *in_force = json_str(c, "in_force");

    buf_put_str(out, "<dt>Configuration</dt><dd><span class=\"mono\">");
    html_text(out, json_str(c, "generation"));
    buf_put_str(out, "</span>, file changed ");
    html_text(out, json_str(c, "changed"));
    if (in_force[0] != '\0' && strcmp(in_force, json_str(c, "generation")) != 0) {
        buf_put_str(out, "; the CA runs under <span class=\"mono\">");
        html_text(out, in_force);
        buf_put_str(out, "</span>");
    }
    buf_put_str(out, "</dd>\n");
}

static void filters(struct buf *out, const json_t *filters)
{
    const char *name;
    json_t *value;
    const char *between = "<dt>Only</dt><dd>";

    if (json_object_size(filters) == 0)
        return;
    json_object_foreach((json_t *)filters, name, value)
    {
        buf_put_str(out, between);
        html_text(out, name);
        buf_put_str(out, " ");
        html_text(out, json_string_value(value));
        between = ", ";
    }
    buf_put_str(out, "</dd>\n");
}

static void head(struct buf *out, const json_t *doc)
{
    html_begin(out, json_str(doc, "title"));
    buf_put_str(out, "<header><h1>");
    html_text(out, json_str(doc, "title"));
    buf_put_str(out, "</h1>\n<p class=\"about\">");
    html_text(out, json_str(doc, "about"));
    buf_put_str(out, "</p>\n<dl class=\"head\">\n");
    item(out, "CA", json_str(doc, "ca"), false);
    item(out, "Made", json_str(doc, "made"), false);
    item(out, "By", json_str(doc, "by"), false);
    filters(out, json_object_get(doc, "filters"));
    configuration(out, json_object_get(doc, "configuration"));
    checkpoint(out, json_object_get(doc, "checkpoint"));
    buf_put_str(out, "</dl></header>\n");
}

/* ---- sections ---- */

static void figures(struct buf *out, const json_t *list)
{
    size_t i;
    json_t *f;

    if (json_array_size(list) == 0)
        return;
    buf_put_str(out, "<div class=\"figures\">\n");
    json_array_foreach(list, i, f)
    {
        bool bad = json_is_true(json_object_get(f, "bad"));

        buf_printf(out, "<div class=\"figure%s\"><b>", bad ? " bad" : "");
        html_number(out, (uint64_t)json_integer_value(json_object_get(f, "value")));
        buf_put_str(out, "</b><span>");
        html_text(out, json_str(f, "name"));
        buf_put_str(out, "</span></div>\n");
    }
    buf_put_str(out, "</div>\n");
}

/* Short words stay on their line; whatever is longer may break anywhere, or the table would not fit
 * the paper. */
static const char *wrapping(const struct buf *text)
{
    return text->n <= 24 && memchr(text->p, ' ', text->n) == NULL ? "t" : "w";
}

static void cell(struct buf *out, const json_t *value)
{
    struct buf text;

    if (json_is_integer(value)) {
        buf_put_str(out, "<td class=\"n\">");
        html_number(out, (uint64_t)json_integer_value(value));
        buf_put_str(out, "</td>");
        return;
    }
    buf_init(&text, CELL_MAX);
    json_plain(value, &text);
    buf_printf(out, "<td class=\"%s\">", text.n > 0 ? wrapping(&text) : "t");
    html_text(out, buf_cstr(&text));
    buf_put_str(out, "</td>");
    buf_free(&text);
}

static void table_head(struct buf *out, const json_t *columns, const json_t *first)
{
    size_t i;
    json_t *c;

    buf_put_str(out, "<div class=\"scroll\"><table>\n<thead><tr>");
    json_array_foreach(columns, i, c)
    {
        bool number = json_is_integer(json_object_get(first, json_str(c, "key")));

        buf_printf(out, "<th%s>", number ? " class=\"n\"" : "");
        html_text(out, json_str(c, "title"));
        buf_put_str(out, "</th>");
    }
    buf_put_str(out, "</tr></thead>\n<tbody>\n");
}

static void table(struct buf *out, const json_t *columns, const json_t *rows)
{
    size_t i, k;
    json_t *row, *c;

    if (json_array_size(rows) == 0) {
        buf_put_str(out, "<p class=\"note\">None.</p>\n");
        return;
    }
    table_head(out, columns, json_array_get(rows, 0));
    json_array_foreach(rows, i, row)
    {
        buf_put_str(out, json_is_true(json_object_get(row, "bad")) ? "<tr class=\"bad\">" : "<tr>");
        json_array_foreach(columns, k, c)
        {
            cell(out, json_object_get(row, json_str(c, "key")));
        }
        buf_put_str(out, "</tr>\n");
    }
    buf_put_str(out, "</tbody></table></div>\n");
}

static void section(struct buf *out, const json_t *s)
{
    const json_t *columns = json_object_get(s, "columns"), *rows = json_object_get(s, "rows");
    const char *chart = json_str(s, "chart");
    const char *name = json_str(json_array_get(columns, 0), "key");

    buf_put_str(out, "<section>\n<h2>");
    html_text(out, json_str(s, "title"));
    buf_put_str(out, "</h2>\n");
    if (json_str(s, "text")[0] != '\0') {
        buf_put_str(out, "<p>");
        html_text(out, json_str(s, "text"));
        buf_put_str(out, "</p>\n");
    }
    figures(out, json_object_get(s, "figures"));
    if (strcmp(chart, "bars") == 0)
        html_bars(out, rows, name, json_str(s, "charted"));
    else if (strcmp(chart, "columns") == 0)
        html_columns(out, rows, name, json_str(s, "charted"));
    if (columns != NULL && strcmp(chart, "columns") != 0)
        table(out, columns, rows);
    buf_put_str(out, "</section>\n");
}

/* ---- the list ---- */

void report_line(struct buf *out, const struct report_column *columns, const json_t *row, bool bad)
{
    struct buf text;

    buf_init(&text, CELL_MAX);
    buf_put_str(out, bad ? "<tr class=\"bad\">" : "<tr>");
    for (const struct report_column *c = columns; c->title != NULL; c++) {
        buf_reset(&text);
        if (c->cell != NULL)
            c->cell(row, &text);
        else
            json_plain(json_object_get(row, c->key), &text);
        buf_printf(out, "<td class=\"%s\">",
                   c->class != NULL ? c->class : (text.n > 0 ? wrapping(&text) : "t"));
        html_text(out, buf_cstr(&text));
        buf_put_str(out, "</td>");
    }
    buf_put_str(out, "</tr>\n");
    buf_free(&text);
}

static void list(struct report *r, struct buf *out)
{
    buf_put_str(out, "<section>\n<h2>Certificates</h2>\n");
    if (r->listed > r->args->rows) {
        buf_put_str(out, "<p class=\"note\">The first ");
        html_number(out, r->args->rows);
        buf_put_str(out, " of ");
        html_number(out, r->listed);
        buf_put_str(out, "; -o csv and -o json have all of them, --rows N shows N here.</p>\n");
    }
    if (r->listed == 0)
        buf_put_str(out, "<p class=\"note\">None.</p>\n");
    if (r->table.n > 0) {
        buf_put_str(out, "<div class=\"scroll\"><table>\n<thead><tr>");
        for (const struct report_column *c = r->kind->columns; c->title != NULL; c++)
            buf_printf(out, "<th%s>%s</th>",
                       c->class != NULL && strcmp(c->class, "n") == 0 ? " class=\"n\"" : "",
                       c->title);
        buf_put_str(out, "</tr></thead>\n<tbody>\n");
        buf_put_slice(out, buf_slice(&r->table));
        buf_put_str(out, "</tbody></table></div>\n");
    }
    buf_put_str(out, "</section>\n");
}

void report_page(struct report *r, struct buf *out)
{
    size_t i;
    json_t *s;

    head(out, r->doc);
    json_array_foreach(json_object_get(r->doc, "sections"), i, s)
    {
        section(out, s);
    }
    if (r->kind->columns != NULL)
        list(r, out);
    buf_put_str(out, "<footer>");
    html_text(out, json_str(r->doc, "program"));
    buf_put_str(out, ", report ");
    html_text(out, r->kind->name);
    buf_put_str(out, ". The checkpoint covers all that was recorded before the certificates were "
                     "read; cerca audit verify proves that the log has it.</footer>\n");
    html_end(out);
}
