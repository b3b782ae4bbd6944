/*
 * Reports: what auditors and owners ask for, made here at the client from what cerca-ca answers. A
 * report is a document (a JSON object: head, then sections of figures, tables and charts), and for
 * some a list of certificates behind it. Certificates are read page by page and counted; of the
 * list no more is kept than an HTML page shows, so memory is bounded whatever the inventory.
 */
#ifndef TOOLS_REPORT_H
#define TOOLS_REPORT_H

#include "tools/listargs.h"
#include "tools/progress.h"
#include "tools/rows.h"
#include "tools/tally.h"

#define REPORT_DAY INT64_C(86400)
#define REPORT_SOON (30 * REPORT_DAY)
#define REPORT_SPANS 5 /* within 7, 14, 30, 60, 90 days */
extern const unsigned report_spans[REPORT_SPANS];
#define REPORT_MONTHS 13 /* this one, eleven more, later */

struct report_args {
    struct list_args list;
    uint32_t rows; /* of a list in HTML */
    const char *out;
};

/* What was counted. `bare` is what ends and has no renewal: no valid certificate follows it, nobody
 * retired it, and it is not one that the CA renews for itself. */
struct report_sums {
    uint64_t all, active, expired, revoked, held, other;
    uint64_t ends[REPORT_SPANS], bare[REPORT_SPANS];
    uint64_t months[REPORT_MONTHS];
    uint64_t unowned, foreign; /* active ones */
    struct tally owner, issuer, key, signature, profile;
};

struct report_column {
    const char *title;
    const char *key;                                  /* of the row, see report_row */
    void (*cell)(const json_t *row, struct buf *out); /* instead of the key's value */
    const char *class; /* "mono", "t" (a line), "n" (a number); NULL: text */
};

struct report;
struct report_kind {
    const char *name, *title, *about;
    /* Of its own wish for certificates; NULL: whatever the filters say. */
    void (*preset)(struct list_request *r, int64_t *within);
    const struct report_column *columns; /* of its list, ended by a NULL title; NULL: no list */
    const char *const *keys;             /* likewise as CSV */
    int (*sections)(struct report *r, struct fault *f);
};

struct report {
    struct tool *tool;
    const struct report_kind *kind;
    const struct report_args *args;
    int64_t now;
    int64_t within; /* of the list; 0: all */
    json_t *doc;    /* ... with "sections" */
    struct report_sums sums;
    struct rows rows; /* the list as CSV and JSON */
    struct buf table; /* the list as HTML */
    uint64_t listed;
    struct progress bar;
};
/* An exit code; failures said. */
int report_run(struct tool *t, const struct report_kind *kind,
               const struct report_args *a) WARN_UNUSED;

/* ---- its parts: tools/reporthead.c, reportsums.c, reportpage.c ---- */

/* CA, time, operator, configuration, and a checkpoint that is signed for it. */
int report_head(struct report *r, const struct list_request *q, struct fault *f) WARN_UNUSED;
void sums_init(struct report_sums *s);
void sums_free(struct report_sums *s);
void sums_add(struct report_sums *s, const struct cert_info *i, int64_t now);
unsigned report_month(int64_t t); /* since year 0, in UTC */
bool report_is_bare(const struct cert_info *i);
/* One line of the HTML list. */
void report_line(struct buf *out, const struct report_column *columns, const json_t *row, bool bad);
/* The whole page; the table is report_line's. */
void report_page(struct report *r, struct buf *out);

/* ---- sections (tools/reportparts.c) ---- */

/* A new one at the end of the document. The result is the document's. */
json_t *report_section(struct report *r, const char *id, const char *title, const char *text);
/* `bad`: it should be nothing, and is not. */
void section_figure(json_t *section, const char *name, uint64_t value, bool bad);
/* Columns as "key", "title", ..., NULL; rows are objects of strings and integers. `chart` ("bars",
 * "columns", NULL) shows one of the integers by the first column. The result is for rows. */
json_t *section_table(json_t *section, const char *const *columns, const char *chart,
                      const char *charted);
void section_row(json_t *rows, json_t *row);

int part_totals(struct report *r); /* "N active, M expiring ..." */
int part_spans(struct report *r);  /* what ends when, and without a renewal */
int part_months(struct report *r);
int part_tally(struct report *r, struct tally *t, const char *id, const char *title,
               const char *first, size_t max);
int part_authorities(struct report *r, struct fault *f) WARN_UNUSED; /* the CA's own certificates */

/* ---- tools/reportcrypto.c: the cryptography in use, and when it was reviewed ---- */

int part_algorithms(struct report *r); /* keys and signatures of certificates */
int part_protocols(struct report *r);  /* protocols, and what the configuration knows besides */

/* ---- tools/reportwatch.c: what is found and told ---- */

/* Every finding is looked for now: by rule, owner and issuer; exceptions. */
int part_findings(struct report *r, struct fault *f) WARN_UNUSED;
/* Only as they are counted. */
int part_findings_counted(struct report *r, struct fault *f) WARN_UNUSED;
int part_exceptions(struct report *r, struct fault *f) WARN_UNUSED;
int part_alerts(struct report *r, struct fault *f) WARN_UNUSED;
int part_watching(struct report *r); /* what is watched for, by the configuration */
int part_health(struct report *r, struct fault *f) WARN_UNUSED;

#endif
