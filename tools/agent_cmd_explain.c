/* cerca-agent explain: when an entry is renewed, and why then. */
#include <unistd.h>

#include "agent/conf/window.h"
#include "agent/deploy/deploy.h"
#include "agent/identity.h"
#include "agent/names.h"
#include "agent/steps.h"
#include "lib/clock.h"
#include "lib/p11uri.h"
#include "tools/agent_tool.h"

static int64_t window_of(const struct agent_cert *c, int64_t from)
{
    struct window w[64];
    struct fault f;
    size_t n = 0;

    for (size_t i = 0; i < c->n_windows && n < sizeof(w) / sizeof(w[0]); i++)
        n += window_parse(c->windows[i], &w[n], &f) == 0;
    return window_next(w, n, from);
}

static const char *way_of(const struct agent_cert *c, const struct record *r)
{
    if (r->fingerprint[0] != '\0')
        return "by the certificate in force";
    if (c->token_file[0] != '\0')
        return c->cert[0] != '\0' ? "with a certificate and a token" : "with a token";
    if (c->user[0] != '\0')
        return c->cert[0] != '\0' ? "with a certificate and a password" : "with a password";
    return c->cert[0] != '\0' ? "with a certificate" : "by taking over what is there";
}

static void put_when(const struct agent_cert *c, const struct record *r, struct buf *out)
{
    char a[CLOCK_TEXT_SIZE], b[CLOCK_TEXT_SIZE];
    int64_t due = step_due(c, r);

    buf_printf(out, "due: %s, at %u %% of its life with a spread of a twentieth\n",
               agent_time_text(due, a), c->renew_at);
    if (r->hint_end > 0)
        buf_printf(out, "hint of the CA: between %s and %s: %s\n",
                   agent_time_text(r->hint_start, a), agent_time_text(r->hint_end, b), r->hint);
    if (c->n_windows > 0)
        buf_printf(out, "services are touched in a window: %s\n",
                   agent_time_text(window_of(c, due > clock_now() ? due : clock_now()), a));
}

/* What people should know of the certificate in force. */
static void put_further(const struct agent_cert *c, struct buf *out)
{
    struct anycert present;
    struct buf der, names;
    unsigned version;
    struct fault f;

    buf_init(&der, ANYCERT_MAX);
    buf_init(&names, 1 << 16);
    if (deploy_current(c, &version, &f) == 0 && deploy_leaf(c, version, &der, &f) == 0 &&
        anycert_parse(buf_slice(&der), &present, &f) == 0)
        names_further(c, &present, &names);
    if (names.n > 0)
        buf_printf(out, "also for: %s, which the CA has added\n", buf_cstr(&names));
    if (c->token_file[0] != '\0' && access(c->token_file, F_OK) == 0)
        buf_printf(out, "token: %s has done its work, and can be removed\n", c->token_file);
    buf_free(&der);
    buf_free(&names);
}

/* Where the key in force is: in a token, at this URI. */
static bool find_key(const struct agent_cert *c, struct buf *uri)
{
    unsigned version;
    struct fault f;

    buf_init(uri, P11URI_MAX);
    return agent_key_in_token(c) && deploy_current(c, &version, &f) == 0 &&
           identity_uri(c, version, uri, &f) == 0;
}

static void put_key(const struct agent_cert *c, struct buf *out)
{
    struct buf uri;

    if (find_key(c, &uri))
        buf_printf(out, "key: in a token, %s\n", buf_cstr(&uri));
    else if (agent_key_in_token(c))
        buf_printf(out, "key: to be made in the token %s\n", c->token.uri);
    buf_free(&uri);
}

static void put_all(const struct entry *e, const struct record *r, struct buf *out)
{
    const struct agent_cert *c = e->as;

    agent_entry_text(e, r, out);
    if (r->fingerprint[0] != '\0')
        put_when(c, r, out);
    if (e->trust == NULL)
        buf_printf(out, "enrolls at %s%s%s %s\n", c->url, c->label[0] != '\0' ? ", label " : "",
                   c->label, way_of(c, r));
    if (e->trust == NULL && r->version > 0 && r->fingerprint[0] != '\0')
        put_further(c, out);
    put_key(c, out);
    for (size_t i = 0; i < c->n_files; i++)
        buf_printf(out, "file: %s\n", c->files[i].path);
}

static json_t *explain_json(const struct entry *e, const struct record *r)
{
    const struct agent_cert *c = e->as;
    json_t *o = agent_entry_json(e, r), *files = json_array();
    struct buf uri;

    if (e->trust != NULL) {
        json_decref(files);
        return o;
    }
    json_put(o, "due", r->fingerprint[0] != '\0' ? json_time(step_due(c, r)) : json_null());
    json_put(o, "renew_at", json_integer(c->renew_at));
    json_put(o, "hint_start", r->hint_start > 0 ? json_time(r->hint_start) : json_null());
    json_put(o, "hint_end", r->hint_end > 0 ? json_time(r->hint_end) : json_null());
    json_put(o, "hint", json_text(r->hint));
    json_put(o, "url", json_text(c->url));
    json_put(o, "label", json_text(c->label));
    json_put(o, "way", json_text(way_of(c, r)));
    for (size_t i = 0; i < c->n_files; i++)
        (void)json_array_append_new(files, json_text(c->files[i].path));
    json_put(o, "files", files);
    json_put(o, "key_uri", find_key(c, &uri) ? json_text(buf_cstr(&uri)) : json_null());
    buf_free(&uri);
    return o;
}

static int explain(struct tool *t, const struct entry *e)
{
    struct record r;
    struct fault f = {0};
    struct buf out;
    int rc;

    if (record_load(e->as, &r, &f) != 0)
        return tool_fail(t, &f);
    if (t->format == FORMAT_JSON)
        return json_print(t, explain_json(e, &r));
    buf_init(&out, 1 << 20);
    put_all(e, &r, &out);
    rc = tool_print(t, buf_slice(&out));
    buf_free(&out);
    return rc;
}

static int run(struct tool *t, void *args)
{
    struct entry e;
    struct agent_conf *c;
    struct fault f = {0};
    int rc;

    if (agent_tool_load(t, args, &c, &f) != 0)
        return tool_fail(t, &f);
    rc = agent_tool_entry(t, c, &e, &f) == 0 ? explain(t, &e) : tool_fail(t, &f);
    agent_conf_free(c);
    return rc;
}

const struct command cmd_agent_explain = {
    .name = "explain",
    .help = "when an entry is renewed and why then, and what it waits for",
    .arguments = "NAME [options]",
    .examples = "  cerca-agent explain web\n",
    .shared = agent_opts,
    .args_size = sizeof(struct agent_args),
    .min = 1,
    .max = 1,
    .formats = FORMAT_TEXT | FORMAT_JSON,
    .format = FORMAT_TEXT,
    .run = run,
};
