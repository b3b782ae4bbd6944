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

/* ---- the signer ---- */

static void on_answer(void *arg, struct slice body, const struct fault *f)
{
    struct ledger *l = arg;

    pthread_mutex_lock(&l->lock);
    fault_clear(&l->refusal);
    buf_reset(&l->answer);
    if (f != NULL)
        l->refusal = *f;
    else
        buf_put_slice(&l->answer, body);
    l->answered = true;
    pthread_cond_broadcast(&l->wake);
    pthread_mutex_unlock(&l->lock);
}

static void put_question(void *arg)
{
    struct ledger *l = arg;
    struct fault f;

    if (l->parts.link == NULL) {
        (void)fault_set(&f, FAULT_CONFIG, "audit.token", "no token signs checkpoints");
        on_answer(l, SLICE_NONE, &f);
        return;
    }
    signer_link_checkpoint(l->parts.link, buf_slice(&l->question), on_answer, l);
}

/* The answer, once it is there, is the thread's alone. */
static int ask_signer(struct ledger *l, uint64_t size, const uint8_t root[32], struct fault *f)
{
    struct checkpoint_request r = {.size = size};
    int rc = 0;

    (void)snprintf(r.origin, sizeof(r.origin), "%s", l->origin);
    memcpy(r.generation, l->parts.conf->generation, sizeof(r.generation));
    memcpy(r.root, root, sizeof(r.root));
    buf_reset(&l->question);
    checkpoint_request_put(&l->question, &r);
    pthread_mutex_lock(&l->lock);
    l->answered = false;
    loop_post(l->parts.loop, put_question, l);
    while (!l->answered && !l->stop)
        pthread_cond_wait(&l->wake, &l->lock);
    if (!l->answered)
        rc = fault_unavailable(f, 1, "stopping", "cerca-ca is stopping, retry after 1 s");
    else if (l->refusal.code != FAULT_NONE) {
        *f = l->refusal;
        rc = -(int)f->code;
    }
    pthread_mutex_unlock(&l->lock);
    return rc;
}

/* ---- verifying ---- */

static int unfit(struct fault *f, const char *what)
{
    return fault_set(f, FAULT_INTERNAL, "checkpoint.answer", "the signer's checkpoint %s", what);
}

/* By every key that the signer says it has: at least one Ed25519, which stock verifiers know. */
static int verify_keys(const struct checkpoint *c, struct slice keys, struct fault *f)
{
    bool ed25519 = false;

    while (keys.n > 0) {
        const uint8_t *end = memchr(keys.p, '\n', keys.n);
        char text[VKEY_MAX];
        struct note_key k;
        size_t n;

        if (end == NULL || (size_t)(end - keys.p) >= sizeof(text))
            return unfit(f, "came with keys that do not read");
        n = (size_t)(end - keys.p);
        memcpy(text, keys.p, n);
        text[n] = '\0';
        keys = slice_of(end + 1, keys.n - n - 1);
        if (note_key_get(text, &k, f) != 0 || note_verify(c, &k) != NOTE_GOOD)
            return unfit(f, "is not signed by a key that it names");
        ed25519 = ed25519 || k.type == NOTE_ED25519;
    }
    return ed25519 ? 0 : unfit(f, "has no Ed25519 signature");
}

static int verify(const struct ledger *l, const struct checkpointed *a, uint64_t size,
                  const uint8_t root[32], struct fault *f)
{
    struct checkpoint c;

    if (checkpoint_get(a->note, &c, f) != 0)
        return -(int)f->code;
    if (strcmp(c.origin, l->origin) != 0 || c.size != size || a->size != size ||
        memcmp(c.root, root, sizeof(c.root)) != 0)
        return unfit(f, "is of another log, size or root");
    return verify_keys(&c, a->keys, f);
}

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
    struct wire_in w;
    int rc;

    tiles_root(l->tiles, root);
    rc = tiles_flush(l->tiles, f);
    if (rc != 0)
        return rc;
    STEP("ledger.tiles");
    rc = ask_signer(l, size, root, f);
    if (rc != 0)
        return rc;
    wire_in_init(&w, buf_slice(&l->answer));
    checkpointed_get(&w, &a);
    rc = wire_in_done(&w) ? verify(l, &a, size, root, f) : unfit(f, "is malformed");
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
    rc = store_checkpoints(l->parts.store, UINT64_MAX, recall, &n, f);
    return rc != 0 ? rc : n.rc;
}
