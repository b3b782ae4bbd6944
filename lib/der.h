/*
 * Strict DER (ITU-T X.690 section 10), read and written without allocation in
 * the reader and with one bounded buffer in the writer.
 *
 * Reader: a struct slice is the cursor; a successful get moves it behind the
 * element. Definite lengths in their shortest form only; nothing longer than
 * the cursor. Functions return 0, or -1 with the cursor unchanged.
 *
 * Writer: der_open writes a tag, der_close the length of everything put since;
 * nesting is free. Errors stick to the buffer (lib/buf.h).
 */
#ifndef LIB_DER_H
#define LIB_DER_H

#include "lib/buf.h"

#define DER_BOOLEAN 0x01
#define DER_INTEGER 0x02
#define DER_BIT_STRING 0x03
#define DER_OCTET_STRING 0x04
#define DER_NULL 0x05
#define DER_OID 0x06
#define DER_ENUMERATED 0x0a
#define DER_UTF8_STRING 0x0c
#define DER_PRINTABLE_STRING 0x13
#define DER_TELETEX_STRING 0x14
#define DER_IA5_STRING 0x16
#define DER_UTC_TIME 0x17
#define DER_GENERALIZED_TIME 0x18
#define DER_UNIVERSAL_STRING 0x1c
#define DER_BMP_STRING 0x1e
#define DER_SEQUENCE 0x30
#define DER_SET 0x31
#define DER_CONTEXT(n) (0x80 | (n))             /* [n] IMPLICIT primitive */
#define DER_CONTEXT_CONSTRUCTED(n) (0xa0 | (n)) /* [n] EXPLICIT or constructed */

/* One element whose tag must be `tag`: its contents. */
int der_get(struct slice *in, uint8_t tag, struct slice *contents) WARN_UNUSED;
/* The same, but header and contents together. */
int der_get_whole(struct slice *in, uint8_t tag, struct slice *whole) WARN_UNUSED;
/* Any one element. Any of the out-parameters may be NULL. */
int der_get_any(struct slice *in, uint8_t *tag, struct slice *contents,
                struct slice *whole) WARN_UNUSED;
/* The header alone: its octets and the length that it announces. The contents may lie outside
 * of `in`. */
int der_header(struct slice in, uint8_t *tag, size_t *header, size_t *len) WARN_UNUSED;
/* Is there another element and does it have this tag? */
bool der_peek(struct slice in, uint8_t tag);

/* INTEGER contents checked for minimal form; leading zero octet removed from
 * non-negative values. Negative values are an error here. */
int der_get_unsigned(struct slice *in, struct slice *magnitude) WARN_UNUSED;
int der_get_u64(struct slice *in, uint64_t *out) WARN_UNUSED;
int der_get_bool(struct slice *in, bool *out) WARN_UNUSED; /* 00 or FF only */
int der_get_null(struct slice *in) WARN_UNUSED;
/* BIT STRING; unused bits must be zero and are counted in *unused. */
int der_get_bits(struct slice *in, struct slice *octets, unsigned *unused) WARN_UNUSED;
/* BIT STRING with no unused bits, as in keys and signatures. */
int der_get_bit_octets(struct slice *in, struct slice *octets) WARN_UNUSED;
int der_get_oid(struct slice *in, struct slice *oid) WARN_UNUSED; /* checked subidentifiers */
/* UTCTime YYMMDDHHMMSSZ or GeneralizedTime YYYYMMDDHHMMSSZ (RFC 5280 4.1.2.5). */
int der_get_time(struct slice *in, int64_t *out) WARN_UNUSED;
/* Also in the other forms of X.680 46 and 47, which older encoders write: without seconds (or
 * minutes), with a fraction of a second, which is dropped, with an offset from UTC, or with neither
 * that nor Z, which is taken for UTC. *odd: it is in such a form. */
int der_get_any_time(struct slice *in, int64_t *out, bool *odd) WARN_UNUSED;
/* Nothing left? */
bool der_end(struct slice in);

struct der_mark {
    size_t at;
};
struct der_mark der_open(struct buf *b, uint8_t tag);
void der_close(struct buf *b, struct der_mark m);
void der_put(struct buf *b, uint8_t tag, struct slice contents);
/* Tag and length of contents that are put some other way. */
void der_put_header(struct buf *b, uint8_t tag, size_t len);
void der_put_unsigned(struct buf *b, struct slice magnitude); /* adds or drops zeros as DER needs */
void der_put_u64(struct buf *b, uint64_t v);
void der_put_bool(struct buf *b, bool v);
void der_put_null(struct buf *b);
void der_put_oid(struct buf *b, struct slice oid); /* contents octets of the OID */
void der_put_bit_octets(struct buf *b, struct slice octets);
void der_put_named_bits(struct buf *b, uint16_t bits); /* bit 0 first, trailing zeros cut */
/* UTCTime through 2049, GeneralizedTime from 2050 (RFC 5280 4.1.2.5). */
void der_put_time(struct buf *b, int64_t t);
void der_put_generalized_time(struct buf *b, int64_t t);
/* The same two elements, written where the caller wants them: how many octets, 0 for a year that
 * has not four digits. For lists of a million. */
#define DER_TIME_MAX 17
size_t der_time_write(int64_t t, uint8_t out[DER_TIME_MAX]);
size_t der_generalized_time_write(int64_t t, uint8_t out[DER_TIME_MAX]);

#endif
