/* What the change sequence names is looked at, and what that may concern. */
#include "ca/lifecycle/evaluate_inner.h"

#include <string.h>

#include "lib/step.h"

#define CHANGES 64
#define COVERED_TURNS 16 /* of that many changes */
/* To follow one costs about what two lines of a whole evaluation do; not for a few. */
#define FOLLOW_MAX UINT64_C(65536)
#define RELATED_MAX 8

/* The lines that a certificate may follow. */
static int look_at_related(struct evaluator *e, const struct cert_row *row, int64_t now,
                           struct fault *f)
{
    struct store *s = e->parts.judge.store;
    struct cert_ref ref[RELATED_MAX + 1];
    uint8_t names[SAN_IDENTITY];
    struct cert_row other;
    size_t n = 0;
    int rc;

    cert_row_names(row, names);
    rc = store_same_names(s, names, false, ref, RELATED_MAX, &n, f);
    if (rc == 0 && row->has_replaces)
        ref[n++] = row->replaces;
    cert_row_init(&other);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        rc = store_get(s, &ref[i], &other, f);
        if (rc == 0 && memcmp(other.identity, row->identity, sizeof(row->identity)) != 0)
            rc = evaluator_look_at(e, other.identity, now, f);
        else if (rc == -FAULT_NOT_FOUND)
            rc = 0;
    }
    cert_row_free(&other);
    return rc;
}

/* Whose key it is too. */
static int look_at_sharers(struct evaluator *e, const struct cert_row *row, int64_t now,
                           struct fault *f)
{
    struct store *s = e->parts.judge.store;
    struct cert_ref ref[RELATED_MAX];
    struct cert_row other;
    size_t n = 0;
    int rc = store_key_others(s, row->spki_hash, row->identity, ref, RELATED_MAX, &n, f);

    cert_row_init(&other);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        rc = store_get(s, &ref[i], &other, f);
        if (rc == 0 && memcmp(other.spki_hash, row->spki_hash, sizeof(row->spki_hash)) == 0)
            rc = evaluator_look_at(e, other.identity, now, f);
        else if (rc == -FAULT_NOT_FOUND)
            rc = 0;
    }
    cert_row_free(&other);
    return rc;
}

static int look_at_change(struct evaluator *e, const struct store_change *c, int64_t now,
                          struct fault *f)
{
    struct cert_row row;
    int rc;

    STEP("lifecycle.change");
    if (c->state == CERT_OPEN)
        return 0;
    if (c->ref.issuer == STORE_ANNOTATED)
        return evaluator_look_at(e, c->ref.serial, now, f);
    cert_row_init(&row);
    rc = store_get(e->parts.judge.store, &c->ref, &row, f);
    if (rc == 0) {
        keybits_add(e->shared, row.spki_hash);
        rc = evaluator_stranger(e, &row, now, f);
    }
    if (rc == 0)
        rc = evaluator_look_at(e, row.identity, now, f);
    else if (rc == -FAULT_NOT_FOUND)
        rc = 0;
    if (rc == 0)
        rc = look_at_related(e, &row, now, f);
    if (rc == 0)
        rc = look_at_sharers(e, &row, now, f);
    cert_row_free(&row);
    return rc;
}

/* ---- how far ---- */

/* What is to be followed one by one. */
static uint64_t left(const struct evaluator *e)
{
    uint64_t newest = store_newest_change(e->parts.judge.store);
    uint64_t done = e->change > e->covered ? e->change : e->covered;

    return newest > done ? newest - done : 0;
}

bool evaluator_overtaken(const struct evaluator *e)
{
    uint64_t most = e->parts.follow_max != 0 ? e->parts.follow_max : FOLLOW_MAX;

    return left(e) > (most > e->counted.n / 2 ? most : e->counted.n / 2);
}

bool evaluator_catches_up(const struct evaluator *e)
{
    struct store *s = e->parts.judge.store;
    struct fault ignored;
    uint64_t indexed;

    return evaluator_overtaken(e) && store_indexed(s, &indexed, &ignored) == 0 &&
           store_newest_change(s) - indexed <= FOLLOW_MAX;
}

/* A whole evaluation has seen, or will see, the lines of these: but a stranger may be behind the
 * newest of its line. */
static int look_at_covered(struct evaluator *e, const struct store_change *c, int64_t now,
                           struct fault *f)
{
    struct cert_row row;
    int rc;

    if (c->ref.issuer != STORE_FOREIGN)
        return 0;
    cert_row_init(&row);
    rc = store_get(e->parts.judge.store, &c->ref, &row, f);
    if (rc == 0)
        rc = evaluator_stranger(e, &row, now, f);
    else if (rc == -FAULT_NOT_FOUND)
        rc = 0;
    cert_row_free(&row);
    return rc;
}

/* Some of the changes up to `upto`. */
static int follow_to(struct evaluator *e, uint64_t upto, int64_t now, struct fault *f)
{
    struct store_change c[CHANGES];
    size_t n = 0;
    int rc = store_changes_since(e->parts.judge.store, e->change, c, CHANGES, &n, f);

    while (rc == 0 && n > 0 && c[n - 1].number > upto)
        n--;
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = c[i].number <= e->covered ? look_at_covered(e, &c[i], now, f)
                                       : look_at_change(e, &c[i], now, f);
    if (rc == 0)
        rc = steps_flush(e, f);
    if (rc != 0)
        return rc;
    e->change = n > 0 ? c[n - 1].number : upto;
    return evaluator_mark_keep(e, now, f);
}

/* As far as the indexes have come, which this does not hurry: larger batches cost them less. */
int evaluator_follow(struct evaluator *e, int64_t now, bool *more, struct fault *f)
{
    uint64_t indexed, upto;
    int rc = store_indexed(e->parts.judge.store, &indexed, f);

    *more = false;
    if (rc != 0)
        return rc;
    upto = evaluator_overtaken(e) ? e->covered : indexed;
    for (unsigned turn = 0; rc == 0 && e->change < upto && turn < COVERED_TURNS; turn++) {
        bool covered = e->change < e->covered;

        rc = follow_to(e, upto, now, f);
        if (!covered)
            break;
    }
    *more = e->change < upto;
    return rc;
}
