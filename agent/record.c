#include "agent/record.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "lib/clock.h"
#include "lib/file.h"
#include "lib/log.h"

#define STATE_FILE_MAX 65536
#define CLOCK_DRIFT 60 /* seconds: less is no clock that was set back */
#define FLAGS (JSON_INDENT(1) | JSON_PRESERVE_ORDER | JSON_ENSURE_ASCII)

enum kind { TIME, TEXT, FLAG, COUNT, WORD };

static const struct field {
    const char *name;
    enum kind kind;
    size_t at, size;
    bool later; /* older agents did not write it */
} fields[] = {
#define PLACE(name) offsetof(struct record, name), sizeof(((struct record *)0)->name)
#define F(name, kind)                                                                              \
    {                                                                                              \
#name, kind, PLACE(name), false                                                            \
    }
#define LATER(name, kind)                                                                          \
    {                                                                                              \
#name, kind, PLACE(name), true                                                             \
    }
    F(state, WORD),     F(resume, WORD),      F(rolling, FLAG),    F(fresh_key, FLAG),
    F(linking, FLAG),   F(version, COUNT),    F(failures, COUNT),  F(since, TIME),
    F(next, TIME),      F(rule, TEXT),        F(reason, TEXT),     F(not_before, TIME),
    F(not_after, TIME), F(fingerprint, TEXT), F(hint_start, TIME), F(hint_end, TIME),
    F(hint_next, TIME), F(hint, TEXT),        F(verified, TIME),   F(wanted, TEXT),
    LATER(files, TEXT),
#undef LATER
#undef F
#undef PLACE
};
#define N_FIELDS (sizeof(fields) / sizeof(fields[0]))

static char *path_of(const struct agent_cert *c)
{
    size_t n = strlen(c->state_dir) + sizeof("/state");
    char *path = xcalloc(1, n);

    (void)snprintf(path, n, "%s/state", c->state_dir);
    return path;
}

/* ---- writing ---- */

static json_t *value_of(const struct field *d, const struct record *r)
{
    const uint8_t *p = (const uint8_t *)r + d->at;

    switch (d->kind) {
    case TIME:
        return json_integer(*(const int64_t *)(const void *)p);
    case TEXT:
        return json_string((const char *)p);
    case FLAG:
        return json_boolean(*(const bool *)p);
    case COUNT:
        return json_integer(*(const unsigned *)(const void *)p);
    case WORD:
        return json_string(agent_state_word(*(const enum agent_state *)(const void *)p));
    }
    return NULL;
}

static json_t *seen_of(const struct record *r)
{
    json_t *list = json_array();

    for (size_t i = 0; i < r->n_seen; i++)
        (void)json_array_append_new(list,
                                    json_pack("{s:s, s:s, s:s, s:I}", "service", r->seen[i].service,
                                              "address", r->seen[i].address, "served",
                                              r->seen[i].served, "at", (json_int_t)r->seen[i].at));
    return list;
}

int record_save(const struct agent_cert *c, const struct record *r, struct fault *f)
{
    json_t *o = json_object();
    char *path = path_of(c), *text = NULL;
    int rc = 0;

    for (size_t i = 0; i < N_FIELDS; i++)
        (void)json_object_set_new(o, fields[i].name, value_of(&fields[i], r));
    (void)json_object_set_new(o, "seen", seen_of(r));
    (void)json_object_set_new(o, "saved", json_integer(clock_now()));
    text = json_dumps(o, FLAGS);
    json_decref(o);
    if (text == NULL)
        rc = fault_set(f, FAULT_INTERNAL, "agent.state", "cannot write the state of %s", c->name);
    if (rc == 0)
        rc = file_write(path, 0600, slice_str(text), f);
    if (rc != 0)
        rc = fault_rename(f, "agent.state");
    free(text);
    free(path);
    return rc;
}

/* ---- reading ---- */

static bool take_text(const json_t *v, char *out, size_t size)
{
    const char *text = json_string_value(v);

    if (text == NULL || strlen(text) >= size)
        return false;
    memcpy(out, text, strlen(text) + 1);
    return true;
}

static bool take(const struct field *d, const json_t *v, struct record *r)
{
    uint8_t *p = (uint8_t *)r + d->at;
    json_int_t n = json_integer_value(v);
    const char *word = json_string_value(v);

    if (v == NULL && d->later)
        return true;
    switch (d->kind) {
    case TIME:
        *(int64_t *)(void *)p = n;
        return json_is_integer(v) && n >= 0;
    case TEXT:
        return take_text(v, (char *)p, d->size);
    case FLAG:
        *(bool *)p = json_is_true(v);
        return json_is_boolean(v);
    case COUNT:
        *(unsigned *)(void *)p = (unsigned)n;
        return json_is_integer(v) && n >= 0 && n <= INT_MAX;
    case WORD:
        return word != NULL &&
               (word[0] == '\0' || agent_state_parse(word, (enum agent_state *)(void *)p));
    }
    return false;
}

static bool take_seen(const json_t *list, struct record *r)
{
    size_t n = json_array_size(list);

    if (!json_is_array(list) || n > RECORD_SEEN_MAX)
        return false;
    for (size_t i = 0; i < n; i++) {
        const json_t *o = json_array_get(list, i);
        struct record_seen *s = &r->seen[i];

        if (!take_text(json_object_get(o, "service"), s->service, sizeof(s->service)) ||
            !take_text(json_object_get(o, "address"), s->address, sizeof(s->address)) ||
            !take_text(json_object_get(o, "served"), s->served, sizeof(s->served)))
            return false;
        s->at = json_integer_value(json_object_get(o, "at"));
    }
    r->n_seen = n;
    return true;
}

static bool parse(struct slice text, struct record *r)
{
    json_t *o = json_loadb((const char *)text.p, text.n, JSON_REJECT_DUPLICATES, NULL);
    bool ok = json_is_object(o);

    for (size_t i = 0; ok && i < N_FIELDS; i++)
        ok = take(&fields[i], json_object_get(o, fields[i].name), r);
    ok = ok && take_seen(json_object_get(o, "seen"), r) && r->state >= STATE_TRACKED;
    if (ok && json_integer_value(json_object_get(o, "saved")) > clock_now() + CLOCK_DRIFT)
        r->next = r->hint_next = 0;
    json_decref(o);
    return ok;
}

int record_load(const struct agent_cert *c, struct record *out, struct fault *f)
{
    char *path = path_of(c);
    struct buf text = {0};
    bool there = access(path, F_OK) == 0;
    int rc = 0;

    if (!there && errno != ENOENT)
        rc = fault_set(f, FAULT_INTERNAL, "agent.state", "%.150s: %s", path, strerror(errno));

    memset(out, 0, sizeof(*out));
    out->state = STATE_TRACKED;
    if (there)
        rc = file_read(path, STATE_FILE_MAX, &text, f);
    if (rc == -FAULT_TOO_LARGE) /* none of ours: damaged as well */
        rc = 0;
    if (rc == 0 && there && !parse(buf_slice(&text), out)) {
        log_warn("agent.state", "entry", c->name, "text",
                 "the file of its state cannot be read; taken as new", NULL);
        memset(out, 0, sizeof(*out));
        out->state = STATE_TRACKED;
    }
    buf_free(&text);
    free(path);
    return rc;
}
