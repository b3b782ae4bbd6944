#include "admin/site.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/proto_metrics.h"

#define TEXT_MAX ((size_t)METRICS_PARTS_MAX * METRICS_PART_MAX)
#define WAITING_MAX 64 /* scrapes at once */
#define TYPE "text/plain; version=0.0.4; charset=utf-8"

struct site {
    struct ca_link *link;
    pthread_mutex_t lock; /* over what follows */
    struct http_wait *waiting[WAITING_MAX];
    size_t n_waiting; /* not 0: a collection is under way */
};

/* Parts are asked for one after the other; belongs to whoever has the answer. */
struct collection {
    struct site *site;
    uint32_t part;
    struct buf text;
};

static void ask_part(struct collection *c);

/* ---- answering ---- */

static void answer_text(struct http_answer *a, struct slice text)
{
    struct buf copy;

    buf_init(&copy, TEXT_MAX);
    buf_put_slice(&copy, text);
    a->status = 200;
    a->type = TYPE;
    a->max_age = -1;
    http_answer_keep(a, &copy);
}

static void answer_fault(struct http_answer *a, const struct fault *f)
{
    struct buf text;

    buf_init(&text, 1024);
    buf_printf(&text, "%s\n", f->text);
    http_answer_text(a, 503, "");
    http_answer_keep(a, &text);
}

/* Everybody who came meanwhile gets this. */
static void collected(struct collection *c, const struct fault *f)
{
    struct http_wait *waiting[WAITING_MAX];
    struct site *s = c->site;
    size_t n;

    pthread_mutex_lock(&s->lock);
    n = s->n_waiting;
    memcpy(waiting, s->waiting, n * sizeof waiting[0]);
    s->n_waiting = 0;
    pthread_mutex_unlock(&s->lock);
    for (size_t i = 0; i < n; i++) {
        struct http_answer a = {0};

        if (f != NULL)
            answer_fault(&a, f);
        else
            answer_text(&a, buf_slice(&c->text));
        http_wait_end(waiting[i], &a);
    }
    buf_free(&c->text);
    free(c);
}

/* ---- collecting ---- */

static void on_part(void *arg, uint16_t type, struct slice body, const struct fault *fault)
{
    struct collection *c = arg;
    struct metrics_part p = {.more = false};
    struct fault f;

    fault_clear(&f);
    if (fault == NULL && (type != MSG_METRICS_ARE || metrics_part_get(body, &p) != 0)) {
        (void)fault_unavailable(&f, 5, "metrics.ca", "cerca-ca answers nonsense");
        fault = &f;
    }
    if (fault == NULL)
        buf_put_slice(&c->text, p.text);
    if (fault == NULL && p.more && ++c->part < METRICS_PARTS_MAX)
        ask_part(c);
    else
        collected(c, fault);
}

static void ask_part(struct collection *c)
{
    struct buf body;

    buf_init(&body, FRAME_BODY_MAX);
    metrics_ask_put(&body, c->part);
    ca_link_ask(c->site->link, MSG_METRICS, &body, on_part, c);
}

static void collect(struct site *s)
{
    struct collection *c = xcalloc(1, sizeof *c);

    c->site = s;
    buf_init(&c->text, TEXT_MAX);
    ask_part(c);
}

/* ---- requests ---- */

static void answer_metrics(struct site *s, const struct http_request *r, struct http_answer *out)
{
    bool full, first = false;

    pthread_mutex_lock(&s->lock);
    full = s->n_waiting == WAITING_MAX;
    if (!full) {
        first = s->n_waiting == 0;
        s->waiting[s->n_waiting++] = http_wait(r);
    }
    pthread_mutex_unlock(&s->lock);
    if (full)
        http_answer_text(out, 503, "too many scrapes at once\n");
    else if (first)
        collect(s);
}

void site_answer(void *site, const struct http_request *r, struct http_answer *out)
{
    if (strcmp(r->method, "GET") != 0 && strcmp(r->method, "HEAD") != 0) {
        http_answer_text(out, 405, "only GET is served here\n");
        out->allow = "GET, HEAD";
    } else if (strcmp(r->path, "/metrics") == 0) {
        answer_metrics(site, r, out);
    } else if (strcmp(r->path, "/") == 0) {
        http_answer_text(out, 200, "Cerca: metrics are at /metrics\n");
    }
}

struct site *site_new(struct ca_link *k)
{
    struct site *s = xcalloc(1, sizeof *s);

    s->link = k;
    pthread_mutex_init(&s->lock, NULL);
    return s;
}

void site_free(struct site *s)
{
    if (s == NULL)
        return;
    pthread_mutex_destroy(&s->lock);
    free(s);
}
