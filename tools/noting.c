#include "tools/noting.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "tools/json.h"

#define BATCH 64 /* they share a commit or two; others come in between */

static const struct column columns[] = {
    {"NAME", "name", 32, COLUMN_ALWAYS, NULL},     {"RESULT", "result", 8, COLUMN_ALWAYS, NULL},
    {"FIELDS", "fields", 24, COLUMN_ALWAYS, NULL}, {"WHY", "text", 0, COLUMN_ALWAYS, NULL},
    {NULL, NULL, 0, COLUMN_ALWAYS, NULL},
};
static const char *const keys[] = {"name", "identity", "result", "fields", "rule", "text", NULL};
static const struct sheet sheet = {columns, keys};

struct noting *noting_new(struct tool *t, bool dry_run, uint64_t total)
{
    struct noting *n = xcalloc(1, sizeof(*n));

    n->tool = t;
    n->dry_run = dry_run;
    n->total = total;
    rows_begin(&n->rows, t, &sheet);
    return n;
}

void noting_free(struct noting *n)
{
    free(n);
}

static json_t *fields_json(unsigned mask)
{
    json_t *list = json_array();

    for (unsigned bit = 1; bit <= ANNOTATION_ALL; bit <<= 1)
        if ((mask & bit) != 0)
            (void)!json_array_append_new(list, json_string(annotation_field_name(bit)));
    return list;
}

static int row(struct noting *n, const char *label, const uint8_t *identity, const char *result,
               unsigned fields, const char *rule, const char *text, struct fault *f)
{
    json_t *o = json_object();

    json_put(o, "name", json_text(label));
    json_put(o, "identity",
             identity == NULL ? json_null() : json_hex(identity, ANNOTATION_IDENTITY));
    json_put(o, "result", json_string(result));
    json_put(o, "fields", fields_json(fields));
    json_put(o, "rule", json_text(rule));
    json_put(o, "text", json_text(text));
    return rows_add(&n->rows, o) == EXIT_OK
               ? 0
               : fault_set(f, FAULT_INTERNAL, "output", "the list is not complete");
}

static int outcome(struct noting *n, uint32_t i, const struct annotate_outcome *o, struct fault *f)
{
    const uint8_t *identity = n->item[i].annotation.identity;
    const char *result = n->dry_run ? "would be" : "set";

    if (o->code != FAULT_NONE) {
        n->refused++;
        result = "refused";
    } else if (o->change == 0) {
        n->same++;
        result = "same";
    } else {
        n->changed++;
    }
    return row(n, n->label[i], identity, result, o->change, o->rule, o->text, f);
}

static int outcomes(struct noting *n, struct slice body, struct fault *f)
{
    struct annotate_outcome o;
    struct wire_in w;
    int rc = 0;

    wire_in_init(&w, body);
    if (wire_get_u32(&w) != n->n)
        w.failed = true;
    for (uint32_t i = 0; rc == 0 && i < n->n && !wire_failed(&w); i++) {
        annotate_outcome_get(&w, &o);
        if (!wire_failed(&w))
            rc = outcome(n, i, &o, f);
    }
    if (rc == 0 && !wire_in_done(&w))
        rc = tool_broken_answer(f);
    return rc;
}

/* What was set once may be set again, so it is asked again until it is answered. */
static int send(struct noting *n, struct fault *f)
{
    const struct annotate_request r = {n->dry_run, n->n, n->item};
    struct frame answer;
    struct buf body;
    int rc;

    if (n->n == 0)
        return 0;
    buf_init(&body, FRAME_BODY_MAX);
    annotate_request_put(&body, &r);
    n->tool->started_us = clock_mono_us(); /* --timeout is for one batch */
    rc = tool_call_patient(n->tool, MSG_ANNOTATE, buf_slice(&body), MSG_ANNOTATED, &answer, f);
    buf_free(&body);
    if (rc == 0)
        rc = outcomes(n, answer.body, f);
    n->n = 0;
    n->octets = 0;
    return rc;
}

static size_t octets(const struct annotate_item *item)
{
    struct buf b;
    size_t n;

    buf_init(&b, ANNOTATE_ITEM_MAX);
    annotation_put_some(&b, &item->annotation, item->mask);
    n = b.n;
    buf_free(&b);
    return n;
}

int noting_add(struct noting *n, const char *label, const struct annotation *a, unsigned mask,
               struct fault *f)
{
    uint32_t i = n->n++;
    int rc = 0;

    n->item[i] = (struct annotate_item){mask, *a};
    n->octets += octets(&n->item[i]);
    (void)snprintf(n->label[i], sizeof(n->label[i]), "%s", label);
    progress_draw(&n->bar, n->dry_run ? "comparing" : "setting",
                  n->changed + n->same + n->refused + n->n, n->total);
    if (n->n == BATCH || n->octets + ANNOTATE_ITEM_MAX + 64 > FRAME_BODY_MAX)
        rc = send(n, f);
    return rc;
}

int noting_refused(struct noting *n, const char *label, const struct fault *why, struct fault *f)
{
    n->refused++;
    return row(n, label, NULL, "refused", 0, why->rule, why->text, f);
}

int noting_end(struct noting *n, int rc, struct fault *f)
{
    if (rc == 0)
        rc = send(n, f);
    progress_end(&n->bar);
    if (rc != 0) {
        rows_drop(&n->rows);
        return tool_fail(n->tool, f);
    }
    if (rows_end(&n->rows) != EXIT_OK)
        return EXIT_FAILED;
    tool_say(n->tool, "%zu %s, %zu were so already, %zu refused", n->changed,
             n->dry_run ? "would be changed" : "changed", n->same, n->refused);
    return n->refused > 0 ? EXIT_FAILED : EXIT_OK;
}
