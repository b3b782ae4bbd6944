/* CloudEvents 1.0 in structured mode (its HTTP binding, 3.2), signed as Standard Webhooks are:
 * webhook-id, webhook-timestamp, webhook-signature: v1,base64(HMAC-SHA256(key, id.timestamp.body)).
 */
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/pem.h"
#include "watch/notify/talk_inner.h"

#define PREFIX "whsec_"

static void put_time(json_t *object, const char *key, int64_t t)
{
    char text[CLOCK_TEXT_SIZE];

    if (t == 0)
        return;
    clock_format(t, text);
    (void)json_object_set_new(object, key, json_string(text));
}

static void put_text(json_t *object, const char *key, const char *text)
{
    if (text[0] != '\0')
        (void)json_object_set_new(object, key, talk_text(text));
}

/* The facts as they are: whoever reads them is a program, and JSON escapes what has to be. */
static json_t *data_of(const struct notice *n)
{
    json_t *data = json_object(), *facts = json_object();
    char key[NOTICE_ID_SIZE];

    text_key(n, key);
    put_text(data, "kind", notice_kind_word(n->kind));
    put_text(data, "severity", severity_word(n->severity));
    put_text(data, "rule", n->rule);
    if (n->has_key)
        put_text(data, "key", key);
    put_text(data, "subject", n->subject);
    put_text(data, "owner", n->owner);
    put_text(data, "contact", n->contact);
    put_text(data, "summary", n->summary);
    put_text(data, "text", n->text);
    put_time(data, "first_seen", n->first_seen);
    put_time(data, "deadline", n->deadline);
    for (uint32_t i = 0; i < n->n_facts; i++)
        put_text(facts, n->fact[i].name, n->fact[i].value);
    (void)json_object_set_new(data, "facts", facts);
    return data;
}

static json_t *event_of(const struct talk *t)
{
    const struct notice *n = t->notice;
    json_t *event = json_object();
    char text[160];

    put_text(event, "specversion", "1.0");
    put_text(event, "id", n->id);
    (void)snprintf(text, sizeof(text), "//%.150s", t->target->source);
    put_text(event, "source", text);
    (void)snprintf(text, sizeof(text), "cerca.notice.%s", notice_kind_word(n->kind));
    put_text(event, "type", text);
    put_text(event, "subject", n->subject);
    put_time(event, "time", n->time);
    put_text(event, "datacontenttype", "application/json");
    (void)json_object_set_new(event, "data", data_of(n));
    return event;
}

static bool key_of(struct slice text, struct buf *out)
{
    size_t n = strlen(PREFIX);

    if (text.n < n || !slice_is(slice_of(text.p, n), PREFIX)) {
        buf_put_slice(out, text);
        return true;
    }
    return base64_get(slice_of(text.p + n, text.n - n), out) == 0 && out->n > 0;
}

static bool sign(const struct talk *t, const char *timestamp, struct buf *out)
{
    struct buf key, signed_text;
    uint8_t mac[32];
    unsigned n = 0;
    bool ok;

    buf_init(&key, 8192);
    buf_init(&signed_text, TALK_BODY_MAX + 256);
    buf_printf(&signed_text, "%s.%s.", t->notice->id, timestamp);
    buf_put_slice(&signed_text, buf_slice(&t->out.body));
    ok = key_of(t->target->secret, &key) && !buf_failed(&signed_text) &&
         HMAC(EVP_sha256(), key.p, (int)key.n, signed_text.p, signed_text.n, mac, &n) != NULL &&
         n == sizeof(mac);
    buf_put_str(out, "v1,");
    if (ok)
        base64_put(out, slice_of(mac, sizeof(mac)), 0);
    buf_free(&key);
    buf_free(&signed_text);
    return ok;
}

enum talk_step webhook_begin(struct talk *t)
{
    enum talk_step step;
    char timestamp[24];
    struct buf signature;
    bool ok;

    talk_request(t, "POST", t->target->url);
    step = talk_json(t, event_of(t));
    if (step != TALK_SEND)
        return step;
    t->out.content_type = "application/cloudevents+json; charset=UTF-8";
    (void)snprintf(timestamp, sizeof(timestamp), "%lld", (long long)t->now);
    buf_init(&signature, 128);
    ok = sign(t, timestamp, &signature);
    talk_header(t, "webhook-id", t->notice->id);
    talk_header(t, "webhook-timestamp", timestamp);
    talk_header(t, "webhook-signature", buf_cstr(&signature));
    buf_free(&signature);
    if (ok)
        return TALK_SEND;
    (void)snprintf(t->why, sizeof(t->why), "the secret is no base64 behind " PREFIX);
    return TALK_FAILED;
}
