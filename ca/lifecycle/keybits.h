/*
 * A set of keys that may say of one that it has it though it does not, and never the other way: a
 * bit by the first octets of the key's hash. Of fixed size: with half a million keys in it, one in
 * thirty of those that it does not have seems to be there.
 */
#ifndef CA_LIFECYCLE_KEYBITS_H
#define CA_LIFECYCLE_KEYBITS_H

#include <stdbool.h>
#include <stdint.h>

#define KEYBITS 24 /* of a hash, which are looked at */
struct keybits {
    uint8_t octet[(1u << KEYBITS) / 8];
};
void keybits_clear(struct keybits *b);
/* By the hash of the key, or its beginning. */
void keybits_add(struct keybits *b, const uint8_t *hash);
bool keybits_has(const struct keybits *b, const uint8_t *hash);

#endif
