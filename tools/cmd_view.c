/* Exports of the view, and validation nodes: `cerca view export`, `import`, `node`. */
#include <inttypes.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/conf_setup.h"
#include "lib/file.h"
#include "lib/text.h"
#include "tools/audit.h"
#include "tools/commands.h"
#include "tools/json.h"
#include "tools/viewimport.h"

/* ---- export ---- */

static int print_export(const struct tool *t, const struct view_exported *e)
{
    char time[CLOCK_TEXT_SIZE];
    struct buf out;
    json_t *o;
    int rc;

    clock_format(e->time, time);
    if (t->format == FORMAT_JSON) {
        o = json_object();
        json_put(o, "number", json_integer((json_int_t)e->number));
        json_put(o, "time", json_string(time));
        json_put(o, "files", json_integer((json_int_t)e->files));
        json_put(o, "octets", json_integer((json_int_t)e->octets));
        json_put(o, "new_octets", json_integer((json_int_t)e->new_octets));
        return json_print(t, o);
    }
    buf_init(&out, 512);
    buf_printf(&out,
               "export %" PRIu64 " of %s: %" PRIu64 " files, %" PRIu64 " octets, %" PRIu64
               " of them new\n",
               e->number, time, e->files, e->octets, e->new_octets);
    rc = tool_print(t, buf_slice(&out));
    buf_free(&out);
    return rc;
}

static int run_export(struct tool *t, void *args)
{
    struct view_exported e;
    struct fault f = {0};
    struct frame answer;

    (void)args;
    if (tool_call(t, MSG_VIEW_EXPORT, SLICE_NONE, MSG_VIEW_EXPORTED, &answer, &f) != 0)
        return tool_fail(t, &f);
    if (view_exported_get(answer.body, &e) != 0) {
        (void)fault_set(&f, FAULT_MALFORMED, "reply", "cerca-ca's answer is malformed");
        return tool_fail(t, &f);
    }
    return print_export(t, &e);
}

const struct command cmd_view_export = {
    .name = "view export",
    .help = "make a signed export of the public view now, for validation nodes",
    .arguments = "[options]",
    .examples = "  cerca view export && scp -r /var/lib/cerca/export node:/var/lib/cerca\n",
    .formats = FORMAT_TEXT | FORMAT_JSON,
    .format = FORMAT_TEXT,
    .run = run_export,
};

/* ---- import ---- */

static int print_import(const struct tool *t, const struct import_result *r)
{
    char time[CLOCK_TEXT_SIZE];
    struct buf out;
    json_t *o;
    int rc;

    clock_format(r->head.time, time);
    if (t->format == FORMAT_JSON) {
        o = json_object();
        json_put(o, "origin", json_string(r->head.origin));
        json_put(o, "number", json_integer((json_int_t)r->head.number));
        json_put(o, "time", json_string(time));
        json_put(o, "new", json_boolean(!r->nothing_new));
        json_put(o, "issuers", json_integer((json_int_t)r->issuers));
        json_put(o, "changed", json_integer((json_int_t)r->changed));
        return json_print(t, o);
    }
    buf_init(&out, 1024);
    if (r->nothing_new)
        buf_printf(&out, "export %" PRIu64 " of %s was taken already\n", r->head.number, time);
    else
        buf_printf(&out,
                   "export %" PRIu64 " of %s, by %s, is in service: %" PRIu64 " issuers, %" PRIu64
                   " of %" PRIu64 " files changed\n",
                   r->head.number, time, r->head.origin, r->issuers, r->changed, r->files);
    rc = tool_print(t, buf_slice(&out));
    buf_free(&out);
    return rc;
}

static int import(const struct conf *c, struct import_result *r, struct fault *f)
{
    struct note_key key;

    if (c->view_import_dir[0] == '\0' || c->view_import_key[0] == '\0')
        return fault_set(f, FAULT_CONFIG, "import.conf",
                         "%s: view.import_dir and view.import_key say where exports arrive and who "
                         "seals them; cerca view node writes such a configuration",
                         c->path);
    if (note_key_get(c->view_import_key, &key, f) != 0)
        return -(int)f->code;
    return view_import(c->view_import_dir, c->view_dir, &key, r, f);
}

static int run_import(struct tool *t, void *args)
{
    struct import_result r = {.files = 0};
    struct fault f = {0};
    int64_t age;

    (void)args;
    if (tool_conf(t, &f) != 0 || import(t->conf, &r, &f) != 0)
        return tool_fail(t, &f);
    age = clock_now() - r.head.time;
    if (age > t->conf->http_view_age)
        tool_say(t,
                 "this export is older than http.view_age: OCSP says \"try later\" until a newer "
                 "one arrives");
    return print_import(t, &r);
}

const struct command cmd_view_import = {
    .name = "view import",
    .help = "on a validation node: check an export that has arrived, and serve it",
    .arguments = "[options]",
    .examples = "  cerca view import -c /etc/cerca/node.conf\n",
    .formats = FORMAT_TEXT | FORMAT_JSON,
    .format = FORMAT_TEXT,
    .run = run_import,
};

/* ---- a node's configuration ---- */

struct node_args {
    const char *dir, *listen, *out;
    uint16_t port;
};

/* The first key is an Ed25519 key. */
static int find_key(struct tool *t, struct buf *out, struct fault *f)
{
    struct checkpoint *c = xcalloc(1, sizeof(*c));
    struct buf note, keys;
    struct slice lines;
    struct note_key of_log, key;
    char text[VKEY_MAX];
    int rc = tool_connect(t, f);

    buf_init(&note, NOTE_MAX);
    buf_init(&keys, NOTE_MAX);
    if (rc == 0)
        rc = audit_newest(t, AUDIT_LOG_NOW, true, c, &note, &keys, f);
    lines = buf_slice(&keys);
    if (rc == 0 && !text_next_line(&lines, text, sizeof(text)))
        rc = fault_set(f, FAULT_NOT_FOUND, "checkpoint.none", "there is no key that seals exports");
    if (rc == 0)
        rc = note_key_get(text, &of_log, f);
    if (rc == 0 && viewexport_key(&of_log, &key) != 0)
        rc = fault_set(f, FAULT_CONFIG, "audit.origin", "audit.origin is too long for exports");
    if (rc == 0)
        note_key_put(out, &key);
    buf_free(&note);
    buf_free(&keys);
    free(c);
    return rc;
}

static int run_node(struct tool *t, void *args)
{
    const struct node_args *a = args;
    struct fault f = {0};
    struct buf key, out;
    int rc;

    buf_init(&key, VKEY_MAX);
    buf_init(&out, CONF_MAX);
    rc = find_key(t, &key, &f);
    if (rc == 0)
        conf_node_text(
            t->conf,
            &(struct conf_node){
                .import_key = buf_cstr(&key), .dir = a->dir, .listen = a->listen, .port = a->port},
            &out);
    if (rc == 0 && a->out != NULL)
        rc = file_write(a->out, 0644, buf_slice(&out), &f);
    rc = rc != 0 ? tool_fail(t, &f) : a->out == NULL ? tool_print(t, buf_slice(&out)) : EXIT_OK;
    buf_free(&key);
    buf_free(&out);
    return rc;
}

static const struct opt node_opts[] = {
    {"dir", OPT_TEXT, offsetof(struct node_args, dir), "DIR",
     "where the node has its files; without it, beside the configuration", 0},
    {"listen", OPT_TEXT, offsetof(struct node_args, listen), "ADDRESS",
     "where the node serves HTTP; without it, on the CA's own address", 0},
    {"port", OPT_PORT, offsetof(struct node_args, port), "PORT", "... and its port", 0},
    {"out", OPT_TEXT, offsetof(struct node_args, out), "FILE", "instead of standard output", 0},
    {NULL, OPT_FLAG, 0, NULL, NULL, 0},
};

const struct command cmd_view_node = {
    .name = "view node",
    .help = "print the configuration of a validation node of this CA",
    .arguments = "[--dir DIR] [--listen ADDRESS] [--port PORT] [options]",
    .examples =
        "  cerca view node --dir /var/lib/cerca --listen 0.0.0.0 --port 80 --out node.conf\n",
    .opts = node_opts,
    .args_size = sizeof(struct node_args),
    .run = run_node,
};
