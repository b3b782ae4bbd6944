/* `cerca conf example`: the table as a commented file, which passes its own check. */
#include "lib/conf_text.h"

#include <string.h>

#define WIDTH 78

static const char head[] =
    "# Configuration of Cerca, with every key there is.\n"
    "#\n"
    "# Texts are quoted, spans and sizes have units (\"90d\", \"64KiB\"), switches are true\n"
    "# or false. Relative paths count from the folder of this file. Keys that are\n"
    "# commented out have the default shown. After a change: cerca conf check\n";

/* Comment lines, broken between words. */
static void put_comment(const char *indent, const char *text, struct buf *out)
{
    size_t column = 0;

    while (*text != '\0') {
        size_t n = strcspn(text, " ");

        if (column == 0 || column + 1 + n > WIDTH) {
            buf_printf(out, "%s%s#", column == 0 ? "" : "\n", indent);
            column = strlen(indent) + 1;
        }
        buf_printf(out, " %.*s", (int)n, text);
        column += 1 + n;
        text += n + (text[n] == ' ');
    }
    buf_put_str(out, "\n");
}

/* The text for one example element; false when it has none. */
static bool example_of(const struct conf_key *k, unsigned which, struct buf *out)
{
    const char *p = k->example;

    if (p == NULL)
        return false;
    while (which-- > 0) {
        p = strchr(p, '|');
        if (p == NULL)
            return false;
        p++;
    }
    buf_put(out, p, strcspn(p, "|"));
    return out->n > 0;
}

static void put_setting(const char *indent, const struct conf_key *k, const char *value, bool live,
                        struct buf *out)
{
    buf_printf(out, "%s%s%s = ", indent, live ? "" : "# ", k->name);
    conf_text_literal(k, value, out);
    buf_put_str(out, ";\n");
}

static void put_help(const char *indent, const struct conf_key *k, struct buf *out)
{
    struct buf text;

    buf_init(&text, CONF_VALUE_MAX);
    buf_printf(&text, "%s (", k->help);
    conf_text_type(k, &text);
    buf_put_str(&text, conf_key_required(k) ? "; required)" : ")");
    put_comment(indent, buf_cstr(&text), out);
    buf_free(&text);
}

static void put_key(const struct conf_section *s, const struct conf_key *k, unsigned which,
                    struct buf *out)
{
    const char *indent = s->list ? "        " : "    ";
    struct buf value;
    bool live;

    buf_init(&value, CONF_VALUE_MAX);
    live = example_of(k, which, &value);
    if (which == 0)
        put_help(indent, k, out);
    if (live || which == 0)
        put_setting(indent, k, live ? buf_cstr(&value) : k->fallback, live, out);
    buf_free(&value);
}

static void put_section(const struct conf_section *s, struct buf *out)
{
    buf_put_str(out, "\n");
    put_comment("", s->help, out);
    buf_printf(out, "%s = %s\n", s->name, s->list ? "(" : "{");
    for (unsigned which = 0; which < (s->list ? s->examples : 1); which++) {
        buf_put_str(out, s->list ? "    {\n" : "");
        for (size_t i = 0; i < s->n_keys; i++)
            put_key(s, &s->keys[i], which, out);
        if (s->list)
            buf_printf(out, "    }%s\n", which + 1 < s->examples ? "," : "");
    }
    buf_put_str(out, s->list ? ");\n" : "};\n");
}

void conf_put_example(const struct conf_table *t, const char *start, struct buf *out)
{
    buf_put_str(out, start);
    for (size_t i = 0; i < t->n; i++)
        put_section(t->section[i], out);
}

void conf_example(struct buf *out)
{
    conf_put_example(&conf_table, head, out);
}
