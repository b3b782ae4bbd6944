#include "ca/core/restore_log.h"

#include <dirent.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/file.h"
#include "lib/log.h"
#include "lib/note.h"

#define KEYS_MAX 8
#define ED25519_RAW 32

struct reading {
    struct restore_log *l;
    const struct backup_manifest *m;
    char
        base[NOTE_NAME_MAX + 1]; /* the logs' common name: log 0 has it, log N has "/N" behind it */
    struct note_key key[KEYS_MAX];
    size_t n_keys;
    int64_t later[STORE_RESTORES_MAX + 1]; /* logs that were counted */
};

/* ---- the keys that the store knows ---- */

static int take_keys(void *arg, const struct store_checkpoint *c)
{
    struct reading *r = arg;
    struct slice keys = c->keys;
    const uint8_t *end;
    char line[VKEY_MAX];
    struct fault ignored;

    while (r->n_keys < KEYS_MAX && keys.n > 0 && (end = memchr(keys.p, '\n', keys.n)) != NULL) {
        size_t n = (size_t)(end - keys.p);

        if (n < sizeof(line)) {
            memcpy(line, keys.p, n);
            line[n] = '\0';
            r->n_keys += note_key_get(line, &r->key[r->n_keys], &ignored) == 0;
        }
        keys = slice_of(end + 1, keys.n - n - 1);
    }
    return 1;
}

/* The same key signs every log, each time under that log's name. */
static int named(const struct note_key *k, const char *origin, struct note_key *out)
{
    if (k->type == NOTE_ED25519)
        return note_key_ed25519(origin, k->spki + k->spki_n - ED25519_RAW, out);
    return note_key_ecdsa(origin, slice_of(k->spki, k->spki_n), out);
}

static enum note_verdict judge(const struct reading *r, const struct checkpoint *c)
{
    enum note_verdict verdict = NOTE_NOT_SIGNED;
    struct note_key k;

    for (size_t i = 0; i < r->n_keys; i++) {
        enum note_verdict one =
            named(&r->key[i], c->origin, &k) == 0 ? note_verify(c, &k) : NOTE_NOT_SIGNED;

        if (one == NOTE_BAD || one == NOTE_UNKNOWN)
            return one;
        if (one == NOTE_GOOD)
            verdict = NOTE_GOOD;
    }
    return verdict;
}

/* ---- one checkpoint ---- */

/* Which of our logs has this name; -1: none. */
static int64_t log_of(const struct reading *r, const char *origin)
{
    size_t n = strlen(r->base);
    char again[NOTE_NAME_MAX + 32];
    int64_t number;

    if (strncmp(origin, r->base, n) != 0)
        return -1;
    if (origin[n] == '\0')
        return 0;
    number = origin[n] == '/' ? strtoll(origin + n + 1, NULL, 10) : 0;
    (void)snprintf(again, sizeof(again), "%s/%" PRId64, r->base, number);
    return number > 0 && strcmp(again, origin) == 0 ? number : -1;
}

static void count_later(struct reading *r, int64_t log, uint64_t size)
{
    unsigned i = 0;

    while (i < r->l->later && r->later[i] != log)
        i++;
    if (i < r->l->later || i == STORE_RESTORES_MAX)
        return; /* the view's comes first, and is as new as any */
    r->later[r->l->later++] = log;
    r->l->later_records += size;
}

static void count(struct reading *r, int64_t log, const struct checkpoint *c)
{
    if (log > r->m->audit_log)
        count_later(r, log, c->size);
    if (log != r->m->audit_log)
        return;
    if (c->size == r->m->audit_size && memcmp(c->root, r->m->audit_root, sizeof(c->root)) != 0)
        r->l->forked = true;
    if (c->size > r->l->newest)
        r->l->newest = c->size;
}

static int weigh(struct reading *r, const char *from, const struct checkpoint *c, struct fault *f)
{
    enum note_verdict verdict = judge(r, c);
    int64_t log = log_of(r, c->origin);

    if (log < 0)
        return fault_set(f, FAULT_CONFLICT, "checkpoint.origin",
                         "%.80s is of another log, %.60s, and not of %.60s", from, c->origin,
                         r->base);
    if (verdict == NOTE_BAD)
        return fault_set(f, FAULT_CONFLICT, "checkpoint.signature",
                         "%.150s has a signature that is wrong", from);
    if (verdict == NOTE_UNKNOWN)
        return fault_set(f, FAULT_UNAVAILABLE, "checkpoint.signature",
                         "the signature of %.150s cannot be verified here", from);
    r->l->unverified += verdict == NOTE_NOT_SIGNED && log >= r->m->audit_log;
    count(r, log, c);
    return 0;
}

static int note_one(struct reading *r, const char *from, struct slice note, struct fault *f)
{
    struct checkpoint *c = xcalloc(1, sizeof(*c));
    int rc = checkpoint_get(note, c, f);

    if (rc == 0)
        rc = weigh(r, from, c, f);
    free(c);
    return rc;
}

static int note_file(struct reading *r, const char *path, struct fault *f)
{
    struct buf text;
    int rc;

    buf_init(&text, NOTE_MAX);
    rc = file_read(path, NOTE_MAX, &text, f);
    if (rc == 0)
        rc = note_one(r, path, buf_slice(&text), f);
    buf_free(&text);
    return rc;
}

/* ---- all of them ---- */

static void leave_out(int rc, const struct fault *f)
{
    if (rc != 0 && rc != -FAULT_NOT_FOUND)
        log_fault(LOG_LEVEL_WARN, "restore.checkpoint", f, NULL);
}

static void note_view(struct reading *r, const char *path)
{
    struct fault f;

    leave_out(note_file(r, path, &f), &f);
}

static void note_views(struct reading *r, const char *view)
{
    char path[PATH_MAX];
    struct dirent *e;
    DIR *d;

    (void)snprintf(path, sizeof(path), "%s/audit/checkpoint", view);
    note_view(r, path);
    (void)snprintf(path, sizeof(path), "%s/audit", view);
    d = opendir(path);
    while (d != NULL && (e = readdir(d)) != NULL) {
        if (strspn(e->d_name, "0123456789") != strlen(e->d_name))
            continue;
        (void)snprintf(path, sizeof(path), "%s/audit/%.20s/checkpoint", view, e->d_name);
        note_view(r, path);
    }
    if (d != NULL)
        (void)closedir(d);
}

static void note_own(struct reading *r)
{
    struct fault f;

    leave_out(note_one(r, "the backup's checkpoint", slice_str(r->m->checkpoint), &f), &f);
}

/* The backup's own checkpoint knows what the log was called then. */
static void name_base(struct reading *r, const char *configured)
{
    struct checkpoint *c = xcalloc(1, sizeof(*c));
    struct fault ignored;
    char suffix[32] = "";
    size_t n, end;

    (void)snprintf(r->base, sizeof(r->base), "%s", configured);
    if (r->m->audit_log > 0)
        (void)snprintf(suffix, sizeof(suffix), "/%" PRId64, r->m->audit_log);
    end = strlen(suffix);
    if (checkpoint_get(slice_str(r->m->checkpoint), c, &ignored) == 0 &&
        (n = strlen(c->origin)) > end && strcmp(c->origin + n - end, suffix) == 0)
        (void)snprintf(r->base, sizeof(r->base), "%.*s", (int)(n - end), c->origin);
    free(c);
}

int restore_checkpoints(struct restore_log *l, const struct conf *conf,
                        const struct restore_options *o, const struct backup_manifest *m,
                        struct store *s, struct fault *f)
{
    struct reading *r = xcalloc(1, sizeof(*r));
    int rc;

    memset(l, 0, sizeof(*l));
    r->l = l;
    r->m = m;
    name_base(r, conf->audit_origin);
    rc = store_checkpoints(s, STORE_LOG_NOW, UINT64_MAX, take_keys, r, f);
    if (rc == 0 && m->checkpoint[0] != '\0')
        note_own(r);
    if (rc == 0)
        note_views(r, conf->view_dir);
    for (size_t i = 0; rc == 0 && i < o->n_checkpoints; i++)
        rc = note_file(r, o->checkpoint[i], f);
    free(r);
    return rc;
}
