/* PagerDuty Events API v2: alert events under the condition's key, so that repetitions are one
 * incident; digests and heartbeats as change events, which page nobody. A test is triggered and
 * resolved. */
#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "watch/notify/talk_inner.h"

#define ALERTS "/v2/enqueue"
#define CHANGES "/v2/change/enqueue"

enum { TRIGGERED, RESOLVED };

static const char *action_of(const struct talk *t)
{
    switch (t->notice->kind) {
    case NOTICE_ACKNOWLEDGED:
        return "acknowledge";
    case NOTICE_RESOLVED:
        return "resolve";
    default:
        return t->stage == RESOLVED ? "resolve" : "trigger";
    }
}

static const char *severity_of(const struct notice *n)
{
    return severity_word(n->severity); /* "info", "warning", "critical": theirs, too */
}

static json_t *details_of(const struct notice *n)
{
    struct notice_fact fact[TEXT_FACTS_MAX];
    size_t count = text_facts(n, fact);
    json_t *details = json_object();
    struct buf b;

    for (size_t i = 0; i < count; i++)
        (void)json_object_set_new(details, fact[i].name, talk_text(fact[i].value));
    buf_init(&b, NOTICE_TEXT_SIZE + 64);
    text_clean(&b, n->text, true, NOTICE_TEXT_SIZE);
    if (b.n > 0)
        (void)json_object_set_new(details, "text", talk_text(buf_cstr(&b)));
    (void)json_object_set_new(details, "id", talk_text(n->id));
    buf_free(&b);
    return details;
}

static json_t *routing_key(const struct talk *t)
{
    json_t *key = json_stringn((const char *)t->target->secret.p, t->target->secret.n);

    return key != NULL ? key : json_string("");
}

static json_t *payload_of(const struct talk *t, bool change)
{
    const struct notice *n = t->notice;
    char title[TEXT_TITLE_SIZE], time[CLOCK_TEXT_SIZE];
    json_t *p;

    text_title(n, title);
    clock_format(n->time, time);
    p = json_pack("{s:o, s:o, s:s, s:o}", "summary", talk_text(title), "source",
                  talk_text(t->target->source), "timestamp", time, "custom_details", details_of(n));
    if (p == NULL || change)
        return p;
    (void)json_object_set_new(p, "severity", json_string(severity_of(n)));
    (void)json_object_set_new(p, "component", talk_text(n->subject));
    (void)json_object_set_new(p, "class", talk_text(n->rule));
    (void)json_object_set_new(p, "group", talk_text(n->owner));
    return p;
}

static enum talk_step send_change(struct talk *t)
{
    const char *url = t->target->url;
    size_t n = strlen(url), tail = strlen(ALERTS);
    struct buf b;

    buf_init(&b, 4096);
    if (n > tail && strcmp(url + n - tail, ALERTS) == 0)
        buf_printf(&b, "%.*s" CHANGES, (int)(n - tail), url);
    else
        buf_put_str(&b, url);
    talk_request(t, "POST", buf_cstr(&b));
    buf_free(&b);
    return talk_json(
        t, json_pack("{s:o, s:o}", "routing_key", routing_key(t), "payload", payload_of(t, true)));
}

static enum talk_step send_alert(struct talk *t)
{
    char key[NOTICE_ID_SIZE];
    json_t *body;

    text_key(t->notice, key);
    talk_request(t, "POST", t->target->url);
    body = json_pack("{s:o, s:s, s:s}", "routing_key", routing_key(t), "event_action", action_of(t),
                     "dedup_key", key);
    if (body != NULL && strcmp(action_of(t), "trigger") == 0) {
        (void)json_object_set_new(body, "client", json_string("Cerca"));
        (void)json_object_set_new(body, "payload", payload_of(t, false));
    }
    return talk_json(t, body);
}

enum talk_step pagerduty_begin(struct talk *t)
{
    t->stage = TRIGGERED;
    return t->notice->kind == NOTICE_DIGEST || t->notice->kind == NOTICE_HEARTBEAT ? send_change(t)
                                                                                   : send_alert(t);
}

enum talk_step pagerduty_answer(struct talk *t, const struct talk_reply *r)
{
    enum talk_step step = talk_status(t, r);
    const char *status;
    json_t *answer;
    bool success;

    if (step != TALK_DELIVERED)
        return step;
    answer = talk_parse(r);
    status = json_string_value(json_object_get(answer, "status"));
    success = status != NULL && strcmp(status, "success") == 0;
    json_decref(answer);
    if (!success)
        return talk_lie(t, r, "success");
    if (t->notice->kind != NOTICE_TEST || t->stage == RESOLVED)
        return step;
    t->stage = RESOLVED;
    return send_alert(t);
}
