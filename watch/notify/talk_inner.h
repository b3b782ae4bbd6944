/* What the forms of channels share. Each has a begin and an answer. */
#ifndef WATCH_NOTIFY_TALK_INNER_H
#define WATCH_NOTIFY_TALK_INNER_H

#include <jansson.h>

#include "watch/notify/talk.h"
#include "watch/notify/text.h"

/* The next request: its method and URL; body and headers empty. */
void talk_request(struct talk *t, const char *method, const char *url);
void talk_header(struct talk *t, const char *name, const char *value);
/* Authorization: HTTP Basic (RFC 7617) with a user, else Bearer (RFC 6750). */
void talk_login(struct talk *t);
/* The body; takes the reference. TALK_SEND, or TALK_REFUSED when it could not be made. */
enum talk_step talk_json(struct talk *t, json_t *body);
/* Text as a string; never NULL. */
json_t *talk_text(const char *text);
/* What a status says, by the server's own words: TALK_DELIVERED for 2xx. */
enum talk_step talk_status(struct talk *t, const struct talk_reply *r);
/* The answer lies: said and to be tried again. */
enum talk_step talk_lie(struct talk *t, const struct talk_reply *r, const char *expected);
/* The answer as JSON; NULL when it is none. */
json_t *talk_parse(const struct talk_reply *r);
/* Text of at most TALK_TICKET_SIZE - 1 letters, digits, "-" and "_" at object.key; NULL. */
const char *talk_id(const json_t *object, const char *key);

enum talk_step webhook_begin(struct talk *t);
enum talk_step slack_begin(struct talk *t);
enum talk_step slack_answer(struct talk *t, const struct talk_reply *r);
enum talk_step teams_begin(struct talk *t);
enum talk_step pagerduty_begin(struct talk *t);
enum talk_step pagerduty_answer(struct talk *t, const struct talk_reply *r);
enum talk_step servicenow_begin(struct talk *t);
enum talk_step servicenow_answer(struct talk *t, const struct talk_reply *r);
enum talk_step jira_begin(struct talk *t);
enum talk_step jira_answer(struct talk *t, const struct talk_reply *r);

#endif
