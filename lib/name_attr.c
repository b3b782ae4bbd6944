#include "lib/name_attr.h"

#include <string.h>
#include <strings.h>

#include "lib/der.h"

#define OID(octets)                                                                                \
    {                                                                                              \
        (const uint8_t *)(octets), sizeof(octets) - 1                                              \
    }

/* RFC 5280 4.1.2.4 and appendix A.1; domainComponent RFC 4519 2.4 (a DNS label), uid RFC 4524
 * 2 bounds nothing, so X.520's 256 is taken. */
static const struct name_attr_row rows[] = {
    {ATTR_CN, "CN", OID("\x55\x04\x03"), 1, 64, DER_UTF8_STRING, false},
    {ATTR_O, "O", OID("\x55\x04\x0a"), 1, 64, DER_UTF8_STRING, false},
    {ATTR_OU, "OU", OID("\x55\x04\x0b"), 1, 64, DER_UTF8_STRING, false},
    {ATTR_C, "C", OID("\x55\x04\x06"), 2, 2, DER_PRINTABLE_STRING, false},
    {ATTR_ST, "ST", OID("\x55\x04\x08"), 1, 128, DER_UTF8_STRING, false},
    {ATTR_L, "L", OID("\x55\x04\x07"), 1, 128, DER_UTF8_STRING, false},
    {ATTR_SERIAL_NUMBER, "serialNumber", OID("\x55\x04\x05"), 1, 64, DER_PRINTABLE_STRING, false},
    {ATTR_EMAIL, "emailAddress", OID("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01"), 1, 255,
     DER_IA5_STRING, true},
    {ATTR_DC, "DC", OID("\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19"), 1, 63, DER_IA5_STRING, true},
    {ATTR_UID, "UID", OID("\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x01"), 1, 256, DER_UTF8_STRING,
     false},
};

static const struct name_attr_row other = {ATTR_OTHER,   "other attribute", {NULL, 0}, 1,
                                           NAME_DER_MAX, DER_UTF8_STRING,   true};

#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

const struct name_attr_row *name_attr_by_oid(struct slice oid)
{
    for (size_t i = 0; i < N_ROWS; i++)
        if (slice_eq(oid, rows[i].oid))
            return &rows[i];
    return &other;
}

const struct name_attr_row *name_attr_by_name(struct slice name)
{
    for (size_t i = 0; i < N_ROWS; i++)
        if (name.n == strlen(rows[i].name) &&
            strncasecmp((const char *)name.p, rows[i].name, name.n) == 0)
            return &rows[i];
    return NULL;
}
