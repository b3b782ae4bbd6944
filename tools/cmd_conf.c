/* The configuration: `cerca conf check`, `show`, `example` and `manual`. No other program is asked.
 */
#include "tools/commands.h"
#include "tools/json.h"

/* What lib/conf.h makes never passes this: each of its 1 MiB is shown at most a few times. */
#define OUT_MAX (8 * CONF_MAX)

static int print_and_free(const struct tool *t, struct buf *out)
{
    int rc;

    if (buf_failed(out)) {
        tool_say(t, "the text is too long to show");
        rc = EXIT_FAILED;
    } else {
        rc = tool_print(t, buf_slice(out));
    }
    buf_free(out);
    return rc;
}

static int print_check_json(const struct tool *t)
{
    json_t *all = json_object(), *notes = json_array();

    if (all == NULL || notes == NULL)
        out_of_memory();
    json_put(all, "ok", json_true());
    json_put(all, "tokens", json_number(t->conf->n_tokens));
    json_put(all, "issuers", json_number(t->conf->n_issuers));
    json_put(all, "profiles", json_number(t->conf->n_profiles));
    json_put(all, "operators", json_number(t->conf->n_operators));
    if (t->conf->profile_off != NULL &&
        json_array_append_new(notes, json_text(t->conf->profile_off)) != 0)
        out_of_memory();
    json_put(all, "notes", notes);
    return json_print(t, all);
}

static int run_check(struct tool *t, void *args)
{
    struct fault f = {0};
    struct buf out;

    (void)args;
    if (tool_conf(t, &f) != 0)
        return tool_fail(t, &f);
    if (t->format == FORMAT_JSON)
        return print_check_json(t);
    buf_init(&out, OUT_MAX);
    buf_printf(&out, "%s is sound: tokens %zu, issuers %zu, profiles %zu, operators %zu\n",
               t->conf->path, t->conf->n_tokens, t->conf->n_issuers, t->conf->n_profiles,
               t->conf->n_operators);
    if (t->conf->profile_off != NULL)
        buf_printf(&out, "%s\n", t->conf->profile_off);
    return print_and_free(t, &out);
}

static int run_show(struct tool *t, void *args)
{
    struct fault f = {0};
    struct buf out;

    (void)args;
    if (tool_conf(t, &f) != 0)
        return tool_fail(t, &f);
    buf_init(&out, OUT_MAX);
    if (t->format == FORMAT_JSON)
        conf_print_json(t->conf, &out);
    else
        conf_print(t->conf, &out);
    return print_and_free(t, &out);
}

static int run_example(struct tool *t, void *args)
{
    struct buf out;

    (void)args;
    buf_init(&out, OUT_MAX);
    conf_example(&out);
    return print_and_free(t, &out);
}

static int run_manual(struct tool *t, void *args)
{
    struct buf out;

    (void)args;
    buf_init(&out, OUT_MAX);
    conf_manual(&out);
    return print_and_free(t, &out);
}

const struct command cmd_conf_check = {
    .name = "conf check",
    .help = "check the configuration; says file, line and what is wrong",
    .arguments = "[options]",
    .examples = "  cerca conf check -c /etc/cerca/cerca.conf\n",
    .formats = FORMAT_TEXT | FORMAT_JSON,
    .format = FORMAT_TEXT,
    .run = run_check,
};

const struct command cmd_conf_show = {
    .name = "conf show",
    .help = "show every key in force, and which are defaults",
    .arguments = "[options]",
    .examples = "  cerca conf show\n",
    .formats = FORMAT_TEXT | FORMAT_JSON,
    .format = FORMAT_TEXT,
    .run = run_show,
};

const struct command cmd_conf_example = {
    .name = "conf example",
    .help = "print a commented configuration with every key in it",
    .arguments = "",
    .examples = "  cerca conf example > cerca.conf\n",
    .run = run_example,
};

const struct command cmd_conf_manual = {
    .name = "conf manual",
    .help = "print the list of keys of cerca.conf(5) as mdoc",
    .arguments = "",
    .examples = "  cerca conf manual\n",
    .run = run_manual,
};
