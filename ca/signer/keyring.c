#include "ca/signer/keyring.h"

#include <string.h>

#include "ca/signer/issuerkey.h"
#include "lib/log.h"

/* A key made elsewhere serves too; that it could have been copied is worth a line at each start. */
static int look_at(struct token *t, const struct guard_issuer *g, struct fault *f)
{
    struct fault weak;
    int rc = keyobj_check(t, g->handle, &weak);

    if (rc == -FAULT_CONFIG) {
        log_warn("signer.key.weak", "issuer", g->conf->name, "why", weak.text, NULL);
        return 0;
    }
    if (rc != 0)
        *f = weak;
    return rc;
}

static int load_one(struct token *t, struct guard_issuer *g, struct fault *f)
{
    struct keyobj k;
    int rc = issuerkey_find(t, g->conf, &k, f);

    if (rc != 0)
        return rc;
    rc = guard_set_key(g, buf_slice(&k.spki), k.handle, f);
    keyobj_free(&k);
    if (rc == 0)
        rc = look_at(t, g, f);
    return rc;
}

int keyring_load(struct token *t, struct guard *g, unsigned *found, struct fault *f)
{
    *found = 0;
    for (size_t i = 0; i < g->n; i++) {
        int rc;

        if (strcmp(g->issuer[i].conf->token, t->conf->name) != 0)
            continue;
        rc = load_one(t, &g->issuer[i], f);
        if (rc == -FAULT_UNAVAILABLE)
            return rc;
        if (rc != 0)
            log_fault(LOG_LEVEL_ERROR, "signer.key.unusable", f, "issuer", g->issuer[i].conf->name,
                      NULL);
        else
            ++*found;
    }
    return 0;
}
