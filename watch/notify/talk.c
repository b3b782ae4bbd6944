#include "watch/notify/talk_inner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/pem.h"
#include "lib/utf8.h"

static const struct {
    enum talk_step (*begin)(struct talk *t);
    enum talk_step (*answer)(struct talk *t, const struct talk_reply *r);
} forms[] = {
    [CHANNEL_WEBHOOK] = {webhook_begin, talk_status},
    [CHANNEL_SLACK] = {slack_begin, slack_answer},
    [CHANNEL_TEAMS] = {teams_begin, talk_status},
    [CHANNEL_PAGERDUTY] = {pagerduty_begin, pagerduty_answer},
    [CHANNEL_SERVICENOW] = {servicenow_begin, servicenow_answer},
    [CHANNEL_JIRA] = {jira_begin, jira_answer},
};

static void clear_request(struct talk_request *q)
{
    for (size_t i = 0; i < q->n_headers; i++)
        buf_free(&q->header[i]);
    buf_free(&q->url);
    buf_free(&q->body);
    q->n_headers = 0;
    q->content_type = NULL;
}

void talk_init(struct talk *t, const struct notify_target *target, const struct notice *n,
               const char *ticket, int64_t now)
{
    memset(t, 0, sizeof(*t));
    t->target = target;
    t->notice = n;
    t->now = now;
    (void)snprintf(t->ticket, sizeof(t->ticket), "%s", ticket);
    buf_init(&t->out.url, 4096);
    buf_init(&t->out.body, TALK_BODY_MAX);
}

void talk_free(struct talk *t)
{
    clear_request(&t->out);
}

enum talk_step talk_begin(struct talk *t)
{
    return forms[t->target->conf->type].begin(t);
}

enum talk_step talk_answer(struct talk *t, const struct talk_reply *r)
{
    return forms[t->target->conf->type].answer(t, r);
}

/* ---- requests ---- */

void talk_request(struct talk *t, const char *method, const char *url)
{
    clear_request(&t->out);
    t->out.method = method;
    buf_init(&t->out.url, 4096);
    buf_init(&t->out.body, TALK_BODY_MAX);
    buf_put_str(&t->out.url, url);
}

void talk_header(struct talk *t, const char *name, const char *value)
{
    struct buf *h = &t->out.header[t->out.n_headers];

    if (t->out.n_headers == TALK_HEADERS_MAX)
        return;
    t->out.n_headers++;
    buf_init(h, 8192);
    buf_printf(h, "%s: %s", name, value);
}

void talk_login(struct talk *t)
{
    const struct notify_target *g = t->target;
    struct buf plain, value;

    buf_init(&plain, 8192);
    buf_init(&value, 8192);
    if (g->conf->user[0] != '\0') {
        buf_printf(&plain, "%s:", g->conf->user);
        buf_put_slice(&plain, g->secret);
        buf_put_str(&value, "Basic ");
        base64_put(&value, buf_slice(&plain), 0);
    } else {
        buf_put_str(&value, "Bearer ");
        buf_put_slice(&value, g->secret);
    }
    talk_header(t, "Authorization", buf_cstr(&value));
    buf_free(&plain);
    buf_free(&value);
}

json_t *talk_text(const char *text)
{
    json_t *v = json_string(text);

    return v != NULL ? v : json_string("?");
}

enum talk_step talk_json(struct talk *t, json_t *body)
{
    char *text = body == NULL ? NULL : json_dumps(body, JSON_COMPACT | JSON_ENSURE_ASCII);

    json_decref(body);
    if (text != NULL)
        buf_put_str(&t->out.body, text);
    t->out.content_type = "application/json";
    free(text);
    if (text != NULL && !buf_failed(&t->out.body) && !buf_failed(&t->out.url))
        return TALK_SEND;
    (void)snprintf(t->why, sizeof(t->why), "the notice cannot be put into this form");
    return TALK_REFUSED;
}

/* ---- answers ---- */

/* The first words of an answer, for people. */
static void words_of(struct slice body, char out[160])
{
    size_t n = 0;
    bool blank = true;

    for (size_t i = 0; i < body.n && n < 150; i++) {
        uint8_t c = body.p[i];

        if (c <= ' ' && blank)
            continue;
        blank = c <= ' ';
        out[n++] = (char)(blank ? ' ' : c > '~' ? '?' : c);
    }
    out[n] = '\0';
}

static void say(struct talk *t, const struct talk_reply *r, const char *before)
{
    char words[160];

    words_of(r->body, words);
    (void)snprintf(t->why, sizeof(t->why), "%sHTTP %ld%s%s", before, r->status,
                   words[0] == '\0' ? "" : ": ", words);
}

enum talk_step talk_status(struct talk *t, const struct talk_reply *r)
{
    say(t, r, "");
    t->retry_after = r->retry_after;
    if (r->status >= 200 && r->status < 300)
        return TALK_DELIVERED;
    /* Its content is wrong, and will be. */
    if (r->status == 400 || r->status == 413 || r->status == 415 || r->status == 422)
        return TALK_REFUSED;
    return TALK_FAILED;
}

enum talk_step talk_lie(struct talk *t, const struct talk_reply *r, const char *expected)
{
    char before[96];

    (void)snprintf(before, sizeof(before), "no %s in the answer: ", expected);
    say(t, r, before);
    return TALK_FAILED;
}

json_t *talk_parse(const struct talk_reply *r)
{
    return json_loadb((const char *)r->body.p, r->body.n, JSON_REJECT_DUPLICATES, NULL);
}

const char *talk_id(const json_t *object, const char *key)
{
    const char *id = json_string_value(json_object_get(object, key));
    size_t n = id == NULL ? 0 : strlen(id);

    if (n == 0 || n >= TALK_TICKET_SIZE ||
        strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != n)
        return NULL;
    return id;
}
