#include "client/esthint.h"

#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "lib/clock.h"
#include "lib/text.h"

#define URL_ROOM 4096

static void make_url(const struct est *e, const uint8_t *fingerprint, struct buf *out)
{
    char hex[65];

    est_origin(e, out);
    buf_put_str(out, "/.well-known/cerca/renewal");
    if (fingerprint == NULL)
        return;
    hex_encode(slice_of(fingerprint, 32), hex);
    buf_printf(out, "/%s", hex);
}

static const char *text_of(const json_t *o, const char *name)
{
    const char *text = json_string_value(json_object_get(o, name));

    return text == NULL ? "" : text;
}

static int read_answer(const struct http_answer *a, struct est_hint *out, struct fault *f)
{
    json_t *o = json_loadb((const char *)a->body.p, a->body.n, JSON_REJECT_DUPLICATES, NULL);
    const json_t *window = json_object_get(o, "suggestedWindow");
    struct buf safe;
    int rc = 0;

    if (window == NULL || clock_parse(text_of(window, "start"), &out->start) != 0 ||
        clock_parse(text_of(window, "end"), &out->end) != 0 || out->end <= out->start)
        rc =
            fault_set(f, FAULT_MALFORMED, "est.hint", "the server suggests no time (RFC 9773 4.2)");
    buf_init(&safe, sizeof(out->explanation) - 1);
    if (rc == 0)
        text_safe(slice_str(text_of(o, "explanation")), false, &safe);
    (void)snprintf(out->explanation, sizeof(out->explanation), "%s",
                   buf_failed(&safe) ? "" : buf_cstr(&safe));
    out->retry_after = a->retry_after;
    buf_free(&safe);
    json_decref(o);
    return rc;
}

static int judge(const struct http_answer *a, struct fault *f)
{
    struct buf why;

    if (a->status == 200)
        return 0;
    buf_init(&why, 4096);
    text_safe(slice_of(a->body.p, a->body.n < 300 ? a->body.n : 300), false, &why);
    (void)fault_set(f,
                    a->status == 403                       ? FAULT_DENIED
                    : a->status == 404                     ? FAULT_NOT_FOUND
                    : a->status >= 500 || a->status == 429 ? FAULT_UNAVAILABLE
                                                           : FAULT_MALFORMED,
                    "est.status", "the server answers with status %ld: %.400s", a->status,
                    buf_cstr(&why));
    buf_free(&why);
    return -(int)f->code;
}

int est_hint_ask(struct est *e, const uint8_t *fingerprint, struct est_hint *out, struct fault *f)
{
    struct http_request r = {.accept = "application/json"};
    struct buf url;
    int rc;

    memset(out, 0, sizeof(*out));
    buf_init(&url, URL_ROOM);
    make_url(e, fingerprint, &url);
    r.url = buf_cstr(&url);
    r.timeout_ms = (int)(e->caller.timeout > 3600 ? 3600 : e->caller.timeout) * 1000;
    rc = http_session_ask(e->session, &r, NULL, NULL, &e->answer, f);
    if (rc == 0)
        rc = judge(&e->answer, f);
    if (rc == 0)
        rc = read_answer(&e->answer, out, f);
    buf_free(&url);
    return rc;
}
