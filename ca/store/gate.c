/* The gate: its row, opening and closing it, and what a restore makes of it. */
#include <stdio.h>
#include <string.h>

#include "ca/store/store_lmdb.h"

#define RETRY_CLOSED 300 /* seconds: somebody has to decide */

int gate_read(struct store *s, MDB_txn *t, struct store_gate *out)
{
    struct slice v;
    memset(out, 0, sizeof(*out));
    int rc = row_get(t, s->dbi[D_META], "gate", 4, &v);
    if (rc == 0 && row_gate_get(v, out) != 0)
        return MDB_CORRUPTED;
    return rc == MDB_NOTFOUND ? 0 : rc;
}

void gate_put(struct write_txn *w)
{
    row_gate_put(w_row(w), &w->gate);
    w_put(w, D_META, "gate", 4, 0);
}

int store_gate(struct store *s, struct store_gate *out, struct fault *f)
{
    MDB_txn *t;
    memset(out, 0, sizeof(*out));
    int rc = read_begin(s, &t, f);
    if (rc != 0)
        return rc;
    rc = gate_read(s, t, out);
    read_end(s, t);
    if (rc == MDB_CORRUPTED)
        return store_damaged(f, "gate");
    return rc == 0 ? 0 : store_fail(f, rc, "reading the gate");
}

int gate_refuse(const struct store_gate *g, struct fault *f)
{
    if (!g->closed)
        return 0;
    return fault_unavailable(f, RETRY_CLOSED, "store.closed",
                             "issuing is closed (%.180s); an administrator opens it: cerca open",
                             g->reason);
}

int store_issuing(struct store *s, struct fault *f)
{
    struct store_gate g;
    int rc = store_gate(s, &g, f);
    return rc != 0 ? rc : gate_refuse(&g, f);
}

int store_clock(struct store *s, struct fault *f)
{
    return clock_guard_check(&s->clock, f);
}

static void say_why(struct store_gate *g, const char *why)
{
    (void)snprintf(g->reason, sizeof(g->reason), "%s", why ? why : "");
}

int op_gate(struct write_txn *w, struct store_op *op)
{
    struct store_gate *g = &w->gate;
    struct fault doubt = {0};
    bool accepted = !op->close && clock_guard_check(&w->s->clock, &doubt) != 0;
    if (accepted)
        clock_guard_accept(&w->s->clock);
    if (g->closed == op->close && accepted)
        return 0; /* the record of it carries the time that was accepted */
    if (g->closed == op->close)
        return fault_set(&op->fault, FAULT_CONFLICT, "gate.same", "Issuing is %s already",
                         op->close ? "closed" : "open");
    g->closed = op->close;
    g->restored = false;
    g->since = op->time;
    say_why(g, op->close ? op->why : "");
    gate_put(w);
    return 0;
}

static void audit_end(struct row_state *state, struct store_restore *r)
{
    r->audit_size = state->audit.size;
    merkle_root(&state->audit, r->audit_root);
    memset(&state->audit, 0, sizeof(state->audit));
}

static int too_often(struct fault *f)
{
    return fault_set(f, FAULT_TOO_LARGE, "restore.often",
                     "This store was restored %d times, which is the most it can note",
                     STORE_RESTORES_MAX);
}

static void skip_to(struct write_txn *w, uint64_t to)
{
    struct store_gate *g = &w->gate;
    if (to <= w->state.change)
        return;
    g->skip[g->n_skips++] = (struct store_skip){w->state.change, to};
    w->state.change = to;
}

int op_skip(struct write_txn *w, struct store_op *op)
{
    if (!w->gate.closed || !w->gate.restored)
        return fault_set(&op->fault, FAULT_CONFLICT, "restore.state",
                         "The store is not closed since a restore");
    if (w->gate.n_skips == STORE_RESTORES_MAX)
        return too_often(&op->fault);
    skip_to(w, op->skip_to);
    gate_put(w);
    return 0;
}

int64_t log_after(int64_t log, int64_t time)
{
    return time > log ? time : log + 1;
}

int op_restored(struct write_txn *w, struct store_op *op)
{
    struct store_gate *g = &w->gate;
    struct store_restore *r;
    w->record = false;
    if (g->n_restores == STORE_RESTORES_MAX || g->n_skips == STORE_RESTORES_MAX)
        return too_often(&op->fault);
    r = &g->restore[g->n_restores++];
    *r = (struct store_restore){.time = op->time,
                                .copied = op->restore.copied,
                                .checkpoint = op->restore.checkpoint,
                                .change = w->state.change};
    skip_to(w, op->skip_to);
    audit_end(&w->state, r);
    g->closed = g->restored = true;
    g->since = g->restored_at = op->time;
    g->has_restored_by = true;
    g->restored_by = op->restore.by;
    g->audit_log = log_after(g->audit_log, op->time);
    say_why(g, op->why);
    gate_put(w);
    /* The CA that the backup was taken of may have told all of it since. */
    outbox_park_all(w, "", "the store was restored");
    return 0;
}
