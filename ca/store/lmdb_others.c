/* What else a key is of, one at a time and all of them; and what is blocked. */
#include <string.h>

#include "ca/store/inventory.h"
#include "ca/store/store_lmdb.h"

int store_key_others(struct store *s, const uint8_t spki_hash[32],
                     const uint8_t identity[IDENTITY_LEN], struct cert_ref *out, size_t max,
                     size_t *n, struct fault *f)
{
    struct key_list l = {.n = 0};
    MDB_txn *t;
    int rc;

    *n = 0;
    memcpy(l.after, spki_hash, ROW_SPKI_HALF);
    rc = keys_list(s, &l, &t, f);
    if (rc != 0)
        return rc;
    read_end(s, t);
    for (size_t i = 0; i < l.n && *n < max; i++)
        if (memcmp(l.entry[i] + ROW_SPKI_HALF, identity, IDENTITY_LEN) != 0)
            ref_get(l.entry[i] + RUN_REF, &out[(*n)++]);
    return 0;
}

struct key_walking {
    struct store_key_walk *w;
    store_key_each fn;
    void *arg;
    size_t n;
};

static int tell_recent(void *arg, const uint8_t entry[RUN_ENTRY])
{
    struct key_walking *x = arg;

    x->fn(x->arg, entry);
    return 0;
}

/* Entries of one key are neighbours, and of these those of one identity. */
static int tell_shared(void *arg, const uint8_t entry[RUN_ENTRY])
{
    struct key_walking *x = arg;
    uint8_t *last = x->w->last;

    if (memcmp(last, entry, KEY_PART) == 0 &&
        memcmp(last + KEY_PART, entry + KEY_PART, IDENTITY_LEN) != 0)
        x->fn(x->arg, entry);
    memcpy(last, entry, RUN_ENTRY);
    x->n++;
    return 0;
}

int store_shared_keys(struct store *s, struct store_key_walk *w, size_t max, store_key_each fn,
                      void *arg, struct fault *f)
{
    struct key_walking x = {.w = w, .fn = fn, .arg = arg};
    MDB_txn *t;
    int rc;

    _Static_assert(sizeof(w->last) == RUN_ENTRY, "a walk keeps an entry");
    _Static_assert(KEY_PART == ROW_SPKI_HALF, "half the hash of the key comes first in an entry");
    if (!w->begun) /* before the transaction: what is written out meanwhile is in a run then */
        runs_recent(&s->keys, tell_recent, &x);
    rc = read_begin(s, &t, f);
    if (rc != 0)
        return rc;
    rc = runs_walk(&s->keys, t, w->begun ? w->last : NULL, max, tell_shared, &x);
    read_end(s, t);
    w->begun = true;
    w->ended = rc == 0 && x.n < max;
    return rc == 0 ? 0 : store_fail(f, rc, "walking over the keys");
}

static int blocked(struct store *s, MDB_txn *t, enum durable_dbi d, const uint8_t *key, size_t n,
                   bool *out)
{
    struct slice row;
    int rc = row_get(t, s->dbi[d], key, n, &row);

    *out = rc == 0;
    return rc == MDB_NOTFOUND ? 0 : rc;
}

int store_blocked(struct store *s, const uint8_t identity[IDENTITY_LEN],
                  const uint8_t spki_hash[32], bool *by_identity, bool *by_key, struct fault *f)
{
    MDB_txn *t;
    int rc = read_begin(s, &t, f);

    *by_identity = *by_key = false;
    if (rc != 0)
        return rc;
    rc = blocked(s, t, D_BLOCKED_ID, identity, IDENTITY_LEN, by_identity);
    if (rc == 0)
        rc = blocked(s, t, D_BLOCKED, spki_hash, 32, by_key);
    read_end(s, t);
    return rc == 0 ? 0 : store_fail(f, rc, "reading what is blocked");
}
