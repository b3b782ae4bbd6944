/* Figures for `cerca status` and the door. */
#include <string.h>

#include "ca/store/store_lmdb.h"

static int entries(struct store *s, MDB_txn *t, enum durable_dbi d, uint64_t *out)
{
    MDB_stat st;
    int rc = mdb_stat(t, s->dbi[d], &st);
    *out = rc == 0 ? st.ms_entries : 0;
    return rc;
}

static int stats_read(struct store *s, MDB_txn *t, struct store_stats *out)
{
    struct row_state state;
    struct store_gate gate;
    struct slice v;
    int rc = entries(s, t, D_CERT, &out->certificates);
    if (rc == 0)
        rc = entries(s, t, D_OPEN, &out->open_intents);
    if (rc == 0)
        rc = entries(s, t, D_FOREIGN, &out->foreign);
    if (rc == 0)
        rc = entries(s, t, D_IDENTITY, &out->annotations);
    if (rc == 0)
        rc = row_get(t, s->dbi[D_META], "state", 5, &v);
    if (rc == 0 && row_state_get(v, &state) != 0)
        rc = MDB_CORRUPTED;
    if (rc == 0)
        rc = gate_read(s, t, &gate);
    if (rc == 0)
        rc = audit_pruned(s, t, gate.audit_log, &out->audit_pruned);
    if (rc != 0)
        return rc;
    out->audit_log = gate.audit_log;
    memcpy(out->uuid, s->uuid, sizeof(out->uuid));
    out->schema = s->schema;
    out->change = state.change;
    out->audit_size = state.audit.size;
    out->last_tick = state.tick;
    out->last_commit = state.last_commit;
    merkle_root(&state.audit, out->audit_root);
    return 0;
}

uint64_t store_newest_change(struct store *s)
{
    return atomic_load(&s->change);
}

int store_stats(struct store *s, struct store_stats *out, struct fault *f)
{
    MDB_txn *t;
    memset(out, 0, sizeof(*out));
    int rc = read_begin(s, &t, f);
    if (rc != 0)
        return rc;
    rc = stats_read(s, t, out);
    read_end(s, t);
    if (rc != 0)
        return store_fail(f, rc, "reading the figures");
    out->durable_bytes = env_bytes(s->env);
    out->full = space_full(s, &out->free_bytes);
    derive_stats(s, out);
    return 0;
}
