#include <stdio.h>
#include <string.h>

#include "lib/text.h"
#include "tools/certjson.h"
#include "tools/commands.h"
#include "tools/find.h"
#include "tools/places.h"

#define TEXT_MAX 262144

static void line(struct buf *out, const char *name, const char *value)
{
    if (value[0] == 0)
        return;
    buf_printf(out, "%-12s ", name);
    text_safe(slice_str(value), false, out);
    buf_put_str(out, "\n");
}

static void names(struct buf *out, const json_t *row)
{
    const json_t *sans = json_object_get(row, "sans");
    size_t i;
    json_t *item;

    json_array_foreach(sans, i, item)
    {
        line(out, i == 0 ? "names" : "", json_string_value(item));
    }
}

/* Every field under the name that it has in JSON, with a space for the underscore. */
static void print_text(const struct cert_info *info, struct buf *out)
{
    static const char *const rest[][2] = {
        {"profile", "profile"},
        {"owner", "owner"},
        {"requester", "requester"},
        {"issued_at", "issued at"},
        {"not_before", "not before"},
        {"not_after", "not after"},
        {"revoked_at", "revoked at"},
        {"reason", "reason"},
        {"replaces", "replaces"},
        {"replaced_by", "replaced by"},
        {"source", "source"},
        {"origin", "origin"},
        {"last_seen", "last seen"},
        {"told", "told"},
        {"contact", "contact"},
        {"application", "application"},
        {"environment", "environment"},
        {"purpose", "purpose"},
        {"criticality", "criticality"},
        {"method", "method"},
        {"note", "note"},
        {"reviewed", "reviewed"},
        {"retired", "retired"},
    };
    json_t *row = cert_json(info);
    struct buf colons;

    line(out, "serial", json_str(row, "serial"));
    if (info->number != 0) {
        char selector[48];

        (void)snprintf(selector, sizeof(selector), SHOW_FOREIGN "%llu",
                       (unsigned long long)info->number);
        line(out, "number", selector);
    }
    line(out, "status", json_str(row, "status"));
    if (info->stranger)
        line(out, "STRANGER", STRANGER_TEXT);
    line(out, "issuer", json_str(row, "issuer"));
    line(out, "subject", json_str(row, "subject"));
    names(out, row);
    for (size_t i = 0; i < sizeof(rest) / sizeof(rest[0]); i++)
        line(out, rest[i][1], json_str(row, rest[i][0]));
    line(out, "tags", info->annotation.tags);
    buf_init(&colons, 128);
    text_hex_colons(info->fingerprint, sizeof(info->fingerprint), &colons);
    line(out, "SHA-256", buf_cstr(&colons));
    buf_free(&colons);
    json_decref(row);
}

static int print_pem(const struct shown *s, struct buf *out, struct fault *f)
{
    if (s->certificate.n == 0)
        return fault_set(f, FAULT_NOT_FOUND, "show.open",
                         "there is no certificate yet: its signature was never recorded");
    return pem_with_chain(s->certificate, s->chain, out, f);
}

static void say_others(const struct tool *t, const struct found *found)
{
    if (found->n == 1 && !found->more)
        return;
    tool_say(t, "%u%s certificates match; this is %s (cerca list --name shows them all)", found->n,
             found->more ? " or more" : "",
             strcmp(found->best.info.status, "valid") == 0 ? "the newest valid one"
                                                           : "the newest, none is valid");
}

/* The answer that `info` came with is gone after this. */
static json_t *places_of(struct tool *t, const struct cert_info *info, struct fault *f)
{
    json_t *all = places_json(t, info->annotation.identity, f), *its;
    char hex[65];
    size_t i;
    json_t *p;

    if (all == NULL)
        return NULL;
    hex_encode(slice_of(info->fingerprint, sizeof(info->fingerprint)), hex);
    its = json_array();
    json_array_foreach(all, i, p)
    {
        if (strcmp(json_str(p, "sha256"), hex) == 0)
            (void)!json_array_append(its, p);
    }
    json_decref(all);
    return its;
}

static int show_json(struct tool *t, const struct cert_info *info)
{
    json_t *row = cert_json(info), *places;
    struct fault f = {0};

    places = places_of(t, info, &f);
    if (places == NULL) {
        json_decref(row);
        return tool_fail(t, &f);
    }
    json_put(row, "places", places);
    return json_print(t, row);
}

static int print_all(struct tool *t, const struct cert_info *info, struct buf *out, struct fault *f)
{
    json_t *places = places_of(t, info, f);

    if (places == NULL)
        return -(int)f->code;
    print_text(info, out);
    places_print(places, 0, 13, out);
    json_decref(places);
    return 0;
}

static int run_show(struct tool *t, void *args)
{
    struct fault f = {0};
    struct found found;
    struct buf out;
    int rc = find_shown(t, t->words[0], &found, &f);

    (void)args;
    if (rc != 0)
        return tool_fail(t, &f);
    say_others(t, &found);
    if (t->format == FORMAT_JSON)
        return show_json(t, &found.best.info);
    buf_init(&out, TEXT_MAX);
    if (t->format == FORMAT_PEM)
        rc = print_pem(&found.best, &out, &f);
    else
        rc = print_all(t, &found.best.info, &out, &f);
    rc = rc == 0 ? tool_print(t, buf_slice(&out)) : tool_fail(t, &f);
    buf_free(&out);
    return rc;
}

const struct command cmd_show = {
    .name = "show",
    .help = "show one certificate",
    .arguments = "(SERIAL | FINGERPRINT | NAME | foreign:NUMBER | FILE) [options]",
    .examples = "  cerca show web.example.com\n"
                "  cerca show 4F:1D:5C:0A:9B:3E:77:A2:C4:D8:E6:F0:01:12:23:34 -o pem >web.pem\n",
    .min = 1,
    .max = 1,
    .formats = FORMAT_TEXT | FORMAT_PEM | FORMAT_JSON,
    .format = FORMAT_TEXT,
    .run = run_show,
};
