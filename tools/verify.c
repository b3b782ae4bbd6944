#include "tools/verify.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/text.h"

#define SUSPECTS_MAX 1000

/* A record that is not what the tiles say of its place. */
struct suspect {
    uint64_t index;
    uint8_t record[32], tile[32];
};

void verify_init(struct verify *v)
{
    memset(v, 0, sizeof(*v));
    v->suspect = xcalloc(SUSPECTS_MAX, sizeof(v->suspect[0]));
}

void verify_free(struct verify *v)
{
    free(v->key);
    free(v->known);
    free(v->suspect);
}

void verify_found(struct verify *v, const char *rule, const char *fmt, ...)
{
    char text[512];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    v->findings++;
    v->finding(v->arg, rule, text);
}

/* ---- keys and checkpoints ---- */

static bool same_key(const struct note_key *a, const struct note_key *b)
{
    return strcmp(a->name, b->name) == 0 && memcmp(a->id, b->id, sizeof(a->id)) == 0 &&
           a->type == b->type &&
           slice_eq(slice_of(a->spki, a->spki_n), slice_of(b->spki, b->spki_n));
}

static void keep_key(struct verify *v, const struct note_key *k)
{
    struct note_key *more;

    for (size_t i = 0; i < v->n_keys; i++)
        if (same_key(&v->key[i], k))
            return;
    more = xcalloc(v->n_keys + 1, sizeof(*more));
    if (v->n_keys > 0)
        memcpy(more, v->key, v->n_keys * sizeof(*more));
    free(v->key);
    v->key = more;
    v->key[v->n_keys++] = *k;
}

int verify_add_key(struct verify *v, const char *vkey, struct fault *f)
{
    struct note_key k;
    int rc = note_key_get(vkey, &k, f);

    if (rc != 0)
        return rc;
    (void)snprintf(v->origin, sizeof(v->origin), "%s", k.name);
    keep_key(v, &k);
    return 0;
}

void verify_add_keys(struct verify *v, struct slice lines)
{
    char line[VKEY_MAX];
    struct note_key k;
    struct fault f;

    while (text_next_line(&lines, line, sizeof(line)))
        if (note_key_get(line, &k, &f) == 0)
            keep_key(v, &k);
}

/* By the first known key that it names; the others would say the same. */
static enum note_verdict judge(const struct verify *v, const struct checkpoint *c)
{
    for (size_t i = 0; i < v->n_keys; i++) {
        enum note_verdict verdict = note_verify(c, &v->key[i]);

        if (verdict != NOTE_NOT_SIGNED)
            return verdict;
    }
    return NOTE_NOT_SIGNED;
}

static void keep_known(struct verify *v, const char *name, bool elsewhere,
                       const struct checkpoint *c)
{
    struct known *k;

    if (v->n_known == v->room) {
        v->room = v->room == 0 ? 64 : 2 * v->room;
        k = xcalloc(v->room, sizeof(*k));
        if (v->n_known > 0)
            memcpy(k, v->known, v->n_known * sizeof(*k));
        free(v->known);
        v->known = k;
    }
    k = &v->known[v->n_known++];
    memset(k, 0, sizeof(*k));
    k->size = c->size;
    k->elsewhere = elsewhere;
    memcpy(k->root, c->root, sizeof(k->root));
    (void)snprintf(k->name, sizeof(k->name), "%.120s", name);
}

static void admit(struct verify *v, const char *name, bool elsewhere, const struct checkpoint *c)
{
    if (v->origin[0] == '\0')
        memcpy(v->origin, c->origin, sizeof(v->origin));
    if (strcmp(v->origin, c->origin) != 0) {
        verify_found(v, "audit.origin", "%.120s is of another log, %.100s, and not of %.100s", name,
                     c->origin, v->origin);
        return;
    }
    switch (judge(v, c)) {
    case NOTE_NOT_SIGNED:
        verify_found(v, "audit.key", "%.120s is not signed by a key of this log: it is of another",
                     name);
        return;
    case NOTE_BAD:
        verify_found(v, "audit.signature", "%.120s has a signature that is wrong", name);
        return;
    case NOTE_UNKNOWN:
        verify_found(v, "audit.signature", "%.120s has a signature that cannot be verified here",
                     name);
        return;
    case NOTE_GOOD:
        keep_known(v, name, elsewhere, c);
    }
}

void verify_add_checkpoint(struct verify *v, const char *name, bool elsewhere, struct slice note)
{
    struct checkpoint *c = xcalloc(1, sizeof(*c));
    struct fault f;

    if (checkpoint_get(note, c, &f) != 0)
        verify_found(v, "audit.signature", "%.120s is not a checkpoint: %s", name, f.text);
    else
        admit(v, name, elsewhere, c);
    free(c);
}

/* ---- the leaves ---- */

static int by_size(const void *a, const void *b)
{
    const struct known *x = a, *y = b;

    if (x->size != y->size)
        return x->size < y->size ? -1 : 1;
    return x->elsewhere - y->elsewhere;
}

void verify_begin(struct verify *v)
{
    if (v->n_known > 0)
        qsort(v->known, v->n_known, sizeof(v->known[0]), by_size);
    while (v->next < v->n_known && v->known[v->next].size == 0)
        v->next++;
}

static void name_suspect(struct verify *v, const struct suspect *s)
{
    for (size_t i = 0; i < v->n_suspects; i++)
        if (memcmp(v->suspect[i].tile, s->record, sizeof(s->record)) == 0) {
            verify_found(v, "audit.reordered",
                         "record %" PRIu64
                         " is not at its place: it was written as record %" PRIu64,
                         s->index, v->suspect[i].index);
            return;
        }
    verify_found(v, "audit.tampered", "record %" PRIu64 " is not what was recorded", s->index);
}

/* Of tiles that are those that were signed each record that differs is wrong. What it was instead
 * may stand behind the next checkpoint, so they are named late: when all is read, or for room. */
static void name_suspects(struct verify *v, uint64_t below)
{
    size_t left = 0;

    for (size_t i = 0; i < v->n_suspects; i++)
        if (v->suspect[i].index < below)
            name_suspect(v, &v->suspect[i]);
    for (size_t i = 0; i < v->n_suspects; i++)
        if (v->suspect[i].index >= below)
            v->suspect[left++] = v->suspect[i];
    v->n_suspects = left;
}

static void compare(struct verify *v, const struct known *k)
{
    uint8_t records[32], hashes[32];

    merkle_root(&v->records, records);
    merkle_root(&v->hashes, hashes);
    if (memcmp(records, k->root, sizeof(records)) == 0) {
        v->good_size = k->size;
    } else if (v->hashes.size == k->size && memcmp(hashes, k->root, sizeof(hashes)) == 0) {
        v->signed_size = k->size;
    } else if (k->elsewhere) {
        verify_found(v, "audit.forked",
                     "%s over %" PRIu64 " records is of a log with another past: the two part "
                     "after record %" PRIu64 " or later",
                     k->name, k->size, v->good_size);
    } else if (!v->broken) {
        v->broken = true; /* every later checkpoint would say the same */
        verify_found(v, "audit.tampered",
                     "the records %" PRIu64 " to %" PRIu64 " are not those that were signed by %s",
                     v->good_size, k->size - 1, k->name);
    }
}

static void suspect(struct verify *v, const uint8_t *record_hash, const uint8_t *hash)
{
    struct suspect *s;

    if (v->n_suspects == SUSPECTS_MAX && v->suspect[0].index < v->signed_size)
        name_suspects(v, v->signed_size);
    if (v->n_suspects == SUSPECTS_MAX)
        return;
    s = &v->suspect[v->n_suspects++];
    s->index = v->records.size;
    memcpy(s->record, record_hash, 32);
    memcpy(s->tile, hash, 32);
}

void verify_leaf(struct verify *v, const uint8_t *record_hash, const uint8_t *hash)
{
    if (record_hash != NULL && hash != NULL && memcmp(record_hash, hash, 32) != 0)
        suspect(v, record_hash, hash);
    if (record_hash != NULL)
        merkle_add(&v->records, record_hash);
    else if (hash != NULL)
        merkle_add(&v->records, hash);
    if (hash != NULL)
        merkle_add(&v->hashes, hash);
    while (v->next < v->n_known && v->known[v->next].size == v->records.size)
        compare(v, &v->known[v->next++]);
}

void verify_end(struct verify *v)
{
    for (; v->next < v->n_known; v->next++)
        verify_found(v, "audit.truncated", "%s is over %" PRIu64 " records, but there are %" PRIu64,
                     v->known[v->next].name, v->known[v->next].size, v->records.size);
    /* those behind the newest checkpoint too */
    name_suspects(v, v->broken ? v->signed_size : UINT64_MAX);
    if (v->n_known == 0)
        verify_found(v, "audit.key", "there is no checkpoint to verify against");
}
