/* Identities that nothing has to work for any more: retired, and, if wanted, what is valid of them
 * revoked. */
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "tools/commands.h"
#include "tools/listing.h"
#include "tools/noting.h"
#include "tools/revoke.h"

struct retire_args {
    const char *revoke;
    bool dry_run;
};

static int pick_words(struct tool *t, struct picks *p)
{
    struct fault f = {0};
    int rc = 0;

    for (int i = 0; rc == 0 && i < t->n_words; i++)
        rc = picks_word(t, t->words[i], p, &f);
    return rc == 0 ? EXIT_OK : tool_fail(t, &f);
}

static int note(struct tool *t, const struct picks *p, int64_t retired, bool dry_run)
{
    struct noting *n = noting_new(t, dry_run, p->n);
    struct fault f = {0};
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < p->n; i++) {
        struct annotation a = {.retired = retired};

        memcpy(a.identity, p->item[i].now.identity, sizeof(a.identity));
        /* What is retired stays so since then. */
        if (retired != 0 && p->item[i].now.retired != 0)
            a.retired = p->item[i].now.retired;
        rc = noting_add(n, p->item[i].label, &a, ANNOTATION_RETIRED, &f);
    }
    rc = noting_end(n, rc, &f);
    noting_free(n);
    return rc;
}

/* ---- what remains valid ---- */

struct remaining {
    struct tool *tool;
    struct targets targets;
    size_t foreign;
    size_t n, room;
    char (*serial)[2 * SERIAL_LEN + 1];
};

static int note_valid(void *arg, const struct cert_info *i, struct fault *f)
{
    struct remaining *r = arg;

    (void)f;
    if (strcmp(i->status, "valid") != 0 && strcmp(i->status, "held") != 0)
        return 0;
    if (i->source != SOURCE_ISSUED) {
        r->foreign++;
        return 0;
    }
    if (r->n == r->room) {
        r->room = r->room == 0 ? 16 : 2 * r->room;
        r->serial = xreallocarray(r->serial, r->room, sizeof(*r->serial));
    }
    hex_encode(slice_of(i->serial, SERIAL_LEN), r->serial[r->n++]);
    return 0;
}

static int look(const struct picks *p, struct remaining *r, struct fault *f)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < p->n; i++) {
        struct list_request q = {.limit = 1, .has_identity = true};
        bool more;

        memcpy(q.identity, p->item[i].now.identity, sizeof(q.identity));
        rc = listing_each(r->tool, &q, 0, note_valid, r, &more, f);
    }
    return rc;
}

static void say_remaining(const struct remaining *r, bool revoking)
{
    if (r->n == 0 && r->foreign == 0)
        tool_say(r->tool, "no certificate of it is valid any more");
    for (size_t i = 0; i < r->n && !revoking; i++)
        tool_say(r->tool, "%s is still valid", r->serial[i]);
    if (r->n > 0 && !revoking)
        tool_say(r->tool, "--revoke cessationOfOperation revokes %s", r->n == 1 ? "it" : "them");
    if (r->foreign > 0)
        tool_say(r->tool, "%zu that others issued %s still valid: revoke at their CA", r->foreign,
                 r->foreign == 1 ? "is" : "are");
}

static int revoke(struct remaining *r, const struct revoke_request *order)
{
    struct fault f = {0};
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < r->n; i++)
        rc = targets_by_word(r->tool, r->serial[i], &r->targets, &f);
    if (rc != 0)
        return tool_fail(r->tool, &f);
    return r->targets.n == 0 ? EXIT_OK : revoke_run(r->tool, &r->targets, order, "revoked");
}

static int retire(struct tool *t, const struct retire_args *a, const struct picks *p,
                  const struct revoke_request *order)
{
    struct remaining r = {.tool = t};
    struct fault f = {0};
    bool revoking = a->revoke != NULL && !a->dry_run;
    int rc = note(t, p, clock_now(), a->dry_run);

    if (rc == EXIT_OK && look(p, &r, &f) != 0)
        rc = tool_fail(t, &f);
    else if (rc == EXIT_OK)
        say_remaining(&r, revoking);
    if (rc == EXIT_OK && revoking)
        rc = revoke(&r, order);
    free(r.serial);
    targets_free(&r.targets);
    return rc;
}

static int run_retire(struct tool *t, void *args)
{
    const struct retire_args *a = args;
    struct revoke_request *order = xcalloc(1, sizeof(*order));
    struct picks p = {0};
    struct fault f = {0};
    int rc;

    if (a->revoke != NULL && revoke_reason(a->revoke, &order->reason, &f) != 0)
        rc = tool_usage(t, "%s", f.text);
    else
        rc = pick_words(t, &p);
    if (rc == EXIT_OK)
        rc = retire(t, a, &p, order);
    picks_free(&p);
    free(order);
    return rc;
}

#define AT(field) offsetof(struct retire_args, field)
static const struct opt opts[] = {
    {"revoke", OPT_TEXT, AT(revoke), "REASON", "revoke what is valid, for this reason", 'r'},
    {"dry-run", OPT_FLAG, AT(dry_run), NULL, "say what would change; record nothing", 'n'},
    {NULL, OPT_FLAG, 0, NULL, NULL, 0},
};

const struct command cmd_inventory_retire = {
    .name = "inventory retire",
    .help = "say that something need not work any more, and what of it is still valid",
    .arguments = "(NAME | SERIAL | FINGERPRINT | foreign:NUMBER)... [options]",
    .examples = "  cerca inventory retire old.example.com\n"
                "  cerca inventory retire old.example.com --revoke cessationOfOperation\n",
    .opts = opts,
    .args_size = sizeof(struct retire_args),
    .min = 1,
    .max = 1024,
    .formats = FORMAT_TABLE | FORMAT_JSON | FORMAT_CSV,
    .format = FORMAT_TABLE,
    .run = run_retire,
};

static int run_unretire(struct tool *t, void *args)
{
    const struct retire_args *a = args;
    struct picks p = {0};
    int rc = pick_words(t, &p);

    if (rc == EXIT_OK)
        rc = note(t, &p, 0, a->dry_run);
    picks_free(&p);
    return rc;
}

const struct command cmd_inventory_unretire = {
    .name = "inventory unretire",
    .help = "say that something has to work again",
    .arguments = "(NAME | SERIAL | FINGERPRINT | foreign:NUMBER)... [options]",
    .examples = "  cerca inventory unretire old.example.com\n",
    .opts = opts + 1,
    .args_size = sizeof(struct retire_args),
    .min = 1,
    .max = 1024,
    .formats = FORMAT_TABLE | FORMAT_JSON | FORMAT_CSV,
    .format = FORMAT_TABLE,
    .run = run_unretire,
};
