/* Several runs read as one, in order. */
#include <string.h>

#include "ca/store/runs.h"

static int input_take(struct run_inputs *in, size_t i, int rc, const MDB_val *k)
{
    if (rc == 0 && k->mv_size != RUN_ENTRY)
        return MDB_CORRUPTED;
    in->at[i] = rc == 0 ? k->mv_data : NULL;
    return rc == MDB_NOTFOUND ? 0 : rc;
}

int run_input_next(struct run_inputs *in, size_t i)
{
    MDB_val k, v;
    return input_take(in, i, mdb_cursor_get(in->c[i], &k, &v, MDB_NEXT), &k);
}

int run_input_open(struct run_inputs *in, MDB_txn *t, MDB_dbi dbi, const uint8_t *after)
{
    uint8_t from[RUN_ENTRY] = {0};
    MDB_val k = {RUN_ENTRY, from}, v;
    size_t i = in->n;
    int rc = mdb_cursor_open(t, dbi, &in->c[i]);
    if (rc != 0)
        return rc;
    in->n++;
    if (after)
        memcpy(from, after, RUN_ENTRY);
    rc = mdb_cursor_get(in->c[i], &k, &v, after ? MDB_SET_RANGE : MDB_FIRST);
    rc = input_take(in, i, rc, &k);
    if (rc == 0 && in->at[i] && after && memcmp(in->at[i], after, RUN_ENTRY) == 0)
        rc = run_input_next(in, i);
    return rc;
}

void run_inputs_close(struct run_inputs *in)
{
    for (size_t i = 0; i < in->n; i++)
        mdb_cursor_close(in->c[i]);
}

size_t run_input_least(const struct run_inputs *in)
{
    size_t least = in->n;
    for (size_t i = 0; i < in->n; i++)
        if (in->at[i] && (least == in->n || memcmp(in->at[i], in->at[least], RUN_ENTRY) < 0))
            least = i;
    return least;
}

static int inputs_open(const struct runs *r, MDB_txn *t, const uint8_t *after,
                       struct run_inputs *in)
{
    struct run_dir dir;
    int rc = run_dir_get(r, t, &dir);
    for (size_t i = 0; rc == 0 && i < RUN_TABLES; i++) {
        size_t level = i / RUN_SLOTS, slot = i % RUN_SLOTS;
        if (dir.slot[level][slot].state == RUN_COMPLETE)
            rc = run_input_open(in, t, r->dbi[level][slot], after);
    }
    return rc;
}

int runs_walk(const struct runs *r, MDB_txn *t, const uint8_t *after, size_t max, run_each fn,
              void *arg)
{
    struct run_inputs in = {.n = 0};
    int rc = inputs_open(r, t, after, &in);
    for (; rc == 0 && max > 0; max--) {
        size_t i = run_input_least(&in);
        if (i == in.n || fn(arg, in.at[i]) < 0)
            break;
        rc = run_input_next(&in, i);
    }
    run_inputs_close(&in);
    return rc;
}
