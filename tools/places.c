#include "tools/places.h"

#include <string.h>

#include "lib/proto_agent.h"
#include "lib/text.h"

static json_t *time_or_null(int64_t t)
{
    return t == 0 ? json_null() : json_time(t);
}

static json_t *place_json(const struct place_info *i)
{
    json_t *o = json_object();

    json_put(o, "kind", json_string(place_kind_word(i->kind)));
    json_put(o, "where", json_text(i->where));
    json_put(o, "host", json_text(i->host));
    json_put(o, "entry", json_text(i->name));
    json_put(o, "state", json_text(i->state));
    json_put(o, "text", json_text(i->text));
    json_put(o, "sha256", json_hex(i->fingerprint, sizeof(i->fingerprint)));
    json_put(o, "seen", time_or_null(i->seen));
    json_put(o, "verified", time_or_null(i->verified));
    return o;
}

json_t *places_json(struct tool *t, const uint8_t identity[16], struct fault *f)
{
    struct place_info i;
    struct frame answer;
    struct wire_in w;
    uint32_t n;
    json_t *all;

    if (tool_call_patient(t, MSG_PLACE_LIST, slice_of(identity, 16), MSG_PLACE_LISTED, &answer,
                          f) != 0)
        return NULL;
    all = json_array();
    wire_in_init(&w, answer.body);
    (void)wire_get_flag(&w);
    n = wire_get_count(&w, PLACES_TOLD_MAX, 1);
    for (uint32_t k = 0; k < n; k++) {
        place_info_get(&w, &i);
        if (!wire_failed(&w))
            (void)!json_array_append_new(all, place_json(&i));
    }
    if (wire_in_done(&w))
        return all;
    json_decref(all);
    (void)tool_broken_answer(f);
    return NULL;
}

/* "web1: /etc/ssl/web.pem, verified 2026-11-21T..., seen ..." */
static void print_one(const json_t *p, struct buf *out)
{
    const char *state = json_str(p, "state"), *text = json_str(p, "text");
    const char *verified = json_str(p, "verified");

    text_safe(slice_str(json_str(p, "where")), false, out);
    buf_put_str(out, state[0] != '\0' ? ", " : "");
    text_safe(slice_str(state), false, out);
    buf_put_str(out, text[0] != '\0' ? ": " : "");
    text_safe(slice_str(text), false, out);
    if (verified[0] != '\0')
        buf_printf(out, ", last in use %s", verified);
    buf_printf(out, ", last told %s\n", json_str(p, "seen"));
}

void places_print(const json_t *places, int indent, int width, struct buf *out)
{
    size_t i;
    const json_t *p;

    json_array_foreach(places, i, p)
    {
        buf_printf(out, "%*s%-*s", indent, "", width, json_str(p, "kind"));
        print_one(p, out);
    }
}
