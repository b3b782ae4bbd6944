/* What else a key is of, and what is blocked: asked of one identity at a time. */
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
