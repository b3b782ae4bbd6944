#include "enroll/report.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "lib/anycert.h"
#include "lib/clock.h"
#include "lib/key.h"
#include "lib/pem.h"

/* One object under the eyes of its reader: which of its keys were asked for. */
struct object {
    const json_t *json;
    const char *what; /* for people: "an entry" */
    size_t asked;
    struct fault *fault;
};

static int malformed(struct fault *f, const char *what, const char *key)
{
    return fault_set(f, FAULT_MALFORMED, "report.malformed", "%s: \"%s\" is not as it should be",
                     what, key);
}

static int object_begin(struct object *o, const json_t *json, const char *what, struct fault *f)
{
    *o = (struct object){.json = json, .what = what, .fault = f};
    return json_is_object(json) ? 0 : malformed(f, what, "{}");
}

/* A key that nobody asked for is none of ours. */
static int object_end(const struct object *o)
{
    return json_object_size(o->json) == o->asked ? 0 : malformed(o->fault, o->what, "unknown key");
}

static const json_t *take(struct object *o, const char *key)
{
    const json_t *v = json_object_get(o->json, key);

    o->asked += v != NULL;
    return v;
}

/* jansson gives UTF-8 and, with our flags, no NUL. */
static int take_text(struct object *o, const char *key, char *out, size_t cap)
{
    const json_t *v = take(o, key);

    out[0] = '\0';
    if (v == NULL)
        return 0;
    if (!json_is_string(v) || json_string_length(v) >= cap)
        return malformed(o->fault, o->what, key);
    memcpy(out, json_string_value(v), json_string_length(v) + 1);
    return 0;
}

static int take_time(struct object *o, const char *key, int64_t *out)
{
    char text[CLOCK_TEXT_SIZE];
    int rc = take_text(o, key, text, sizeof(text));

    *out = 0;
    if (rc == 0 && text[0] != '\0' && clock_parse(text, out) != 0)
        rc = malformed(o->fault, o->what, key);
    return rc;
}

static int take_fingerprint(struct object *o, const char *key, bool *there, uint8_t out[32])
{
    char text[65];
    int rc = take_text(o, key, text, sizeof(text));

    *there = rc == 0 && text[0] != '\0';
    if (*there && (strlen(text) != 64 || hex_decode(text, out, 32) != 0))
        rc = malformed(o->fault, o->what, key);
    return rc;
}

/* NULL and *n 0 where there is none. */
static int take_array(struct object *o, const char *key, size_t max, const json_t **out,
                      uint32_t *n)
{
    const json_t *v = take(o, key);

    *out = v;
    *n = 0;
    if (v == NULL)
        return 0;
    if (!json_is_array(v) || json_array_size(v) > max)
        return malformed(o->fault, o->what, key);
    *n = (uint32_t)json_array_size(v);
    return 0;
}

/* ---- entries ---- */

static int read_service(const json_t *json, struct agent_service *s, struct fault *f)
{
    struct object o;
    int rc = object_begin(&o, json, "a service", f);

    if (rc == 0)
        rc = take_text(&o, "recipe", s->recipe, sizeof(s->recipe));
    if (rc == 0)
        rc = take_text(&o, "address", s->address, sizeof(s->address));
    if (rc == 0)
        rc = take_fingerprint(&o, "served", &s->has_served, s->served);
    if (rc == 0)
        rc = take_time(&o, "verified", &s->verified);
    return rc == 0 ? object_end(&o) : rc;
}

static int read_words(struct object *o, struct agent_entry *e)
{
    char kind[32], state[32];

    if (take_text(o, "kind", kind, sizeof(kind)) != 0 ||
        take_text(o, "state", state, sizeof(state)) != 0)
        return -FAULT_MALFORMED;
    if (!agent_kind_parse(kind, &e->kind))
        return malformed(o->fault, o->what, "kind");
    return agent_state_parse(state, &e->state) ? 0 : malformed(o->fault, o->what, "state");
}

static int read_files(struct object *o, struct agent_entry *e)
{
    const json_t *files;
    int rc = take_array(o, "files", AGENT_FILES_MAX, &files, &e->n_files);

    for (uint32_t i = 0; rc == 0 && i < e->n_files; i++) {
        const json_t *v = json_array_get(files, i);

        if (!json_is_string(v) || json_string_length(v) >= AGENT_PATH_SIZE)
            rc = malformed(o->fault, o->what, "files");
        else
            memcpy(e->files[i], json_string_value(v), json_string_length(v) + 1);
    }
    return rc;
}

static int read_services(struct object *o, struct agent_entry *e)
{
    const json_t *services;
    int rc = take_array(o, "services", AGENT_SERVICES_MAX, &services, &e->n_services);

    for (uint32_t i = 0; rc == 0 && i < e->n_services; i++)
        rc = read_service(json_array_get(services, i), &e->service[i], o->fault);
    return rc;
}

static int read_entry(const json_t *json, struct agent_entry *e, struct fault *f)
{
    struct object o;
    int rc = object_begin(&o, json, "an entry", f);

    memset(e, 0, sizeof(*e));
    if (rc == 0)
        rc = take_text(&o, "name", e->name, sizeof(e->name));
    if (rc == 0 && e->name[0] == '\0')
        rc = malformed(f, o.what, "name");
    if (rc == 0)
        rc = read_words(&o, e);
    if (rc == 0)
        rc = take_time(&o, "since", &e->since);
    if (rc == 0)
        rc = take_time(&o, "next", &e->next);
    if (rc == 0)
        rc = take_text(&o, "reason", e->reason, sizeof(e->reason));
    if (rc == 0)
        rc = take_text(&o, "rule", e->rule, sizeof(e->rule));
    if (rc == 0)
        rc = take_fingerprint(&o, "fingerprint", &e->has_fingerprint, e->fingerprint);
    if (rc == 0)
        rc = read_files(&o, e);
    if (rc == 0)
        rc = read_services(&o, e);
    return rc == 0 ? object_end(&o) : rc;
}

static int write_entries(const json_t *entries, uint32_t n, struct buf *out, struct fault *f)
{
    struct agent_entry *e = xcalloc(1, sizeof(*e));
    int rc = 0;

    for (uint32_t i = 0; rc == 0 && i < n; i++) {
        rc = read_entry(json_array_get(entries, i), e, f);
        if (rc == 0)
            agent_entry_put(out, e);
    }
    free(e);
    return rc;
}

/* ---- certificates that lie about ---- */

static int write_one_found(const json_t *json, struct buf *out, struct fault *f)
{
    struct agent_found found;
    const json_t *text = NULL;
    struct object o;
    struct buf der;
    int rc = object_begin(&o, json, "a certificate found", f);

    buf_init(&der, ANYCERT_MAX);
    if (rc == 0)
        rc = take_text(&o, "path", found.path, sizeof(found.path));
    if (rc == 0)
        text = take(&o, "certificate");
    if (rc == 0 && (found.path[0] == '\0' || !json_is_string(text) ||
                    base64_get(slice_str(json_string_value(text)), &der) != 0 || buf_failed(&der) ||
                    der.n == 0))
        rc = malformed(f, o.what, "certificate");
    if (rc == 0)
        rc = object_end(&o);
    if (rc == 0) {
        found.der = buf_slice(&der);
        agent_found_put(out, &found);
    }
    buf_free(&der);
    return rc;
}

/* ---- all of it ---- */

/* jansson would look for a seed of its tables in a file, and take the time for one in a jail. */
void report_prepare(void)
{
    size_t seed;

    random_bytes(&seed, sizeof(seed));
    json_object_seed(seed | 1);
}

/* jansson goes as deep as what it reads. */
static bool too_deep(struct slice s)
{
    size_t depth = 0;
    bool text = false;

    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = s.p[i];

        if (text && c == '\\')
            i++;
        else if (c == '"')
            text = !text;
        else if (!text && (c == '{' || c == '['))
            depth++;
        else if (!text && (c == '}' || c == ']') && depth > 0)
            depth--;
        if (depth > REPORT_DEPTH_MAX)
            return true;
    }
    return false;
}

static int read_head(struct object *o, struct enroll_report *head)
{
    const json_t *interval = take(o, "interval");

    if (take_text(o, "host", head->host, sizeof(head->host)) != 0 ||
        take_text(o, "version", head->version, sizeof(head->version)) != 0)
        return -FAULT_MALFORMED;
    if (head->host[0] == '\0')
        return malformed(o->fault, o->what, "host");
    if (head->version[0] == '\0')
        return malformed(o->fault, o->what, "version");
    if (!json_is_integer(interval) || json_integer_value(interval) < AGENT_INTERVAL_MIN ||
        json_integer_value(interval) > AGENT_INTERVAL_MAX)
        return malformed(o->fault, o->what, "interval");
    head->interval = (uint32_t)json_integer_value(interval);
    return 0;
}

static int write_report(const json_t *json, struct enroll_report *head, struct buf *out,
                        struct fault *f)
{
    const json_t *entries = NULL, *found = NULL;
    struct object o;
    int rc = object_begin(&o, json, "the report", f);

    if (rc == 0)
        rc = read_head(&o, head);
    if (rc == 0)
        rc = take_array(&o, "entries", AGENT_ENTRIES_MAX, &entries, &head->n);
    if (rc == 0)
        rc = take_array(&o, "found", AGENT_FOUND_MAX, &found, &head->n_found);
    if (rc == 0)
        rc = object_end(&o);
    if (rc != 0)
        return rc;
    enroll_report_put(out, head);
    rc = write_entries(entries, head->n, out, f);
    for (uint32_t i = 0; rc == 0 && i < head->n_found; i++)
        rc = write_one_found(json_array_get(found, i), out, f);
    return rc;
}

int report_write(struct slice body, struct enroll_report *head, struct buf *out, struct fault *f)
{
    json_error_t error;
    json_t *json;
    int rc;

    if (too_deep(body))
        return malformed(f, "the report", "its depth");
    json = json_loadb((const char *)body.p, body.n, JSON_REJECT_DUPLICATES, &error);
    if (json == NULL)
        return malformed(f, "the report", "its JSON");
    rc = write_report(json, head, out, f);
    json_decref(json);
    if (rc == 0 && buf_failed(out))
        rc = fault_set(f, FAULT_TOO_LARGE, "report.size",
                       "the report is too large: send it in parts");
    return rc;
}
