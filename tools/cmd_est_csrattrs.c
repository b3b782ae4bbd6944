/* cerca est csrattrs: what an EST server wants to find in requests. */
#include "est/body.h"
#include "est/csrattrs.h"
#include "lib/name_attr.h"
#include "lib/oid.h"
#include "tools/commands.h"
#include "client/estcall.h"
#include "tools/estopts.h"
#include "tools/json.h"

#define TEXT_MAX 65536

struct csrattrs_args {
    struct est_args est;
};

static json_t *oid_json(struct slice oid)
{
    struct buf text;
    json_t *v;

    buf_init(&text, 1024);
    oid_print(oid, &text);
    v = json_text(buf_cstr(&text));
    buf_free(&text);
    return v;
}

static json_t *der_json(struct slice der)
{
    struct buf text;
    json_t *v;

    buf_init(&text, 2 * TEXT_MAX);
    for (size_t i = 0; i < der.n; i++)
        buf_printf(&text, "%02x", der.p[i]);
    v = json_text(buf_cstr(&text));
    buf_free(&text);
    return v;
}

static json_t *keys_json(const struct csrattrs *w)
{
    json_t *list = json_array();
    char type[24];

    for (size_t i = 0; i < w->n_keys; i++) {
        key_describe(w->key[i].type, w->key[i].bits, type);
        if (w->key[i].type == KEY_RSA && w->key[i].bits == 0)
            (void)json_array_append_new(list, json_text("rsa"));
        else
            (void)json_array_append_new(list, json_text(type));
    }
    return list;
}

static json_t *subject_json(const struct csrattrs *w)
{
    json_t *list = json_array();

    for (size_t i = 0; i < w->n_subject; i++) {
        const struct name_attr_row *row = name_attr_by_oid(w->subject[i].oid);
        json_t *one = json_object();

        json_put(one, "attribute",
                 row->attr == ATTR_OTHER ? oid_json(w->subject[i].oid) : json_text(row->name));
        json_put(one, "value",
                 w->subject[i].value.n == 0 ? json_null() : der_json(w->subject[i].value));
        (void)json_array_append_new(list, one);
    }
    return list;
}

static json_t *extensions_json(const struct csrattrs *w)
{
    json_t *list = json_array();

    for (size_t i = 0; i < w->n_extensions; i++) {
        json_t *one = json_object();

        json_put(one, "oid", oid_json(w->extension[i].oid));
        json_put(one, "critical", json_boolean(w->extension[i].critical));
        json_put(one, "value",
                 w->extension[i].has_value ? der_json(w->extension[i].value) : json_null());
        (void)json_array_append_new(list, one);
    }
    return list;
}

static json_t *wanted_json(const struct csrattrs *w)
{
    json_t *o = json_object(), *others = json_array();

    json_put(o, "linking", json_boolean(w->linking));
    json_put(o, "template", json_boolean(w->templated));
    json_put(o, "keys", keys_json(w));
    json_put(o, "subject", subject_json(w));
    json_put(o, "extensions", extensions_json(w));
    for (size_t i = 0; i < w->n_others; i++)
        (void)json_array_append_new(others, oid_json(w->other[i]));
    json_put(o, "others", others);
    return o;
}

/* ---- as text ---- */

static void put_strings(struct buf *out, const char *name, const json_t *list)
{
    if (json_array_size(list) == 0)
        return;
    buf_printf(out, "%s:", name);
    for (size_t i = 0; i < json_array_size(list); i++)
        buf_printf(out, " %s", json_string_value(json_array_get(list, i)));
    buf_put_u8(out, '\n');
}

static void put_objects(struct buf *out, const char *name, const char *key, const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        bool open = json_is_null(json_object_get(item, "value"));

        buf_printf(out, "%s: %s %s\n", name, json_str(item, key),
                   open ? "(yours to fill in)" : json_str(item, "value"));
    }
}

static int print_text(const struct tool *t, const struct csrattrs *w)
{
    json_t *o = wanted_json(w);
    struct buf out;
    int rc;

    buf_init(&out, 4 * TEXT_MAX);
    if (w->linking)
        buf_put_str(&out, "linking: the request must name its connection (challengePassword)\n");
    put_strings(&out, "key", json_object_get(o, "keys"));
    put_objects(&out, "subject", "attribute", json_object_get(o, "subject"));
    put_objects(&out, "extension", "oid", json_object_get(o, "extensions"));
    put_strings(&out, "unknown here", json_object_get(o, "others"));
    if (out.n == 0)
        buf_put_str(&out, "nothing in particular\n");
    rc = tool_print(t, buf_slice(&out));
    buf_free(&out);
    json_decref(o);
    return rc;
}

static int run_csrattrs(struct tool *t, void *args)
{
    static const char *const no_labels[] = {NULL};
    const struct csrattrs_args *a = args;
    const struct est_call c = {.op = EST_CSRATTRS, .none_is_fine = true};
    struct csrattrs wanted = {.linking = false};
    struct fault f = {0};
    struct buf der;
    struct est e;
    int rc = est_check_args(t, &a->est);

    if (rc != EXIT_OK)
        return rc;
    buf_init(&der, CSRATTRS_BODY_MAX);
    rc = est_tool_open(&e, t, &a->est, false, &f);
    if (rc == 0)
        rc = est_call(&e, &c, &f);
    if (rc == 0 && e.answer.body.n > 0)
        rc = est_body_get(buf_slice(&e.answer.body), no_labels, &der, &f);
    if (rc == 0 && der.n > 0)
        rc = csrattrs_get(buf_slice(&der), &wanted, &f);
    if (rc != 0)
        rc = tool_fail(t, &f);
    else
        rc =
            t->format == FORMAT_JSON ? json_print(t, wanted_json(&wanted)) : print_text(t, &wanted);
    est_close(&e);
    buf_free(&der);
    return rc;
}

const struct command cmd_est_csrattrs = {
    .name = "est csrattrs",
    .help = "what an EST server wants to find in certification requests",
    .arguments = "--url URL [options]",
    .examples = "  cerca est csrattrs --url https://est.example.com:8443 --label vpn-client\n",
    .shared = est_opts,
    .args_size = sizeof(struct csrattrs_args),
    .formats = FORMAT_TEXT | FORMAT_JSON,
    .format = FORMAT_TEXT,
    .run = run_csrattrs,
};
