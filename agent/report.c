#include "agent/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "agent/entries.h"
#include "agent/found.h"
#include "agent/identity.h"
#include "agent/remote.h"
#include "agent/work.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/pem.h"

#define FILES_MAX 16
#define PATH_SHOWN 255
#define RETRIES 5
#define RETRY_WITHIN 60 /* seconds */

/* ---- making ---- */

static json_t *time_of(int64_t t)
{
    char text[CLOCK_TEXT_SIZE];

    if (t <= 0)
        return json_string("");
    clock_format(t, text);
    return json_string(text);
}

/* What is not UTF-8, or too long, is left out. */
static json_t *text_of(const char *text, size_t max)
{
    json_t *v = strlen(text) <= max ? json_string(text) : NULL;

    return v != NULL ? v : json_string("");
}

static json_t *files_of(const struct agent_cert *c)
{
    json_t *list = json_array();

    for (size_t i = 0; i < c->n_files && i < FILES_MAX; i++)
        if (strlen(c->files[i].path) <= PATH_SHOWN)
            (void)json_array_append_new(list, text_of(c->files[i].path, PATH_SHOWN));
    return list;
}

static const char *recipe_of(const struct agent_cert *c, const char *service)
{
    for (size_t i = 0; i < c->n_services; i++)
        if (strcmp(c->services[i].name, service) == 0)
            return c->services[i].recipe[0] != '\0' ? c->services[i].recipe : service;
    return service;
}

static json_t *services_of(const struct agent_cert *c, const struct record *r)
{
    json_t *list = json_array();

    for (size_t i = 0; i < r->n_seen; i++) {
        json_t *o = json_object();

        (void)json_object_set_new(o, "recipe", text_of(recipe_of(c, r->seen[i].service), 31));
        (void)json_object_set_new(o, "address", text_of(r->seen[i].address, 127));
        (void)json_object_set_new(o, "served", text_of(r->seen[i].served, 64));
        (void)json_object_set_new(o, "verified", time_of(r->seen[i].at));
        (void)json_array_append_new(list, o);
    }
    return list;
}

static json_t *entry_of(const struct entry *e, const struct record *r)
{
    const struct agent_cert *c = e->as;
    json_t *o = json_object();

    (void)json_object_set_new(o, "name", json_string(c->name));
    (void)json_object_set_new(o, "kind", json_string(agent_kind_word(e->kind)));
    (void)json_object_set_new(o, "state", json_string(agent_state_word(r->state)));
    (void)json_object_set_new(o, "since", time_of(r->since));
    (void)json_object_set_new(o, "reason", text_of(r->reason, 255));
    (void)json_object_set_new(o, "rule", text_of(r->rule, 63));
    (void)json_object_set_new(o, "next", time_of(r->next));
    (void)json_object_set_new(o, "fingerprint", text_of(r->fingerprint, 64));
    (void)json_object_set_new(o, "files", files_of(c));
    (void)json_object_set_new(o, "services", services_of(c, r));
    return o;
}

static json_t *begin(const struct agent_conf *c)
{
    char host[256] = "";
    json_t *o = json_object();

    if (c->host[0] != '\0' || gethostname(host, sizeof(host) - 1) != 0 || host[0] == '\0')
        (void)snprintf(host, sizeof(host), "%.253s", c->host[0] != '\0' ? c->host : "localhost");
    (void)json_object_set_new(o, "host", json_string(host));
    (void)json_object_set_new(o, "version", json_string(CERCA_VERSION));
    (void)json_object_set_new(o, "interval", json_integer((json_int_t)c->report_every));
    (void)json_object_set_new(o, "entries", json_array());
    return o;
}

static int post(json_t *o, int (*fn)(void *arg, struct slice json, struct fault *f), void *arg,
                struct fault *f)
{
    char *text = json_dumps(o, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_ENSURE_ASCII);
    int rc = text == NULL ? fault_set(f, FAULT_INTERNAL, "agent.report", "no report can be made")
                          : fn(arg, slice_str(text), f);

    free(text);
    json_decref(o);
    return rc;
}

/* ---- what lies about ---- */

/* A post as it fills. */
struct finding {
    const struct agent_conf *conf;
    int (*fn)(void *arg, struct slice json, struct fault *f);
    void *arg;
    json_t *post; /* NULL: nothing is in it */
    size_t size;  /* of its certificates, in base64 */
};

static int post_found(struct finding *p, struct fault *f)
{
    json_t *o = p->post;

    p->post = NULL;
    p->size = 0;
    return o == NULL ? 0 : post(o, p->fn, p->arg, f);
}

static json_t *found_json(const struct found *one)
{
    json_t *o = json_object(), *path = json_string(one->path);
    struct buf text;

    if (path == NULL || strlen(one->path) > PATH_SHOWN) {
        log_warn("agent.found", "path", one->path, "why",
                 "its path cannot be told: too long, or not UTF-8", NULL);
        json_decref(path);
        json_decref(o);
        return NULL;
    }
    buf_init(&text, REPORT_FOUND_OCTETS);
    base64_put(&text, one->der, 0);
    (void)json_object_set_new(o, "path", path);
    (void)json_object_set_new(o, "certificate", json_string(buf_cstr(&text)));
    buf_free(&text);
    return o;
}

static int add_found(void *arg, const struct found *one, struct fault *f)
{
    struct finding *p = arg;
    size_t n = 4 * (one->der.n / 3 + 1) + 2 * PATH_SHOWN;
    json_t *o;
    int rc = 0;

    if (one->der.n == 0) {
        log_warn("agent.found", "path", one->path, "why", one->why, NULL);
        return 0;
    }
    if (p->post != NULL && (json_array_size(json_object_get(p->post, "found")) == REPORT_FOUND ||
                            p->size + n > REPORT_FOUND_OCTETS))
        rc = post_found(p, f);
    o = rc == 0 ? found_json(one) : NULL;
    if (o == NULL)
        return rc;
    if (p->post == NULL) {
        p->post = begin(p->conf);
        (void)json_object_set_new(p->post, "found", json_array());
    }
    (void)json_array_append_new(json_object_get(p->post, "found"), o);
    p->size += n;
    return 0;
}

static int make_found(const struct agent_conf *c,
                      int (*fn)(void *arg, struct slice json, struct fault *f), void *arg,
                      struct fault *f)
{
    struct finding p = {.conf = c, .fn = fn, .arg = arg};
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < c->n_scan; i++) {
        rc = found_look(c->scan[i], c->scan_password_file, c->state_dir, add_found, &p, f);
        if (rc != 0 && strncmp(f->rule, "found.", 6) == 0) { /* the others are still looked at */
            log_fault(LOG_LEVEL_WARN, "agent.found", f, NULL);
            rc = 0;
        }
    }
    if (rc == 0)
        rc = post_found(&p, f);
    json_decref(p.post);
    return rc;
}

/* ---- all of it ---- */

int report_make(const struct agent_conf *c, bool found,
                int (*fn)(void *arg, struct slice json, struct fault *f), void *arg,
                struct fault *f)
{
    size_t at = 0;
    int rc = 0;

    do {
        json_t *o = begin(c), *entries = json_object_get(o, "entries");

        for (; at < entries_count(c) && json_array_size(entries) < REPORT_ENTRIES; at++) {
            struct entry e = entries_at(c, at);
            struct record r;
            struct fault none;

            if (record_load(e.as, &r, &none) == 0)
                (void)json_array_append_new(entries, entry_of(&e, &r));
        }
        rc = post(o, fn, arg, f);
    } while (rc == 0 && at < entries_count(c));
    return rc == 0 && found ? make_found(c, fn, arg, f) : rc;
}

/* ---- telling ---- */

struct speaker {
    struct remote_ask ask;
    struct identity as;
};

static int find_speaker(const struct agent_conf *c, struct speaker *s, struct fault *f)
{
    struct fault none;

    for (size_t i = 0; i < c->n_certs; i++) {
        const struct agent_cert *e = &c->certs[i];

        if (c->report_as[0] != '\0' && strcmp(c->report_as, e->name) != 0)
            continue;
        if (identity_find(e, &s->as, &none) != 0) {
            identity_free(&s->as);
            continue;
        }
        s->ask = (struct remote_ask){.what = REMOTE_REPORT,
                                     .cert = e,
                                     .own = buf_cstr(&s->as.cert),
                                     .own_key = s->as.key.n > 0 ? buf_cstr(&s->as.key) : NULL,
                                     .own_uri = s->as.uri.n > 0 ? buf_cstr(&s->as.uri) : NULL,
                                     .timeout = c->timeout};
        return 0;
    }
    return fault_set(f, FAULT_NOT_FOUND, "agent.report",
                     "no entry has a certificate that could speak for this host");
}

/* What comes in many posts may be asked to come more slowly. */
static int tell(void *arg, struct slice json, struct fault *f)
{
    struct speaker *s = arg;
    struct remote_answer answer;
    int rc;

    s->ask.body = json;
    rc = remote_do(&s->ask, &answer, f);
    for (int i = 0; rc == -FAULT_UNAVAILABLE && i < RETRIES && answer.retry_after > 0 &&
                    answer.retry_after <= RETRY_WITHIN;
         i++) {
        (void)sleep((unsigned)answer.retry_after);
        remote_answer_free(&answer);
        fault_clear(f);
        rc = remote_do(&s->ask, &answer, f);
    }
    remote_answer_free(&answer);
    return rc;
}

int report_send(const struct agent_conf *c, bool found, struct fault *f)
{
    struct speaker s;
    int rc = find_speaker(c, &s, f);

    if (rc != 0)
        return rc;
    rc = report_make(c, found, tell, &s, f);
    identity_free(&s.as);
    return rc;
}

int report_removed(const struct agent_conf *c, const char *name, struct fault *f)
{
    struct entry e;
    struct record gone = {.state = STATE_REMOVED, .since = clock_now()};
    struct speaker s;
    json_t *o;
    int rc = !entries_find(c, name, &e)
                 ? fault_set(f, FAULT_NOT_FOUND, "agent.report", "there is no %s", name)
                 : find_speaker(c, &s, f);

    if (rc != 0)
        return rc;
    o = begin(c);
    (void)json_array_append_new(json_object_get(o, "entries"), entry_of(&e, &gone));
    rc = post(o, tell, &s, f);
    identity_free(&s.as);
    return rc;
}
