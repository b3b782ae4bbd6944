#include "tools/revoke.h"

#include <stdlib.h>
#include <string.h>

#include "tools/certjson.h"
#include "tools/json.h"
#include "tools/progress.h"
#include "tools/rows.h"

int revoke_reason(const char *text, uint8_t *out, struct fault *f)
{
    /* RFC 5280 5.3.1: 7 is not used, 8 undoes a hold. */
    for (uint8_t i = 0; i <= 10; i++) {
        if (i == 7 || i == 8 || strcmp(text, reason_name(i)) != 0)
            continue;
        *out = i;
        return 0;
    }
    return fault_set(f, FAULT_MALFORMED, "revoke.reason",
                     "--reason: \"%.40s\" should be unspecified, keyCompromise, cACompromise, "
                     "affiliationChanged, superseded, cessationOfOperation, privilegeWithdrawn, "
                     "aACompromise or certificateHold",
                     text);
}

/* One message; the outcomes go to their targets. */
static int one_batch(struct tool *t, struct revoke_request *q, struct target *item, struct fault *f)
{
    struct frame answer;
    struct wire_in w;
    struct buf body;
    int rc;

    for (uint32_t i = 0; i < q->n; i++)
        memcpy(q->serial[i], item[i].serial, SERIAL_LEN);
    buf_init(&body, FRAME_BODY_MAX);
    revoke_request_put(&body, q);
    rc = tool_call_patient(t, MSG_REVOKE, buf_slice(&body), MSG_REVOKED, &answer, f);
    buf_free(&body);
    if (rc != 0)
        return rc;
    wire_in_init(&w, answer.body);
    if (wire_get_u32(&w) != q->n)
        w.failed = true;
    for (uint32_t i = 0; i < q->n; i++)
        revoke_outcome_get(&w, &item[i].outcome);
    return wire_in_done(&w) ? 0
                            : fault_set(f, FAULT_MALFORMED, "answer",
                                        "cerca-ca sent a broken answer; cerca list tells what was "
                                        "done");
}

/* Is it something without which nobody hears of a revocation? */
static const char *consequence(const struct status_item *i)
{
    if (i->ok)
        return NULL;
    if (strcmp(i->name, "public") == 0)
        return "OCSP and CRLs are not served here until it runs";
    if (strncmp(i->name, "ocsp.", 5) == 0 && strcmp(i->state, "late") != 0)
        return "OCSP says \"try later\" until that is over";
    if (strncmp(i->name, "hsm.", 4) == 0)
        return "CRLs follow when it signs again";
    return NULL;
}

/* What was done is done; but somebody who revokes at night should know who does not hear of it. */
static void warn_unserved(struct tool *t)
{
    struct status_item item;
    struct frame answer;
    struct wire_in w;
    struct fault ignored;
    uint32_t n;

    if (tool_call(t, MSG_STATUS, SLICE_NONE, MSG_STATUS_REPLY, &answer, &ignored) != 0)
        return;
    wire_in_init(&w, answer.body);
    (void)wire_get_u8(&w);
    n = wire_get_count(&w, STATUS_ITEMS_MAX, 1);
    for (uint32_t i = 0; i < n; i++) {
        status_item_get(&w, &item);
        if (wire_failed(&w))
            return;
        if (consequence(&item) != NULL)
            tool_say(t, "it is recorded, but %s is %s (%s): %s", item.name, item.state, item.text,
                     consequence(&item));
    }
}

int revoke_all(struct tool *t, struct targets *l, const struct revoke_request *order, size_t *done,
               struct fault *f)
{
    struct revoke_request *q = xmemdup(order, sizeof(*order));
    struct progress bar = {0};
    int rc = 0;

    for (*done = 0; rc == 0 && *done < l->n; *done += q->n) {
        size_t left = l->n - *done;

        if (l->n > REVOKE_MAX)
            progress_draw(&bar, q->release ? "releasing" : "revoking", *done, l->n);
        q->n = left > REVOKE_MAX ? REVOKE_MAX : (uint32_t)left;
        rc = one_batch(t, q, &l->item[*done], f);
        if (rc != 0)
            break;
    }
    progress_end(&bar);
    free(q);
    if (rc == 0 && !order->block)
        warn_unserved(t);
    return rc;
}

static json_t *target_json(const struct target *t, const char *done)
{
    json_t *o = json_object();
    bool ok = t->outcome.code == FAULT_NONE;

    json_put(o, "serial", json_hex(t->serial, SERIAL_LEN));
    json_put(o, "name", json_text(t->label));
    json_put(o, "result", json_string(ok ? done : "refused"));
    json_put(o, "rule", json_text(t->outcome.rule));
    json_put(o, "text", json_text(t->outcome.text));
    return o;
}

static const struct column columns[] = {
    {"SERIAL", "serial", 32, COLUMN_ALWAYS, NULL}, {"RESULT", "result", 8, COLUMN_ALWAYS, NULL},
    {"NAME", "name", 30, COLUMN_ALWAYS, NULL},     {"WHY", "text", 0, COLUMN_ALWAYS, NULL},
    {NULL, NULL, 0, COLUMN_ALWAYS, NULL},
};
static const char *const keys[] = {"serial", "name", "result", "rule", "text", NULL};
static const struct sheet sheet = {columns, keys};

int revoke_print(struct tool *t, const struct targets *l, size_t n, const char *word)
{
    struct rows rows;
    int rc = EXIT_OK;

    rows_begin(&rows, t, &sheet);
    for (size_t i = 0; rc == EXIT_OK && i < n; i++)
        rc = rows_add(&rows, target_json(&l->item[i], word));
    if (rc == EXIT_OK)
        return rows_end(&rows);
    rows_drop(&rows);
    return rc;
}

int revoke_run(struct tool *t, struct targets *l, const struct revoke_request *order,
               const char *done)
{
    struct fault f = {0};
    size_t reached, refused = 0;
    int rc = revoke_all(t, l, order, &reached, &f);
    int printed = revoke_print(t, l, reached, done);

    for (size_t i = 0; i < reached; i++)
        refused += l->item[i].outcome.code != FAULT_NONE;
    if (rc != 0)
        return tool_fail(t, &f);
    if (refused > 0)
        tool_say(t, "%zu of %zu %s", refused, l->n, refused == 1 ? "was refused" : "were refused");
    return refused > 0 ? EXIT_FAILED : printed;
}
