/*
 * The one codec for messages between programs and for stored records.
 *
 * A value is written as its fields in order: integers big-endian, octet
 * strings and text with a 32-bit length in front. Readers and writers keep
 * their first error, so a codec function reads or writes all its fields and is
 * checked once, at its end (wire_in_done, buf_failed).
 *
 * A reader never copies: byte strings are slices of the input. Text comes out
 * only if it is valid UTF-8 without NUL.
 */
#ifndef LIB_WIRE_H
#define LIB_WIRE_H

#include "lib/buf.h"

struct wire_in {
    struct slice rest;
    bool failed;
};

void wire_put_u8(struct buf *b, uint8_t v);
void wire_put_u16(struct buf *b, uint16_t v);
void wire_put_u32(struct buf *b, uint32_t v);
void wire_put_u64(struct buf *b, uint64_t v);
void wire_put_i64(struct buf *b, int64_t v);
void wire_put_bytes(struct buf *b, struct slice s);          /* u32 length, octets */
void wire_put_text(struct buf *b, const char *s);            /* NULL is written as "" */
void wire_put_fixed(struct buf *b, const void *p, size_t n); /* octets, no length */

void wire_in_init(struct wire_in *w, struct slice s);
uint8_t wire_get_u8(struct wire_in *w);
/* A u8 that must be 0 or 1. */
bool wire_get_flag(struct wire_in *w);
uint16_t wire_get_u16(struct wire_in *w);
uint32_t wire_get_u32(struct wire_in *w);
uint64_t wire_get_u64(struct wire_in *w);
int64_t wire_get_i64(struct wire_in *w);
struct slice wire_get_bytes(struct wire_in *w, size_t max);
/* Copies text into out[cap], NUL-terminated; longer text is an error. */
void wire_get_text(struct wire_in *w, char *out, size_t cap);
void wire_get_fixed(struct wire_in *w, void *out, size_t n);
/* A count of elements that follow: an error when past max or when fewer than
 * `least` octets an element are left, so that no caller allocates for a lie. */
uint32_t wire_get_count(struct wire_in *w, uint32_t max, size_t least);
bool wire_failed(const struct wire_in *w);
/* True if nothing failed and every octet was read. */
bool wire_in_done(const struct wire_in *w) WARN_UNUSED;

#endif
