#include "ca/policy/policy.h"

#include <string.h>

static void list_key_types(const struct conf_profile *p, char out[256])
{
    size_t at = 0;

    out[0] = '\0';
    for (size_t i = 0; i < p->n_key_types; i++) {
        size_t n = strlen(p->key_types[i]);

        if (at + n + 3 > 256)
            return;
        if (at > 0) {
            memcpy(out + at, ", ", 2);
            at += 2;
        }
        memcpy(out + at, p->key_types[i], n + 1);
        at += n;
    }
}

static bool key_type_allowed(const struct conf_profile *p, const char *name)
{
    for (size_t i = 0; i < p->n_key_types; i++)
        if (strcmp(p->key_types[i], name) == 0)
            return true;
    return false;
}

/* FIPS 186-5 A.1.1: odd, above 2^16 and below 2^256. */
static int check_exponent(const struct spki *key, struct fault *f)
{
    struct slice e = key->exponent;
    bool large = e.n > 3 || (e.n == 3 && e.p[0] >= 1);
    bool odd = e.n > 0 && (e.p[e.n - 1] & 1) != 0;
    char text[2 * 32 + 1];

    if (large && odd && e.n <= 32)
        return 0;
    hex_encode(slice_of(e.p, e.n < 32 ? e.n : 32), text);
    return fault_refuse(f, "key.rsa.exponent", "key", slice_str(text),
                        "odd, from 65537 to below 2^256");
}

int policy_key(const struct conf_profile *p, const struct policy_own_keys *own,
               const struct spki *key, struct fault *f)
{
    char name[24], allowed[256];
    uint8_t hash[32];

    key_describe(key->type, key->bits, name);
    if (!key_type_allowed(p, name)) {
        list_key_types(p, allowed);
        return fault_refuse(f, "key.type", "key", slice_str(name), allowed);
    }
    if (key->type == KEY_RSA && check_exponent(key, f) != 0)
        return -(int)f->code;
    spki_hash(key, hash);
    for (size_t i = 0; i < own->n; i++)
        if (memcmp(hash, own->spki_hash[i], sizeof(hash)) == 0)
            return fault_refuse(f, "key.ca", "key", slice_str(name),
                                "a key that is not one of this CA's own");
    return 0;
}
