#include "ca/policy/policy.h"

#include <string.h>

#include "lib/keycheck.h"

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

int policy_key_sound(const struct policy_own_keys *own, const struct spki *key, struct fault *f)
{
    uint8_t hash[32];
    char text[2 * sizeof(hash) + 1];

    if (keycheck(key, f) != 0)
        return -(int)f->code;
    spki_hash(key, hash);
    if (!key_blocklist_has(own->blocklist, hash))
        return 0;
    hex_encode(slice_of(hash, sizeof(hash)), text);
    return fault_refuse(f, "key.blocklisted", "key", slice_str(text),
                        "a key that is not on the list of known weak keys");
}

int policy_key(const struct conf_profile *p, const struct policy_own_keys *own,
               const struct spki *key, struct fault *f)
{
    char name[24], allowed[256];
    uint8_t hash[32];

    key_describe(key->type, key->bits, name);
    if (!profile_has_key(p, key)) {
        list_key_types(p, allowed);
        return fault_refuse(f, "key.type", "key", slice_str(name), allowed);
    }
    if (policy_key_sound(own, key, f) != 0)
        return -(int)f->code;
    spki_hash(key, hash);
    for (size_t i = 0; i < own->n; i++)
        if (memcmp(hash, own->spki_hash[i], sizeof(hash)) == 0)
            return fault_refuse(f, "key.ca", "key", slice_str(name),
                                "a key that is not one of this CA's own");
    return 0;
}
