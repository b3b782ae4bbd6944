/* Microsoft Teams: an Adaptive Card for a workflow that takes webhook requests. TextBlocks read
 * Markdown, TextRuns do not, so whatever is not ours is in TextRuns. */
#include <stdio.h>

#include "watch/notify/talk_inner.h"

#define TEXT_MAX 6000 /* a message has at most 28 KiB */

static json_t *run(const char *text, bool bold)
{
    return json_pack("{s:s, s:o, s:s}", "type", "TextRun", "text", talk_text(text), "weight",
                     bold ? "Bolder" : "Default");
}

static void add(json_t *body, json_t *first, json_t *second)
{
    json_t *inlines = json_array();

    (void)json_array_append_new(inlines, first);
    if (second != NULL)
        (void)json_array_append_new(inlines, second);
    (void)json_array_append_new(
        body, json_pack("{s:s, s:o}", "type", "RichTextBlock", "inlines", inlines));
}

static json_t *body_of(const struct talk *t)
{
    const struct notice *n = t->notice;
    struct notice_fact fact[TEXT_FACTS_MAX];
    size_t count = text_facts(n, fact);
    json_t *body = json_array();
    char title[TEXT_TITLE_SIZE], name[48];
    struct buf b;

    buf_init(&b, NOTICE_TEXT_SIZE + 64);
    text_title(n, title);
    add(body, run(title, true), NULL);
    text_clean(&b, n->text, true, TEXT_MAX);
    if (b.n > 0)
        add(body, run(buf_cstr(&b), false), NULL);
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(name, sizeof(name), "%.31s: ", fact[i].name);
        add(body, run(name, true), run(fact[i].value, false));
    }
    buf_reset(&b);
    buf_printf(&b, "Cerca at %s, %s %s", t->target->source, notice_kind_word(n->kind), n->id);
    add(body, run(buf_cstr(&b), false), NULL);
    buf_free(&b);
    return body;
}

enum talk_step teams_begin(struct talk *t)
{
    json_t *card = json_pack("{s:s, s:s, s:s, s:o}", "$schema",
                             "http://adaptivecards.io/schemas/adaptive-card.json", "type",
                             "AdaptiveCard", "version", "1.4", "body", body_of(t));

    talk_request(t, "POST", t->target->url);
    return talk_json(t, json_pack("{s:s, s:[{s:s, s:n, s:o}]}", "type", "message", "attachments",
                                  "contentType", "application/vnd.microsoft.card.adaptive",
                                  "contentUrl", "content", card));
}
