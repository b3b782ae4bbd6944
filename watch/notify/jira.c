/*
 * Jira, its REST API 2 (plain text, no documents): an issue found by the label cerca-KEY, so that a
 * request whose answer was lost opens no second one, commented, and at the end moved along the
 * first transition into a status of the category done.
 */
#include <stdio.h>
#include <string.h>

#include "watch/notify/ticket.h"

#define API "/rest/api/2"

enum { FINDING, OPENING, NOTING, LOOKING, CLOSING };

static void at_ticket(struct talk *t, const char *method, const char *what)
{
    ticket_request(t, method, API "/issue/%s%s", t->ticket, what);
}

/* Between {noformat} Jira reads no markup; it ends at the next one. */
static json_t *body_text(const struct talk *t)
{
    struct buf b, out;
    const char *text;
    json_t *v;

    buf_init(&b, 4 * NOTICE_TEXT_SIZE);
    buf_init(&out, 5 * NOTICE_TEXT_SIZE);
    text_body(t->notice, t->target->source, &b);
    buf_put_str(&out, "{noformat}\n");
    for (text = buf_cstr(&b); *text != '\0'; text++)
        buf_put_u8(&out, (uint8_t)(*text == '{' ? '(' : *text == '}' ? ')' : *text));
    buf_put_str(&out, "{noformat}");
    v = talk_text(buf_cstr(&out));
    buf_free(&b);
    buf_free(&out);
    return v;
}

/* The cloud has search/jql alone, servers have search alone. */
static enum talk_step find(struct talk *t)
{
    char key[NOTICE_ID_SIZE];

    text_key(t->notice, key);
    t->stage = FINDING;
    ticket_request(t, "GET",
                   API "/search%s?jql=labels%%20%%3D%%20%%22cerca-%s%%22%%20AND%%20statusCategory"
                       "%%20!%%3D%%20Done&fields=key&maxResults=1",
                   t->old_search ? "" : "/jql", key);
    return TALK_SEND;
}

static enum talk_step open_one(struct talk *t)
{
    const struct conf_channel *c = t->target->conf;
    char key[NOTICE_ID_SIZE], label[NOTICE_ID_SIZE + 8], title[TEXT_TITLE_SIZE];

    text_key(t->notice, key);
    (void)snprintf(label, sizeof(label), "cerca-%s", key);
    text_title(t->notice, title);
    title[strnlen(title, 254)] = '\0'; /* of summary */
    t->stage = OPENING;
    ticket_request(t, "POST", API "/issue");
    return talk_json(t, json_pack("{s:{s:{s:o}, s:{s:o}, s:o, s:o, s:[s, s]}}", "fields", "project",
                                  "key", talk_text(c->project), "issuetype", "name",
                                  talk_text(c->issue_type), "summary", talk_text(title),
                                  "description", body_text(t), "labels", "cerca", label));
}

static enum talk_step note(struct talk *t)
{
    t->stage = NOTING;
    at_ticket(t, "POST", "/comment");
    return talk_json(t, json_pack("{s:o}", "body", body_text(t)));
}

static enum talk_step look(struct talk *t)
{
    t->stage = LOOKING;
    at_ticket(t, "GET", "/transitions");
    return TALK_SEND;
}

enum talk_step jira_begin(struct talk *t)
{
    return t->ticket[0] != '\0' ? note(t) : find(t);
}

static const struct ticket_list issues = {"issues", "key", open_one, note};

static enum talk_step opened(struct talk *t, const struct talk_reply *r)
{
    json_t *answer = talk_parse(r);
    bool kept = ticket_keep(t, answer, "key");

    json_decref(answer);
    if (!kept)
        return talk_lie(t, r, "key");
    (void)snprintf(t->why, sizeof(t->why), "HTTP %ld: %.64s", r->status, t->ticket);
    return t->notice->kind == NOTICE_TEST ? look(t) : TALK_DELIVERED;
}

static enum talk_step noted(struct talk *t, const struct talk_reply *r)
{
    json_t *answer = talk_parse(r);
    bool said = talk_id(answer, "id") != NULL;

    json_decref(answer);
    if (!said)
        return talk_lie(t, r, "id");
    return t->notice->kind == NOTICE_RESOLVED ? look(t) : TALK_DELIVERED;
}

static bool is_done(const json_t *transition)
{
    const json_t *to = json_object_get(transition, "to");
    const char *category =
        json_string_value(json_object_get(json_object_get(to, "statusCategory"), "key"));

    return category != NULL && strcmp(category, "done") == 0 && talk_id(transition, "id") != NULL;
}

/* None leads there when somebody has closed it already, or when the workflow does not allow it:
 * then the ticket has its comment, and people decide. */
static enum talk_step looked(struct talk *t, const struct talk_reply *r)
{
    json_t *answer = talk_parse(r), *all = json_object_get(answer, "transitions"), *one;
    bool list = json_is_array(all);
    enum talk_step step = TALK_DELIVERED;
    size_t i;

    json_array_foreach(all, i, one)
    {
        if (!is_done(one))
            continue;
        t->stage = CLOSING;
        at_ticket(t, "POST", "/transitions");
        step = talk_json(t, json_pack("{s:{s:s}}", "transition", "id", talk_id(one, "id")));
        break;
    }
    json_decref(answer);
    if (!list)
        return talk_lie(t, r, "transitions");
    if (step == TALK_DELIVERED) {
        t->closed = true;
        (void)snprintf(t->why, sizeof(t->why), "%.64s: no transition leads to done", t->ticket);
    }
    return step;
}

enum talk_step jira_answer(struct talk *t, const struct talk_reply *r)
{
    enum talk_step step = talk_status(t, r);

    if (t->stage == FINDING && !t->old_search && (r->status == 404 || r->status == 405)) {
        t->old_search = true;
        return find(t);
    }
    if (r->status == 404 && t->stage == NOTING) /* somebody has deleted it */
        return ticket_none(t, open_one);
    if (step != TALK_DELIVERED)
        return step;
    if (t->stage == FINDING)
        return ticket_found(t, r, &issues);
    if (t->stage == OPENING)
        return opened(t, r);
    if (t->stage == NOTING)
        return noted(t, r);
    if (t->stage == LOOKING)
        return looked(t, r);
    t->closed = true;
    return step;
}
