#include "ca/signer/provision.h"

#include <stdio.h>
#include <string.h>

#include "ca/signer/checkpointer.h"
#include "ca/signer/issuerkey.h"
#include "lib/log.h"

/* A token that was made but has no user PIN yet is one that we were interrupted at. */
static int make_token(struct token *t, struct fault *f)
{
    CK_FLAGS flags;
    int rc = token_find(t, f);

    if (rc == -FAULT_UNAVAILABLE) {
        rc = token_find_blank(t, f);
        if (rc == 0)
            rc = token_init(t, f);
        if (rc == 0)
            rc = token_refresh(t, f);
        if (rc == 0)
            rc = token_find(t, f);
        if (rc == 0)
            log_info("signer.token.made", "token", t->conf->name, "uri", t->conf->uri, NULL);
    }
    if (rc == 0)
        rc = token_flags(t, &flags, f);
    if (rc == 0 && (flags & CKF_USER_PIN_INITIALIZED) == 0)
        rc = token_init_pin(t, f);
    return rc;
}

static void report(const struct conf_issuer *i, struct slice spki, bool made)
{
    char hex[17], kind[24];
    uint8_t hash[32];

    sha256(spki, hash);
    hex_encode(slice_of(hash, 8), hex);
    key_describe(i->key_type, i->key_bits, kind);
    (void)printf("%s\t%s\t%s\t%s\n", i->name, kind, made ? "made" : "found", hex);
}

static int make_key(struct token *t, const struct conf_issuer *i, struct fault *f)
{
    struct keyobj k;
    bool made = false;
    int rc = issuerkey_find(t, i, &k, f);

    if (rc == -FAULT_NOT_FOUND) {
        made = true;
        rc = issuerkey_generate(t, i, f);
        if (rc == 0)
            rc = issuerkey_find(t, i, &k, f);
    }
    if (rc != 0)
        return rc;
    report(i, buf_slice(&k.spki), made);
    keyobj_free(&k);
    return 0;
}

int provision(const struct conf *conf, const struct conf_token *token, struct fault *f)
{
    struct token t;
    int rc = token_load(token, &t, f);

    if (rc != 0)
        return rc;
    rc = make_token(&t, f);
    if (rc == 0)
        rc = token_login(&t, true, f);
    for (size_t i = 0; i < conf->n_issuers && rc == 0; i++)
        if (strcmp(conf->issuers[i].token, token->name) == 0)
            rc = make_key(&t, &conf->issuers[i], f);
    if (rc == 0 && checkpointer_here(conf, token))
        rc = checkpointer_provision(conf, &t, report, f);
    token_close(&t);
    return rc;
}
