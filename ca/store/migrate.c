#include "ca/store/migrate.h"

#include <string.h>

#include "lib/log.h"
#include "lib/step.h"
#include "lib/wire.h"

/* 2 to 3, 3 to 4: there are more tables, made as they are opened. */
static int nothing_to_move(struct store *s, MDB_txn *t, bool *done)
{
    (void)s, (void)t;
    *done = true;
    return 0;
}

static const struct {
    uint32_t from;
    migrate_slice slice;
} step[] = {{1, migrate_keys}, {2, nothing_to_move}, {3, nothing_to_move}};

static int number_read(MDB_txn *t, MDB_dbi meta, const char *name, uint32_t *out)
{
    struct slice v;
    struct wire_in w;
    int rc = row_get(t, meta, name, strlen(name), &v);
    if (rc != 0)
        return rc;
    wire_in_init(&w, v);
    *out = wire_get_u32(&w);
    return wire_in_done(&w) && *out != 0 ? 0 : MDB_CORRUPTED;
}

static int number_write(MDB_txn *t, MDB_dbi meta, const char *name, uint32_t number)
{
    uint8_t row[4] = {(uint8_t)(number >> 24), (uint8_t)(number >> 16), (uint8_t)(number >> 8),
                      (uint8_t)number};
    MDB_val k = val_of(name, strlen(name)), v = val_of(row, sizeof(row));
    return mdb_put(t, meta, &k, &v, 0);
}

/* What the store says, and what it really is. 0 when there is none. */
static int schema_read(struct store *s, uint32_t *says, uint32_t *is)
{
    MDB_txn *t = NULL;
    *says = *is = 0;
    int rc = mdb_txn_begin(s->env, NULL, s->opt.read_only ? MDB_RDONLY : 0, &t);
    if (rc != 0)
        return rc;
    rc = mdb_dbi_open(t, "meta", s->opt.read_only ? 0 : MDB_CREATE, &s->dbi[D_META]);
    if (rc == 0)
        rc = number_read(t, s->dbi[D_META], "schema", says);
    *is = *says;
    if (rc == 0) {
        rc = number_read(t, s->dbi[D_META], "migrating", is);
        rc = rc == MDB_NOTFOUND ? 0 : rc;
    } else if (rc == MDB_NOTFOUND && !s->opt.read_only) {
        rc = 0;
    }
    if (rc == 0)
        return mdb_txn_commit(t);
    mdb_txn_abort(t);
    return rc;
}

/* A slice, and in the same transaction how far the store is with it. */
static int slice_run(struct store *s, MDB_txn *t, uint32_t from, migrate_slice slice, bool *done)
{
    MDB_dbi meta = s->dbi[D_META];
    MDB_val k = val_of("migrating", 9);
    int rc = slice(s, t, done);
    if (rc == 0)
        rc = number_write(t, meta, "schema", STORE_SCHEMA);
    if (rc == 0 && !(*done && from + 1 == STORE_SCHEMA))
        return number_write(t, meta, "migrating", *done ? from + 1 : from);
    if (rc == 0)
        rc = mdb_del(t, meta, &k, NULL);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

static int step_run(struct store *s, uint32_t from, migrate_slice slice)
{
    bool done = false;
    while (!done) {
        MDB_txn *t;
        int rc = mdb_txn_begin(s->env, NULL, 0, &t);
        if (rc != 0)
            return rc;
        rc = slice_run(s, t, from, slice, &done);
        if (rc == 0)
            rc = mdb_txn_commit(t);
        else
            mdb_txn_abort(t);
        if (rc != 0)
            return rc;
        STEP("store.migrate.slice");
    }
    return 0;
}

static int refuse(uint32_t says, uint32_t is, struct fault *f)
{
    if (says > STORE_SCHEMA)
        return fault_set(f, FAULT_CONFLICT, "store.schema",
                         "The store has schema %u, this program knows %u: use the version of Cerca "
                         "that wrote it, or a newer one",
                         says, STORE_SCHEMA);
    return fault_set(f, FAULT_CONFLICT, "store.schema",
                     "The store has schema %u, this program works with %u: start the CA once, "
                     "which brings it up to date",
                     is, STORE_SCHEMA);
}

int store_migrate(struct store *s, bool *is_new, struct fault *f)
{
    uint32_t says, is;
    *is_new = false;
    int rc = schema_read(s, &says, &is);
    if (rc != 0)
        return store_fail(f, rc, "reading the schema");
    *is_new = says == 0;
    if (*is_new || (says == STORE_SCHEMA && is == STORE_SCHEMA))
        return 0;
    if (says > STORE_SCHEMA || s->opt.read_only)
        return refuse(says, is, f);
    log_info("store.migrate", "from", log_num(is), "to", log_num(STORE_SCHEMA), NULL);
    for (size_t i = 0; rc == 0 && i < sizeof(step) / sizeof(step[0]); i++)
        if (step[i].from >= is)
            rc = step_run(s, step[i].from, step[i].slice);
    if (rc != 0)
        return store_fail(f, rc, "bringing the store up to date");
    log_info("store.migrated", "schema", log_num(STORE_SCHEMA), NULL);
    return 0;
}
