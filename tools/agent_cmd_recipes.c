/* cerca-agent recipes: what is known of servers. */
#include <stdio.h>

#include "agent/conf/conf.h"
#include "agent/deploy/recipes.h"
#include "tools/agent_tool.h"
#include "tools/rows.h"

static const struct column columns[] = {
    {"NAME", "name", 14, COLUMN_ALWAYS, NULL},
    {"RELOAD", "reload", 36, COLUMN_ALWAYS, NULL},
    {"PROBE", "probe", 0, COLUMN_ALWAYS, NULL},
    {NULL, NULL, 0, COLUMN_ALWAYS, NULL},
};
static const char *const keys[] = {"name", "test", "reload", "verify", "probe", "text", NULL};
static const struct sheet sheet = {columns, keys};

static json_t *argv_json(const char *const *argv)
{
    json_t *list = json_array();

    for (; argv != NULL && *argv != NULL; argv++)
        (void)json_array_append_new(list, json_text(*argv));
    return list;
}

static json_t *files_json(const struct deploy_recipe *r)
{
    json_t *list = json_array();

    for (size_t i = 0; i < r->n_files; i++) {
        const struct deploy_recipe_file *file = &r->files[i];
        json_t *o = json_object();
        char mode[8];

        (void)snprintf(mode, sizeof(mode), "%04o", file->mode & 07777);
        json_put(o, "format", json_text(agent_format_word(file->format)));
        json_put(o, "owner", json_text(file->owner[0] != '\0' ? file->owner : "root"));
        json_put(o, "group", json_text(file->group));
        json_put(o, "mode", json_text(mode));
        (void)json_array_append_new(list, o);
    }
    return list;
}

static json_t *recipe_json(const struct deploy_recipe *r)
{
    json_t *o = json_object();

    json_put(o, "name", json_text(r->name));
    json_put(o, "test", argv_json(r->test));
    json_put(o, "reload", argv_json(r->reload));
    json_put(o, "verify", argv_json(r->verify));
    json_put(o, "probe", json_text(r->probe));
    json_put(o, "files", files_json(r));
    json_put(o, "text", json_text(r->text));
    return o;
}

static int list_all(struct tool *t)
{
    const struct deploy_recipe *r;
    struct rows rows;
    int rc = EXIT_OK;

    rows_begin(&rows, t, &sheet);
    for (size_t i = 0; rc == EXIT_OK && (r = deploy_recipes(i)) != NULL; i++)
        rc = rows_add(&rows, recipe_json(r));
    if (rc == EXIT_OK)
        return rows_end(&rows);
    rows_drop(&rows);
    return rc;
}

/* A command as it stands in a configuration. */
static void put_argv(const char *key, const char *const *argv, struct buf *out)
{
    if (argv == NULL)
        return;
    buf_printf(out, "%s:", key);
    for (; *argv != NULL; argv++)
        buf_printf(out, " %s", *argv);
    buf_put_str(out, "\n");
}

static void put_file(const struct deploy_recipe_file *file, struct buf *out)
{
    buf_printf(out, "file: %s, owner %s", agent_format_word(file->format),
               file->owner[0] != '\0' ? file->owner : "root");
    if (file->group[0] != '\0')
        buf_printf(out, ", group %s", file->group);
    buf_printf(out, ", mode %04o\n", file->mode);
}

static int show_one(const struct tool *t, const struct deploy_recipe *r)
{
    struct buf out;
    int rc;

    if (t->format == FORMAT_JSON)
        return json_print(t, recipe_json(r));
    buf_init(&out, 1 << 16);
    buf_printf(&out, "%s: %s\n", r->name, r->text);
    for (size_t i = 0; i < r->n_files; i++)
        put_file(&r->files[i], &out);
    put_argv("test", r->test, &out);
    put_argv("reload", r->reload, &out);
    put_argv("verify", r->verify, &out);
    buf_printf(&out, "probe: %s\n", r->probe[0] != '\0' ? r->probe : "none, it cannot be asked");
    rc = tool_print(t, buf_slice(&out));
    buf_free(&out);
    return rc;
}

static int run(struct tool *t, void *args)
{
    const struct deploy_recipe *r;
    struct fault f = {0};

    (void)args;
    if (t->n_words == 0)
        return list_all(t);
    r = deploy_recipe(t->words[0]);
    if (r != NULL)
        return show_one(t, r);
    (void)fault_set(&f, FAULT_NOT_FOUND, "deploy.recipe", "there is no recipe %.60s", t->words[0]);
    return tool_fail(t, &f);
}

const struct command cmd_agent_recipes = {
    .name = "recipes",
    .help = "what is known of servers; or all of one: files, test, reload, where it is looked at",
    .arguments = "[NAME] [options]",
    .examples = "  cerca-agent recipes -o json\n  cerca-agent recipes nginx\n",
    .max = 1,
    .formats = FORMAT_TABLE | FORMAT_JSON | FORMAT_CSV,
    .format = FORMAT_TABLE,
    .run = run,
};
