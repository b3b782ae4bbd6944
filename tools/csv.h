/* Comma-separated values (RFC 4180), read with some tolerance: LF or CRLF, a byte order mark,
 * spaces around what is not quoted. */
#ifndef TOOLS_CSV_H
#define TOOLS_CSV_H

#include "lib/buf.h"
#include "lib/fault.h"

#define CSV_FIELDS_MAX 40
#define CSV_FIELD_MAX 16384 /* octets of one field */

struct csv {
    struct slice rest;
    uint64_t line; /* of the record last read, from 1 */
    uint64_t next_line;
    struct buf text; /* the fields of the record last read, each NUL-terminated */
    size_t n;
    const char *field[CSV_FIELDS_MAX];
};
void csv_init(struct csv *c, struct slice text);
void csv_free(struct csv *c);
/* 0 with the next record that is not empty; 1 at the end; a fault names the line. Fields are valid
 * UTF-8 without control characters. */
int csv_next(struct csv *c, struct fault *f) WARN_UNUSED;
/* How many records are left, for a progress bar: an upper bound. */
uint64_t csv_lines(struct slice text);

#endif
