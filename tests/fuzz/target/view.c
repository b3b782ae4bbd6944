/*
 * The public view's files (lib/viewfile.h). The input begins with the lengths of its parts
 * (fuzz_piece): `current`, the snapshot, the log. By the first octet hashes and checksums are made
 * right, as who damages by intent would.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/key.h"
#include "lib/viewfile.h"
#include "tests/fuzz/fuzz.h"

enum { AS_IT_IS = 0, ROWS_RIGHT = 1, HEADER_RIGHT = 2, RECORDS_RIGHT = 4 };
enum { ROWS_HASH = 80, ROW_CHANGE = 24, ROW_STATUS = 30, ROW_REASON = 31, HASHED = 224 };

static uint64_t be64(const uint8_t *p, size_t n)
{
    uint64_t v = 0;

    for (size_t i = 0; i < n; i++)
        v = v << 8 | p[i];
    return v;
}

static void seal_header(struct buf *b, unsigned how)
{
    if (b->n < VIEWFILE_HEADER || (how & HEADER_RIGHT) == 0)
        return;
    sha256(slice_of(b->p, HASHED), b->p + HASHED);
}

static void seal_rows(struct buf *b, unsigned how)
{
    if (b->n >= VIEWFILE_HEADER && (how & ROWS_RIGHT) != 0)
        sha256(slice_of(b->p + VIEWFILE_HEADER, b->n - VIEWFILE_HEADER), b->p + ROWS_HASH);
}

/* Each record is that of the row in it, in its place. */
static void seal_records(struct buf *b, unsigned how)
{
    uint64_t chain;

    if (b->n < VIEWFILE_LOG_START || (how & RECORDS_RIGHT) == 0)
        return;
    chain = viewfile_chain_start(b->p);
    for (size_t at = VIEWFILE_LOG_START; at + VIEWFILE_RECORD <= b->n; at += VIEWFILE_RECORD) {
        uint8_t *p = b->p + at;
        struct viewfile_row r = {.status = (enum viewfile_status)p[ROW_STATUS],
                                 .reason = p[ROW_REASON],
                                 .revoked_at = (int64_t)be64(p + 16, 8),
                                 .change = be64(p + ROW_CHANGE, 6)};

        memcpy(r.serial, p, sizeof(r.serial));
        viewfile_record_put(&chain, &r, p);
    }
}

/* The octets between header and records of a log are left out of the input: the live words stand
 * behind the header. */
static void write_log(struct slice in, unsigned how)
{
    size_t live = VIEWFILE_HEADER + sizeof(struct viewfile_live);
    struct buf b;

    buf_init(&b, VIEWFILE_LOG_START + in.n);
    if (in.n > live) {
        uint8_t *rest;

        buf_put(&b, in.p, live);
        rest = buf_grow(&b, VIEWFILE_LOG_START - live);
        FUZZ_CHECK(rest != NULL);
        memset(rest, 0, VIEWFILE_LOG_START - live);
        buf_put(&b, in.p + live, in.n - live);
    } else {
        buf_put_slice(&b, in);
    }
    seal_header(&b, how);
    seal_records(&b, how);
    (void)fuzz_file("log.1", buf_slice(&b));
    buf_free(&b);
}

static void write_snapshot(struct slice in, unsigned how)
{
    struct buf b;

    buf_init(&b, in.n + 1);
    buf_put_slice(&b, in);
    seal_rows(&b, how);
    seal_header(&b, how);
    (void)fuzz_file("snapshot.1", buf_slice(&b));
    buf_free(&b);
}

static void look(struct viewfile *v)
{
    static const uint8_t serial[SERIAL_LEN] = {0x40};
    struct viewfile_info info;
    struct viewfile_row row;
    struct fault f;

    viewfile_info(v, &info);
    if (viewfile_lookup(v, serial, &row) == 0)
        FUZZ_CHECK(row.status >= VIEWFILE_GOOD && row.status <= VIEWFILE_REVOKED);
    (void)viewfile_fresh(v);
    (void)!viewfile_refresh(v, &f);
}

static void run(struct slice in)
{
    unsigned how = fuzz_octet(&in);
    struct viewfile *v = NULL;
    struct fault f;
    int rc;

    (void)fuzz_file("current", fuzz_piece(&in));
    write_snapshot(fuzz_piece(&in), how);
    write_log(in, how);
    rc = viewfile_open(fuzz_folder(), &v, &f);
    if (rc != 0)
        fuzz_refused(rc, &f);
    else
        look(v);
    viewfile_close(v);
}

const struct fuzz_target fuzz_target = {.form = FUZZ_OCTETS, .run = run};
