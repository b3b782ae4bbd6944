#include "ca/store/scanjobs.h"

#include <string.h>

#include "ca/store/store_lmdb.h"
#include "lib/wire.h"

#define ROW_VERSION 1

static void row_put(struct buf *b, const struct scan_job_row *r)
{
    wire_put_u8(b, ROW_VERSION);
    wire_put_text(b, r->name);
    wire_put_u8(b, r->paused);
    wire_put_u8(b, r->asked);
    wire_put_u64(b, r->seed);
    wire_put_u64(b, r->position);
    wire_put_u64(b, r->total);
    wire_put_u64(b, r->results);
    wire_put_i64(b, r->started);
    wire_put_i64(b, r->finished);
}

static int row_read(struct slice s, struct scan_job_row *out)
{
    struct wire_in w;
    uint8_t version;

    memset(out, 0, sizeof(*out));
    wire_in_init(&w, s);
    version = wire_get_u8(&w);
    wire_get_text(&w, out->name, sizeof(out->name));
    out->paused = wire_get_flag(&w);
    out->asked = wire_get_flag(&w);
    out->seed = wire_get_u64(&w);
    out->position = wire_get_u64(&w);
    out->total = wire_get_u64(&w);
    out->results = wire_get_u64(&w);
    out->started = wire_get_i64(&w);
    out->finished = wire_get_i64(&w);
    return wire_in_done(&w) && version == ROW_VERSION ? 0 : MDB_CORRUPTED;
}

bool scan_job_row_sound(struct slice key, struct slice row)
{
    struct scan_job_row r;

    return row_read(row, &r) == 0 && slice_is(key, r.name);
}

int op_scan_job(struct write_txn *w, struct store_op *op)
{
    const struct scan_job_row *r = op->scan_job;
    size_t n = strlen(r->name);
    MDB_stat st;

    w->record = op->audit.action != 0;
    if (w->s->full)
        return store_full(&op->fault);
    w->rc = mdb_stat(w->t, w->s->dbi[D_SCAN_JOB], &st);
    if (w->rc == 0 && st.ms_entries >= SCAN_JOBS_MAX && !w_have(w, D_SCAN_JOB, r->name, n))
        return fault_set(&op->fault, FAULT_TOO_LARGE, "scan.many",
                         "There are %d scans in the store already", SCAN_JOBS_MAX);
    row_put(w_row(w), r);
    w_put(w, D_SCAN_JOB, r->name, n, 0);
    return 0;
}

int store_scan_jobs(struct store *s, struct scan_job_row out[SCAN_JOBS_MAX], size_t *n,
                    struct fault *f)
{
    struct table_walk w;
    int rc = walk_begin(s, D_SCAN_JOB, NULL, 0, &w, f);

    *n = 0;
    if (rc != 0)
        return rc;
    for (; w.rc == 0 && *n < SCAN_JOBS_MAX; walk_next(&w)) {
        w.rc = row_read(val_slice(w.v), &out[*n]);
        ++*n;
        if (w.rc != 0)
            break;
    }
    return walk_end(&w, "scan", f);
}
