#include "tests/unit/viewfile_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/key.h"

int viewfile_files_setup(void **state)
{
    struct folder *d = xcalloc(1, sizeof *d);

    snprintf(d->dir, sizeof d->dir, "/tmp/cerca-viewfile-test.XXXXXX");
    if (!mkdtemp(d->dir))
        return -1;
    d->fd = open(d->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    d->header = (struct viewfile_header){.issuer = 3, .owner = {7}, .created = 1000};
    *state = d;
    return d->fd < 0 ? -1 : 0;
}

int viewfile_files_teardown(void **state)
{
    struct folder *d = *state;
    char name[VIEWFILE_NAME_MAX];

    for (uint64_t g = 1; g < 4; g++) {
        viewfile_name(VIEWFILE_SNAPSHOT, g, name);
        unlinkat(d->fd, name, 0);
        viewfile_name(VIEWFILE_LOG, g, name);
        unlinkat(d->fd, name, 0);
    }
    unlinkat(d->fd, "current", 0);
    close(d->fd);
    rmdir(d->dir);
    free(d);
    return 0;
}

struct viewfile_row row_of(unsigned k, enum viewfile_status status, uint64_t change)
{
    struct viewfile_row r = {.status = status, .change = change};
    uint64_t mixed = k * UINT64_C(0x9e3779b97f4a7c15);

    if (status != VIEWFILE_GOOD) {
        r.reason = 1;
        r.revoked_at = 5000 + (int64_t)change;
    }
    r.serial[0] = 0x40;
    r.serial[1] = (uint8_t)(k >> 8);
    r.serial[2] = (uint8_t)k;
    memcpy(r.serial + 8, &mixed, sizeof mixed);
    return r;
}

static int make(const struct folder *d, const char *name)
{
    int fd = openat(d->fd, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    assert_true(fd >= 0);
    return fd;
}

void put(int fd, const void *p, size_t n, off_t at)
{
    assert_int_equal(pwrite(fd, p, n, at), n);
}

void make_current(const struct folder *d, const char *text)
{
    int fd = make(d, "current");

    put(fd, text, strlen(text), 0);
    close(fd);
}

void make_snapshot(struct folder *d, uint64_t g, unsigned n)
{
    uint8_t *rows = xcalloc(n + 1, VIEWFILE_ROW), header[VIEWFILE_HEADER];
    char name[VIEWFILE_NAME_MAX];
    int fd;

    for (unsigned k = 0; k < n; k++) {
        struct viewfile_row r = row_of(2 * k, VIEWFILE_GOOD, k + 1);
        viewfile_row_put(&r, rows + k * VIEWFILE_ROW);
    }
    d->header.generation = g;
    d->header.rows = n;
    d->header.base = n;
    sha256(slice_of(rows, n * VIEWFILE_ROW), d->header.rows_hash);
    viewfile_header_put(VIEWFILE_SNAPSHOT, &d->header, header);
    viewfile_name(VIEWFILE_SNAPSHOT, g, name);
    fd = make(d, name);
    put(fd, header, sizeof header, 0);
    put(fd, rows, n * VIEWFILE_ROW, VIEWFILE_HEADER);
    close(fd);
    free(rows);
}

void make_log(struct folder *d, uint64_t g)
{
    uint8_t page[VIEWFILE_LOG_START] = {0};
    char name[VIEWFILE_NAME_MAX];
    int fd;

    d->header.generation = g;
    viewfile_header_put(VIEWFILE_LOG, &d->header, page);
    viewfile_name(VIEWFILE_LOG, g, name);
    fd = make(d, name);
    put(fd, page, sizeof page, 0);
    close(fd);
    d->chain = viewfile_chain_start(page);
    d->count = 0;
}

struct viewfile_log open_log(const struct folder *d, uint64_t g)
{
    struct viewfile_log l;
    struct fault f;

    assert_int_equal(viewfile_log_open(d->fd, g, true, &l, &f), 0);
    return l;
}

void append(struct folder *d, uint64_t g, const struct viewfile_row *r)
{
    struct viewfile_log l = open_log(d, g);
    uint8_t record[VIEWFILE_RECORD];

    viewfile_record_put(&d->chain, r, record);
    put(l.fd, record, sizeof record, (off_t)(VIEWFILE_LOG_START + d->count++ * VIEWFILE_RECORD));
    viewfile_word_set(&l.live->count, d->count);
    viewfile_log_close(&l);
}

void make_view(struct folder *d, unsigned n)
{
    make_snapshot(d, 1, n);
    make_log(d, 1);
    make_current(d, "1\n");
}

struct viewfile *open_files(const struct folder *d)
{
    struct viewfile *v;
    struct fault f;

    assert_int_equal(viewfile_open(d->dir, &v, &f), 0);
    return v;
}

void assert_refused(const struct folder *d)
{
    struct viewfile *v;
    struct fault f;

    assert_int_equal(viewfile_open(d->dir, &v, &f), -FAULT_MALFORMED);
    assert_string_equal(f.rule, "view.damaged");
    assert_null(v);
}

void assert_is(const struct viewfile *v, const struct viewfile_row *want)
{
    struct viewfile_row got;

    assert_int_equal(viewfile_lookup(v, want->serial, &got), 0);
    assert_memory_equal(got.serial, want->serial, SERIAL_LEN);
    assert_int_equal(got.status, want->status);
    assert_int_equal(got.reason, want->reason);
    assert_int_equal(got.revoked_at, want->revoked_at);
    assert_int_equal(got.change, want->change);
}
