/* One checkpoint: signed, verified, kept, published. */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ca/ledger/ledger_inner.h"
#include "lib/clock.h"
#include "lib/file.h"
#include "lib/log.h"
#include "lib/step.h"

/* ---- keeping ---- */

static int keep(struct ledger *l, const struct checkpointed *a, struct fault *f)
{
    struct store_op op = {
        .kind = STORE_CHECKPOINT, .time = clock_now(), .size = a->size, .note = a->note};
    int rc;

    op.keys = a->keys;
    op.audit.action = AUDIT_CHECKPOINT;
    op.audit.time = op.time;
    memcpy(op.audit.generation, l->parts.conf->generation, sizeof(op.audit.generation));
    (void)snprintf(op.audit.actor, sizeof(op.audit.actor), "cerca-ca");
    (void)snprintf(op.audit.detail, sizeof(op.audit.detail), "%" PRIu64 " records of %.200s",
                   a->size, l->origin);
    rc = store_do(l->parts.store, &op);
    if (rc != 0)
        *f = op.fault;
    return rc;
}

static void set_newest(struct ledger *l, uint64_t size, int64_t time, bool other,
                       const struct fault *export)
{
    pthread_mutex_lock(&l->lock);
    l->size = size;
    l->time = time;
    l->other_origin = other;
    l->export = *export;
    pthread_mutex_unlock(&l->lock);
}

/* Off the host it goes from here, so that nobody here can take it back. */
static void export_to(const struct ledger *l, uint64_t size, struct slice note, struct fault *f)
{
    const char *dir = l->parts.conf->audit_export_dir;
    char path[PATH_MAX];

    fault_clear(f);
    if (dir[0] == '\0')
        return;
    (void)snprintf(path, sizeof(path), "%s/%020" PRIu64 ".checkpoint", dir, size);
    if (access(path, F_OK) == 0)
        return;
    if (file_write(path, 0644, note, f) != 0)
        log_fault(LOG_LEVEL_ERROR, "checkpoint.export.failed", f, "dir", dir, NULL);
}

static int publish(struct ledger *l, uint64_t size, int64_t time, struct slice note, bool other,
                   struct fault *f)
{
    struct fault export;
    struct buf path;
    int rc;

    buf_init(&path, PATH_MAX);
    buf_printf(&path, "%s/checkpoint", l->dir);
    rc = file_write(buf_cstr(&path), 0644, note, f);
    buf_free(&path);
    export_to(l, size, note, &export);
    set_newest(l, size, time, other, &export);
    return rc;
}

int ledger_sign(struct ledger *l, struct fault *f)
{
    uint64_t size = tiles_size(l->tiles);
    struct checkpointed a;
    uint8_t root[32];
    int rc;

    tiles_root(l->tiles, root);
    rc = tiles_flush(l->tiles, f);
    if (rc != 0)
        return rc;
    STEP("ledger.tiles");
    rc = sealer_sign(l->sealer, l->origin, size, root, &a, f);
    STEP("ledger.signed");
    if (rc == 0)
        rc = keep(l, &a, f);
    STEP("ledger.kept");
    if (rc == 0)
        rc = publish(l, size, clock_now(), a.note, false, f);
    STEP("ledger.published");
    return rc;
}

/* ---- at start ---- */

struct newest {
    struct ledger *l;
    uint8_t *root;
    struct fault *f;
    int rc;
};

static int recall(void *arg, const struct store_checkpoint *s)
{
    struct newest *n = arg;
    struct checkpoint c;

    n->rc = checkpoint_get(s->note, &c, n->f);
    if (n->rc != 0)
        return 1;
    memcpy(n->root, c.root, sizeof(c.root));
    n->rc = publish(n->l, s->size, s->time, s->note, strcmp(c.origin, n->l->origin) != 0, n->f);
    return 1;
}

int ledger_recall(struct ledger *l, uint8_t root[32], struct fault *f)
{
    struct newest n = {l, root, f, 0};
    int rc;

    memset(root, 0, 32);
    rc = store_checkpoints(l->parts.store, STORE_LOG_NOW, UINT64_MAX, recall, &n, f);
    return rc != 0 ? rc : n.rc;
}
