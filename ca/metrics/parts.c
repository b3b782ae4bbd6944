/* What is in memory, on the loop. */
#include "ca/metrics/parts.h"

#include <stdio.h>
#include <string.h>

#include "ca/door/door_stats.h"
#include "ca/metrics/put.h"
#include "lib/clock.h"
#include "lib/jobtimes.h"

#define ROWS_MAX 32 /* CRLs of one issuer */

/* ---- the whole ---- */

/* A lifecycle_item. */
static void put_component(void *arg, const struct status_item *i)
{
    put_labelled(arg, "cerca_component_ok", "component", i->name, i->ok);
}

struct wellness {
    size_t items, bad;
};

static void look_whether_well(void *arg, const struct status_item *i)
{
    struct wellness *w = arg;

    w->items++;
    w->bad += !i->ok;
}

static void put_components(const struct metrics_parts *p, struct buf *out)
{
    struct wellness w = {0};

    admin_status_each(p->admin, look_whether_well, &w);
    put_one(out, "cerca_ok", METRIC_GAUGE, "Whether all is well, as cerca status says.",
            w.items > 0 && w.bad == 0);
    metric_family(out, "cerca_component_ok", METRIC_GAUGE,
                  "Whether this is well: an item of cerca status.");
    admin_status_each(p->admin, put_component, out);
}

static void put_whole(const struct metrics_parts *p, struct buf *out)
{
    char generation[17];
    struct metric_labels l = {0};

    hex_encode(slice_of(p->conf->generation, 8), generation);
    metric_label(&l, "version", CERCA_VERSION);
    metric_label(&l, "generation", generation);
    metric_family(out, "cerca_build_info", METRIC_GAUGE,
                  "The version, and the configuration in force.");
    metric_sample(out, "cerca_build_info", &l, 1);
    put_one(out, "cerca_clock_seconds", METRIC_GAUGE, "What cerca-ca takes for the time.",
            clock_now());
    put_components(p, out);
}

/* ---- issuing and revoking ---- */

static void put_outcomes(const struct door_stats *s, struct buf *out)
{
    static const char name[] = "cerca_requests_total";

    metric_family(out, name, METRIC_COUNTER,
                  "Requests for certificates that were answered with no new one: by outcome.");
    put_labelled(out, name, "outcome", "again", (int64_t)s->again);
    put_labelled(out, name, "outcome", "dry-run", (int64_t)s->dry);
    put_labelled(out, name, "outcome", "refused", (int64_t)s->refused);
    put_labelled(out, name, "outcome", "waiting", (int64_t)s->waits);
    put_labelled(out, name, "outcome", "unavailable", (int64_t)s->unavailable);
}

static void put_rules(const struct door_stats *s, struct buf *out)
{
    static const char name[] = "cerca_request_faults_total";

    metric_family(out, name, METRIC_COUNTER,
                  "Requests for certificates that were refused or told to retry: by rule.");
    for (size_t i = 0; i < s->n_rules; i++)
        put_labelled(out, name, "rule", s->rule[i].rule, (int64_t)s->rule[i].n);
    if (s->other_rules > 0)
        put_labelled(out, name, "rule", "others", (int64_t)s->other_rules);
}

static void put_times(const struct door_stats *s, struct buf *out)
{
    static const char *const word[STRETCHES] = {[STRETCH_DECIDE] = "decide",
                                                [STRETCH_INTENT] = "intent",
                                                [STRETCH_SIGN] = "sign",
                                                [STRETCH_FINISH] = "finish"};

    metric_family(out, "cerca_issue_duration_seconds", METRIC_HISTOGRAM,
                  "From a request's arrival to its certificate being durable and published.");
    metric_histogram_put(out, "cerca_issue_duration_seconds", NULL, &s->took);
    metric_family(out, "cerca_issue_step_duration_seconds", METRIC_HISTOGRAM,
                  "The steps of that: deciding, recording the intent, signing, finishing.");
    for (size_t i = 0; i < STRETCHES; i++) {
        struct metric_labels l = {0};

        metric_label(&l, "step", word[i]);
        metric_histogram_put(out, "cerca_issue_step_duration_seconds", &l, &s->stretch[i]);
    }
}

static void put_revoked(const struct door_stats *s, struct buf *out)
{
    static const char name[] = "cerca_revocations_total";
    static const char *const word[] = {
        /* RFC 5280 5.3.1 */
        "unspecified",   "keyCompromise",        "cACompromise",    "affiliationChanged",
        "superseded",    "cessationOfOperation", "certificateHold", NULL,
        "removeFromCRL", "privilegeWithdrawn",   "aACompromise"};

    metric_family(out, name, METRIC_COUNTER,
                  "Certificates revoked, held (certificateHold) and released (removeFromCRL).");
    for (size_t i = 0; i < sizeof word / sizeof word[0]; i++)
        if (word[i] != NULL)
            put_labelled(out, name, "reason", word[i], (int64_t)s->revoked[i]);
    put_one(out, "cerca_revocations_refused_total", METRIC_COUNTER,
            "Revocations that were refused.", (int64_t)s->not_revoked);
}

static void put_issuing(const struct metrics_parts *p, struct buf *out)
{
    static const char name[] = "cerca_certificates_issued_total";
    const struct door_stats *s = door_stats(p->door);

    metric_family(out, name, METRIC_COUNTER, "Certificates issued since cerca-ca started.");
    for (size_t i = 0; i < p->conf->n_profiles; i++)
        put_labelled(out, name, "profile", p->conf->profiles[i].name, (int64_t)s->issued[i]);
    put_one(out, "cerca_ca_certificates_issued_total", METRIC_COUNTER,
            "Certificates of its own issuers, likewise.", (int64_t)s->issued_cas);
    put_one(out, "cerca_requests_in_flight", METRIC_GAUGE, "Requests not answered yet.",
            (int64_t)door_in_flight(p->door));
    put_outcomes(s, out);
    put_rules(s, out);
    put_times(s, out);
    put_revoked(s, out);
}

/* ---- CRLs ---- */

struct crl_family {
    const char *name, *help;
    int64_t (*value)(const struct crl_row *r);
};

static int64_t next_update(const struct crl_row *r)
{
    return r->next_update;
}

static int64_t this_update(const struct crl_row *r)
{
    return r->this_update;
}

static int64_t number(const struct crl_row *r)
{
    return (int64_t)r->number;
}

static int64_t entries(const struct crl_row *r)
{
    return (int64_t)r->entries;
}

static int64_t octets(const struct crl_row *r)
{
    return (int64_t)r->octets;
}

static void put_crl_family(const struct metrics_parts *p, const struct crl_family *family,
                           struct buf *out)
{
    struct crl_row rows[ROWS_MAX];

    metric_family(out, family->name, METRIC_GAUGE, family->help);
    for (size_t i = 0; i < p->authorities->n; i++) {
        size_t n = crl_rows(p->crls, i, rows, ROWS_MAX);

        for (size_t k = 0; k < n; k++) {
            struct metric_labels l = {0};

            if (rows[k].number == 0)
                continue;
            metric_label(&l, "issuer", rows[k].issuer);
            metric_label(&l, "list", rows[k].list);
            metric_sample(out, family->name, &l, family->value(&rows[k]));
        }
    }
}

static void put_crls(const struct metrics_parts *p, struct buf *out)
{
    static const struct crl_family families[] = {
        {"x509_crl_next_update", "nextUpdate of the newest published CRL.", next_update},
        {"x509_crl_this_update", "thisUpdate of the newest published CRL.", this_update},
        {"cerca_crl_number", "Its number.", number},
        {"cerca_crl_entries", "Certificates on it.", entries},
        {"cerca_crl_bytes", "Its size.", octets},
    };

    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++)
        put_crl_family(p, &families[i], out);
}

/* ---- store, view, tokens, jobs ---- */

static void put_store_sizes(const struct store_stats *s, struct buf *out)
{
    static const char name[] = "cerca_store_bytes";

    metric_family(out, name, METRIC_GAUGE, "Size of the store's environments.");
    put_labelled(out, name, "environment", "durable", (int64_t)s->durable_bytes);
    put_labelled(out, name, "environment", "derived", (int64_t)s->derived_bytes);
    put_one(out, "cerca_store_disk_free_bytes", METRIC_GAUGE, "Free on its disk.",
            (int64_t)s->free_bytes);
    put_one(out, "cerca_store_full", METRIC_GAUGE, "Whether issuing is stopped for want of room.",
            s->full);
}

static void put_store(const struct metrics_parts *p, struct buf *out)
{
    struct store_stats s;
    struct view_stats v;
    struct fault f;

    fault_clear(&f);
    view_stats(p->view, &v);
    if (store_stats(p->store, &s, &f) == 0) {
        put_one(out, "cerca_store_certificates", METRIC_GAUGE, "Certificates on record.",
                (int64_t)s.certificates);
        put_one(out, "cerca_store_open_intents", METRIC_GAUGE, "Recorded and not signed yet.",
                (int64_t)s.open_intents);
        put_one(out, "cerca_store_changes_total", METRIC_COUNTER,
                "Changes of certificates' states.", (int64_t)s.change);
        put_one(out, "cerca_index_lag_changes", METRIC_GAUGE, "Changes that lists do not have yet.",
                (int64_t)(s.change - s.derived_change));
        put_one(out, "cerca_view_lag_changes", METRIC_GAUGE, "Changes that are not published yet.",
                (int64_t)(s.change > v.change ? s.change - v.change : 0));
        put_one(out, "cerca_audit_records_total", METRIC_COUNTER, "Records in the audit log.",
                (int64_t)s.audit_size);
        put_store_sizes(&s, out);
    }
    put_one(out, "cerca_view_stamp_timestamp_seconds", METRIC_GAUGE,
            "Time stamp of the public view: no OCSP answer is newer.", v.stamp);
    put_one(out, "cerca_view_rows", METRIC_GAUGE, "Rows in the public view.",
            (int64_t)(v.snapshot_rows + v.log_rows));
}

static void put_tokens(const struct metrics_parts *p, struct buf *out)
{
    metric_family(out, "cerca_token_ready", METRIC_GAUGE,
                  "Whether the signer of this token would sign now.");
    for (size_t i = 0; i < p->n_links; i++)
        put_labelled(out, "cerca_token_ready", "token", signer_link_token(p->links[i]),
                     signer_link_ready(p->links[i]));
}

static void put_jobs(const struct metrics_parts *p, struct buf *out)
{
    static const char *const name[] = {"cerca_job_last_success_timestamp_seconds",
                                       "cerca_job_last_failure_timestamp_seconds"};

    for (size_t k = 0; k < 2; k++) {
        metric_family(out, name[k], METRIC_GAUGE,
                      k == 0 ? "When this last succeeded, since cerca-ca started."
                             : "When this last failed, since cerca-ca started.");
        for (int j = 0; j < JOBS; j++) {
            int64_t at[2];

            job_times((enum job_name)j, &at[0], &at[1]);
            if (at[k] != 0)
                put_labelled(out, name[k], "task", job_word[j], at[k]);
        }
    }
    put_tokens(p, out);
}

const metrics_part_fn metrics_part_table[] = {put_whole,        put_issuing, put_crls,
                                              put_store,        put_jobs,    metrics_inventory,
                                              metrics_programs, NULL};
