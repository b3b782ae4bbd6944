#include "ca/signer/issuerkey.h"

#include <stdio.h>

#define WHO_MAX 64

static struct keyobj_want want_of(const struct conf_issuer *i, char who[WHO_MAX])
{
    (void)snprintf(who, WHO_MAX, "issuer %.48s", i->name);
    return (struct keyobj_want){
        .who = who, .uri = i->key, .type = i->key_type, .bits = i->key_bits};
}

int issuerkey_uri(const struct conf_issuer *i, const struct p11uri *token, struct p11uri *out,
                  struct fault *f)
{
    char who[WHO_MAX];
    const struct keyobj_want w = want_of(i, who);

    return keyobj_uri(&w, token, out, f);
}

int issuerkey_find(struct token *t, const struct conf_issuer *i, struct keyobj *out,
                   struct fault *f)
{
    char who[WHO_MAX];
    const struct keyobj_want w = want_of(i, who);

    return keyobj_find(t, &w, out, f);
}

int issuerkey_generate(struct token *t, const struct conf_issuer *i, struct fault *f)
{
    char who[WHO_MAX];
    const struct keyobj_want w = want_of(i, who);

    return keyobj_generate(t, &w, f);
}
