#include "lib/counters.h"

#include <stdatomic.h>
#include <string.h>

#include "lib/wire.h"

static _Atomic uint64_t count[COUNTERS];

/* ---- counting ---- */

void counter_add(enum counter c)
{
    atomic_fetch_add_explicit(&count[c], 1, memory_order_relaxed);
}

void counter_http(unsigned status)
{
    if (status >= 200 && status < 600)
        counter_add((enum counter)(COUNT_HTTP_2XX + status / 100 - 2));
}

void counter_est(enum counter operation, unsigned status)
{
    unsigned outcome = status == 202  ? EST_WAITING
                       : status < 300 ? EST_DONE
                       : status < 500 ? EST_REFUSED
                                      : EST_FAILED;

    counter_add((enum counter)(operation + outcome));
}

void counters_now(struct counters *out)
{
    for (size_t i = 0; i < COUNTERS; i++)
        out->n[i] = atomic_load_explicit(&count[i], memory_order_relaxed);
}

/* ---- the message ---- */

void counters_put(struct buf *b, const struct counters *c)
{
    wire_put_u32(b, COUNTERS);
    for (size_t i = 0; i < COUNTERS; i++)
        wire_put_u64(b, c->n[i]);
}

int counters_get(struct slice body, struct counters *out)
{
    struct wire_in w;

    memset(out, 0, sizeof *out);
    wire_in_init(&w, body);
    if (wire_get_u32(&w) != COUNTERS)
        return -1;
    for (size_t i = 0; i < COUNTERS; i++)
        out->n[i] = wire_get_u64(&w);
    return wire_in_done(&w) ? 0 : -1;
}

/* ---- as metrics ---- */

struct sample {
    enum counter counter;
    const char *value[2]; /* of the family's labels */
};

/* clang-format off */
static const struct sample http[] = {
    {COUNT_HTTP_2XX, {"2xx", NULL}}, {COUNT_HTTP_3XX, {"3xx", NULL}},
    {COUNT_HTTP_4XX, {"4xx", NULL}}, {COUNT_HTTP_5XX, {"5xx", NULL}},
};
static const struct sample kinds[] = {
    {COUNT_OCSP_GOOD, {"good", NULL}}, {COUNT_OCSP_REVOKED, {"revoked", NULL}},
    {COUNT_OCSP_UNKNOWN, {"unknown", NULL}},
    {COUNT_OCSP_MALFORMED, {"malformedRequest", NULL}},
    {COUNT_OCSP_INTERNAL, {"internalError", NULL}}, {COUNT_OCSP_TRY_LATER, {"tryLater", NULL}},
    {COUNT_OCSP_UNAUTHORIZED, {"unauthorized", NULL}},
};
static const struct sample made[] = {
    {COUNT_OCSP_CACHED, {"cached", NULL}}, {COUNT_OCSP_SIGNED, {"signed", NULL}},
};
#define OPERATION(first, name) \
    {(enum counter)((first) + EST_DONE), {name, "done"}}, \
    {(enum counter)((first) + EST_WAITING), {name, "waiting"}}, \
    {(enum counter)((first) + EST_REFUSED), {name, "refused"}}, \
    {(enum counter)((first) + EST_FAILED), {name, "failed"}}
static const struct sample est[] = {
    OPERATION(COUNT_EST_CACERTS, "cacerts"),
    OPERATION(COUNT_EST_SIMPLEENROLL, "simpleenroll"),
    OPERATION(COUNT_EST_SIMPLEREENROLL, "simplereenroll"),
    OPERATION(COUNT_EST_SERVERKEYGEN, "serverkeygen"),
    OPERATION(COUNT_EST_CSRATTRS, "csrattrs"),
};
/* clang-format on */

static const struct {
    const char *name, *help;
    const char *program; /* the only one that counts it; NULL: any */
    const char *label[2];
    const struct sample *sample;
    size_t n;
} families[] = {
    {"cerca_http_responses_total",
     "Answers over HTTP, by class of their status.",
     NULL,
     {"class", NULL},
     http,
     sizeof http / sizeof http[0]},
    {"cerca_ocsp_statuses_total",
     "What OCSP said of each certificate it was asked for, or why it said nothing of any.",
     "cerca-public",
     {"status", NULL},
     kinds,
     sizeof kinds / sizeof kinds[0]},
    {"cerca_ocsp_responses_total",
     "OCSP answers with statuses: signed for that request, or before.",
     "cerca-public",
     {"made", NULL},
     made,
     sizeof made / sizeof made[0]},
    {"cerca_est_requests_total",
     "Requests of EST, by what became of them.",
     "cerca-enroll",
     {"operation", "outcome"},
     est,
     sizeof est / sizeof est[0]},
};

static void write_samples(struct buf *out, size_t family, const struct counters_told *t)
{
    for (size_t i = 0; i < families[family].n; i++) {
        const struct sample *s = &families[family].sample[i];
        struct metric_labels l = {0};

        metric_label(&l, "program", t->program);
        for (size_t k = 0; k < 2 && families[family].label[k] != NULL; k++)
            metric_label(&l, families[family].label[k], s->value[k]);
        metric_sample(out, families[family].name, &l, (int64_t)t->counters->n[s->counter]);
    }
}

void counters_write(struct buf *out, const struct counters_told *told, size_t n)
{
    for (size_t f = 0; f < sizeof families / sizeof families[0]; f++) {
        metric_family(out, families[f].name, METRIC_COUNTER, families[f].help);
        for (size_t i = 0; i < n; i++)
            if (told[i].counters != NULL &&
                (families[f].program == NULL || strcmp(families[f].program, told[i].program) == 0))
                write_samples(out, f, &told[i]);
    }
}
