/* The table as mdoc(7), for cerca.conf(5). */
#include "lib/conf_text.h"

#include <string.h>

#define WIDTH 76

/* New sentence, new line (mdoc(7)); lines stay short, and none starts like a macro. */
static void put_text(const char *text, struct buf *out)
{
    size_t column = 0;

    while (*text != '\0') {
        size_t n = strcspn(text, " ");

        if (column > 0 && column + 1 + n > WIDTH) {
            buf_put_str(out, "\n");
            column = 0;
        }
        if (column > 0)
            buf_put_str(out, " ");
        else if (*text == '.' || *text == '\'')
            buf_put_str(out, "\\&");
        buf_put(out, text, n);
        column = n > 0 && text[n - 1] == '.' ? WIDTH : column + 1 + n;
        text += n + (text[n] == ' ');
    }
    buf_put_str(out, "\n");
}

static void put_default(const struct conf_key *k, struct buf *out)
{
    struct buf text;

    if (conf_key_required(k)) {
        buf_put_str(out, "Required.\n");
        return;
    }
    buf_init(&text, CONF_VALUE_MAX);
    buf_put_str(&text, "Default: ");
    if (k->derive != NULL)
        buf_put_str(&text, k->fallback);
    else
        conf_text_literal(k, k->fallback, &text);
    buf_put_str(&text, ".");
    put_text(buf_cstr(&text), out);
    buf_free(&text);
}

static void put_key(const struct conf_key *k, struct buf *out)
{
    struct buf type;

    buf_init(&type, CONF_VALUE_MAX);
    buf_put_str(&type, "Value: ");
    conf_text_type(k, &type);
    buf_put_str(&type, ".");
    buf_printf(out, ".It Ic %s\n", k->name);
    put_text(k->help, out);
    put_text(buf_cstr(&type), out);
    put_default(k, out);
    buf_free(&type);
}

void conf_manual(struct buf *out)
{
    conf_put_manual(&conf_table, out);
}

void conf_put_manual(const struct conf_table *t, struct buf *out)
{
    for (size_t i = 0; i < t->n; i++) {
        const struct conf_section *s = t->section[i];

        buf_printf(out, ".Ss %s\n%s\n", s->name,
                   s->list ? "A list of groups, ( { ... }, { ... } )." : "A group, { ... }.");
        put_text(s->help, out);
        buf_put_str(out, ".Bl -tag -width Ds\n");
        for (size_t k = 0; k < s->n_keys; k++)
            put_key(&s->keys[k], out);
        buf_put_str(out, ".El\n");
    }
}
