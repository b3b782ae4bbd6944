/* Cryptography in use, and when it was reviewed (PCI DSS 4.0.1, 12.3.3). */
#include <string.h>

#include "lib/clock.h"
#include "lib/httpd_tls.h"
#include "tools/report.h"

#define YEAR (366 * (int64_t)86400)

/* Of what certificates have: those whose name is not among them are rows of protocols. */
static const struct conf_review *review_of(const struct conf *c, const char *name)
{
    for (size_t i = 0; i < c->n_reviews; i++)
        if (strcmp(c->reviews[i].name, name) == 0)
            return &c->reviews[i];
    return NULL;
}

/* 12.3.3: "documented and reviewed at least once every 12 months". */
static void put_review(json_t *o, const struct conf_review *review, int64_t now)
{
    int64_t at = 0;

    if (review != NULL && clock_parse(review->reviewed, &at) != 0)
        at = 0; /* the configuration was checked */
    json_put(o, "looked_at", at != 0 ? json_time(at) : json_text(""));
    json_put(o, "by", json_text(review != NULL ? review->by : ""));
    json_put(o, "bad", json_boolean(at == 0 || now - at > YEAR));
}

/* ---- of certificates ---- */

static void algorithm_rows(struct report *r, json_t *rows, struct tally *t, const char *what)
{
    tally_sort(t);
    for (size_t i = 0; i < t->n; i++) {
        const struct tally_row *row = &t->row[i];
        json_t *o = json_object();

        json_put(o, "algorithm", json_text(row->name));
        json_put(o, "use", json_text(what));
        json_put(o, "active", json_number(row->active));
        json_put(o, "all", json_number(row->all));
        json_put(o, "reviewed", json_number(row->reviewed));
        json_put(o, "unreviewed", json_number(row->active - row->reviewed));
        json_put(o, "oldest", row->oldest != 0 ? json_time(row->oldest) : json_text(""));
        put_review(o, review_of(r->tool->conf, row->name), r->now);
        section_row(rows, o);
    }
}

int part_algorithms(struct report *r)
{
    static const char *const columns[] = {
        "algorithm",  "Algorithm",
        "use",        "Used for",
        "active",     "Active",
        "all",        "Ever",
        "reviewed",   "Reviewed",
        "unreviewed", "Never reviewed",
        "oldest",     "Oldest review",
        "looked_at",  "Algorithm reviewed",
        "by",         "By",
        NULL,
    };
    json_t *s = report_section(
        r, "algorithms", "Algorithms of certificates",
        "By active certificates. How many of them were reviewed is what operators recorded of "
        "their identities (cerca inventory set); when the algorithm was is in the list reviews of "
        "the configuration. Marked: not within a year.");
    json_t *rows = section_table(s, columns, NULL, NULL);

    algorithm_rows(r, rows, &r->sums.key, "public key");
    algorithm_rows(r, rows, &r->sums.signature, "signature");
    return 0;
}

/* ---- of programs ---- */

struct protocols {
    struct report *report;
    json_t *rows;
};

static void protocol(const struct protocols *p, const char *name, const char *use,
                     const char *where)
{
    json_t *o = json_object();

    json_put(o, "name", json_text(name));
    json_put(o, "use", json_text(use));
    json_put(o, "where", json_text(where));
    put_review(o, review_of(p->report->tool->conf, name), p->report->now);
    section_row(p->rows, o);
}

static bool is_listed(const json_t *rows, const char *key, const char *name)
{
    size_t i;
    json_t *o;

    json_array_foreach(rows, i, o)
    {
        if (strcmp(json_str(o, key), name) == 0)
            return true;
    }
    return false;
}

static bool is_algorithm(const struct tally *t, const char *name)
{
    for (size_t i = 0; i < t->n; i++)
        if (strcmp(t->row[i].name, name) == 0)
            return true;
    return false;
}

static void others(const struct protocols *p)
{
    const struct conf *c = p->report->tool->conf;

    for (size_t i = 0; i < c->n_reviews; i++) {
        const struct conf_review *v = &c->reviews[i];

        if (!is_listed(p->rows, "name", v->name) && !is_algorithm(&p->report->sums.key, v->name) &&
            !is_algorithm(&p->report->sums.signature, v->name))
            protocol(p, v->name, v->use, v->where);
    }
}

static void tls(const struct protocols *p)
{
    protocol(p, "TLS 1.3", "enrollment over EST (RFC 7030): " HTTPD_TLS_13, "cerca-enroll");
    protocol(p, "TLS 1.2", "enrollment over EST (RFC 7030): " HTTPD_TLS_12, "cerca-enroll");
}

int part_protocols(struct report *r)
{
    static const char *const columns[] = {"name",  "Protocol", "use",       "Used for",
                                          "where", "Where",    "looked_at", "Reviewed",
                                          "by",    "By",       NULL};
    const struct conf *c = r->tool->conf;
    struct protocols p = {.report = r};

    p.rows = section_table(
        report_section(r, "protocols", "Protocols and cipher suites",
                       "Of this CA, as its programs and its configuration have them; then what the "
                       "list reviews of the configuration says is in use elsewhere. Marked: not "
                       "reviewed within a year."),
        columns, NULL, NULL);
    if (c->n_est > 0)
        tls(&p);
    if (c->http_listen[0] != '\0')
        protocol(&p, "HTTP", "CRLs and OCSP answers, which are signed themselves", "cerca-public");
    if (c->metrics_listen[0] != '\0')
        protocol(&p, "HTTP of metrics", "figures, neither secret nor signed", "cerca-admin");
    if (c->n_channels > 0)
        protocol(&p, "TLS to servers of channels",
                 "notices: TLS 1.2 or later, with the suites of libcurl's library and the server",
                 "cerca-watch");
    protocol(&p, "PKCS #11", "signing with keys that stay in their token", "cerca-signer");
    protocol(&p, "ECDSA or RSA with SHA-256, SHA-384 or SHA-512; Ed25519",
             "certificates, CRLs, OCSP answers", "cerca-signer, cerca-public");
    protocol(&p, "Ed25519, and ECDSA with SHA-256", "checkpoints of the audit log", "cerca-signer");
    protocol(&p, "SHA-256 Merkle tree (RFC 9162)", "the audit log", "cerca-ca");
    others(&p);
    return 0;
}
