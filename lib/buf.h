/*
 * Bytes. All bytes in Cerca live in one of two types:
 *
 *   struct slice  a read-only view of bytes that somebody else owns;
 *   struct buf    owned bytes that grow up to a fixed bound.
 *
 * A buf keeps its first error: once a put would pass the bound, every later put
 * does nothing and buf_failed() says so. Callers put freely and check once, at the
 * end, the way a transaction is checked at its commit; who puts what cannot pass the bound need
 * not. Without memory the process ends: nothing goes on with half of what was put.
 *
 * Not thread-safe: one buf belongs to one thread at a time.
 */
#ifndef LIB_BUF_H
#define LIB_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WARN_UNUSED __attribute__((warn_unused_result))

struct slice {
    const uint8_t *p;
    size_t n;
};

#define SLICE_NONE ((struct slice){NULL, 0})

struct slice slice_of(const void *p, size_t n);
struct slice slice_str(const char *s);
bool slice_eq(struct slice a, struct slice b);
/* Equal in time that depends on the lengths only; for secrets. */
bool slice_eq_secret(struct slice a, struct slice b);
/* Is `s` made of exactly the octets of the C string `text`? */
bool slice_is(struct slice s, const char *text);
/* Order as memcmp, a prefix before what it is a prefix of. */
int slice_cmp(struct slice a, struct slice b);

struct buf {
    uint8_t *p;  /* the bytes; NULL while empty */
    size_t n;    /* how many are in use */
    size_t cap;  /* how many are allocated */
    size_t max;  /* never more than this */
    bool failed; /* a put did not fit */
};

/* An empty buffer that may grow to `max` octets. Allocates nothing yet. */
void buf_init(struct buf *b, size_t max);
/* Wipes and frees the bytes; the buffer is empty and usable again. NULL is fine. */
void buf_free(struct buf *b);
/* Forgets the contents and the error, keeps the allocation. */
void buf_reset(struct buf *b);
bool buf_failed(const struct buf *b);
struct slice buf_slice(const struct buf *b);

void buf_put(struct buf *b, const void *p, size_t n);
void buf_put_slice(struct buf *b, struct slice s);
void buf_put_u8(struct buf *b, uint8_t v);
void buf_put_str(struct buf *b, const char *s); /* without its NUL */
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Room for `n` octets that the caller fills; NULL when they do not fit. */
uint8_t *buf_grow(struct buf *b, size_t n) WARN_UNUSED;
/* The contents as a C string (a NUL is kept behind them, not counted);
 * owned by the buffer, good until its next put. Never NULL. */
const char *buf_cstr(struct buf *b);

/* Lower-case hexadecimal. `out` holds 2 * n + 1 characters. */
void hex_encode(struct slice s, char *out);
/* Reads exactly 2 * n hexadecimal digits of either case; colons and spaces
 * between octets are accepted. 0, or -1 when it is anything else. */
int hex_decode(const char *text, uint8_t *out, size_t n) WARN_UNUSED;

/* Logs it and ends the process at once: other threads may be anywhere. Also for what fails in
 * OpenSSL for no other reason. */
_Noreturn void out_of_memory(void);
/* With which status; EXIT_FAILURE unless it is set, before there are other threads. */
void out_of_memory_ends_with(int status);
/* malloc and friends: they return only with what was asked for. */
void *xcalloc(size_t count, size_t size);
/* At a multiple of PAGE_ALIGN, as direct input and output wants it; not zeroed. */
#define PAGE_ALIGN 4096
void *xpages(size_t size);
/* What is new is not zeroed. Not for secrets: the old octets are not wiped. */
void *xreallocarray(void *p, size_t count, size_t size);
char *xstrdup(const char *s);
/* At the start of a program that goes on for long: what is freed goes back. Left alone, glibc
 * learns from one large block to keep much more, in every thread's arena. */
void memory_give_back(void);
void *xmemdup(const void *p, size_t n);

#endif
