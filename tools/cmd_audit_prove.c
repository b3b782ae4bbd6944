#include <stdlib.h>
#include <string.h>

#include "lib/file.h"
#include "tools/audit_leaves.h"
#include "tools/commands.h"
#include "tools/find.h"

#define NOTE_FILE_MAX NOTE_MAX
#define RECORDS_MAX 64
#define OUT_MAX (8u << 20)

struct prove_args {
    const char *consistency, *out, *log;
};

struct proof {
    struct tool *tool;
    int64_t log;
    struct checkpoint c; /* the newest: what is proved against */
    struct buf note, keys;
    merkle_node_at at; /* of the tiles; of a log that a restore ended, of its leaves */
    void *at_arg;
    struct tile_reader tiles;
    struct leaves leaves;
    json_t *records;
    bool behind; /* a record is newer than the checkpoint */
};

static json_t *path_json(const struct merkle_path *path)
{
    json_t *list = json_array();

    for (size_t i = 0; i < path->n; i++)
        (void)json_array_append_new(list, json_base64(path->hash[i], 32));
    return list;
}

static int failed(const struct proof *p, struct fault *f)
{
    if (p->tiles.fault.code != FAULT_NONE) {
        *f = p->tiles.fault;
        return -(int)f->code;
    }
    return fault_set(f, FAULT_INTERNAL, "audit.proof",
                     "the tiles of the audit log do not agree with its checkpoint");
}

/* What is handed out has been checked: tiles are plain files. */
static int prove_record(struct proof *p, const struct audit_leaf *leaf, struct fault *f)
{
    struct merkle_path path = {.n = 0};
    uint8_t hash[32];
    json_t *o;

    if (leaf->index >= p->c.size) {
        p->behind = true;
        return 0;
    }
    audit_leaf_hash(leaf, hash);
    if (merkle_inclusion(leaf->index, p->c.size, p->at, p->at_arg, &path) != 0 ||
        !merkle_inclusion_holds(hash, leaf->index, p->c.size, &path, p->c.root))
        return failed(p, f);
    o = json_object();
    json_put(o, "index", json_integer((json_int_t)leaf->index));
    json_put(o, "salt", json_hex_long(leaf->salt));
    json_put(o, "record", json_hex_long(leaf->record));
    json_put(o, "leaf_hash", json_base64(hash, sizeof(hash)));
    json_put(o, "event", audit_json(leaf));
    json_put(o, "inclusion_proof", path_json(&path));
    (void)json_array_append_new(p->records, o);
    return 0;
}

/* The tool's connection gives one answer at a time: the page is copied before tiles are asked. */
static int prove_page(struct proof *p, struct audit_page *page, struct fault *f)
{
    struct slice rest = page->leaves.rest;
    uint8_t *copy = rest.n == 0 ? NULL : xmemdup(rest.p, rest.n);
    struct audit_leaf leaf;
    struct wire_in w;
    int rc = 0;

    wire_in_init(&w, slice_of(copy, rest.n));
    for (uint32_t i = 0; i < page->n && rc == 0; i++) {
        audit_leaf_get(&w, &leaf);
        if (wire_failed(&w))
            break;
        rc = prove_record(p, &leaf, f);
    }
    if (rc == 0 && !wire_in_done(&w))
        rc = fault_set(f, FAULT_MALFORMED, "answer", "cerca-ca sent a broken page");
    free(copy);
    return rc;
}

static int prove_serial(struct proof *p, const uint8_t serial[SERIAL_LEN], struct fault *f)
{
    struct audit_read r = {.log = p->log, .limit = RECORDS_MAX, .has_serial = true, .around = true};
    struct audit_page page = {.more = true};
    int rc = 0;

    memcpy(r.serial, serial, sizeof(r.serial));
    while (rc == 0 && page.more) {
        rc = audit_page(p->tool, &r, &page, f);
        if (rc == 0)
            rc = prove_page(p, &page, f);
        r.from = page.next;
    }
    return rc;
}

static int newest(struct proof *p, bool now, struct fault *f)
{
    int rc = audit_newest(p->tool, p->log, now, &p->c, &p->note, &p->keys, f);

    memset(&p->tiles, 0, sizeof(p->tiles));
    p->tiles.size = p->c.size;
    p->tiles.read = audit_read_tile;
    p->tiles.arg = p->tool;
    json_decref(p->records);
    p->records = json_array();
    p->behind = false;
    p->at = tile_node_at;
    p->at_arg = &p->tiles;
    return rc;
}

/* A log that a restore ended gets no checkpoint any more. */
static int newest_of_ended(struct proof *p, struct fault *f)
{
    int rc = newest(p, false, f);

    p->at = leaves_node_at;
    p->at_arg = &p->leaves;
    return rc == 0 ? leaves_read(&p->leaves, p->tool, p->log, p->c.size, f) : rc;
}

/* A record made since the newest checkpoint needs another one. */
static int prove_certificate(struct proof *p, const char *text, struct fault *f)
{
    struct show_request selector = {0};
    uint8_t serial[SERIAL_LEN];
    int rc = find_selector(text, &selector, f);

    if (rc == 0 && hex_decode(selector.selector, serial, sizeof(serial)) != 0)
        rc = fault_set(f, FAULT_MALFORMED, "serial", "\"%.64s\" is not a serial number", text);
    if (rc == 0)
        rc = prove_serial(p, serial, f);
    if (rc == 0 && p->behind && p->log != AUDIT_LOG_NOW && json_array_size(p->records) == 0)
        return fault_set(f, FAULT_NOT_FOUND, "audit.uncovered",
                         "the records of this certificate are newer than the last checkpoint of "
                         "that log");
    if (rc == 0 && p->behind && p->log == AUDIT_LOG_NOW) {
        rc = newest(p, true, f);
        if (rc == 0)
            rc = prove_serial(p, serial, f);
    }
    if (rc == 0 && json_array_size(p->records) == 0)
        rc = fault_set(f, FAULT_NOT_FOUND, "audit.pruned",
                       "the records of this certificate have been dropped (audit.keep)");
    return rc;
}

static int prove_consistency(struct proof *p, const char *path, json_t *out, struct fault *f)
{
    struct checkpoint *from = xcalloc(1, sizeof(*from));
    struct merkle_path proof = {.n = 0};
    struct buf file = {0};
    int rc = file_read(path, NOTE_FILE_MAX, &file, f);

    if (rc == 0)
        rc = checkpoint_get(buf_slice(&file), from, f);
    if (rc == 0 && from->size > p->c.size && p->log == AUDIT_LOG_NOW)
        rc = newest(p, true, f);
    if (rc == 0 && (from->size == 0 || from->size > p->c.size))
        rc = fault_set(f, FAULT_CONFLICT, "audit.truncated",
                       "%s is over more records than the log has", path);
    if (rc == 0 && merkle_consistency(from->size, p->c.size, p->at, p->at_arg, &proof) != 0)
        rc = failed(p, f);
    if (rc == 0 && !merkle_consistency_holds(from->size, from->root, p->c.size, p->c.root, &proof))
        rc = fault_set(f, FAULT_CONFLICT, "audit.forked", "%s is no earlier checkpoint of this log",
                       path);
    if (rc == 0) {
        json_put(out, "from", json_text(buf_cstr(&file)));
        json_put(out, "consistency_proof", path_json(&proof));
    }
    buf_free(&file);
    free(from);
    return rc;
}

static int prove(struct proof *p, const struct prove_args *a, json_t *out, struct fault *f)
{
    struct tool *t = p->tool;
    int rc = tool_connect(t, f);

    if (rc == 0)
        rc = p->log == AUDIT_LOG_NOW ? newest(p, false, f) : newest_of_ended(p, f);
    if (rc == 0 && a->consistency != NULL)
        rc = prove_consistency(p, a->consistency, out, f);
    if (rc == 0 && t->n_words > 0)
        rc = prove_certificate(p, t->words[0], f);
    /* A record that came late made another checkpoint: prove from the given one to that. */
    if (rc == 0 && t->n_words > 0 && a->consistency != NULL)
        rc = prove_consistency(p, a->consistency, out, f);
    if (rc != 0)
        return rc;
    json_put(out, "checkpoint", json_text(buf_cstr(&p->note)));
    json_put(out, "keys", json_text(buf_cstr(&p->keys)));
    json_put(out, "records", json_incref(p->records));
    return 0;
}

static int say(const struct proof *p, const json_t *out)
{
    struct buf b;
    size_t i;
    json_t *r;
    int rc;

    buf_init(&b, OUT_MAX);
    buf_printf(&b, "checkpoint over %llu records of %s\n", (unsigned long long)p->c.size,
               p->c.origin);
    if (json_object_get(out, "from") != NULL)
        buf_put_str(&b, "continues the given checkpoint\n");
    json_array_foreach(p->records, i, r)
    {
        const json_t *e = json_object_get(r, "event");

        buf_printf(&b, "record %lld %s %s is in it, by %zu hashes\n",
                   (long long)json_integer_value(json_object_get(r, "index")), json_str(e, "time"),
                   json_str(e, "action"), json_array_size(json_object_get(r, "inclusion_proof")));
    }
    rc = tool_print(p->tool, buf_slice(&b));
    buf_free(&b);
    return rc;
}

static int write_out(const char *path, const json_t *out, struct fault *f)
{
    char *text = json_dumps(out, JSON_FLAGS | JSON_INDENT(2));
    struct buf b;
    int rc;

    buf_init(&b, OUT_MAX);
    buf_put_str(&b, text == NULL ? "" : text);
    buf_put_str(&b, "\n");
    rc = file_write(path, 0644, buf_slice(&b), f);
    free(text);
    buf_free(&b);
    return rc;
}

static int run_audit_prove(struct tool *t, void *args)
{
    const struct prove_args *a = args;
    struct proof *p = xcalloc(1, sizeof(*p));
    json_t *out = json_object();
    struct fault f = {0};
    int rc;

    if (t->n_words == 0 && a->consistency == NULL)
        rc = tool_usage(t, "SERIAL is missing, or --consistency FILE");
    else if (audit_log_option(a->log, &p->log, &f) != 0)
        rc = tool_usage(t, "%s", f.text);
    else {
        p->tool = t;
        buf_init(&p->note, NOTE_MAX);
        buf_init(&p->keys, NOTE_MAX);
        rc = prove(p, a, out, &f);
        if (rc == 0 && a->out != NULL)
            rc = write_out(a->out, out, &f);
        if (rc != 0)
            rc = tool_fail(t, &f);
        else if (t->format == FORMAT_JSON)
            rc = json_print(t, json_incref(out));
        else
            rc = say(p, out);
        buf_free(&p->note);
        buf_free(&p->keys);
        json_decref(p->records);
        leaves_free(&p->leaves);
    }
    json_decref(out);
    free(p);
    return rc;
}

static const struct opt opts[] = {
    {"consistency", OPT_TEXT, offsetof(struct prove_args, consistency), "FILE",
     "prove that the log goes on from the checkpoint in FILE", 0},
    {"out", OPT_TEXT, offsetof(struct prove_args, out), "FILE", "write the proof there, as JSON",
     0},
    {"log", OPT_TEXT, offsetof(struct prove_args, log), "NUMBER",
     "in a log that a restore ended, by its number; 0: the first", 0},
    {NULL, OPT_FLAG, 0, NULL, NULL, 0},
};

const struct command cmd_audit_prove = {
    .name = "audit prove",
    .help = "prove that the records of a certificate are in the audit log",
    .arguments = "[SERIAL] [options]",
    .examples = "  cerca audit prove 5a01f3... --out proof.json\n"
                "  cerca audit prove --consistency last-year.checkpoint -o json\n"
                "  cerca audit prove 5a01f3... --log 0\n",
    .opts = opts,
    .args_size = sizeof(struct prove_args),
    .max = 1,
    .formats = FORMAT_TEXT | FORMAT_JSON,
    .format = FORMAT_TEXT,
    .run = run_audit_prove,
};
