#include "ca/signer/greet.h"

#include <string.h>

#include "ca/signer/cakey.h"
#include "token/ckr.h"
#include "ca/signer/issuerkey.h"
#include "lib/proto.h"

static int changed(const char *issuer, struct fault *f)
{
    return fault_unavailable(f, TOKEN_RETRY_AFTER, "signer.key.changed",
                             "the token shows another key for issuer %s than before; its signer "
                             "starts anew, retry after %d s",
                             issuer, TOKEN_RETRY_AFTER);
}

/* `t` has the session of this thread. What cannot be used counts as missing: why it cannot was
 * logged when the keys were read. */
static int look_at(struct token *t, const struct guard_issuer *g, struct fault *f)
{
    struct keyobj k;
    bool same;
    int rc = issuerkey_find(t, g->conf, &k, f);

    if (rc == -FAULT_UNAVAILABLE)
        return rc;
    if (rc != 0)
        return g->ours ? changed(g->conf->name, f) : 0;
    same = g->ours && slice_eq(buf_slice(&k.spki), buf_slice(&g->spki));
    keyobj_free(&k);
    return same ? 0 : changed(g->conf->name, f);
}

static int look_again(struct work *w, bool at_all, struct fault *f)
{
    struct token t = *w->token;
    int rc = 0;

    t.session = w->session;
    cakey_lock();
    for (size_t i = 0; i < w->guard->n && rc == 0; i++) {
        const struct guard_issuer *g = &w->guard->issuer[i];

        if (strcmp(g->conf->token, t.conf->name) == 0 && (at_all || !g->ours))
            rc = look_at(&t, g, f);
    }
    cakey_unlock();
    if (rc == 0 && w->checkpointer != NULL)
        rc = checkpointer_still_missing(w->checkpointer, &t, f);
    return rc;
}

int keys_still_missing(struct work *w, struct fault *f)
{
    return look_again(w, false, f);
}

static void put_keys(const struct guard *g, struct buf *b)
{
    uint32_t n = 0;

    for (size_t i = 0; i < g->n; i++)
        n += g->issuer[i].ours;
    wire_put_fixed(b, g->conf->generation, 8);
    wire_put_u32(b, n);
    for (size_t i = 0; i < g->n; i++) {
        const struct guard_issuer *at = &g->issuer[i];
        struct signer_key k = {.alg = at->conf->alg, .spki = buf_slice(&at->spki)};

        if (!at->ours)
            continue;
        memcpy(k.issuer, at->conf->name, strnlen(at->conf->name, sizeof(k.issuer) - 1));
        signer_key_put(b, &k);
    }
}

int greet(struct work *w, struct job *j)
{
    uint8_t generation[8];
    int rc;

    if (hello_get(slice_of(j->body, j->n), generation) != 0)
        return fault_set(&j->fault, FAULT_MALFORMED, "signer.hello", "not a greeting");
    rc = look_again(w, true, &j->fault);
    if (rc == 0)
        put_keys(w->guard, &j->answer);
    return rc;
}
