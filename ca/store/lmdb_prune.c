/*
 * Request keys live request_key_life seconds past the end of their intent. The change sequence is
 * in the order of those ends, so a position in it says which are done with; open intents have no
 * end yet and are not met.
 */
#include <string.h>

#include "ca/store/store_lmdb.h"
#include "lib/clock.h"

#define PRUNE_LEAST 16

static void prune_one(struct write_txn *w, const struct store_change *c)
{
    struct cert_view v;
    struct cert_ref ref;
    struct slice row;
    if (cert_view_get(w->s, w->t, &c->ref, &v) != 0 || !v.cert.has_request_key)
        return;
    int rc = row_get(w->t, w->s->dbi[D_REQKEY], v.cert.request_key, 32, &row);
    if (rc != 0 || row_ref_get(row, &ref) != 0)
        return;
    /* the key may have been used again since */
    if (memcmp(&ref.serial, &c->ref.serial, SERIAL_LEN) == 0 && ref.issuer == c->ref.issuer)
        w_del(w, D_REQKEY, v.cert.request_key, 32);
}

/* Twice as many changes as a commit makes, so that it never falls behind. */
void prune_request_keys(struct write_txn *w, size_t members)
{
    int64_t until = clock_now() - w->s->opt.request_key_life;
    for (size_t left = PRUNE_LEAST + 2 * members; left > 0 && w->rc == 0; left--) {
        uint8_t key[8];
        struct slice row;
        struct store_change c;
        if (w->state.prune >= w->s->state.change)
            return;
        number_put(w->state.prune + 1, key);
        if (row_get(w->t, w->s->dbi[D_CHANGE], key, sizeof(key), &row) != 0 ||
            row_change_get(row, &c) != 0)
            return;
        if (c.state != CERT_OPEN && c.time > until)
            return;
        w->state.prune++;
        if (c.state != CERT_OPEN)
            prune_one(w, &c);
    }
}
