/* What agents report of their hosts: who it is that says so, by the certificate of TLS, and what
 * the store is given of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/enroll/enroll_inner.h"
#include "ca/inventory/stranger.h"
#include "ca/lifecycle/judge.h"
#include "ca/store/installations.h"
#include "lib/clock.h"
#include "lib/proto_agent.h"
#include "lib/source.h"

struct taken_report {
    struct store_op op;
    struct store_report report;
    struct store_foreign add;
    char by[STORE_NAME_MAX];
    struct installed entry[AGENT_ENTRIES_MAX];
    struct found_file found[AGENT_FOUND_MAX];
    struct foreign item[AGENT_FOUND_MAX];
    char origin[AGENT_FOUND_MAX][AGENT_HOST_SIZE + AGENT_PATH_SIZE + 16];
};

static int malformed(struct fault *f)
{
    return fault_set(f, FAULT_MALFORMED, "request.body", "the request is malformed");
}

/* ---- who ---- */

static int too_often(struct enroll *e, const uint8_t identity[IDENTITY_LEN], struct fault *f)
{
    char hex[2 * IDENTITY_LEN + 1];
    uint32_t wait;

    hex_encode(slice_of(identity, IDENTITY_LEN), hex);
    wait = rate_take(e->reports, source_key_named("report", hex), clock_mono_us());
    return wait == 0 ? 0
                     : fault_unavailable(f, wait, "limit.report",
                                         "this agent reports too often; retry after %u s", wait);
}

static int prove(struct enroll *e, struct slice chain, struct taken_report *r, struct fault *f)
{
    struct reporter *who = &r->report.reporter;
    char hex[2 * SERIAL_LEN + 1];
    struct cert_row row;
    struct cert own;
    int rc;

    cert_row_init(&row);
    rc = evidence_find(e->parts.store, chain, &own, &row, f);
    if (rc == 0)
        rc = evidence_holds(e->parts.store, &row, 0, f);
    if (rc == 0)
        rc = too_often(e, row.identity, f);
    if (rc == 0) {
        memcpy(who->identity, row.identity, sizeof(who->identity));
        judge_name(&row, who->name, sizeof(who->name));
        hex_encode(slice_of(row.ref.serial, SERIAL_LEN), hex);
        (void)snprintf(r->by, sizeof(r->by), "certificate:%s", hex);
    }
    cert_row_free(&row);
    return rc;
}

/* ---- what ---- */

/* Which certificate of the inventory lies there; it may be none. */
static int find_identity(struct store *s, struct installed *i, struct fault *f)
{
    struct cert_ref ref;
    struct cert_row row;
    int rc;

    if (!i->entry.has_fingerprint || i->entry.kind != KIND_CERTIFICATE)
        return 0;
    cert_row_init(&row);
    rc = store_find_fingerprint(s, i->entry.fingerprint, &ref, f);
    if (rc == 0)
        rc = store_get(s, &ref, &row, f);
    if (rc == 0) {
        i->has_identity = true;
        i->ref = ref;
        memcpy(i->identity, row.identity, sizeof(i->identity));
    }
    cert_row_free(&row);
    if (rc == -FAULT_NOT_FOUND)
        fault_clear(f);
    return rc == -FAULT_NOT_FOUND ? 0 : rc;
}

static int read_entries(struct enroll *e, struct wire_in *w, uint32_t n, struct taken_report *r,
                        struct fault *f)
{
    int rc = 0;

    for (uint32_t i = 0; rc == 0 && i < n; i++) {
        agent_entry_get(w, &r->entry[i].entry);
        rc = wire_failed(w) ? malformed(f) : find_identity(e->parts.store, &r->entry[i], f);
    }
    r->report.entry = r->entry;
    r->report.n = n;
    return rc;
}

/* What is no certificate is left out: one odd file among many keeps no report back. */
static int read_one_found(struct enroll *e, const char *host, struct wire_in *w,
                          struct taken_report *r, struct fault *f)
{
    size_t k = r->report.n_found;
    struct agent_found found;
    struct anycert c;
    struct fault ignored;
    uint16_t issuer = 0;
    int rc;

    agent_found_get(w, &found);
    if (wire_failed(w))
        return malformed(f);
    if (anycert_parse(found.der, &c, &ignored) != 0)
        return 0;
    authorities_read(e->parts.authorities);
    rc = stranger_find(e->parts.authorities, e->parts.store, &c, &issuer, f);
    authorities_done(e->parts.authorities);
    if (rc != 0)
        return rc;
    (void)snprintf(r->origin[k], sizeof(r->origin[k]), "host %s: %s", host, found.path);
    memcpy(r->found[k].path, found.path, sizeof(found.path));
    r->item[k] = (struct foreign){.der = found.der, .origin = r->origin[k], .stranger = issuer};
    r->report.n_found++;
    return 0;
}

static int read_all(struct enroll *e, struct slice body, char address[48], struct taken_report *r,
                    struct fault *f)
{
    struct reporter *who = &r->report.reporter;
    struct enroll_report head;
    struct wire_in w;
    int rc;

    if (enroll_report_get(body, &head, &w) != 0)
        return malformed(f);
    memcpy(address, head.address, sizeof(head.address));
    rc = prove(e, head.chain, r, f);
    if (rc == 0)
        rc = read_entries(e, &w, head.n, r, f);
    for (uint32_t i = 0; rc == 0 && i < head.n_found; i++)
        rc = read_one_found(e, head.host, &w, r, f);
    if (rc == 0 && !wire_in_done(&w))
        rc = malformed(f);
    memcpy(who->host, head.host, sizeof(who->host));
    memcpy(who->version, head.version, sizeof(who->version));
    memcpy(who->address, head.address, sizeof(who->address));
    who->interval = head.interval;
    return rc;
}

int report_take(struct enroll *e, struct slice body, struct enroll_request *who,
                struct taken_report **out, struct fault *f)
{
    struct taken_report *r = xcalloc(1, sizeof(*r));
    int rc = read_all(e, body, who->address, r, f);

    *out = rc == 0 ? r : NULL;
    if (rc != 0)
        report_free(r);
    return rc;
}

/* ---- into the store ---- */

void report_submit(struct enroll *e, struct taken_report *r, void (*done)(struct store_op *op),
                   void *arg)
{
    struct audit_event *a = &r->op.audit;

    r->add = (struct store_foreign){
        .source = SOURCE_SCANNED, .by = r->by, .n = r->report.n_found, .item = r->item};
    r->report.found = r->found;
    r->report.add = &r->add;
    r->op.kind = STORE_REPORT;
    r->op.report = &r->report;
    r->op.time = a->time = clock_now();
    r->op.done = done;
    r->op.arg = arg;
    a->action = AUDIT_REPORT;
    memcpy(a->generation, e->parts.conf->generation, sizeof(a->generation));
    (void)snprintf(a->actor, sizeof(a->actor), "%.63s", r->by);
    (void)snprintf(a->origin, sizeof(a->origin), "est %.48s", r->report.reporter.address);
    store_submit(e->parts.store, &r->op);
}

void report_tell(const struct taken_report *r)
{
    for (size_t i = 0; r->op.result == 0 && i < r->report.n_found; i++)
        if (r->item[i].outcome == FOREIGN_ADDED)
            stranger_tell(&r->item[i]);
}

const struct fault *report_fault(const struct taken_report *r)
{
    return r->op.result == 0 ? NULL : &r->op.fault;
}

void report_free(struct taken_report *r)
{
    free(r);
}
