#include "lib/utf8.h"

/* RFC 3629 section 4: how many octets follow a first octet, and the range of the second. */
static int follow(uint8_t first, uint8_t *low, uint8_t *high)
{
    *low = 0x80;
    *high = 0xbf;
    if (first < 0x80)
        return 0;
    if (first >= 0xc2 && first <= 0xdf)
        return 1;
    if (first >= 0xe0 && first <= 0xef) {
        *low = first == 0xe0 ? 0xa0 : 0x80;
        *high = first == 0xed ? 0x9f : 0xbf;
        return 2;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        *low = first == 0xf0 ? 0x90 : 0x80;
        *high = first == 0xf4 ? 0x8f : 0xbf;
        return 3;
    }
    return -1;
}

bool utf8_valid(struct slice s)
{
    size_t i = 0;

    while (i < s.n) {
        uint8_t low;
        uint8_t high;
        int more = follow(s.p[i++], &low, &high);

        if (more < 0 || (size_t)more > s.n - i)
            return false;
        for (; more > 0; more--, i++) {
            if (s.p[i] < low || s.p[i] > high)
                return false;
            low = 0x80;
            high = 0xbf;
        }
    }
    return true;
}
