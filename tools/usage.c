#include "tools/tool.h"

static void opt_usage(const struct opt *o, struct buf *out)
{
    size_t at = out->n;

    if (o->letter != 0)
        buf_printf(out, "  -%c, --%s", o->letter, o->name);
    else
        buf_printf(out, "      --%s", o->name);
    if (o->arg != NULL)
        buf_printf(out, " %s", o->arg);
    do
        buf_put_str(out, " ");
    while (!buf_failed(out) && out->n - at < 26);
    buf_printf(out, "%s\n", o->help);
}

void command_usage(const struct command *c, struct buf *out)
{
    buf_printf(out, "usage: %s %s%s%s\n%s\n\n", program.name, c->name,
               c->arguments[0] != 0 ? " " : "", c->arguments, c->help);
    for (const struct opt *o = c->opts; o != NULL && o->name != NULL; o++)
        opt_usage(o, out);
    for (const struct opt *o = c->shared; o != NULL && o->name != NULL; o++)
        opt_usage(o, out);
    for (const struct opt *o = common_opts; o->name != NULL; o++)
        if (o->letter != 'o' || c->formats != 0)
            opt_usage(o, out);
    if (c->formats != 0) {
        buf_put_str(out, "\nformats: ");
        formats_print(c->formats, "|", out);
        buf_put_str(out, "\n");
    }
    if (c->examples[0] != 0)
        buf_printf(out, "\nexamples:\n%s", c->examples);
}
