/* store_check: the audit logs, record by record, against root and checkpoints. */
#include <string.h>

#include "ca/store/check.h"

static int take_checkpoint(void *arg, const struct store_checkpoint *at)
{
    struct check *c = arg;
    struct fault f;
    c->has_checkpoint = true;
    if (checkpoint_get(at->note, &c->checkpoint, &f) == 0 && c->checkpoint.size == at->size)
        return 1;
    c->checkpoint.size = at->size;
    memset(c->checkpoint.root, 0, sizeof(c->checkpoint.root));
    return 1;
}

static void next_checkpoint(struct check *c, uint64_t least)
{
    struct fault f;
    c->has_checkpoint = false;
    c->checkpoint.size = 0;
    if (checkpoints_in(c->s, c->log.checkpoints, least, take_checkpoint, c, &f) != 0)
        check_finding(c, "audit.checkpoint", "A checkpoint does not decode");
}

static void check_checkpoint(struct check *c)
{
    uint8_t root[32];
    uint64_t size = c->checkpoint.size;
    merkle_root(&c->audit, root);
    if (memcmp(root, c->checkpoint.root, sizeof(root)) != 0)
        check_finding(c, "audit.checkpoint", "The log is not what its checkpoint over %lu says",
                      (unsigned long)size);
    next_checkpoint(c, size + 1);
}

static void check_audit(struct check *c, MDB_txn *t, struct slice key, struct slice row)
{
    struct audit_event e;
    struct slice salt, record;
    uint8_t leaf[32];
    uint64_t index = key.n == 8 ? number_get(key.p) : UINT64_MAX;
    (void)t;
    if (index >= c->log.size) { /* appended since the check began */
        if (c->log.old)
            check_finding(c, "audit.ended", "Audit record %lu came after a restore ended its log",
                          (unsigned long)index);
        return;
    }
    if (index != c->next)
        check_finding(c, "audit.hole", "Audit record %lu is missing", (unsigned long)c->next);
    c->next = index + 1;
    if (row.n == AUDIT_ROW_PRUNED) {
        merkle_leaf_of(row.p, leaf);
    } else if (audit_row_get(row, &salt, &record) && audit_get(record, &e) == 0) {
        merkle_leaf(salt, record, leaf);
    } else {
        check_finding(c, "audit.row", "Audit record %lu does not decode", (unsigned long)index);
        return;
    }
    merkle_add(&c->audit, leaf);
    if (index + 1 == c->checkpoint.size)
        check_checkpoint(c);
}

static int check_log(struct check *c, const struct check_log *log, struct fault *f)
{
    uint8_t have[32];
    c->log = *log;
    c->next = 0;
    memset(&c->audit, 0, sizeof(c->audit));
    next_checkpoint(c, 1);
    int rc = check_scan(c, log->records, "audit", check_audit, f);
    if (rc != 0)
        return rc;
    if (c->has_checkpoint && c->checkpoint.size <= log->size)
        check_finding(c, "audit.checkpoint", "The log ends before its checkpoint over %lu",
                      (unsigned long)c->checkpoint.size);
    merkle_root(&c->audit, have);
    if (c->audit.size != log->size || memcmp(log->root, have, sizeof(have)) != 0)
        check_finding(c, "audit.root", "The audit records do not hash to the recorded root%s",
                      log->old ? ", of a log that a restore ended" : "");
    return 0;
}

/* Those that restores ended are as long as each restore noted, and stay so. */
int check_logs(struct check *c, struct fault *f)
{
    struct store *s = c->s;
    struct check_log log = {s->dbi[D_AUDIT], s->dbi[D_CHECKPOINT], c->begin.audit.size, {0}, false};
    merkle_root(&c->begin.audit, log.root);
    int rc = check_log(c, &log, f);
    for (size_t i = 0; i < s->n_old && rc == 0; i++) {
        const struct store_restore *r = &c->gate.restore[i];
        log = (struct check_log){s->old[i].audit, s->old[i].checkpoints, r->audit_size, {0}, true};
        memcpy(log.root, r->audit_root, sizeof(log.root));
        rc = check_log(c, &log, f);
    }
    return rc;
}
