/* The public view's octets: headers, rows, records, live words. */
#include "lib/viewfile.h"

#include <endian.h>
#include <stdio.h>
#include <string.h>

#include "lib/key.h"
#include "lib/wire.h"

enum { HASHED = VIEWFILE_HEADER - 32, ROW_CHANGE = 24, ROW_STATUS = 30, ROW_REASON = 31 };

_Static_assert(sizeof(struct viewfile_live) <= 64, "the live words share one cache line");

static const char *magic(enum viewfile_kind kind)
{
    return kind == VIEWFILE_SNAPSHOT ? "CERCAVS1" : "CERCAVL1";
}

static uint64_t get_be64(const uint8_t *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof v);
    return be64toh(v);
}

static void put_be64(uint8_t *p, uint64_t v)
{
    v = htobe64(v);
    memcpy(p, &v, sizeof v);
}

void viewfile_header_put(enum viewfile_kind kind, const struct viewfile_header *h,
                         uint8_t out[VIEWFILE_HEADER])
{
    struct buf b;

    buf_init(&b, HASHED);
    wire_put_fixed(&b, magic(kind), 8);
    wire_put_u32(&b, VIEWFILE_VERSION);
    wire_put_u16(&b, h->issuer);
    wire_put_u16(&b, 0);
    wire_put_fixed(&b, h->owner, sizeof h->owner);
    wire_put_u64(&b, h->generation);
    wire_put_u64(&b, h->base);
    wire_put_u64(&b, h->rows);
    wire_put_i64(&b, h->created);
    wire_put_fixed(&b, h->rows_hash, sizeof h->rows_hash);
    memset(out, 0, VIEWFILE_HEADER);
    memcpy(out, b.p, b.n);
    sha256(slice_of(out, HASHED), out + HASHED);
    buf_free(&b);
}

int viewfile_header_get(enum viewfile_kind kind, const uint8_t in[VIEWFILE_HEADER],
                        struct viewfile_header *out)
{
    uint8_t found[8], hash[32];
    uint32_t version;
    struct wire_in w;

    memset(out, 0, sizeof *out);
    sha256(slice_of(in, HASHED), hash);
    wire_in_init(&w, slice_of(in, HASHED));
    wire_get_fixed(&w, found, sizeof found);
    version = wire_get_u32(&w);
    if (memcmp(hash, in + HASHED, sizeof hash) != 0 || memcmp(found, magic(kind), 8) != 0 ||
        version != VIEWFILE_VERSION)
        return -FAULT_MALFORMED;
    out->issuer = wire_get_u16(&w);
    wire_get_u16(&w);
    wire_get_fixed(&w, out->owner, sizeof out->owner);
    out->generation = wire_get_u64(&w);
    out->base = wire_get_u64(&w);
    out->rows = wire_get_u64(&w);
    out->created = wire_get_i64(&w);
    wire_get_fixed(&w, out->rows_hash, sizeof out->rows_hash);
    return wire_failed(&w) ? -FAULT_MALFORMED : 0;
}

void viewfile_row_put(const struct viewfile_row *r, uint8_t out[VIEWFILE_ROW])
{
    memcpy(out, r->serial, SERIAL_LEN);
    put_be64(out + SERIAL_LEN, (uint64_t)r->revoked_at);
    for (int i = 0; i < 6; i++)
        out[ROW_CHANGE + i] = (uint8_t)(r->change >> (40 - 8 * i));
    out[ROW_STATUS] = (uint8_t)r->status;
    out[ROW_REASON] = r->reason;
}

int viewfile_row_get(const uint8_t in[VIEWFILE_ROW], struct viewfile_row *out)
{
    memset(out, 0, sizeof *out);
    if (in[ROW_STATUS] < VIEWFILE_GOOD || in[ROW_STATUS] > VIEWFILE_REVOKED)
        return -FAULT_MALFORMED;
    memcpy(out->serial, in, SERIAL_LEN);
    out->revoked_at = (int64_t)get_be64(in + SERIAL_LEN);
    for (int i = 0; i < 6; i++)
        out->change = out->change << 8 | in[ROW_CHANGE + i];
    out->status = (enum viewfile_status)in[ROW_STATUS];
    out->reason = in[ROW_REASON];
    return 0;
}

/* The finalizer of splitmix64: a bijection, so that two inputs that differ in one word never
 * collide. Against accidents only: who can write the folder can also make checksums. */
static uint64_t mix(uint64_t v)
{
    v ^= v >> 30;
    v *= UINT64_C(0xbf58476d1ce4e5b9);
    v ^= v >> 27;
    v *= UINT64_C(0x94d049bb133111eb);
    return v ^ v >> 31;
}

static uint64_t checksum(uint64_t chain, const uint8_t *p, size_t words)
{
    for (size_t i = 0; i < words; i++)
        chain = mix((chain ^ get_be64(p + 8 * i)) + UINT64_C(0x9e3779b97f4a7c15));
    return chain;
}

uint64_t viewfile_chain_start(const uint8_t header[VIEWFILE_HEADER])
{
    return checksum(0, header, VIEWFILE_HEADER / 8);
}

void viewfile_record_put(uint64_t *chain, const struct viewfile_row *r,
                         uint8_t out[VIEWFILE_RECORD])
{
    viewfile_row_put(r, out);
    put_be64(out + VIEWFILE_ROW, r->change);
    *chain = checksum(*chain, out, VIEWFILE_RECORD / 8 - 1);
    put_be64(out + VIEWFILE_RECORD - 8, *chain);
}

int viewfile_record_get(uint64_t *chain, const uint8_t in[VIEWFILE_RECORD],
                        struct viewfile_row *out)
{
    uint64_t sum = checksum(*chain, in, VIEWFILE_RECORD / 8 - 1);

    memset(out, 0, sizeof *out);
    if (sum != get_be64(in + VIEWFILE_RECORD - 8) || viewfile_row_get(in, out) < 0 ||
        out->change != get_be64(in + VIEWFILE_ROW))
        return -FAULT_MALFORMED;
    *chain = sum;
    return 0;
}

uint64_t viewfile_word_get(const uint64_t *word)
{
    return be64toh(__atomic_load_n(word, __ATOMIC_ACQUIRE));
}

void viewfile_word_set(uint64_t *word, uint64_t v)
{
    __atomic_store_n(word, htobe64(v), __ATOMIC_RELEASE);
}

/* The page of a new log is all zeros, and zero with the check word zero must not be valid. */
static uint64_t pair_check(uint64_t v)
{
    return mix(v + UINT64_C(0x9e3779b97f4a7c15));
}

int viewfile_pair_get(const uint64_t pair[2], uint64_t *out)
{
    uint64_t v = viewfile_word_get(&pair[0]);

    *out = 0;
    if (viewfile_word_get(&pair[1]) != pair_check(v))
        return -1;
    *out = v;
    return 0;
}

void viewfile_pair_set(uint64_t pair[2], uint64_t v)
{
    viewfile_word_set(&pair[0], v);
    viewfile_word_set(&pair[1], pair_check(v));
}

void viewfile_name(enum viewfile_kind kind, uint64_t generation, char out[VIEWFILE_NAME_MAX])
{
    snprintf(out, VIEWFILE_NAME_MAX, "%s.%llu", kind == VIEWFILE_SNAPSHOT ? "snapshot" : "log",
             (unsigned long long)generation);
}

void viewfile_responder(const uint8_t key[32], char out[VIEWFILE_RESPONDER_MAX])
{
    char hex[65];

    hex_encode(slice_of(key, 32), hex);
    snprintf(out, VIEWFILE_RESPONDER_MAX, "responder-%s.der", hex);
}
