#include "ca/lifecycle/keybits.h"

#include <string.h>

static uint32_t bit_of(const uint8_t *hash)
{
    return (uint32_t)hash[0] << 16 | (uint32_t)hash[1] << 8 | hash[2];
}

void keybits_clear(struct keybits *b)
{
    memset(b, 0, sizeof(*b));
}

void keybits_add(struct keybits *b, const uint8_t *hash)
{
    uint32_t bit = bit_of(hash);

    b->octet[bit / 8] = (uint8_t)(b->octet[bit / 8] | 1u << (bit % 8));
}

bool keybits_has(const struct keybits *b, const uint8_t *hash)
{
    uint32_t bit = bit_of(hash);

    return (b->octet[bit / 8] & 1u << (bit % 8)) != 0;
}
