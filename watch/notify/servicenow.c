/*
 * ServiceNow: a record of a table (the Table API), found by correlation_id, which is the
 * condition's key: so a request whose answer was lost opens no second ticket.
 */
#include <stdio.h>
#include <string.h>

#include "watch/notify/ticket.h"

#define API "/api/now/table/"

enum { FINDING, OPENING, NOTING, CLOSING };

static json_t *body_text(const struct talk *t)
{
    json_t *v;
    struct buf b;

    buf_init(&b, 4 * NOTICE_TEXT_SIZE);
    text_body(t->notice, t->target->source, &b);
    v = talk_text(buf_cstr(&b));
    buf_free(&b);
    return v;
}

static enum talk_step find(struct talk *t)
{
    char key[NOTICE_ID_SIZE];

    text_key(t->notice, key);
    t->stage = FINDING;
    ticket_request(t, "GET",
                   API "%s?sysparm_query=correlation_id%%3D%s%%5Eactive%%3Dtrue"
                       "&sysparm_fields=sys_id&sysparm_limit=1",
                   t->target->conf->table, key);
    return TALK_SEND;
}

static enum talk_step open_one(struct talk *t)
{
    static const char *const urgency[] = {
        [SEVERITY_INFO] = "3", [SEVERITY_WARNING] = "2", [SEVERITY_CRITICAL] = "1"};
    char key[NOTICE_ID_SIZE], title[TEXT_TITLE_SIZE];

    text_key(t->notice, key);
    text_title(t->notice, title);
    title[strnlen(title, 160)] = '\0'; /* of short_description */
    t->stage = OPENING;
    ticket_request(t, "POST", API "%s", t->target->conf->table);
    return talk_json(t,
                     json_pack("{s:o, s:o, s:s, s:s, s:s, s:s}", "short_description",
                               talk_text(title), "description", body_text(t), "urgency",
                               urgency[t->notice->severity], "impact", urgency[t->notice->severity],
                               "correlation_id", key, "correlation_display", "Cerca"));
}

static void at_ticket(struct talk *t)
{
    ticket_request(t, "PATCH", API "%s/%s", t->target->conf->table, t->ticket);
}

static enum talk_step note(struct talk *t)
{
    t->stage = NOTING;
    at_ticket(t);
    return talk_json(t, json_pack("{s:o}", "work_notes", body_text(t)));
}

static enum talk_step close_one(struct talk *t)
{
    const struct conf_channel *c = t->target->conf;

    t->stage = CLOSING;
    at_ticket(t);
    return talk_json(t, json_pack("{s:o, s:o, s:o, s:o}", "state", talk_text(c->close_state),
                                  "close_code", talk_text(c->close_code), "close_notes",
                                  body_text(t), "work_notes", body_text(t)));
}

static enum talk_step go_on(struct talk *t)
{
    if (t->notice->kind == NOTICE_RESOLVED)
        return close_one(t);
    return note(t);
}

enum talk_step servicenow_begin(struct talk *t)
{
    return t->ticket[0] != '\0' ? go_on(t) : find(t);
}

static const struct ticket_list records = {"result", "sys_id", open_one, go_on};

static enum talk_step opened(struct talk *t, const struct talk_reply *r)
{
    json_t *answer = talk_parse(r), *result = json_object_get(answer, "result");
    const char *number = talk_id(result, "number");
    bool kept = ticket_keep(t, result, "sys_id");

    if (kept)
        (void)snprintf(t->why, sizeof(t->why), "HTTP %ld: %.64s", r->status,
                       number != NULL ? number : t->ticket);
    json_decref(answer);
    if (!kept)
        return talk_lie(t, r, "sys_id");
    return t->notice->kind == NOTICE_TEST ? close_one(t) : TALK_DELIVERED;
}

enum talk_step servicenow_answer(struct talk *t, const struct talk_reply *r)
{
    enum talk_step step = talk_status(t, r);

    if (r->status == 404 && (t->stage == NOTING || t->stage == CLOSING)) /* somebody deleted it */
        return ticket_none(t, open_one);
    if (step != TALK_DELIVERED)
        return step;
    if (t->stage == FINDING)
        return ticket_found(t, r, &records);
    if (t->stage == OPENING)
        return opened(t, r);
    t->closed = t->stage == CLOSING;
    /* A page that answers everything with 200 is not a record. */
    json_t *answer = talk_parse(r);
    bool said = json_is_object(json_object_get(answer, "result"));
    json_decref(answer);
    return said ? step : talk_lie(t, r, "result");
}
