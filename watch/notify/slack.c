/* Slack: an incoming webhook with Block Kit. Text that is not ours is escaped as Slack asks for:
 * &, < and > begin entities, links and mentions; the rest of its markup only changes how it looks.
 */
#include <string.h>

#include "watch/notify/talk_inner.h"

#define SECTION_MAX 2900 /* characters; Slack takes 3000 */

static json_t *escaped(const char *text)
{
    struct buf b;
    json_t *v;

    buf_init(&b, 6 * NOTICE_TEXT_SIZE);
    for (; *text != '\0'; text++) {
        if (*text == '&')
            buf_put_str(&b, "&amp;");
        else if (*text == '<')
            buf_put_str(&b, "&lt;");
        else if (*text == '>')
            buf_put_str(&b, "&gt;");
        else
            buf_put_u8(&b, (uint8_t)*text);
    }
    v = talk_text(buf_cstr(&b));
    buf_free(&b);
    return v;
}

/* plain_text takes no markup at all: no link, no mention, no emphasis. */
static json_t *plain(const char *type, const char *text)
{
    return json_pack("{s:s, s:{s:s, s:o, s:b}}", "type", type, "text", "type", "plain_text", "text",
                     escaped(text), "emoji", 0);
}

static json_t *blocks_of(const struct talk *t, const char *title)
{
    json_t *blocks = json_array();
    struct buf body, cut;
    char head[152];

    buf_init(&body, 4 * NOTICE_TEXT_SIZE);
    buf_init(&cut, SECTION_MAX + 64);
    text_clean(&cut, title, false, 140);
    notice_set(head, sizeof(head), buf_cstr(&cut));
    (void)json_array_append_new(blocks, plain("header", head));
    text_body(t->notice, t->target->source, &body);
    buf_reset(&cut);
    text_clean(&cut, buf_cstr(&body), true, SECTION_MAX);
    (void)json_array_append_new(blocks, plain("section", buf_cstr(&cut)));
    buf_free(&body);
    buf_free(&cut);
    return blocks;
}

enum talk_step slack_begin(struct talk *t)
{
    char title[TEXT_TITLE_SIZE];

    text_title(t->notice, title);
    talk_request(t, "POST", t->target->url);
    return talk_json(
        t, json_pack("{s:o, s:o}", "text", escaped(title), "blocks", blocks_of(t, title)));
}

/* It says "ok" and nothing else; another page with 200 comes from whatever stands in between. */
enum talk_step slack_answer(struct talk *t, const struct talk_reply *r)
{
    enum talk_step step = talk_status(t, r);

    return step == TALK_DELIVERED && !slice_is(r->body, "ok") ? talk_lie(t, r, "\"ok\"") : step;
}
