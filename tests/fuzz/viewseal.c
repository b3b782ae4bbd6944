#include "tests/fuzz/viewseal.h"

#include <string.h>

#include "lib/key.h"
#include "lib/viewfile.h"
#include "tests/fuzz/fuzz.h"

/* lib/viewfile_format.c */
enum {
    OWNER = 16,
    ROWS_HASH = 80,
    HASHED = 224,
    ROW_CHANGE = 24,
    ROW_STATUS = 30,
    ROW_REASON = 31
};

static uint64_t be64(const uint8_t *p, size_t n)
{
    uint64_t v = 0;

    for (size_t i = 0; i < n; i++)
        v = v << 8 | p[i];
    return v;
}

static void seal_header(struct slice in, unsigned how, const uint8_t owner[32], uint8_t *header)
{
    if (in.n < VIEWFILE_HEADER)
        return;
    if ((how & VIEWSEAL_OWNER) != 0)
        memcpy(header + OWNER, owner, 32);
    if ((how & VIEWSEAL_HEADER) != 0)
        sha256(slice_of(header, HASHED), header + HASHED);
}

void viewseal_snapshot(struct slice in, unsigned how, const uint8_t owner[32], struct buf *out)
{
    size_t at = out->n;

    buf_put_slice(out, in);
    if (buf_failed(out) || in.n < VIEWFILE_HEADER)
        return;
    if ((how & VIEWSEAL_ROWS) != 0)
        sha256(slice_of(in.p + VIEWFILE_HEADER, in.n - VIEWFILE_HEADER), out->p + at + ROWS_HASH);
    seal_header(in, how, owner, out->p + at);
}

/* Each record is that of the row in it, in its place. */
static void seal_records(uint8_t *log, size_t n)
{
    uint64_t chain = viewfile_chain_start(log);

    for (size_t at = VIEWFILE_LOG_START; at + VIEWFILE_RECORD <= n; at += VIEWFILE_RECORD) {
        uint8_t *p = log + at;
        struct viewfile_row r = {.status = (enum viewfile_status)p[ROW_STATUS],
                                 .reason = p[ROW_REASON],
                                 .revoked_at = (int64_t)be64(p + 16, 8),
                                 .change = be64(p + ROW_CHANGE, 6)};

        memcpy(r.serial, p, sizeof(r.serial));
        viewfile_record_put(&chain, &r, p);
    }
}

void viewseal_log(struct slice in, unsigned how, const uint8_t owner[32], struct buf *out)
{
    size_t live = VIEWFILE_HEADER + sizeof(struct viewfile_live), at = out->n;
    uint8_t *rest;

    if (in.n <= live) {
        buf_put_slice(out, in);
    } else {
        buf_put(out, in.p, live);
        rest = buf_grow(out, VIEWFILE_LOG_START - live);
        FUZZ_CHECK(rest != NULL);
        memset(rest, 0, VIEWFILE_LOG_START - live);
        buf_put(out, in.p + live, in.n - live);
    }
    if (buf_failed(out))
        return;
    seal_header(in, how, owner, out->p + at);
    if (in.n > live && (how & VIEWSEAL_RECORDS) != 0)
        seal_records(out->p + at, out->n - at);
}

/* ---- what to begin with ---- */

enum { EXAMPLE_ROWS = 3, EXAMPLE_CHANGES = 5 };

static struct viewfile_row example_row(uint8_t serial, enum viewfile_status status, uint64_t change)
{
    struct viewfile_row r = {.status = status, .change = change};

    r.serial[0] = 0x40;
    r.serial[SERIAL_LEN - 1] = serial;
    if (status != VIEWFILE_GOOD) {
        r.reason = status == VIEWFILE_HELD ? 6 : 1;
        r.revoked_at = 1600000000;
    }
    return r;
}

static void example_log(struct viewfile_header *h, int64_t stamp, struct buf *log)
{
    struct viewfile_row r[2] = {example_row(4, VIEWFILE_HELD, 4),
                                example_row(6, VIEWFILE_REVOKED, EXAMPLE_CHANGES)};
    uint8_t header[VIEWFILE_HEADER], record[VIEWFILE_RECORD];
    struct viewfile_live live;
    uint64_t chain;

    viewfile_header_put(VIEWFILE_LOG, h, header);
    memset(&live, 0, sizeof(live));
    viewfile_word_set(&live.count, 2);
    viewfile_pair_set(live.through, EXAMPLE_CHANGES);
    viewfile_pair_set(live.stamp, (uint64_t)stamp);
    buf_put(log, header, sizeof(header));
    buf_put(log, &live, sizeof(live));
    chain = viewfile_chain_start(header);
    for (size_t i = 0; i < 2; i++) {
        viewfile_record_put(&chain, &r[i], record);
        buf_put(log, record, sizeof(record));
    }
}

void viewseal_example(const uint8_t owner[32], int64_t stamp, struct buf *snapshot, struct buf *log)
{
    struct viewfile_header h = {.issuer = 1,
                                .generation = 1,
                                .base = EXAMPLE_ROWS,
                                .rows = EXAMPLE_ROWS,
                                .created = 1600000000};
    uint8_t header[VIEWFILE_HEADER], rows[EXAMPLE_ROWS * VIEWFILE_ROW];

    memcpy(h.owner, owner, sizeof(h.owner));
    for (unsigned i = 0; i < EXAMPLE_ROWS; i++) {
        struct viewfile_row r = example_row((uint8_t)(2 * i + 2), VIEWFILE_GOOD, i + 1);

        viewfile_row_put(&r, rows + (size_t)i * VIEWFILE_ROW);
    }
    sha256(slice_of(rows, sizeof(rows)), h.rows_hash);
    viewfile_header_put(VIEWFILE_SNAPSHOT, &h, header);
    buf_put(snapshot, header, sizeof(header));
    buf_put(snapshot, rows, sizeof(rows));
    example_log(&h, stamp, log);
}
