/* New snapshots: from the old one and its log, from the store, or empty. */
#include "ca/view/issuer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "lib/log.h"

/* The log's records up to the cut, mapped, and their numbers in order of serial and change: four
 * octets a record is all the memory that a merge takes. */
struct sorted_log {
    const uint8_t *map;
    size_t size, n, at;
    uint32_t *order;
};

static const uint8_t *record(const uint8_t *map, uint32_t k)
{
    return map + VIEWFILE_LOG_START + (size_t)k * VIEWFILE_RECORD;
}

static uint64_t change_of(const uint8_t *row)
{
    struct viewfile_row r;

    return viewfile_row_get(row, &r) == 0 ? r.change : 0;
}

static int by_serial_then_change(const void *a, const void *b, void *map)
{
    const uint8_t *x = record(map, *(const uint32_t *)a), *y = record(map, *(const uint32_t *)b);
    int order = memcmp(x, y, SERIAL_LEN);
    uint64_t cx, cy;

    if (order != 0)
        return order;
    cx = change_of(x);
    cy = change_of(y);
    return (cx > cy) - (cx < cy);
}

static int check_records(const struct sorted_log *l, const struct view_cut *cut, struct fault *f)
{
    uint64_t chain = viewfile_chain_start(l->map);
    struct viewfile_row row;

    for (uint32_t k = 0; k < l->n; k++)
        if (viewfile_record_get(&chain, record(l->map, k), &row) < 0)
            return fault_set(f, FAULT_MALFORMED, "view.damaged", "the view's log is damaged");
    if (chain != cut->chain)
        return fault_set(f, FAULT_MALFORMED, "view.damaged", "the view's log was replaced");
    return 0;
}

static void sorted_log_close(struct sorted_log *l)
{
    if (l->map)
        munmap((void *)(uintptr_t)l->map, l->size);
    free(l->order);
    *l = (struct sorted_log){0};
}

static int sorted_log_open(const struct view_issuer *i, const struct view_cut *cut,
                           struct sorted_log *out, struct fault *f)
{
    void *map;
    int rc;

    *out = (struct sorted_log){0};
    if (cut->count > UINT32_MAX)
        return fault_set(f, FAULT_TOO_LARGE, "view.log", "the view's log is too long to merge");
    out->n = (size_t)cut->count;
    out->size = VIEWFILE_LOG_START + out->n * VIEWFILE_RECORD;
    map = mmap(NULL, out->size, PROT_READ, MAP_SHARED, i->log.fd, 0);
    if (map == MAP_FAILED)
        return fault_set(f, FAULT_INTERNAL, "view.map", "cannot map the view's log: %s",
                         strerror(errno));
    out->map = map;
    rc = check_records(out, cut, f);
    if (rc < 0) {
        sorted_log_close(out);
        return rc;
    }
    out->order = xcalloc(out->n + 1, sizeof *out->order);
    for (uint32_t k = 0; k < out->n; k++)
        out->order[k] = k;
    qsort_r(out->order, out->n, sizeof *out->order, by_serial_then_change, map);
    return 0;
}

/* The newest row of the next serial; NULL at the end. */
static const uint8_t *sorted_log_next(struct sorted_log *l)
{
    const uint8_t *row;

    if (l->at == l->n)
        return NULL;
    row = record(l->map, l->order[l->at++]);
    while (l->at < l->n && memcmp(row, record(l->map, l->order[l->at]), SERIAL_LEN) == 0)
        row = record(l->map, l->order[l->at++]);
    return row;
}

static int merge_rows(const struct viewfile_snapshot *old, struct sorted_log *log,
                      struct view_snapshot *out, struct fault *f)
{
    const uint8_t *a = old->rows, *end = old->rows + old->header.rows * VIEWFILE_ROW;
    const uint8_t *b = sorted_log_next(log);
    int rc = 0;

    while (rc == 0 && (a < end || b)) {
        int order = a == end ? 1 : !b ? -1 : memcmp(a, b, SERIAL_LEN);
        const uint8_t *row = order < 0 || (order == 0 && change_of(a) > change_of(b)) ? a : b;

        rc = view_snapshot_add(out, row, f);
        a += order <= 0 ? VIEWFILE_ROW : 0;
        b = order >= 0 ? sorted_log_next(log) : b;
    }
    return rc;
}

int view_issuer_merge(struct view_issuer *i, struct fault *f)
{
    struct view_cut cut = view_cut_now(i);
    struct viewfile_snapshot old;
    struct sorted_log log = {0};
    struct view_snapshot out;
    int rc = viewfile_snapshot_open(i->dirfd, i->log.header.generation, &old, f);

    if (rc < 0)
        return rc;
    rc = sorted_log_open(i, &cut, &log, f);
    if (rc == 0)
        rc = view_snapshot_begin(&out, i, cut.generation, cut.through, f);
    if (rc == 0)
        rc = view_snapshot_end(&out, merge_rows(&old, &log, &out, f), f);
    sorted_log_close(&log);
    viewfile_snapshot_close(&old);
    if (rc == 0)
        rc = view_swap(i, &cut, out.header.rows, f);
    return rc;
}

bool view_row(const struct store_change *c, struct viewfile_row *out)
{
    *out = (struct viewfile_row){.change = c->number};
    memcpy(out->serial, c->ref.serial, SERIAL_LEN);
    switch (c->state) {
    case CERT_GOOD:
        out->status = VIEWFILE_GOOD;
        return true;
    case CERT_HELD:
        out->status = VIEWFILE_HELD;
        break;
    case CERT_REVOKED:
    case CERT_ABANDONED:
        out->status = VIEWFILE_REVOKED;
        break;
    case CERT_OPEN:
    default:
        return false;
    }
    out->reason = c->reason;
    out->revoked_at = c->time;
    return true;
}

/* In slices, so that no read transaction of the store stays open for long. */
static int store_rows(const struct view_issuer *i, struct store *s, struct view_snapshot *out,
                      struct fault *f)
{
    struct store_change slice[256];
    struct viewfile_row row;
    uint8_t octets[VIEWFILE_ROW];
    struct cert_ref last;
    size_t n = 0;
    bool first = true;
    int rc;

    do {
        rc = store_states(s, first ? NULL : &last, slice, 256, &n, f);
        for (size_t k = 0; rc == 0 && k < n; k++) {
            if (slice[k].ref.issuer != i->number || !view_row(&slice[k], &row))
                continue;
            viewfile_row_put(&row, octets);
            rc = view_snapshot_add(out, octets, f);
        }
        if (rc == 0 && n > 0)
            last = slice[n - 1].ref;
        first = false;
    } while (rc == 0 && n > 0);
    return rc;
}

/* The states are read after `base` was: a row may know more than the base says, never less, and the
 * log brings the rest. */
static int from_store(struct view_issuer *i, struct store *s, uint64_t base, struct fault *f)
{
    struct view_cut cut = view_cut_now(i);
    struct view_snapshot out;
    int rc;

    if (i->log.fd < 0)
        cut.through = base;
    rc = view_snapshot_begin(&out, i, cut.generation, cut.through, f);
    if (rc == 0)
        rc = view_snapshot_end(&out, s ? store_rows(i, s, &out, f) : 0, f);
    if (rc == 0)
        rc = view_swap(i, &cut, out.header.rows, f);
    return rc;
}

int view_issuer_rebuild(struct view_issuer *i, struct store *s, uint64_t base, struct fault *f)
{
    int rc = from_store(i, s, base, f);

    if (rc == 0)
        log_info("view.rebuilt", "issuer", log_num(i->number), "rows",
                 log_num((int64_t)i->snapshot_rows), NULL);
    return rc;
}

int view_issuer_create(struct view_issuer *i, uint64_t base, struct fault *f)
{
    return from_store(i, NULL, base, f);
}
