/* What will happen to something, when, by whom, and what is in the way. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/proto_alert.h"
#include "lib/text.h"
#include "tools/commands.h"
#include "tools/find.h"
#include "tools/places.h"

static json_t *notes_json(const struct line_info *i, const char *kind)
{
    json_t *list = json_array();

    for (uint32_t k = 0; k < i->n; k++) {
        json_t *o;

        if (strcmp(i->note[k].kind, kind) != 0)
            continue;
        o = json_object();
        json_put(o, "rule", json_text(i->note[k].rule));
        json_put(o, "severity", json_string(severity_word((enum severity)i->note[k].severity)));
        json_put(o, "text", json_text(i->note[k].text));
        (void)json_array_append_new(list, o);
    }
    return list;
}

static json_t *refused_json(const struct line_refused *r)
{
    json_t *o = r->at == 0 ? json_null() : json_object();

    if (r->at == 0)
        return o;
    json_put(o, "at", json_time(r->at));
    json_put(o, "since", json_time(r->first));
    json_put(o, "times", json_integer(r->times));
    json_put(o, "by", json_text(r->by));
    json_put(o, "from", json_text(r->origin));
    json_put(o, "rule", json_text(r->rule));
    json_put(o, "text", json_text(r->text));
    json_put(o, "renewed_since", json_boolean(!r->counts));
    return o;
}

/* A certificate of a line: its serial, or the number of one that others issued, which stands in the
 * serial's place (no serial of ours begins with so many zeros). */
static void certificate_text(const uint8_t serial[SERIAL_LEN], char out[2 * SERIAL_LEN + 1])
{
    static const uint8_t zeros[SERIAL_LEN - 8];
    uint64_t number = 0;

    hex_encode(slice_of(serial, SERIAL_LEN), out);
    if (memcmp(serial, zeros, sizeof(zeros)) != 0)
        return;
    for (size_t i = sizeof(zeros); i < SERIAL_LEN; i++)
        number = number << 8 | serial[i];
    (void)snprintf(out, 2 * SERIAL_LEN + 1, "foreign:%" PRIu64, number);
}

static json_t *certificate_json(const uint8_t serial[SERIAL_LEN])
{
    char text[2 * SERIAL_LEN + 1];

    certificate_text(serial, text);
    return json_text(text);
}

static json_t *line_json(const struct line_info *i)
{
    json_t *o = json_object();

    json_put(o, "identity", json_hex(i->identity, sizeof(i->identity)));
    json_put(o, "name", json_text(i->name));
    json_put(o, "state", json_text(i->state));
    json_put(o, "action", json_text(i->action));
    json_put(o, "stuck", json_text(i->stuck));
    json_put(o, "renewal_due", json_time(i->opens));
    json_put(o, "renewal_late", json_time(i->late));
    json_put(o, "not_before", json_time(i->not_before));
    json_put(o, "not_after", json_time(i->not_after));
    json_put(o, "profile", json_text(i->profile));
    json_put(o, "owner", json_text(i->owner));
    json_put(o, "contact", json_text(i->contact));
    json_put(o, "requester", json_text(i->requester));
    json_put(o, "renewal_method", json_text(i->method));
    json_put(o, "serial", certificate_json(i->serial));
    json_put(o, "issuer", json_text(i->issuer));
    json_put(o, "certificates", json_integer(i->members));
    json_put(o, "followed_by", i->followed ? certificate_json(i->follower) : json_null());
    json_put(o, "refused", refused_json(&i->refused));
    json_put(o, "alerts", notes_json(i, "alert"));
    json_put(o, "findings", notes_json(i, "finding"));
    return o;
}

/* ---- for people ---- */

static void say(struct buf *out, const char *what, const char *value)
{
    if (value[0] == '\0')
        return;
    buf_printf(out, "  %-11s", what);
    text_safe(slice_str(value), false, out);
    buf_put_str(out, "\n");
}

static void say_notes(struct buf *out, const struct line_info *i, const char *kind)
{
    struct buf text;

    for (uint32_t k = 0; k < i->n; k++) {
        if (strcmp(i->note[k].kind, kind) != 0)
            continue;
        buf_init(&text, 1024);
        buf_printf(&text, "%s (%s, %s)", i->note[k].text, i->note[k].rule,
                   severity_word((enum severity)i->note[k].severity));
        say(out, kind, buf_cstr(&text));
        buf_free(&text);
    }
}

/* The last attempt, if it failed: when, by whom, and why. */
static void say_refused(struct buf *out, const struct line_refused *r)
{
    char at[CLOCK_TEXT_SIZE], first[CLOCK_TEXT_SIZE];
    struct buf text;

    if (r->at == 0)
        return;
    clock_format(r->at, at);
    clock_format(r->first, first);
    buf_init(&text, 1024);
    buf_printf(&text, "%s to %s (%s): %s (%s)", at, r->by, r->origin, r->text, r->rule);
    if (r->times > 1)
        buf_printf(&text, ", again and again since %s", first);
    if (!r->counts)
        buf_put_str(&text, "; another certificate has followed since");
    say(out, "refused", buf_cstr(&text));
    buf_free(&text);
}

static void say_line(struct buf *out, const struct line_info *i, const json_t *places)
{
    char serial[2 * SERIAL_LEN + 1], end[CLOCK_TEXT_SIZE], begun[CLOCK_TEXT_SIZE], text[512];

    text_safe(slice_str(i->name), false, out);
    buf_printf(out, ": %s\n", i->state);
    say(out, "next", i->action);
    say(out, "blocked", i->stuck);
    say_refused(out, &i->refused);
    certificate_text(i->serial, serial);
    clock_format(i->not_before, begun);
    clock_format(i->not_after, end);
    (void)snprintf(text, sizeof(text), "%s%s%s, from %s to %s", serial,
                   i->issuer[0] != '\0' ? " of " : "", i->issuer, begun, end);
    say(out, "newest", text);
    (void)snprintf(text, sizeof(text), "%u so far", i->members);
    say(out, "line", text);
    say(out, "profile", i->profile);
    say(out, i->issuer[0] != '\0' ? "asked by" : "shown by", i->requester);
    say(out, "renewed by", i->method);
    (void)snprintf(text, sizeof(text), "%s%s%s", i->owner, i->contact[0] != '\0' ? ", " : "",
                   i->contact);
    say(out, "owner", text);
    certificate_text(i->follower, serial);
    say(out, "followed", i->followed ? serial : "");
    say_notes(out, i, "alert");
    say_notes(out, i, "finding");
    places_print(places, 2, 11, out);
    hex_encode(slice_of(i->identity, sizeof(i->identity)), serial);
    say(out, "identity", serial);
}

/* All lines of the answer, which is gone when something else is asked. */
static struct line_info *read_lines(struct wire_in *w, uint32_t *n)
{
    struct line_info *all;

    *n = wire_get_count(w, EXPLAIN_MAX, 1);
    all = xcalloc(*n + 1, sizeof(*all));
    for (uint32_t k = 0; k < *n; k++)
        line_info_get(w, &all[k]);
    return all;
}

static int tell_lines(struct tool *t, const struct line_info *all, uint32_t n, json_t *list,
                      struct buf *out, struct fault *f)
{
    for (uint32_t k = 0; k < n; k++) {
        json_t *places = places_json(t, all[k].identity, f), *o;

        if (places == NULL)
            return -(int)f->code;
        buf_put_str(out, k > 0 ? "\n" : "");
        say_line(out, &all[k], places);
        o = line_json(&all[k]);
        json_put(o, "places", places);
        (void)!json_array_append_new(list, o);
    }
    return 0;
}

static int print_lines(struct tool *t, struct wire_in *w, struct fault *f)
{
    uint32_t n;
    struct line_info *all = read_lines(w, &n);
    json_t *list = json_array();
    struct buf out;
    int rc;

    buf_init(&out, FRAME_BODY_MAX * 4);
    rc = wire_in_done(w) ? tell_lines(t, all, n, list, &out, f) : tool_broken_answer(f);
    if (rc == 0 && t->format == FORMAT_JSON)
        rc = json_print(t, json_incref(list));
    else if (rc == 0)
        rc = tool_print(t, buf_slice(&out));
    json_decref(list);
    buf_free(&out);
    free(all);
    return rc;
}

/* By a name or an identity, as cerca-ca understands them. */
static int ask(struct tool *t, const char *text, struct frame *answer, struct fault *f)
{
    struct buf body;
    int rc;

    buf_init(&body, 512);
    wire_put_text(&body, text);
    rc = tool_call_patient(t, MSG_LINE_EXPLAIN, buf_slice(&body), MSG_LINE_EXPLAINED, answer, f);
    buf_free(&body);
    return rc;
}

/* Whatever else finds one certificate stands for that one's line. */
static int ask_by_certificate(struct tool *t, const char *word, struct frame *answer,
                              struct fault *f)
{
    char identity[2 * ANNOTATION_IDENTITY + 1];
    struct found found;
    struct fault none = {0};

    if (find_shown(t, word, &found, &none) != 0)
        return -FAULT_NOT_FOUND;
    fault_clear(f);
    hex_encode(slice_of(found.best.info.annotation.identity, ANNOTATION_IDENTITY), identity);
    return ask(t, identity, answer, f);
}

static int run_explain(struct tool *t, void *args)
{
    static const char prefix[] = "identity:"; /* as for cerca inventory */
    const char *word = t->words[0];
    struct fault f = {0};
    struct frame answer = {0};
    struct wire_in w;
    int rc;

    (void)args;
    if (strncmp(word, prefix, sizeof(prefix) - 1) == 0)
        word += sizeof(prefix) - 1;
    if (find_name(word)[0] == '\0')
        return tool_usage(t, "NAME is empty");
    rc = strlen(word) > 255 ? tool_usage(t, "NAME is too long")
                            : ask(t, find_name(word), &answer, &f);
    if (rc == -FAULT_NOT_FOUND)
        rc = ask_by_certificate(t, word, &answer, &f);
    if (rc > 0)
        return rc;
    if (rc == 0) {
        wire_in_init(&w, answer.body);
        rc = print_lines(t, &w, &f);
    }
    return rc < 0 ? tool_fail(t, &f) : rc;
}

const struct command cmd_explain = {
    .name = "explain",
    .help = "say what will happen to something, when, by whom, and what is in the way",
    .arguments = "NAME | IDENTITY | SERIAL | FINGERPRINT | foreign:NUMBER | FILE",
    .examples = "  cerca explain www.example.com\n"
                "  cerca explain foreign:17\n"
                "  cerca explain www.example.com -o json | jq -r '.[].action'\n",
    .min = 1,
    .max = 1,
    .formats = FORMAT_TEXT | FORMAT_JSON,
    .format = FORMAT_TEXT,
    .run = run_explain,
};
