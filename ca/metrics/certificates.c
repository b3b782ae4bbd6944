/* Certificates that have series of their own: those of the CA, and the newest valid one of each
 * name that is looked at singly, read from the store. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/metrics/parts.h"
#include "lib/clock.h"

#define LOOKS_MAX 1000 /* certificates of one name */
#define PAGE 200

static void label_cert(struct metric_labels *l, const struct cert *c)
{
    char serial[2 * SERIAL_LEN + 16];
    struct buf subject;

    buf_init(&subject, 1024);
    name_print(c->subject, &subject);
    hex_encode(slice_of(c->serial.p, c->serial.n < SERIAL_LEN + 4 ? c->serial.n : SERIAL_LEN),
               serial);
    metric_label(l, "subject", buf_cstr(&subject));
    metric_label(l, "serial_number", serial);
    buf_free(&subject);
}

struct newest {
    bool found;
    int64_t not_before, not_after;
    char profile[STORE_NAME_MAX];
    struct metric_labels labels;
};

static int look(void *arg, const struct cert_row *row)
{
    struct newest *n = arg;
    struct fault f;
    struct cert c;

    if (n->found && row->not_after <= n->not_after)
        return 0;
    fault_clear(&f);
    n->labels = (struct metric_labels){0};
    if (tbs_parse(row->tbs, &c, &f) != 0)
        return 0;
    n->found = true;
    n->not_before = row->not_before;
    n->not_after = row->not_after;
    metric_label(&n->labels, "profile", row->profile);
    label_cert(&n->labels, &c);
    return 0;
}

static void find(const struct metrics_parts *p, const char *name, struct newest *out)
{
    struct store_filter q = {.status = STATUS_VALID, .now = clock_now()};
    struct store_cursor cursor = {0};
    struct fault f;
    size_t looks = 0;

    *out = (struct newest){.found = false};
    (void)snprintf(q.name, sizeof q.name, "%s", name);
    fault_clear(&f);
    while (looks < LOOKS_MAX && store_list(p->store, &q, PAGE, &cursor, look, out, &f) == 0 &&
           cursor.n > 0)
        looks += PAGE;
}

static void put_cas(const struct metrics_parts *p, const char *family, bool after, struct buf *out)
{
    authorities_read(p->authorities);
    for (size_t i = 0; i < p->authorities->n; i++) {
        const struct authority *a = &p->authorities->item[i];
        struct metric_labels l = {0};

        if (a->certificate.n == 0)
            continue;
        metric_label(&l, "issuer", a->conf->name);
        label_cert(&l, &a->parsed);
        metric_sample(out, family, &l, after ? a->parsed.not_after : a->parsed.not_before);
    }
    authorities_done(p->authorities);
}

static void put_found(const struct metrics_parts *p, const struct newest *found, const char *family,
                      bool after, struct buf *out)
{
    for (size_t i = 0; i < p->conf->n_metrics_names; i++) {
        struct metric_labels l = {0};

        if (!found[i].found)
            continue;
        metric_label(&l, "name", p->conf->metrics_names[i]);
        if (l.n + found[i].labels.n + 2 <= sizeof l.text) {
            l.text[l.n++] = ',';
            memcpy(l.text + l.n, found[i].labels.text, found[i].labels.n + 1);
            l.n += found[i].labels.n;
        }
        metric_sample(out, family, &l, after ? found[i].not_after : found[i].not_before);
    }
}

static void put_family(const struct metrics_parts *p, const struct newest *found, bool after,
                       struct buf *out)
{
    const char *family = after ? "x509_cert_not_after" : "x509_cert_not_before";

    metric_family(out, family, METRIC_GAUGE,
                  after ? "When a certificate of the CA, or the newest of a chosen name, ends."
                        : "When it begins.");
    put_cas(p, family, after, out);
    put_found(p, found, family, after, out);
}

static void put_valid(const struct metrics_parts *p, const struct newest *found, struct buf *out)
{
    if (p->conf->n_metrics_names == 0)
        return;
    metric_family(out, "cerca_name_has_certificate", METRIC_GAUGE,
                  "Whether a chosen name has a valid certificate.");
    for (size_t i = 0; i < p->conf->n_metrics_names; i++) {
        struct metric_labels l = {0};

        metric_label(&l, "name", p->conf->metrics_names[i]);
        metric_sample(out, "cerca_name_has_certificate", &l, found[i].found);
    }
}

void metrics_certificates(const struct metrics_parts *p, struct buf *out)
{
    size_t n = p->conf->n_metrics_names;
    struct newest *found;

    found = xcalloc(n + 1, sizeof found[0]);
    for (size_t i = 0; i < n; i++)
        find(p, p->conf->metrics_names[i], &found[i]);
    put_family(p, found, true, out);
    put_family(p, found, false, out);
    put_valid(p, found, out);
    free(found);
}
