#include "lib/units.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *suffix;
    unsigned shift;
} units[] = {{"B", 0}, {"KiB", 10}, {"MiB", 20}, {"GiB", 30}, {"TiB", 40}};

#define N_UNITS (sizeof(units) / sizeof(units[0]))

/* Reads the digits at the start; NULL when there are none or too many. */
static const char *read_digits(const char *p, uint64_t *out)
{
    uint64_t v = 0;
    const char *start = p;

    for (; *p >= '0' && *p <= '9'; p++) {
        unsigned digit = (unsigned)(*p - '0');

        if (v > (UINT64_MAX - digit) / 10)
            return NULL;
        v = v * 10 + digit;
    }
    if (p == start || (*start == '0' && p - start > 1))
        return NULL;
    *out = v;
    return p;
}

int units_parse_number(const char *text, uint64_t *out)
{
    const char *end = read_digits(text, out);

    if (end == NULL || *end != '\0') {
        *out = 0;
        return -1;
    }
    return 0;
}

int units_parse_size(const char *text, uint64_t *octets)
{
    uint64_t v = 0;
    const char *end = read_digits(text, &v);

    *octets = 0;
    if (end == NULL || v == 0)
        return -1;
    for (size_t i = 0; i < N_UNITS; i++) {
        if (strcmp(end, units[i].suffix) != 0)
            continue;
        if (v > UINT64_MAX >> units[i].shift)
            return -1;
        *octets = v << units[i].shift;
        return 0;
    }
    return -1;
}

void units_format_size(uint64_t octets, char out[UNITS_TEXT_SIZE])
{
    size_t i = N_UNITS - 1;

    while (i > 0 && (octets == 0 || octets % (UINT64_C(1) << units[i].shift) != 0))
        i--;
    snprintf(out, UNITS_TEXT_SIZE, "%" PRIu64 "%s", octets >> units[i].shift, units[i].suffix);
}
