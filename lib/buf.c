#include "lib/buf.h"

#include <malloc.h>
#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/log.h"

#define BUF_FIRST_CAP 64

struct slice slice_of(const void *p, size_t n)
{
    return (struct slice){p, n};
}

struct slice slice_str(const char *s)
{
    return slice_of(s, s == NULL ? 0 : strlen(s));
}

bool slice_eq(struct slice a, struct slice b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool slice_eq_secret(struct slice a, struct slice b)
{
    return a.n == b.n && (a.n == 0 || CRYPTO_memcmp(a.p, b.p, a.n) == 0);
}

bool slice_is(struct slice s, const char *text)
{
    return slice_eq(s, slice_str(text));
}

int slice_cmp(struct slice a, struct slice b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int c = n == 0 ? 0 : memcmp(a.p, b.p, n);

    if (c != 0)
        return c;
    return (a.n > b.n) - (a.n < b.n);
}

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){.max = max};
}

void buf_free(struct buf *b)
{
    if (b == NULL)
        return;
    if (b->p != NULL)
        OPENSSL_cleanse(b->p, b->cap);
    free(b->p);
    buf_init(b, b->max);
}

void buf_reset(struct buf *b)
{
    b->n = 0;
    b->failed = false;
}

bool buf_failed(const struct buf *b)
{
    return b->failed;
}

struct slice buf_slice(const struct buf *b)
{
    return slice_of(b->p, b->n);
}

static int end_without_memory = EXIT_FAILURE;

void out_of_memory_ends_with(int status)
{
    end_without_memory = status;
}

void out_of_memory(void)
{
    log_error("out-of-memory", NULL);
    _exit(end_without_memory);
}

static void *had(void *p)
{
    if (p == NULL)
        out_of_memory();
    return p;
}

/* Moves rather than reallocs: the old bytes may be a secret and are wiped. One octet more than
 * `cap` is allocated, so that a NUL always fits behind the contents. */
static bool move_to(struct buf *b, size_t cap)
{
    uint8_t *p;

    if (cap == SIZE_MAX)
        return false;
    p = had(malloc(cap + 1));
    if (b->p != NULL) {
        memcpy(p, b->p, b->n);
        OPENSSL_cleanse(b->p, b->cap);
        free(b->p);
    }
    b->p = p;
    b->cap = cap;
    return true;
}

static bool reserve(struct buf *b, size_t n)
{
    size_t need;
    size_t cap;

    if (b->n > b->max || n > b->max - b->n)
        return false;
    need = b->n + n;
    if (b->p != NULL && need <= b->cap)
        return true;
    cap = b->cap < BUF_FIRST_CAP ? BUF_FIRST_CAP : b->cap;
    while (cap < need && cap <= b->max / 2)
        cap *= 2;
    if (cap < need || cap > b->max)
        cap = b->max;
    return move_to(b, cap);
}

uint8_t *buf_grow(struct buf *b, size_t n)
{
    uint8_t *at;

    if (b->failed)
        return NULL;
    if (!reserve(b, n)) {
        b->failed = true;
        return NULL;
    }
    at = b->p + b->n;
    b->n += n;
    return at;
}

void buf_put(struct buf *b, const void *p, size_t n)
{
    uint8_t *at = buf_grow(b, n);

    if (at != NULL && n > 0)
        memcpy(at, p, n);
}

void buf_put_slice(struct buf *b, struct slice s)
{
    buf_put(b, s.p, s.n);
}

void buf_put_u8(struct buf *b, uint8_t v)
{
    buf_put(b, &v, 1);
}

void buf_put_str(struct buf *b, const char *s)
{
    buf_put_slice(b, slice_str(s));
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    int n;
    uint8_t *at;

    va_start(ap, fmt);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0) {
        b->failed = true;
        return;
    }
    at = buf_grow(b, (size_t)n);
    if (at == NULL)
        return;
    va_start(ap, fmt);
    (void)vsnprintf((char *)at, (size_t)n + 1, fmt, ap);
    va_end(ap);
}

const char *buf_cstr(struct buf *b)
{
    if (b->p == NULL)
        return "";
    b->p[b->n] = 0;
    return (const char *)b->p;
}

void hex_encode(struct slice s, char *out)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < s.n; i++) {
        *out++ = digits[s.p[i] >> 4];
        *out++ = digits[s.p[i] & 15];
    }
    *out = 0;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

int hex_decode(const char *text, uint8_t *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int hi;
        int lo;

        while (i > 0 && (*text == ':' || *text == ' '))
            text++;
        hi = hex_digit(text[0]);
        lo = hi < 0 ? -1 : hex_digit(text[1]);
        if (lo < 0)
            return -1;
        out[i] = (uint8_t)(hi << 4 | lo);
        text += 2;
    }
    return *text == 0 ? 0 : -1;
}

void *xcalloc(size_t count, size_t size)
{
    return had(calloc(count == 0 ? 1 : count, size == 0 ? 1 : size));
}

void memory_give_back(void)
{
    (void)mallopt(M_MMAP_THRESHOLD, 128 * 1024);
    (void)mallopt(M_TRIM_THRESHOLD, 64 * 1024);
}

void *xpages(size_t size)
{
    return had(aligned_alloc(PAGE_ALIGN, (size + PAGE_ALIGN - 1) / PAGE_ALIGN * PAGE_ALIGN));
}

void *xreallocarray(void *p, size_t count, size_t size)
{
    return had(reallocarray(p, count == 0 ? 1 : count, size));
}

char *xstrdup(const char *s)
{
    return had(strdup(s));
}

void *xmemdup(const void *p, size_t n)
{
    void *copy = xcalloc(n, 1);

    if (n > 0)
        memcpy(copy, p, n);
    return copy;
}
