/*
 * Request keys live request_key_life seconds past the end of their intent. They are forgotten a run
 * at a time: once no intent of the run is open, the change sequence says when the last of
 * them ended. Until then whoever looks one up asks its certificate.
 */
#include <string.h>

#include "ca/store/store_lmdb.h"
#include "lib/clock.h"

#define LOOK_EVERY_US 1000000
#define OPEN_MAX 4096
/* Changes are numbered in the order of commits, their times are a little older. */
#define SLACK 60

bool request_key_expired(const struct store *s, const struct cert_view *v, int64_t now)
{
    if (v->state == CERT_OPEN)
        return false;
    int64_t end = v->has_sig ? v->sig.finished : v->status.time;
    return end + s->opt.request_key_life <= now;
}

/* Intents of changes up to here are closed; 0 when too many are open to say. */
static uint64_t closed_upto(struct write_txn *w)
{
    uint64_t upto = w->state.change;
    MDB_cursor *c;
    MDB_val k, v;
    w->rc = mdb_cursor_open(w->t, w->s->dbi[D_OPEN], &c);
    if (w->rc != 0)
        return 0;
    int rc = mdb_cursor_get(c, &k, &v, MDB_FIRST);
    for (size_t n = 0; rc == 0 && upto > 0; n++) {
        struct row_cert cert;
        struct slice row;
        if (n == OPEN_MAX || k.mv_size != ROW_REF ||
            row_get(w->t, w->s->dbi[D_CERT], k.mv_data, ROW_REF, &row) != 0 ||
            row_cert_get(row, &cert) != 0)
            upto = 0;
        else if (cert.change <= upto)
            upto = cert.change - 1;
        rc = mdb_cursor_get(c, &k, &v, MDB_NEXT);
    }
    mdb_cursor_close(c);
    (void)w_found(w, rc);
    return w->rc == 0 ? upto : 0;
}

/* By the change with that number, or, when a restore left a hole there, the next. */
static bool over(void *arg, uint64_t ended)
{
    struct write_txn *w = arg;
    struct store_change c;
    uint8_t key[8] = {0};
    MDB_cursor *cur;
    MDB_val k = val_of(key, sizeof(key)), v;
    number_put(ended, key);
    if (mdb_cursor_open(w->t, w->s->dbi[D_CHANGE], &cur) != 0)
        return false;
    bool is = mdb_cursor_get(cur, &k, &v, MDB_SET_RANGE) == 0 &&
              row_change_get(val_slice(v), &c) == 0 &&
              c.time + w->s->opt.request_key_life + SLACK <= clock_now();
    mdb_cursor_close(cur);
    return is;
}

void reqkeys_expire(struct write_txn *w)
{
    uint64_t now = clock_mono_us();
    if (w->s->expire_looked != 0 && now - w->s->expire_looked < LOOK_EVERY_US)
        return;
    w->s->expire_looked = now;
    uint64_t closed = closed_upto(w);
    if (w->rc == 0)
        runs_expire(&w->s->reqkeys, closed, w->state.change, over, w);
}
