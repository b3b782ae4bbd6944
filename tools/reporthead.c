/* What a report says of itself: of what, when, by whom, and at which checkpoint of the audit log.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/text.h"

#include "ca/audit/audit.h"
#include "tools/audit.h"
#include "tools/report.h"

static json_t *maker(const struct conf *c)
{
    char text[128];

    for (size_t i = 0; i < c->n_operators; i++) {
        if (c->operators[i].uid == getuid()) {
            (void)snprintf(text, sizeof(text), "operator:%.100s", c->operators[i].name);
            return json_text(text);
        }
    }
    (void)snprintf(text, sizeof(text), "uid:%lu", (unsigned long)getuid());
    return json_text(text);
}

/* The configuration that cerca-ca goes by is told by the newest record of its log. */
static void put_running(struct report *r, json_t *o)
{
    struct audit_read q = {.log = AUDIT_LOG_NOW, .from = UINT64_MAX, .backwards = true, .limit = 1};
    struct audit_page page;
    struct audit_leaf leaf;
    struct audit_event e;
    struct fault ignored = {0};

    if (audit_page(r->tool, &q, &page, &ignored) != 0 || page.n == 0)
        return;
    audit_leaf_get(&page.leaves, &leaf);
    if (wire_failed(&page.leaves) || audit_leaf_pruned(&leaf) || audit_get(leaf.record, &e) != 0)
        return;
    json_put(o, "in_force", json_hex(e.generation, sizeof(e.generation)));
}

static json_t *configuration(struct report *r)
{
    const struct conf *c = r->tool->conf;
    json_t *o = json_object();
    struct stat st;

    json_put(o, "file", json_text(c->path));
    json_put(o, "generation", json_hex(c->generation, 8));
    if (stat(c->path, &st) == 0)
        json_put(o, "changed", json_time(st.st_mtime));
    put_running(r, o);
    return o;
}

static json_t *key_names(struct slice keys)
{
    json_t *list = json_array();
    char line[VKEY_MAX];

    while (text_next_line(&keys, line, sizeof(line)))
        (void)json_array_append_new(list, json_text(line));
    return list;
}

struct signed_at {
    uint64_t size;
    int64_t time;
};

static int note_time(void *arg, const struct checkpointed *c, struct fault *f)
{
    struct signed_at *at = arg;

    (void)f;
    if (c->size == at->size)
        at->time = c->time;
    return 0;
}

static int checkpoint(struct report *r, json_t *o, struct fault *f)
{
    struct checkpoint *c = xcalloc(1, sizeof(*c));
    struct signed_at at = {0};
    struct buf note, keys;
    int rc;

    buf_init(&note, NOTE_MAX);
    buf_init(&keys, NOTE_MAX);
    rc = audit_newest(r->tool, AUDIT_LOG_NOW, true, c, &note, &keys, f);
    at.size = c->size;
    if (rc == 0)
        rc = audit_checkpoints(r->tool, AUDIT_LOG_NOW, c->size, note_time, &at, f);
    if (rc == 0) {
        json_put(o, "origin", json_text(c->origin));
        json_put(o, "size", json_integer((json_int_t)c->size));
        json_put(o, "root", json_base64(c->root, sizeof(c->root)));
        json_put(o, "time", json_time(at.time));
        json_put(o, "keys", key_names(buf_slice(&keys)));
        json_put(o, "note", json_text(buf_cstr(&note)));
    }
    buf_free(&note);
    buf_free(&keys);
    free(c);
    return rc;
}

/* Every filter that bounds the report, as options: a part must not be taken for the whole. */
static json_t *filters(const struct report *r, const struct list_request *q)
{
    const struct list_args *a = &r->args->list;
    const char *const given[][2] = {
        {"status", q->status},
        {"owner", q->owner},
        {"profile", q->profile},
        {"name", q->name},
        {"issuer", q->issuer},
        {"requester", q->requester},
        {"contact", q->annotation.contact},
        {"application", q->annotation.application},
        {"environment", q->annotation.environment},
        {"tag", q->annotation.tag},
        {"identity", a->identity},
        {"criticality", a->criticality},
        {"method", a->method},
        {"installed-on", q->installed_on},
        {"filter", a->filter},
    };
    json_t *o = json_object();

    for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++)
        if (given[i][1] != NULL && given[i][1][0] != '\0')
            json_put(o, given[i][0], json_text(given[i][1]));
    for (size_t i = 0; i < a->sources.n; i++)
        json_put(o, i == 0 ? "source" : "source also", json_text(a->sources.item[i]));
    for (size_t i = 0; i < a->installed.n; i++)
        json_put(o, i == 0 ? "installed" : "installed also", json_text(a->installed.item[i]));
    if (q->expires_before != 0)
        json_put(o, "expires_before", json_time(q->expires_before));
    return o;
}

int report_head(struct report *r, const struct list_request *q, struct fault *f)
{
    json_t *o = json_object();

    json_put(r->doc, "report", json_text(r->kind->name));
    json_put(r->doc, "title", json_text(r->kind->title));
    json_put(r->doc, "about", json_text(r->kind->about));
    json_put(r->doc, "ca", json_text(r->tool->conf->audit_origin));
    json_put(r->doc, "made", json_time(r->now));
    json_put(r->doc, "by", maker(r->tool->conf));
    json_put(r->doc, "program", json_text("cerca " CERCA_VERSION));
    json_put(r->doc, "configuration", configuration(r));
    json_put(r->doc, "checkpoint", o);
    json_put(r->doc, "filters", filters(r, q));
    json_put(r->doc, "sections", json_array());
    return checkpoint(r, o, f);
}
