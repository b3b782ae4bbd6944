/* What the forms of tickets share: one is open for a condition at most, looked for before another
 * is opened, so that a request whose answer was lost opens no second one. */
#include "watch/notify/ticket.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void ticket_request(struct talk *t, const char *method, const char *fmt, ...)
{
    const char *url = t->target->url;
    char rest[512];
    size_t n = strlen(url);
    struct buf b;
    va_list args;

    while (n > 0 && url[n - 1] == '/')
        n--;
    va_start(args, fmt);
    (void)vsnprintf(rest, sizeof(rest), fmt, args);
    va_end(args);
    buf_init(&b, 4096);
    buf_printf(&b, "%.*s%s", (int)n, url, rest);
    talk_request(t, method, buf_cstr(&b));
    buf_free(&b);
    talk_header(t, "Accept", "application/json");
    talk_login(t);
}

bool ticket_keep(struct talk *t, const json_t *object, const char *key)
{
    const char *id = talk_id(object, key);

    if (id != NULL)
        (void)snprintf(t->ticket, sizeof(t->ticket), "%s", id);
    return id != NULL;
}

enum talk_step ticket_none(struct talk *t, ticket_next open_one)
{
    t->ticket[0] = '\0';
    if (t->notice->kind != NOTICE_RESOLVED && t->notice->kind != NOTICE_ACKNOWLEDGED)
        return open_one(t);
    t->closed = true;
    (void)snprintf(t->why, sizeof(t->why), "no ticket is open");
    return TALK_DELIVERED;
}

enum talk_step ticket_found(struct talk *t, const struct talk_reply *r, const struct ticket_list *l)
{
    json_t *answer = talk_parse(r), *rows = json_object_get(answer, l->name);
    bool list = json_is_array(rows), empty = json_array_size(rows) == 0;
    bool kept = ticket_keep(t, json_array_get(rows, 0), l->key);

    json_decref(answer);
    if (!list || (!empty && !kept))
        return talk_lie(t, r, l->name);
    return empty ? ticket_none(t, l->open_one) : l->go_on(t);
}
