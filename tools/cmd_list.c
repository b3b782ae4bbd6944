#include <string.h>

#include "lib/clock.h"
#include "tools/certjson.h"
#include "tools/commands.h"
#include "tools/find.h"
#include "tools/listing.h"

struct list_args {
    const char *status, *owner, *profile, *name, *issuer, *requester;
    int64_t expires_within;
    uint32_t limit; /* 0: all */
};

static const struct list_args defaults = {.limit = 100};

static int fill(struct list_request *r, const struct list_args *a, struct fault *f)
{
    int rc = tool_field(r->status, sizeof(r->status), "--status", a->status, f);

    if (rc == 0)
        rc = tool_field(r->owner, sizeof(r->owner), "--owner", a->owner, f);
    if (rc == 0)
        rc = tool_field(r->profile, sizeof(r->profile), "--profile", a->profile, f);
    if (rc == 0)
        rc = tool_field(r->name, sizeof(r->name), "--name",
                        a->name == NULL ? NULL : find_name(a->name), f);
    if (rc == 0)
        rc = tool_field(r->issuer, sizeof(r->issuer), "--issuer", a->issuer, f);
    if (rc == 0)
        rc = tool_field(r->requester, sizeof(r->requester), "--requester", a->requester, f);
    if (a->expires_within == 0)
        return rc;
    /* What ended long ago is not what somebody who asks this is looking for. */
    r->expires_before = clock_now() + a->expires_within;
    return rc != 0 || a->status != NULL
               ? rc
               : tool_field(r->status, sizeof(r->status), "--status", "valid", f);
}

/* A mistyped one would give an empty list, which reads as good news. */
static bool known_status(const char *status)
{
    static const char *const known[] = {"valid", "expired", "revoked", "held", "open"};

    for (size_t i = 0; status != NULL && i < sizeof(known) / sizeof(known[0]); i++)
        if (strcmp(status, known[i]) == 0)
            return true;
    return status == NULL;
}

static int add_row(void *arg, const struct cert_info *info, struct fault *f)
{
    if (rows_add(arg, cert_json(info)) == EXIT_OK)
        return 0;
    return fault_set(f, FAULT_INTERNAL, "output", "the list is not complete");
}

static int run(struct tool *t, const struct list_args *a, const char *contains)
{
    struct list_request request = {.limit = 1};
    struct fault f = {0};
    struct rows rows;
    bool more;
    int rc = fill(&request, a, &f);

    if (rc == 0)
        rc = tool_field(request.contains, sizeof(request.contains), "the text", contains, &f);
    if (rc != 0)
        return tool_usage(t, "%s", f.text);
    if (!known_status(a->status))
        return tool_usage(t, "--status: \"%s\" should be valid, expired, revoked, held or open",
                          a->status);
    rc = tool_connect(t, &f);
    if (rc != 0)
        return tool_fail(t, &f);
    rows_begin(&rows, t, &cert_sheet);
    rc = listing_each(t, &request, a->limit, add_row, &rows, &more, &f);
    if (rc == 0 && more && t->format == FORMAT_TABLE)
        tool_say(t, "there are more; --limit N shows N, --limit 0 all");
    if (rc == 0)
        return rows_end(&rows);
    rows_drop(&rows);
    return tool_fail(t, &f);
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
    {"status", OPT_TEXT, offsetof(struct list_args, status), "STATUS",
     "valid, expired, revoked, held or open", 's'},
    {"expires-within", OPT_SPAN, offsetof(struct list_args, expires_within), "SPAN",
     "valid ones that end before that, such as 30d", 0},
    {"name", OPT_TEXT, offsetof(struct list_args, name), "NAME",
     "a name it is for; .example.com: all names below", 0},
    {"owner", OPT_TEXT, offsetof(struct list_args, owner), "NAME", "who owns it", 0},
    {"profile", OPT_TEXT, offsetof(struct list_args, profile), "NAME", "made by this profile", 'p'},
    {"issuer", OPT_TEXT, offsetof(struct list_args, issuer), "NAME",
     "made by this issuer (cerca ca list)", 0},
    {"requester", OPT_TEXT, offsetof(struct list_args, requester), "NAME", "who asked for it", 0},
    {"limit", OPT_COUNT, offsetof(struct list_args, limit), "N", "rows (default 100); 0: all", 'l'},
    {NULL, OPT_FLAG, 0, NULL, NULL, 0},
};

const struct command cmd_list = {
    .name = "list",
    .help = "list certificates, by any of their properties",
    .arguments = "[options]",
    .examples = "  cerca list --expires-within 30d\n"
                "  cerca list --owner alice -o json | jq -r '.[].serial'\n"
                "  cerca list --limit 0 -o csv >all.csv\n",
    .opts = opts,
    .args_size = sizeof(struct list_args),
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
    .args_size = sizeof(struct list_args),
    .defaults = &defaults,
    .min = 1,
    .max = 1,
    .formats = FORMAT_TABLE | FORMAT_JSON | FORMAT_CSV,
    .format = FORMAT_TABLE,
    .run = run_search,
};
