/* When a client's certificate should be renewed (watch/rules/hint.h), told to its holder alone: who
 * has its key, or that of another certificate of the same identity that is still good. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/enroll/enroll_inner.h"
#include "ca/lifecycle/campaigns.h"
#include "ca/store/inventory.h"
#include "watch/rules/hint.h"

#define SAME_SERIAL_MAX 8

static int unknown(struct fault *f)
{
    return fault_set(f, FAULT_NOT_FOUND, "hint.unknown",
                     "The client has no such certificate of this identity");
}

static bool names_keyid(const struct cert_row *row, struct slice keyid)
{
    struct cert c;
    struct fault ignored;

    return tbs_parse(row->tbs, &c, &ignored) == 0 && slice_eq(c.authority_key_id, keyid);
}

static int find_serial(struct store *s, const struct enroll_hint_request *r, struct cert_row *row,
                       struct fault *f)
{
    struct cert_ref ref[SAME_SERIAL_MAX];
    size_t n = 0;

    if (store_find_serial(s, r->serial, ref, SAME_SERIAL_MAX, &n, f) != 0)
        return -(int)f->code;
    for (size_t i = 0; i < n && i < SAME_SERIAL_MAX; i++) {
        if (store_get(s, &ref[i], row, f) != 0)
            return -(int)f->code;
        if (names_keyid(row, r->keyid))
            return 0;
    }
    return unknown(f);
}

static int find_fingerprint(struct store *s, const uint8_t fingerprint[32], struct cert_row *row,
                            struct fault *f)
{
    struct cert_ref ref;
    int rc = store_find_fingerprint(s, fingerprint, &ref, f);

    if (rc == -FAULT_NOT_FOUND)
        return unknown(f);
    return rc == 0 ? store_get(s, &ref, row, f) : rc;
}

/* `row` is the client's own; then what it asks for. Whether another's certificate exists nobody
 * learns. */
static int find_other(struct store *s, const struct enroll_hint_request *r, struct cert_row *row,
                      struct fault *f)
{
    uint8_t identity[IDENTITY_LEN];
    bool good = row->state == CERT_GOOD;
    int rc;

    memcpy(identity, row->identity, sizeof(identity));
    if (r->of == HINT_OF_FINGERPRINT)
        rc = find_fingerprint(s, r->fingerprint, row, f);
    else
        rc = find_serial(s, r, row, f);
    if (rc == 0 && (!good || row->source != SOURCE_ISSUED ||
                    memcmp(row->identity, identity, sizeof(identity)) != 0))
        rc = unknown(f);
    return rc;
}

/* Whether a campaign pulls it forward. */
static int pull(const struct enroll *e, const struct cert_row *row, char because[HINT_TEXT],
                struct hint_facts *facts, struct fault *f)
{
    struct campaigns *all = xcalloc(1, sizeof(*all));
    const struct campaign *c = NULL;
    struct annotation a;
    bool known;
    int rc = campaigns_load(all, e->parts.store, f);

    if (rc == 0 && all->n > 0)
        rc = store_annotation(e->parts.store, row->identity, &a, &known, f);
    if (rc == 0 && all->n > 0) {
        authorities_read(e->parts.authorities);
        c = campaigns_pull(all, e->parts.authorities, row,
                           a.owner[0] != '\0' ? a.owner : row->owner, &facts->pulled_at);
        authorities_done(e->parts.authorities);
    }
    facts->pulled = c != NULL;
    if (c != NULL)
        (void)snprintf(because, HINT_TEXT, "%s%s%s", c->name, c->reason[0] != '\0' ? ": " : "",
                       c->reason);
    free(all);
    return rc;
}

static int fill(const struct enroll *e, const struct cert_row *row, struct buf *out,
                struct fault *f)
{
    char because[HINT_TEXT] = "";
    struct hint_facts facts = {
        .life = {row->not_before, row->not_after},
        .revoked = row->state != CERT_GOOD,
        .revoked_at = row->revoked_at,
        .because = because,
    };
    struct enroll_hint h = {.not_after = row->not_after};
    struct watch_times times;
    struct store_line line;
    struct hint made;
    int rc = store_line(e->parts.store, row->identity, true, &line, f);

    if (rc != 0 && rc != -FAULT_NOT_FOUND)
        return rc;
    fault_clear(f);
    if (pull(e, row, because, &facts, f) != 0)
        return -(int)f->code;
    facts.followed = rc == 0 && memcmp(&line.newest, &row->ref, sizeof(row->ref)) != 0;
    memcpy(facts.fingerprint, row->fingerprint, sizeof(facts.fingerprint));
    memcpy(h.fingerprint, row->fingerprint, sizeof(h.fingerprint));
    watch_times_read(e->parts.conf, &times);
    hint_make(&times, &facts, &made);
    hint_explain(&times, &facts, &made, h.explanation);
    h.start = made.start;
    h.end = made.end;
    h.retry_after = made.retry_after;
    enroll_hint_put(out, &h);
    return 0;
}

int hint_put(const struct enroll *e, const struct enroll_hint_request *r, struct buf *out,
             struct fault *f)
{
    struct store *s = e->parts.store;
    struct cert_row row;
    struct cert own;
    int rc;

    cert_row_init(&row);
    rc = evidence_find(s, r->chain, &own, &row, f);
    if (rc == 0 && r->of != HINT_OF_CLIENT)
        rc = find_other(s, r, &row, f);
    if (rc == 0)
        rc = fill(e, &row, out, f);
    cert_row_free(&row);
    return rc;
}
