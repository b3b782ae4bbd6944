/* cerca policy explain and show: what would happen to a request and why; what a profile says. */
#include <stdio.h>
#include <string.h>

#include "lib/cert.h"
#include "lib/clock.h"
#include "lib/oid.h"
#include "lib/proto_policy.h"
#include "tools/commands.h"
#include "client/csrfile.h"
#include "tools/json.h"
#include "tools/request.h"

#define TEXT_MAX (4 * CONF_MAX)

/* ---- asking ---- */

static int ask(struct job *j, struct tool *t, struct explained *out, struct fault *f)
{
    struct frame answer;
    struct buf body;
    int rc = csrfile_read(j->args->csr, &j->csr, f);

    if (rc != 0)
        return rc;
    j->request.csr = buf_slice(&j->csr);
    buf_init(&body, FRAME_BODY_MAX);
    issue_request_put(&body, &j->request);
    if (buf_failed(&body))
        rc = fault_set(f, FAULT_TOO_LARGE, "request.size", "the request is too large");
    if (rc == 0)
        rc = tool_connect(t, f);
    if (rc == 0)
        rc = tool_call(t, MSG_EXPLAIN, buf_slice(&body), MSG_EXPLAINED, &answer, f);
    if (rc == 0 && explained_get(answer.body, out) != 0)
        rc = fault_set(f, FAULT_MALFORMED, "answer", "cerca-ca sent no explanation");
    buf_free(&body);
    return rc;
}

/* ---- the certificate that it would be ---- */

static json_t *text_json(struct buf *b)
{
    json_t *v = json_text(buf_cstr(b));

    buf_reset(b);
    return v;
}

static json_t *sans_array(const struct cert *c, struct buf *b)
{
    json_t *list = json_array();

    for (size_t i = 0; i < c->sans.n; i++) {
        san_print(&c->sans.item[i], b);
        json_array_append_new(list, text_json(b));
    }
    return list;
}

static json_t *extensions_array(const struct cert *c, struct buf *b)
{
    json_t *list = json_array();

    for (size_t i = 0; i < c->n_extensions; i++) {
        oid_print(c->extension[i].oid, b);
        buf_put_str(b, c->extension[i].critical ? " critical" : "");
        json_array_append_new(list, text_json(b));
    }
    return list;
}

static json_t *certificate_json(struct slice tbs)
{
    json_t *o = json_object();
    struct cert c;
    struct fault f;
    struct buf b;

    if (tbs_parse(tbs, &c, &f) != 0)
        return o;
    buf_init(&b, TEXT_MAX);
    name_print(c.subject, &b);
    json_put(o, "subject", text_json(&b));
    json_put(o, "sans", sans_array(&c, &b));
    json_put(o, "not_before", json_time(c.not_before));
    json_put(o, "not_after", json_time(c.not_after));
    json_put(o, "signature", json_text(sig_alg_name(c.tbs_alg)));
    json_put(o, "ca", json_boolean(c.ca));
    conf_print_usages(c.key_usage, &b);
    json_put(o, "key_usage", text_json(&b));
    conf_print_purposes(c.eku, &b);
    json_put(o, "extended_key_usage", text_json(&b));
    json_put(o, "extensions", extensions_array(&c, &b));
    buf_free(&b);
    return o;
}

/* ---- telling ---- */

static json_t *slice_json(struct slice s)
{
    char text[4097];

    (void)snprintf(text, sizeof(text), "%.*s", (int)s.n, (const char *)s.p);
    return json_text(text);
}

static json_t *step_json(const struct explain_step *s)
{
    json_t *o = json_object();

    json_put(o, "step", json_text(s->step));
    json_put(o, "ok", json_boolean(!s->refused));
    json_put(o, "rule", json_text(s->rule));
    json_put(o, "value", slice_json(s->value));
    json_put(o, "allowed", slice_json(s->allowed));
    json_put(o, "text", json_text(s->text));
    return o;
}

static json_t *explained_json(const struct explained *e)
{
    json_t *o = json_object(), *steps = json_array();
    struct slice rest = e->steps;
    struct explain_step s;

    while (rest.n > 0 && explain_step_get(&rest, &s) == 0)
        json_array_append_new(steps, step_json(&s));
    json_put(o, "allowed", json_boolean(e->allowed));
    json_put(o, "profile", json_text(e->profile));
    json_put(o, "issuer", json_text(e->issuer));
    json_put(o, "steps", steps);
    json_put(o, "certificate", e->allowed ? certificate_json(e->tbs) : json_null());
    return o;
}

/* What comes from a request is shown escaped where it could drive a terminal. */
static void put_plain(const json_t *o, const char *key, struct buf *out)
{
    for (const char *p = json_str(o, key); *p != 0; p++) {
        if ((uint8_t)*p < 0x20 || *p == 0x7f)
            buf_printf(out, "\\x%02x", (unsigned)(uint8_t)*p);
        else
            buf_put_u8(out, (uint8_t)*p);
    }
}

static void print_step(const json_t *s, struct buf *out)
{
    bool ok = json_is_true(json_object_get(s, "ok"));

    buf_printf(out, "%-8s %-14s ", ok ? "ok" : "REFUSED", json_str(s, "step"));
    if (!ok)
        buf_printf(out, "%s: ", json_str(s, "rule"));
    put_plain(s, "value", out);
    if (json_str(s, "allowed")[0] != 0) {
        buf_put_str(out, json_str(s, "value")[0] != 0 ? "  [" : "[");
        put_plain(s, "allowed", out);
        buf_put_u8(out, ']');
    } else if (!ok && json_str(s, "value")[0] == 0) {
        put_plain(s, "text", out);
    }
    buf_put_u8(out, '\n');
}

static void print_certificate(const json_t *c, struct buf *out)
{
    const char *key;
    json_t *v;

    buf_put_str(out, "\nIt would be\n");
    json_object_foreach((json_t *)c, key, v)
    {
        struct buf text;

        buf_init(&text, TEXT_MAX);
        json_plain(v, &text);
        buf_printf(out, "  %-20s %s\n", key,
                   json_is_boolean(v) ? (json_is_true(v) ? "true" : "false") : buf_cstr(&text));
        buf_free(&text);
    }
}

static int print_table(struct tool *t, const json_t *o)
{
    const json_t *steps = json_object_get(o, "steps");
    struct buf out;
    int rc;

    buf_init(&out, TEXT_MAX);
    buf_printf(&out, "profile %s, issuer %s\n\n", json_str(o, "profile"), json_str(o, "issuer"));
    for (size_t i = 0; i < json_array_size(steps); i++)
        print_step(json_array_get(steps, i), &out);
    if (json_is_object(json_object_get(o, "certificate")))
        print_certificate(json_object_get(o, "certificate"), &out);
    rc = tool_print(t, buf_slice(&out));
    buf_free(&out);
    return rc;
}

static int tell(struct tool *t, const struct explained *e)
{
    json_t *o = explained_json(e);
    int rc;

    if (t->format == FORMAT_JSON) {
        rc = json_print(t, o);
    } else {
        rc = print_table(t, o);
        json_decref(o);
    }
    if (rc != EXIT_OK || e->allowed)
        return rc;
    tool_say(t, "it would be refused");
    return EXIT_FAILED;
}

static int run_explain(struct tool *t, void *args)
{
    const struct request_args *a = args;
    struct explained e;
    struct fault f = {0};
    struct job j;
    int rc;

    if (a->profile == NULL || a->csr == NULL)
        return tool_usage(t, a->profile == NULL ? "--profile is missing" : "--csr is missing");
    rc = job_begin(&j, t, a);
    if (rc == EXIT_OK && (job_fill(&j, &f) != 0 || ask(&j, t, &e, &f) != 0))
        rc = tool_fail(t, &f);
    else if (rc == EXIT_OK)
        rc = tell(t, &e);
    job_free(&j);
    return rc;
}

static const struct opt explain_opts[] = {
    {"profile", OPT_TEXT, offsetof(struct request_args, profile), "NAME", "the profile asked for",
     'p'},
    {"csr", OPT_TEXT, offsetof(struct request_args, csr), "FILE",
     "certification request, PEM or DER; - is standard input", 0},
    {"san", OPT_TEXTS, offsetof(struct request_args, sans), "KIND:NAME",
     "a name besides those of the CSR; as often as needed", 0},
    {"subject", OPT_TEXT, offsetof(struct request_args, subject), "DN", "instead of the CSR's own",
     0},
    {"owner", OPT_TEXT, offsetof(struct request_args, owner), "NAME",
     "who is asked about this certificate later", 0},
    {"validity", OPT_SPAN, offsetof(struct request_args, validity), "SPAN",
     "such as 90d; else what the profile says", 0},
    {"not-after", OPT_TIME, offsetof(struct request_args, not_after), "TIME",
     "such as 2027-01-31T12:00:00Z, instead of --validity", 0},
    {NULL, OPT_FLAG, 0, NULL, NULL, 0},
};

const struct command cmd_policy_explain = {
    .name = "policy explain",
    .help = "say what would happen to a request, and why",
    .arguments = "--profile NAME --csr FILE [options]",
    .examples = "  cerca policy explain --profile tls-server --csr web.csr\n"
                "  cerca policy explain -p mtls --csr a.csr --san dns:a.example -o json\n",
    .opts = explain_opts,
    .args_size = sizeof(struct request_args),
    .defaults = &request_defaults,
    .formats = FORMAT_TABLE | FORMAT_JSON,
    .format = FORMAT_TABLE,
    .run = run_explain,
};

/* ---- show ---- */

static void show_one(const struct tool *t, const struct conf_profile *p, struct buf *out)
{
    if (t->format == FORMAT_JSON)
        conf_print_profile_json(p, out);
    else
        conf_print_profile(t->conf, p, out);
}

static void show_all(const struct tool *t, struct buf *out)
{
    bool json = t->format == FORMAT_JSON;

    buf_put_str(out, json ? "[" : "");
    for (size_t i = 0; i < t->conf->n_profiles; i++) {
        buf_put_str(out, json && i > 0 ? ", " : "");
        show_one(t, &t->conf->profiles[i], out);
    }
    buf_put_str(out, json ? "]\n" : "");
}

static int run_show(struct tool *t, void *args)
{
    const struct conf_profile *p = NULL;
    struct fault f = {0};
    struct buf out;
    int rc;

    (void)args;
    if (tool_conf(t, &f) != 0)
        return tool_fail(t, &f);
    if (t->n_words > 0 && (p = conf_profile(t->conf, t->words[0])) == NULL) {
        if (conf_profile_is_off(t->conf, t->words[0]))
            (void)fault_set(&f, FAULT_NOT_FOUND, "profile.off", "%s", t->conf->profile_off);
        else
            (void)fault_set(&f, FAULT_NOT_FOUND, "profile.unknown", "there is no profile \"%.64s\"",
                            t->words[0]);
        return tool_fail(t, &f);
    }
    buf_init(&out, TEXT_MAX);
    if (p == NULL)
        show_all(t, &out);
    else
        show_one(t, p, &out);
    if (p != NULL && t->format == FORMAT_JSON)
        buf_put_u8(&out, '\n');
    rc = tool_print(t, buf_slice(&out));
    buf_free(&out);
    return rc;
}

const struct command cmd_policy_show = {
    .name = "policy show",
    .help = "show profiles with every key in force",
    .arguments = "[PROFILE] [options]",
    .examples = "  cerca policy show tls-server\n"
                "  cerca policy show -o json\n",
    .max = 1,
    .formats = FORMAT_TEXT | FORMAT_JSON,
    .format = FORMAT_TEXT,
    .run = run_show,
};
