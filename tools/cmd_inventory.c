/* What is written about identities: set, unset, show. */
#include <stdlib.h>
#include <string.h>

#include "lib/text.h"
#include "tools/certjson.h"
#include "tools/commands.h"
#include "tools/find.h"
#include "tools/notecsv.h"
#include "tools/places.h"

#define TEXT_MAX 65536

struct set_args {
    struct list_args list; /* first: list_args_opts */
    struct texts fields;   /* unset */
    const char *csv;
    bool all, dry_run;
};

/* A word that assigns: FIELD=VALUE; tags+=TAG and tags-=TAG too. */
struct assigning {
    unsigned mask;
    struct annotation to;
    struct texts add, remove; /* tags */
};

static const char *const forms = "FIELD=VALUE, with owner, contact, application, environment, "
                                 "purpose, criticality, method, note, tags or reviewed";

/* 0: it is one; 1: it is none, so a selector; else a fault. */
static int read_word(char *word, struct assigning *a, struct fault *f)
{
    char *equals = strchr(word, '=');
    size_t n = equals == NULL ? 0 : (size_t)(equals - word);
    char how = n > 0 ? word[n - 1] : 0, name[24];
    unsigned bit;

    if (how == '+' || how == '-')
        n--;
    if (equals == NULL || n >= sizeof(name))
        return 1;
    memcpy(name, word, n);
    name[n] = 0;
    bit = annotation_field_parse(name);
    if (bit == 0)
        return 1;
    if (bit == ANNOTATION_RETIRED)
        return fault_set(f, FAULT_MALFORMED, "inventory.field", "cerca inventory retire does that");
    if (how == '+' || how == '-') {
        struct texts *list = how == '+' ? &a->add : &a->remove;

        if (bit != ANNOTATION_TAGS || list->n == SAN_MAX)
            return fault_set(f, FAULT_MALFORMED, "inventory.field", "%s: only tags have that",
                             word);
        list->item[list->n++] = equals + 1;
        return 0;
    }
    if ((a->mask & bit) != 0)
        return fault_set(f, FAULT_MALFORMED, "inventory.field", "%s is given twice", name);
    a->mask |= bit;
    return annotation_parse(&a->to, bit, equals + 1, f);
}

/* ---- which, and what becomes of each ---- */

static int no_selector(const struct tool *t)
{
    return tool_usage(t, "which? names, serials, fingerprints or foreign:NUMBER, filters such as "
                         "--profile, or --all");
}

static int pick(struct tool *t, const struct set_args *a, char *const *word, size_t n,
                struct picks *p, struct fault *f)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = picks_word(t, word[i], p, f);
    if (rc == 0 && (a->all || list_args_any(&a->list)))
        rc = picks_filter(t, &a->list, p, f);
    return rc;
}

/* The tags that it has, with those that are added and without those that are removed. */
static int edit_tags(const struct annotation *now, const struct assigning *by, char *tags,
                     struct fault *f)
{
    struct buf b;
    int rc = 0;

    buf_init(&b, ANNOTATION_TAGS_MAX - 1);
    for (const char *p = now->tags; *p != 0;) {
        size_t n = strcspn(p, ",");
        bool stays = true;

        for (size_t i = 0; i < by->remove.n; i++)
            stays = stays &&
                    !(strlen(by->remove.item[i]) == n && memcmp(by->remove.item[i], p, n) == 0);
        if (stays) {
            buf_put_str(&b, b.n > 0 ? "," : "");
            buf_put(&b, p, n);
        }
        p += n + (p[n] == ',' ? 1 : 0);
    }
    for (size_t i = 0; i < by->add.n; i++)
        buf_printf(&b, "%s%s", b.n > 0 ? "," : "", by->add.item[i]);
    if (buf_failed(&b))
        rc = fault_set(f, FAULT_TOO_LARGE, "annotation.tags", "they would be too many tags");
    memset(tags, 0, ANNOTATION_TAGS_MAX);
    memcpy(tags, buf_cstr(&b), b.n);
    buf_free(&b);
    return rc;
}

static int note_one(struct noting *n, const struct pick *p, const struct assigning *by,
                    struct fault *f)
{
    struct annotation a = by->to;
    unsigned mask = by->mask;
    struct fault why = {0};
    int rc = 0;

    memcpy(a.identity, p->now.identity, sizeof(a.identity));
    if (by->add.n + by->remove.n > 0) {
        mask |= ANNOTATION_TAGS;
        rc = edit_tags((by->mask & ANNOTATION_TAGS) != 0 ? &by->to : &p->now, by, a.tags, &why);
    }
    return rc == 0 ? noting_add(n, p->label, &a, mask, f) : noting_refused(n, p->label, &why, f);
}

static int note_all(struct tool *t, const struct set_args *a, const struct picks *p,
                    const struct assigning *by)
{
    struct noting *n;
    struct fault f = {0};
    int rc = 0;

    if (p->n == 0) {
        tool_say(t, "nothing is meant");
        return EXIT_FAILED;
    }
    tool_say(t, "%zu %s meant", p->n, p->n == 1 ? "identity is" : "identities are");
    n = noting_new(t, a->dry_run, p->n);
    for (size_t i = 0; rc == 0 && i < p->n; i++)
        rc = note_one(n, &p->item[i], by, &f);
    rc = noting_end(n, rc, &f);
    noting_free(n);
    return rc;
}

static int change(struct tool *t, const struct set_args *a, char *const *word, size_t n,
                  const struct assigning *by)
{
    struct picks p = {0};
    struct fault f = {0};
    int rc;

    if (n == 0 && !a->all && !list_args_any(&a->list))
        return no_selector(t);
    if (pick(t, a, word, n, &p, &f) != 0)
        rc = strcmp(f.rule, "usage") == 0 ? tool_usage(t, "%s", f.text) : tool_fail(t, &f);
    else
        rc = note_all(t, a, &p, by);
    picks_free(&p);
    return rc;
}

/* ---- set ---- */

static int run_set(struct tool *t, void *args)
{
    const struct set_args *a = args;
    struct assigning *by = xcalloc(1, sizeof(*by));
    struct fault f = {0};
    size_t n = 0;
    int rc = 0;

    for (int i = 0; rc == 0 && i < t->n_words; i++) {
        rc = read_word(t->words[i], by, &f);
        if (rc == 1) {
            t->words[n++] = t->words[i];
            rc = 0;
        }
    }
    if (rc != 0 && f.allowed[0] != 0)
        rc = tool_usage(t, "%s: \"%s\" should be %s", f.field, f.value, f.allowed);
    else if (rc != 0)
        rc = tool_usage(t, "%s", f.text);
    else if (a->csv != NULL && (by->mask != 0 || n > 0 || list_args_any(&a->list)))
        rc = tool_usage(t, "--csv says itself what is set where");
    else if (a->csv != NULL)
        rc = notecsv_run(t, a->csv, a->dry_run);
    else if (by->mask == 0 && by->add.n + by->remove.n == 0)
        rc = tool_usage(t, "nothing is set: %s", forms);
    else
        rc = change(t, a, t->words, n, by);
    free(by);
    return rc;
}

#define AT(field) offsetof(struct set_args, field)
static const struct opt set_opts[] = {
    {"csv", OPT_TEXT, AT(csv), "FILE", "a row each: identity, fingerprint or name, and fields", 0},
    {"all", OPT_FLAG, AT(all), NULL, "everything there is", 0},
    {"dry-run", OPT_FLAG, AT(dry_run), NULL, "say what would change; record nothing", 'n'},
    {NULL, OPT_FLAG, 0, NULL, NULL, 0},
};

const struct command cmd_inventory_set = {
    .name = "inventory set",
    .help = "write down who owns what, what it is for and how it is renewed",
    .arguments = "FIELD=VALUE... (NAME | SERIAL | FINGERPRINT | foreign:NUMBER)... [options]",
    .examples = "  cerca inventory set owner=team-web criticality=high web.example.com\n"
                "  cerca inventory set environment=prod tags+=pci --profile tls-server --dry-run\n"
                "  cerca inventory set --csv owners.csv\n",
    .opts = set_opts,
    .shared = list_args_opts,
    .args_size = sizeof(struct set_args),
    .max = 1024,
    .formats = FORMAT_TABLE | FORMAT_JSON | FORMAT_CSV,
    .format = FORMAT_TABLE,
    .run = run_set,
};

/* ---- unset ---- */

static int run_unset(struct tool *t, void *args)
{
    const struct set_args *a = args;
    struct assigning *by = xcalloc(1, sizeof(*by));
    int rc = EXIT_OK;

    for (size_t i = 0; rc == EXIT_OK && i < a->fields.n; i++) {
        unsigned bit = annotation_field_parse(a->fields.item[i]);

        if (bit == 0 || bit == ANNOTATION_RETIRED)
            rc = tool_usage(t, "--field: \"%s\" is none that can be unset", a->fields.item[i]);
        by->mask |= bit;
    }
    if (rc == EXIT_OK && by->mask == 0)
        rc = tool_usage(t, "--field is missing");
    if (rc == EXIT_OK)
        rc = change(t, a, t->words, (size_t)t->n_words, by);
    free(by);
    return rc;
}

static const struct opt unset_opts[] = {
    {"field", OPT_TEXTS, AT(fields), "FIELD", "what is not to be set any more", 0},
    {"all", OPT_FLAG, AT(all), NULL, "everything there is", 0},
    {"dry-run", OPT_FLAG, AT(dry_run), NULL, "say what would change; record nothing", 'n'},
    {NULL, OPT_FLAG, 0, NULL, NULL, 0},
};

const struct command cmd_inventory_unset = {
    .name = "inventory unset",
    .help = "take back what is written about an identity",
    .arguments = "--field FIELD (NAME | SERIAL | FINGERPRINT | foreign:NUMBER)... [options]",
    .examples = "  cerca inventory unset --field note --field reviewed web.example.com\n",
    .opts = unset_opts,
    .shared = list_args_opts,
    .args_size = sizeof(struct set_args),
    .max = 1024,
    .formats = FORMAT_TABLE | FORMAT_JSON | FORMAT_CSV,
    .format = FORMAT_TABLE,
    .run = run_unset,
};

/* ---- show ---- */

static json_t *pick_json(const struct pick *p, const json_t *places)
{
    json_t *o = json_object();

    json_put(o, "name", json_text(p->label));
    json_put(o, "owner", json_text(p->now.owner));
    annotation_json(&p->now, o);
    json_put(o, "updated", p->now.updated != 0 ? json_time(p->now.updated) : json_null());
    json_put(o, "updated_by", json_text(p->now.updated_by));
    json_put(o, "places", json_deep_copy(places));
    return o;
}

static void print_text(const struct pick *p, const json_t *places, struct buf *out)
{
    json_t *o = pick_json(p, places), *value;
    const char *key;
    struct buf plain;

    buf_init(&plain, TEXT_MAX);
    json_object_foreach(o, key, value)
    {
        buf_reset(&plain);
        if (!json_is_array(value) || strcmp(key, "places") != 0)
            json_plain(value, &plain);
        if (plain.n == 0)
            continue;
        buf_printf(out, "%-12s ", key);
        text_safe(buf_slice(&plain), false, out);
        buf_put_str(out, "\n");
    }
    places_print(places, 0, 13, out);
    buf_free(&plain);
    json_decref(o);
}

static int tell_picks(struct tool *t, const struct picks *p, json_t *all, struct buf *out,
                      struct fault *f)
{
    for (size_t i = 0; i < p->n; i++) {
        json_t *places = places_json(t, p->item[i].now.identity, f);

        if (places == NULL)
            return -(int)f->code;
        buf_put_str(out, i > 0 ? "\n" : "");
        print_text(&p->item[i], places, out);
        (void)!json_array_append_new(all, pick_json(&p->item[i], places));
        json_decref(places);
    }
    return 0;
}

static int print_picks(struct tool *t, const struct picks *p, struct fault *f)
{
    json_t *all = json_array();
    struct buf out;
    int rc;

    buf_init(&out, TEXT_MAX * 4);
    rc = tell_picks(t, p, all, &out, f);
    if (rc == 0 && t->format == FORMAT_JSON)
        rc = json_print(t, json_incref(all));
    else if (rc == 0)
        rc = tool_print(t, buf_slice(&out));
    buf_free(&out);
    json_decref(all);
    return rc;
}

static int run_show(struct tool *t, void *args)
{
    struct picks p = {0};
    struct fault f = {0};
    int rc = picks_word(t, t->words[0], &p, &f);

    (void)args;
    if (rc == 0)
        rc = print_picks(t, &p, &f);
    picks_free(&p);
    return rc < 0 ? tool_fail(t, &f) : rc;
}

const struct command cmd_inventory_show = {
    .name = "inventory show",
    .help = "show what is written about whatever has this name",
    .arguments = "(NAME | SERIAL | FINGERPRINT | foreign:NUMBER | identity:HEX) [options]",
    .examples = "  cerca inventory show web.example.com\n",
    .min = 1,
    .max = 1,
    .formats = FORMAT_TEXT | FORMAT_JSON,
    .format = FORMAT_TEXT,
    .run = run_show,
};
