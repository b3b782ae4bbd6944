#include "lib/source.h"

#include <arpa/inet.h>
#include <string.h>

#include "lib/key.h"

#define MAPPED 12 /* octets in front of the IPv4 address (RFC 4291 2.5.5.2) */

uint64_t source_key(const char *address)
{
    static const uint8_t mapped[MAPPED] = {[10] = 0xff, [11] = 0xff};
    uint8_t octets[16] = {0}, hash[32];
    uint64_t key;

    if (inet_pton(AF_INET6, address, octets) == 1) {
        if (memcmp(octets, mapped, MAPPED) != 0)
            memset(octets + 8, 0, 8);
    } else if (inet_pton(AF_INET, address, octets + MAPPED) == 1) {
        memcpy(octets, mapped, MAPPED);
    }
    sha256(slice_of(octets, sizeof(octets)), hash);
    memcpy(&key, hash, sizeof(key));
    return key;
}

uint64_t source_key_named(const char *kind, const char *name)
{
    uint8_t hash[32];
    uint64_t key;

    sha256_two(slice_str(kind), slice_str(name), hash);
    memcpy(&key, hash, sizeof(key));
    return key;
}
