#include "tools/html.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/text.h"

#define TEXT_MAX (1u << 20)

static const char style[] =
    ":root{color-scheme:light}"
    "body{font:14px/1.45 system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif;color:#1c2430;"
    "background:#fff;max-width:1080px;margin:0 auto;padding:28px 32px}"
    "h1{font-size:26px;margin:0 0 4px;letter-spacing:-.01em}"
    "h2{font-size:17px;margin:30px 0 6px;padding-bottom:4px;border-bottom:2px solid #d8dee8}"
    "p{margin:6px 0 10px;max-width:75ch}.about{color:#4a5566}"
    "dl.head{display:grid;grid-template-columns:max-content 1fr;gap:2px 18px;margin:14px 0 0;"
    "padding:12px 16px;background:#f5f7fa;border:1px solid "
    "#e1e6ee;border-radius:6px;font-size:13px}"
    "dl.head dt{color:#5a6678}dl.head dd{margin:0;overflow-wrap:anywhere}"
    ".figures{display:flex;flex-wrap:wrap;gap:10px;margin:12px 0}"
    ".figure{flex:1 1 20%;border:1px solid #dde3ec;border-radius:6px;padding:10px 14px;"
    "background:#fff}.figure b{display:block;font-size:24px;line-height:1.2}"
    ".figure span{color:#5a6678;font-size:12.5px}"
    ".figure.bad{border-color:#d9534a;background:#fdf3f2}.figure.bad b{color:#b3261e}"
    "table{border-collapse:collapse;width:100%;font-size:12.5px;margin:8px 0 4px}"
    "th{text-align:left;background:#f0f3f8;color:#3a4556;font-weight:600;"
    "border-bottom:1px solid #cfd7e3}"
    "th,td{padding:4px 8px;vertical-align:top}"
    "td{border-bottom:1px solid #e8ecf2;overflow-wrap:anywhere}"
    "td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}"
    "td.t{white-space:nowrap}"
    "tr.bad td{background:#fdf3f2}"
    ".mono{font-family:ui-monospace,'DejaVu Sans Mono',monospace;font-size:11.5px}"
    "td.mono{min-width:17ch}"
    ".note{color:#5a6678;font-size:12.5px}"
    "svg{display:block;width:100%;max-width:760px;height:auto;margin:6px 0}"
    "svg text{font-size:12px;fill:#2c3646;font-family:inherit}svg .v{fill:#5a6678}"
    "@media screen{.scroll{overflow-x:auto}td.w{min-width:15ch}svg{min-width:620px}}"
    "footer{margin-top:32px;padding-top:8px;border-top:1px solid #d8dee8;color:#5a6678;"
    "font-size:12px}"
    "@page{size:A4;margin:16mm 14mm 18mm;"
    "@bottom-right{content:counter(page) \" / \" counter(pages);font:9pt sans-serif;color:#5a6678}}"
    "@media print{body{max-width:none;padding:0;font-size:10pt}h1{font-size:18pt}"
    "h2{font-size:12.5pt;break-after:avoid}table{font-size:8.5pt}thead{display:table-header-group}"
    ".figure{flex-basis:18%;padding:6px 10px}.mono{font-size:8pt}td.mono{font-size:7.5pt}"
    "tr,.figure,svg,dl.head{break-inside:avoid}.chart{break-inside:avoid}"
    "*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}";

static void escape(struct buf *out, struct slice safe)
{
    for (size_t i = 0; i < safe.n; i++) {
        switch (safe.p[i]) {
        case '&':
            buf_put_str(out, "&amp;");
            break;
        case '<':
            buf_put_str(out, "&lt;");
            break;
        case '>':
            buf_put_str(out, "&gt;");
            break;
        case '"':
            buf_put_str(out, "&quot;");
            break;
        case '\'':
            buf_put_str(out, "&#39;");
            break;
        default:
            buf_put_u8(out, safe.p[i]);
        }
    }
}

void html_text(struct buf *out, const char *text)
{
    struct buf safe;

    buf_init(&safe, 4 * TEXT_MAX);
    text_safe(slice_str(text), false, &safe);
    escape(out, buf_slice(&safe));
    buf_free(&safe);
}

static void cut_text(struct buf *out, const char *text, size_t width)
{
    struct buf safe, cut;

    buf_init(&safe, TEXT_MAX);
    buf_init(&cut, TEXT_MAX);
    text_safe(slice_str(text), false, &safe);
    text_cut(buf_slice(&safe), width, &cut);
    escape(out, buf_slice(&cut));
    buf_free(&cut);
    buf_free(&safe);
}

void html_begin(struct buf *out, const char *title)
{
    buf_put_str(out, "<!DOCTYPE html>\n<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">\n"
                     "<head>\n<meta charset=\"utf-8\"/>\n"
                     "<meta http-equiv=\"Content-Security-Policy\" "
                     "content=\"default-src 'none'; style-src 'unsafe-inline'\"/>\n"
                     "<meta name=\"viewport\" content=\"width=device-width\"/>\n<title>");
    html_text(out, title);
    buf_put_str(out, "</title>\n<style>");
    buf_put_str(out, style);
    buf_put_str(out, "</style>\n</head>\n<body>\n");
}

void html_end(struct buf *out)
{
    buf_put_str(out, "</body>\n</html>\n");
}

void html_number(struct buf *out, uint64_t n)
{
    char digits[24];
    size_t len = (size_t)snprintf(digits, sizeof(digits), "%" PRIu64, n);

    for (size_t i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            buf_put_u8(out, ',');
        buf_put_u8(out, (uint8_t)digits[i]);
    }
}

/* ---- charts ---- */

struct bar {
    const char *name;
    uint64_t value;
};

/* Of at most `max` bars, the last one of which has what did not fit; how many. */
static size_t take_bars(const json_t *rows, const char *name, const char *value, size_t max,
                        struct bar *out, uint64_t *most)
{
    size_t i, n = 0;
    json_t *row;

    *most = 1;
    json_array_foreach(rows, i, row)
    {
        uint64_t v = (uint64_t)json_integer_value(json_object_get(row, value));

        if (n == max && json_array_size(rows) > max)
            out[n - 1].name = "all others";
        if (n < max)
            out[n++] = (struct bar){json_string_value(json_object_get(row, name)), v};
        else
            out[n - 1].value += v;
        if (out[n - 1].value > *most)
            *most = out[n - 1].value;
    }
    return n;
}

#define BAR_LINE 24
#define BAR_LEFT 210
#define BAR_LONGEST 450

void html_bars(struct buf *out, const json_t *rows, const char *name, const char *value)
{
    struct bar bar[CHART_ROWS];
    uint64_t most;
    size_t n = take_bars(rows, name, value, CHART_ROWS, bar, &most);

    if (n == 0)
        return;
    buf_printf(out, "<div class=\"chart scroll\"><svg viewBox=\"0 0 760 %zu\" role=\"img\">\n",
               n * BAR_LINE + 6);
    for (size_t i = 0; i < n; i++) {
        size_t y = i * BAR_LINE + 4;
        uint64_t w = (uint64_t)((double)bar[i].value / (double)most * BAR_LONGEST);

        buf_printf(out, "<text x=\"%d\" y=\"%zu\" text-anchor=\"end\">", BAR_LEFT - 10, y + 14);
        cut_text(out, bar[i].name == NULL || bar[i].name[0] == '\0' ? "(none)" : bar[i].name, 30);
        buf_printf(out,
                   "</text><rect x=\"%d\" y=\"%zu\" width=\"%" PRIu64
                   "\" height=\"18\" rx=\"2\" fill=\"#4a7ebb\"/><text class=\"v\" x=\"%" PRIu64
                   "\" y=\"%zu\">",
                   BAR_LEFT, y, w < 1 ? 1 : w, BAR_LEFT + w + 8, y + 14);
        html_number(out, bar[i].value);
        buf_put_str(out, "</text>\n");
    }
    buf_put_str(out, "</svg></div>\n");
}

#define COLUMNS_MAX 14
#define COLUMN_HIGHEST 120

void html_columns(struct buf *out, const json_t *rows, const char *name, const char *value)
{
    struct bar bar[COLUMNS_MAX];
    uint64_t most;
    size_t n = take_bars(rows, name, value, COLUMNS_MAX, bar, &most);
    size_t step = n == 0 ? 0 : 740 / n;

    if (n == 0)
        return;
    buf_put_str(out, "<div class=\"chart scroll\"><svg viewBox=\"0 0 760 176\" role=\"img\">\n"
                     "<line x1=\"6\" y1=\"146.5\" x2=\"754\" y2=\"146.5\" stroke=\"#b8c2d0\"/>\n");
    for (size_t i = 0; i < n; i++) {
        uint64_t h = (uint64_t)((double)bar[i].value / (double)most * COLUMN_HIGHEST);
        size_t x = 10 + i * step, middle = x + step / 2;

        if (bar[i].value > 0 && h < 1)
            h = 1;
        buf_printf(out,
                   "<rect x=\"%zu\" y=\"%" PRIu64 "\" width=\"%zu\" height=\"%" PRIu64
                   "\" fill=\"#4a7ebb\"/><text class=\"v\" x=\"%zu\" y=\"%" PRIu64
                   "\" text-anchor=\"middle\">",
                   x + step / 8, 146 - h, step - step / 4, h, middle, 140 - h);
        html_number(out, bar[i].value);
        buf_printf(out, "</text><text x=\"%zu\" y=\"164\" text-anchor=\"middle\">", middle);
        cut_text(out, bar[i].name == NULL ? "" : bar[i].name, 8);
        buf_put_str(out, "</text>\n");
    }
    buf_put_str(out, "</svg></div>\n");
}
