#include <stdlib.h>
#include <string.h>

#include "tools/certjson.h"
#include "tools/commands.h"
#include "tools/filters.h"
#include "tools/listargs.h"
#include "tools/listing.h"

struct args {
    struct list_args list;
    const char *save;
    uint32_t limit; /* 0: all */
};

static const struct args defaults = {.limit = 100};

static int add_row(void *arg, const struct cert_info *info, struct fault *f)
{
    if (rows_add(arg, cert_json(info)) == EXIT_OK)
        return 0;
    return fault_set(f, FAULT_INTERNAL, "output", "the list is not complete");
}

static int save(struct tool *t, const char *name, const struct list_request *r, int64_t within,
                struct fault *f)
{
    struct saved_filter *s = xcalloc(1, sizeof(*s));
    int rc = tool_field(s->name, sizeof(s->name), "--save", name, f);

    s->request = *r;
    s->expires_within = within;
    if (rc == 0)
        rc = filters_save(t, s, f);
    if (rc == 0)
        tool_say(t, "saved as %s", name);
    free(s);
    return rc;
}

static int list(struct tool *t, const struct args *a, struct list_request *r)
{
    struct fault f = {0};
    struct rows rows;
    bool more;
    int rc = tool_connect(t, &f);

    if (rc != 0)
        return tool_fail(t, &f);
    rows_begin(&rows, t, &cert_sheet);
    rc = listing_each(t, r, a->limit, add_row, &rows, &more, &f);
    if (rc == 0 && more && t->format == FORMAT_TABLE)
        tool_say(t, "there are more; --limit N shows N, --limit 0 all");
    if (rc == 0)
        return rows_end(&rows);
    rows_drop(&rows);
    return tool_fail(t, &f);
}

static int run(struct tool *t, const struct args *a, const char *contains)
{
    struct list_request request;
    struct fault f = {0};
    int64_t within;
    int rc = list_args_fill(t, &a->list, &request, &within, &f);

    if (rc == 0 && contains != NULL)
        rc = tool_field(request.contains, sizeof(request.contains), "the text", contains, &f);
    if (rc != 0)
        return strcmp(f.rule, "usage") == 0 || f.code == FAULT_TOO_LARGE
                   ? tool_usage(t, "%s", f.text)
                   : tool_fail(t, &f);
    if (a->save != NULL && save(t, a->save, &request, within, &f) != 0)
        return tool_fail(t, &f);
    list_args_now(&request, within);
    return list(t, a, &request);
}

static int run_list(struct tool *t, void *args)
{
    return run(t, args, NULL);
}

static int run_search(struct tool *t, void *args)
{
    return t->words[0][0] == 0 ? tool_usage(t, "TEXT is empty") : run(t, args, t->words[0]);
}

static const struct opt opts[] = {
    {"save", OPT_TEXT, offsetof(struct args, save), "NAME", "keep this filter at the CA", 0},
    {"limit", OPT_COUNT, offsetof(struct args, limit), "N", "rows (default 100); 0: all", 'l'},
    {NULL, OPT_FLAG, 0, NULL, NULL, 0},
};

const struct command cmd_list = {
    .name = "list",
    .help = "list certificates, by any of their properties",
    .arguments = "[options]",
    .examples = "  cerca list --expires-within 30d\n"
                "  cerca list --owner alice -o json | jq -r '.[].serial'\n"
                "  cerca list --source imported --environment prod --save prod-imported\n"
                "  cerca list --filter prod-imported --expires-within 14d\n"
                "  cerca list --limit 0 -o csv >all.csv\n",
    .opts = opts,
    .shared = list_args_opts,
    .args_size = sizeof(struct args),
    .defaults = &defaults,
    .formats = FORMAT_TABLE | FORMAT_JSON | FORMAT_CSV,
    .format = FORMAT_TABLE,
    .run = run_list,
};

const struct command cmd_search = {
    .name = "search",
    .help = "find certificates by any part of their names, subject, serial, owner or requester",
    .arguments = "TEXT [options]",
    .examples = "  cerca search printer\n"
                "  cerca search 4f1d5c --status valid\n",
    .opts = opts,
    .shared = list_args_opts,
    .args_size = sizeof(struct args),
    .defaults = &defaults,
    .min = 1,
    .max = 1,
    .formats = FORMAT_TABLE | FORMAT_JSON | FORMAT_CSV,
    .format = FORMAT_TABLE,
    .run = run_search,
};
