#include "lib/conf_text.h"

#include <inttypes.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/units.h"

static void put_words(const struct conf_key *k, struct buf *out)
{
    for (const struct conf_word *w = k->words; w->word != NULL; w++)
        buf_printf(out, "%s%s", w == k->words ? "" : " | ", w->word);
}

static void put_spans(const struct conf_key *k, struct buf *out)
{
    char min[CLOCK_TEXT_SIZE], max[CLOCK_TEXT_SIZE];

    clock_format_span((int64_t)k->min, min);
    clock_format_span((int64_t)k->max, max);
    buf_printf(out, "span, %s to %s", min, max);
}

static void put_sizes(const struct conf_key *k, struct buf *out)
{
    char min[UNITS_TEXT_SIZE], max[UNITS_TEXT_SIZE];

    units_format_size(k->min, min);
    units_format_size(k->max, max);
    buf_printf(out, "size, %s to %s", min, max);
}

void conf_text_type(const struct conf_key *k, struct buf *out)
{
    bool list = conf_type_is_list(k->type);

    if (k->words != NULL) {
        buf_put_str(out, list ? "list of " : "");
        put_words(k, out);
    } else if (k->type == CONF_SPAN || k->type == CONF_SPAN_MS) {
        put_spans(k, out);
    } else if (k->type == CONF_SIZE) {
        put_sizes(k, out);
    } else if (k->type == CONF_PATH_LEN) {
        buf_printf(out, "none | number, 0 to %" PRIu64, k->max);
    } else {
        buf_put_str(out, conf_type_text(k->type));
        if (k->max > 0 && !list)
            buf_printf(out, ", %" PRIu64 " to %" PRIu64, k->min, k->max);
    }
}

void conf_text_literal(const struct conf_key *k, const char *text, struct buf *out)
{
    if (k->type == CONF_BOOL) {
        buf_put_str(out, text);
    } else if (!conf_type_is_list(k->type)) {
        buf_printf(out, "\"%s\"", text);
    } else {
        buf_put_str(out, *text == '\0' ? "(" : "( ");
        while (*text != '\0') {
            size_t n = strcspn(text, " ");

            buf_printf(out, "\"%.*s\"%s", (int)n, text, text[n] == ' ' ? ", " : " ");
            text += n + (text[n] == ' ');
        }
        buf_put_str(out, ")");
    }
}
