/* Sections that several reports have. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/report.h"

/* ---- making them ---- */

json_t *report_section(struct report *r, const char *id, const char *title, const char *text)
{
    json_t *s = json_object();

    json_put(s, "id", json_text(id));
    json_put(s, "title", json_text(title));
    json_put(s, "text", json_text(text));
    (void)json_array_append_new(json_object_get(r->doc, "sections"), s);
    return s;
}

void section_figure(json_t *section, const char *name, uint64_t value, bool bad)
{
    json_t *list = json_object_get(section, "figures");
    json_t *o = json_object();

    if (list == NULL) {
        list = json_array();
        json_put(section, "figures", list);
    }
    json_put(o, "name", json_text(name));
    json_put(o, "value", json_integer((json_int_t)value));
    json_put(o, "bad", json_boolean(bad && value > 0));
    (void)json_array_append_new(list, o);
}

json_t *section_table(json_t *section, const char *const *columns, const char *chart,
                      const char *charted)
{
    json_t *list = json_array(), *rows = json_array();

    for (; columns[0] != NULL; columns += 2) {
        json_t *c = json_object();

        json_put(c, "key", json_text(columns[0]));
        json_put(c, "title", json_text(columns[1]));
        (void)json_array_append_new(list, c);
    }
    json_put(section, "columns", list);
    json_put(section, "rows", rows);
    if (chart != NULL) {
        json_put(section, "chart", json_text(chart));
        json_put(section, "charted", json_text(charted));
    }
    return rows;
}

void section_row(json_t *rows, json_t *row)
{
    (void)json_array_append_new(rows, row);
}

/* ---- what was counted ---- */

static size_t span_of(int64_t seconds)
{
    for (size_t i = 0; i < REPORT_SPANS; i++)
        if (report_spans[i] * REPORT_DAY == seconds)
            return i;
    return 0;
}

int part_totals(struct report *r)
{
    const struct report_sums *s = &r->sums;
    size_t soon = span_of(REPORT_SOON);
    char text[256];
    json_t *section;

    (void)snprintf(text, sizeof(text),
                   "%" PRIu64 " active, %" PRIu64 " expiring within 30 days, %" PRIu64
                   " expiring without a renewal.",
                   s->active, s->ends[soon], s->bare[soon]);
    section = report_section(r, "totals", "Summary", text);
    section_figure(section, "active", s->active, false);
    section_figure(section, "expire within 30 days", s->ends[soon], false);
    section_figure(section, "of those without a renewal", s->bare[soon], true);
    section_figure(section, "active without an owner", s->unowned, true);
    section_figure(section, "active from other issuers", s->foreign, false);
    section_figure(section, "expired", s->expired, false);
    section_figure(section, "revoked", s->revoked, false);
    section_figure(section, "on hold", s->held, false);
    return 0;
}

int part_spans(struct report *r)
{
    static const char *const columns[] = {"within", "Ends within",       "ends", "Certificates",
                                          "bare",   "Without a renewal", NULL};
    json_t *s = report_section(r, "ends", "What ends, and when", "");
    json_t *rows = section_table(s, columns, NULL, NULL);

    for (size_t i = 0; i < REPORT_SPANS; i++) {
        json_t *o = json_object();
        char text[32];

        (void)snprintf(text, sizeof(text), "%u days", report_spans[i]);
        json_put(o, "within", json_text(text));
        json_put(o, "ends", json_number(r->sums.ends[i]));
        json_put(o, "bare", json_number(r->sums.bare[i]));
        json_put(o, "bad", json_boolean(r->sums.bare[i] > 0));
        section_row(rows, o);
    }
    return 0;
}

static void month_name(int64_t now, size_t n, char out[16])
{
    unsigned month = report_month(now) + (unsigned)n;

    if (n == REPORT_MONTHS - 1)
        (void)snprintf(out, 16, "later");
    else
        (void)snprintf(out, 16, "%04u-%02u", month / 12 % 10000u, month % 12 + 1);
}

int part_months(struct report *r)
{
    static const char *const columns[] = {"month", "Month", "ends", "Certificates", NULL};
    json_t *s = report_section(r, "months", "Active certificates by the month they end in", "");
    json_t *rows = section_table(s, columns, "columns", "ends");

    for (size_t i = 0; i < REPORT_MONTHS; i++) {
        json_t *o = json_object();
        char text[16];

        month_name(r->now, i, text);
        json_put(o, "month", json_text(text));
        json_put(o, "ends", json_number(r->sums.months[i]));
        section_row(rows, o);
    }
    return 0;
}

static json_t *tally_json(const struct tally_row *row)
{
    json_t *o = json_object();

    json_put(o, "name", json_text(row->name));
    json_put(o, "active", json_number(row->active));
    json_put(o, "soon", json_number(row->soon));
    json_put(o, "bare", json_number(row->bare));
    json_put(o, "all", json_number(row->all));
    json_put(o, "bad", json_boolean(row->bare > 0));
    return o;
}

int part_tally(struct report *r, struct tally *t, const char *id, const char *title,
               const char *first, size_t max)
{
    const char *const columns[] = {
        "name",   first,
        "active", "Active",
        "soon",   "Expire within 30 days",
        "bare",   "Without a renewal",
        "all",    "Ever",
        NULL,
    };
    char text[128] = "";
    json_t *rows, *s;

    tally_sort(t);
    if (t->n > max || t->full)
        (void)snprintf(text, sizeof(text), "The %zu with the most active certificates%s.",
                       t->n < max ? t->n : max,
                       t->full ? "; there are too many to count each" : "");
    s = report_section(r, id, title, text);
    rows = section_table(s, columns, "bars", "active");
    for (size_t i = 0; i < t->n && i < max; i++)
        section_row(rows, tally_json(&t->row[i]));
    return 0;
}

/* ---- the CA's own ---- */

static json_t *authority_json(const struct ca_info *c, int64_t now)
{
    json_t *o = json_object();

    json_put(o, "name", json_text(c->name));
    json_put(o, "subject", json_text(c->subject));
    json_put(o, "state", json_text(c->state));
    json_put(o, "key", json_text(c->key));
    json_put(o, "not_after", c->not_after != 0 ? json_time(c->not_after) : json_text(""));
    json_put(o, "fingerprint", json_hex(c->fingerprint, sizeof(c->fingerprint)));
    json_put(o, "bad", json_boolean(c->not_after != 0 && c->not_after < now));
    return o;
}

int part_authorities(struct report *r, struct fault *f)
{
    static const char *const columns[] = {
        "name", "Name",      "subject", "Subject",     "state",   "State", "key",
        "Key",  "not_after", "Ends",    "fingerprint", "SHA-256", NULL,
    };
    struct ca_info *info = xcalloc(1, sizeof(*info));
    struct frame answer;
    struct wire_in w;
    json_t *rows;
    uint32_t n;
    int rc = tool_call_patient(r->tool, MSG_CA_LIST, SLICE_NONE, MSG_CA_LISTED, &answer, f);

    if (rc == 0) {
        rows = section_table(report_section(r, "authorities", "Certification authorities",
                                            "The trusted keys and certificates of this CA."),
                             columns, NULL, NULL);
        wire_in_init(&w, answer.body);
        n = wire_get_count(&w, CA_MAX, 1);
        for (uint32_t i = 0; i < n && !wire_failed(&w); i++) {
            ca_info_get(&w, info);
            if (!wire_failed(&w))
                section_row(rows, authority_json(info, r->now));
        }
        if (!wire_in_done(&w))
            rc = fault_set(f, FAULT_MALFORMED, "answer", "cerca-ca sent a broken list");
    }
    free(info);
    return rc;
}
