/* Sizes in octets, as people write them: "64KiB", "1GiB", "512B". */
#ifndef LIB_UNITS_H
#define LIB_UNITS_H

#include "lib/buf.h"

#define UNITS_TEXT_SIZE 32

/* Decimal digits and one of B, KiB, MiB, GiB, TiB (IEC 80000-13), nothing else.
 * 0, or -1 for anything else, zero or overflowing. */
int units_parse_size(const char *text, uint64_t *octets) WARN_UNUSED;
/* The shortest exact form: "64KiB", never "65536B". */
void units_format_size(uint64_t octets, char out[UNITS_TEXT_SIZE]);

/* Decimal digits alone, no sign, no leading zero but in "0". 0, or -1. */
int units_parse_number(const char *text, uint64_t *out) WARN_UNUSED;

#endif
