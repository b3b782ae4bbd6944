/*
 * index.txt, in which openssl ca and easy-rsa keep what they issued: one certificate a line, fields
 * with tabs between: V, R or E; when it expires; when and why it was revoked; the serial number in
 * hexadecimal; where it is ("unknown"); its subject. A backslash stands before a tab within a
 * field.
 */
#ifndef TOOLS_IMPORTINDEX_H
#define TOOLS_IMPORTINDEX_H

#include <stdio.h>

#include "lib/buf.h"
#include "lib/fault.h"
#include "lib/proto_import.h"

#define INDEX_LINE_MAX 65536
#define INDEX_SERIAL_MAX 64 /* octets of a serial number */

struct index_entry {
    uint64_t line;                         /* from 1 */
    char serial[2 * INDEX_SERIAL_MAX + 2]; /* upper case, as written, "-" in front of a negative */
    struct import_status status;
    char subject[256]; /* as written, cut to fit: for people */
};

struct index_reader {
    FILE *file; /* the caller's */
    uint64_t line;
    char *text;
};
void index_begin(struct index_reader *r, FILE *file);
void index_end(struct index_reader *r);
/* 0 with the next entry, 1 at the end, or a fault ("index.line", "index.status", "index.time",
 * "index.reason", "index.serial"; out->line says where), after which the next one can be read. */
int index_next(struct index_reader *r, struct index_entry *out, struct fault *f) WARN_UNUSED;
/* Do both name the same number, whatever the case and zeros in front? */
bool index_same_serial(const char *a, const char *b);

#endif
