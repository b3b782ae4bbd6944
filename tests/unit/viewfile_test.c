/* The public view's format and reader, on files made by hand; ca/view writes them in view_test. */
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

#include "lib/clock.h"
#include "lib/key.h"
#include "lib/viewfile.h"

#define ROWS 5000

struct folder {
    char dir[64];
    int fd;
    struct viewfile_header header;
    uint64_t chain;
    uint64_t count;
};

static int setup(void **state)
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

static int teardown(void **state)
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

/* --- making files ------------------------------------------------------------ */

static struct viewfile_row row_of(unsigned k, enum viewfile_status status, uint64_t change)
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

static void put(int fd, const void *p, size_t n, off_t at)
{
    assert_int_equal(pwrite(fd, p, n, at), n);
}

static void make_current(const struct folder *d, const char *text)
{
    int fd = make(d, "current");

    put(fd, text, strlen(text), 0);
    close(fd);
}

/* Rows 0, 2, 4 ... below 2 * n, good, of changes 1 to n. */
static void make_snapshot(struct folder *d, uint64_t g, unsigned n)
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

static void make_log(struct folder *d, uint64_t g)
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

static struct viewfile_log open_log(const struct folder *d, uint64_t g)
{
    struct viewfile_log l;
    struct fault f;

    assert_int_equal(viewfile_log_open(d->fd, g, true, &l, &f), 0);
    return l;
}

static void append(struct folder *d, uint64_t g, const struct viewfile_row *r)
{
    struct viewfile_log l = open_log(d, g);
    uint8_t record[VIEWFILE_RECORD];

    viewfile_record_put(&d->chain, r, record);
    put(l.fd, record, sizeof record, (off_t)(VIEWFILE_LOG_START + d->count++ * VIEWFILE_RECORD));
    viewfile_word_set(&l.live->count, d->count);
    viewfile_log_close(&l);
}

static void make_view(struct folder *d, unsigned n)
{
    make_snapshot(d, 1, n);
    make_log(d, 1);
    make_current(d, "1\n");
}

static struct viewfile *open_view(const struct folder *d)
{
    struct viewfile *v;
    struct fault f;

    assert_int_equal(viewfile_open(d->dir, &v, &f), 0);
    return v;
}

static void assert_refused(const struct folder *d)
{
    struct viewfile *v;
    struct fault f;

    assert_int_equal(viewfile_open(d->dir, &v, &f), -FAULT_MALFORMED);
    assert_string_equal(f.rule, "view.damaged");
    assert_null(v);
}

static void assert_is(const struct viewfile *v, const struct viewfile_row *want)
{
    struct viewfile_row got;

    assert_int_equal(viewfile_lookup(v, want->serial, &got), 0);
    assert_memory_equal(got.serial, want->serial, SERIAL_LEN);
    assert_int_equal(got.status, want->status);
    assert_int_equal(got.reason, want->reason);
    assert_int_equal(got.revoked_at, want->revoked_at);
    assert_int_equal(got.change, want->change);
}

/* --- tests ------------------------------------------------------------------- */

static void headers_come_back_and_no_bit_of_them_may_flip(void **state)
{
    struct folder *d = *state;
    uint8_t octets[VIEWFILE_HEADER];
    struct viewfile_header got;

    d->header.generation = 5;
    d->header.base = 6;
    d->header.rows = 7;
    viewfile_header_put(VIEWFILE_SNAPSHOT, &d->header, octets);
    assert_int_equal(viewfile_header_get(VIEWFILE_SNAPSHOT, octets, &got), 0);
    assert_int_equal(got.issuer, 3);
    assert_int_equal(got.generation, 5);
    assert_int_equal(got.base, 6);
    assert_int_equal(got.rows, 7);
    assert_int_equal(got.created, 1000);
    assert_memory_equal(got.owner, d->header.owner, sizeof got.owner);
    assert_int_equal(viewfile_header_get(VIEWFILE_LOG, octets, &got), -FAULT_MALFORMED);
    for (unsigned bit = 0; bit < 8 * VIEWFILE_HEADER; bit++) {
        octets[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(viewfile_header_get(VIEWFILE_SNAPSHOT, octets, &got), -FAULT_MALFORMED);
        octets[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void records_hold_only_in_their_place_and_whole(void **state)
{
    struct viewfile_row r = row_of(1, VIEWFILE_REVOKED, VIEWFILE_CHANGE_MAX), got;
    uint8_t octets[VIEWFILE_RECORD];
    uint64_t chain = 42, other;
    (void)state;

    viewfile_record_put(&chain, &r, octets);
    other = 42;
    assert_int_equal(viewfile_record_get(&other, octets, &got), 0);
    assert_int_equal(other, chain);
    assert_int_equal(got.change, VIEWFILE_CHANGE_MAX);
    assert_int_equal(got.revoked_at, r.revoked_at);
    other = 43;
    assert_int_equal(viewfile_record_get(&other, octets, &got), -FAULT_MALFORMED);
    assert_int_equal(other, 43);
    for (unsigned bit = 0; bit < 8 * VIEWFILE_RECORD; bit++) {
        other = 42;
        octets[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(viewfile_record_get(&other, octets, &got), -FAULT_MALFORMED);
        octets[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void a_pair_of_words_tells_when_it_does_not_agree(void **state)
{
    uint64_t pair[2] = {0, 0}, v;
    (void)state;

    assert_int_equal(viewfile_pair_get(pair, &v), -1);
    viewfile_pair_set(pair, 0);
    assert_int_equal(viewfile_pair_get(pair, &v), 0);
    assert_int_equal(v, 0);
    viewfile_pair_set(pair, 77);
    assert_int_equal(viewfile_pair_get(pair, &v), 0);
    assert_int_equal(v, 77);
    pair[0] ^= 1;
    assert_int_equal(viewfile_pair_get(pair, &v), -1);
}

static void every_row_is_found_and_none_besides(void **state)
{
    struct folder *d = *state;
    struct viewfile_row want, got;
    struct viewfile *v;

    make_view(d, ROWS);
    v = open_view(d);
    for (unsigned k = 0; k < 2 * ROWS; k++) {
        want = row_of(k, VIEWFILE_GOOD, k / 2 + 1);
        if (k % 2 == 0)
            assert_is(v, &want);
        else
            assert_int_equal(viewfile_lookup(v, want.serial, &got), -FAULT_NOT_FOUND);
    }
    viewfile_close(v);
}

static void the_log_adds_to_the_snapshot_and_wins_over_it(void **state)
{
    struct folder *d = *state;
    struct viewfile_info info;
    struct viewfile *v;
    struct fault f;

    make_view(d, ROWS);
    v = open_view(d);
    for (unsigned k = 0; k < 3000; k++) {
        struct viewfile_row r = row_of(k, VIEWFILE_REVOKED, ROWS + 1 + k);
        append(d, 1, &r);
        if (k % 100 == 0) {
            assert_int_equal(viewfile_refresh(v, &f), 0);
            assert_is(v, &r);
        }
    }
    assert_int_equal(viewfile_refresh(v, &f), 0);
    for (unsigned k = 0; k < 3000; k++) {
        struct viewfile_row r = row_of(k, VIEWFILE_REVOKED, ROWS + 1 + k);
        assert_is(v, &r);
    }
    viewfile_info(v, &info);
    assert_int_equal(info.issuer, 3);
    assert_int_equal(info.generation, 1);
    assert_int_equal(info.snapshot_rows, ROWS);
    assert_int_equal(info.log_rows, 3000);
    assert_int_equal(info.change, ROWS + 3000);
    assert_int_equal(info.stamp, 0);
    viewfile_close(v);
}

static void the_greatest_change_number_wins_wherever_it_stands(void **state)
{
    struct folder *d = *state;
    struct viewfile_row newer = row_of(1, VIEWFILE_REVOKED, 900),
                        older = row_of(1, VIEWFILE_GOOD, 800),
                        settled = row_of(20, VIEWFILE_GOOD, 11),
                        replayed = row_of(20, VIEWFILE_HELD, 5);
    struct viewfile *v;

    make_view(d, 100);
    append(d, 1, &newer);
    append(d, 1, &older);
    append(d, 1, &replayed);
    v = open_view(d);
    assert_is(v, &newer);
    assert_is(v, &settled);
    viewfile_close(v);
}

static void stamp_and_change_number_are_taken_from_the_live_words(void **state)
{
    struct folder *d = *state;
    struct viewfile_info info;
    struct viewfile_log l;
    struct viewfile *v;
    struct fault f;

    make_view(d, 10);
    v = open_view(d);
    l = open_log(d, 1);
    viewfile_pair_set(l.live->stamp, 123456);
    viewfile_pair_set(l.live->through, 50);
    assert_int_equal(viewfile_refresh(v, &f), 0);
    viewfile_info(v, &info);
    assert_int_equal(info.stamp, 123456);
    assert_int_equal(info.change, 50);
    l.live->stamp[0] ^= 1; /* a writer that died between its two stores */
    assert_int_equal(viewfile_refresh(v, &f), 0);
    viewfile_info(v, &info);
    assert_int_equal(info.stamp, 123456);
    viewfile_log_close(&l);
    viewfile_close(v);
}

static void a_record_that_count_does_not_tell_of_is_taken_when_it_is_whole(void **state)
{
    struct folder *d = *state;
    struct viewfile_row r = row_of(1, VIEWFILE_GOOD, 11);
    struct viewfile_log l;
    struct viewfile *v;

    make_view(d, 10);
    append(d, 1, &r);
    l = open_log(d, 1);
    viewfile_word_set(&l.live->count, 0);
    put(l.fd, "half a record", 13, VIEWFILE_LOG_START + VIEWFILE_RECORD);
    viewfile_log_close(&l);
    v = open_view(d);
    assert_is(v, &r);
    viewfile_close(v);
}

static void a_replaced_pair_is_followed(void **state)
{
    struct folder *d = *state;
    struct viewfile_row r = row_of(1, VIEWFILE_REVOKED, 31);
    struct viewfile_info info;
    struct viewfile_log l;
    struct viewfile *v;
    struct fault f;

    make_view(d, 10);
    v = open_view(d);
    make_snapshot(d, 2, 30);
    make_log(d, 2);
    append(d, 2, &r);
    l = open_log(d, 1);
    viewfile_word_set(&l.live->next, 2);
    viewfile_log_close(&l);
    /* `current` still names the old pair: not usable, and what was known stays. */
    assert_int_equal(viewfile_refresh(v, &f), -FAULT_MALFORMED);
    viewfile_info(v, &info);
    assert_int_equal(info.generation, 1);
    make_current(d, "2\n");
    assert_int_equal(viewfile_refresh(v, &f), 0);
    assert_is(v, &r);
    viewfile_info(v, &info);
    assert_int_equal(info.generation, 2);
    viewfile_close(v);
}

/* The writer died between renaming `current` and marking the old log. */
static void a_pair_replaced_without_a_mark_is_followed_once_its_stamp_is_old(void **state)
{
    struct folder *d = *state;
    struct viewfile_info info;
    struct viewfile_log l;
    struct viewfile *v;
    struct fault f;

    make_view(d, 10);
    l = open_log(d, 1);
    viewfile_pair_set(l.live->stamp, (uint64_t)clock_now());
    v = open_view(d);
    make_snapshot(d, 2, 30);
    make_log(d, 2);
    make_current(d, "2\n");
    assert_int_equal(viewfile_refresh(v, &f), 0);
    viewfile_info(v, &info);
    assert_int_equal(info.generation, 1);
    viewfile_pair_set(l.live->stamp, (uint64_t)clock_now() - 3600);
    assert_int_equal(viewfile_refresh(v, &f), 0);
    viewfile_info(v, &info);
    assert_int_equal(info.generation, 2);
    viewfile_log_close(&l);
    viewfile_close(v);
}

static void lies_about_sizes_are_refused(void **state)
{
    static const uint64_t lies[] = {9,
                                    11,
                                    UINT64_MAX,
                                    UINT64_MAX / VIEWFILE_ROW,
                                    (UINT64_MAX / VIEWFILE_ROW) + 11,
                                    UINT64_C(1) << 59};
    struct folder *d = *state;
    uint8_t header[VIEWFILE_HEADER];
    struct viewfile_log l;
    int fd;

    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        make_view(d, 10);
        d->header.generation = 1;
        d->header.rows = lies[i];
        viewfile_header_put(VIEWFILE_SNAPSHOT, &d->header, header);
        fd = openat(d->fd, "snapshot.1", O_RDWR | O_CLOEXEC);
        put(fd, header, sizeof header, 0);
        close(fd);
        assert_refused(d);
    }
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        make_view(d, 10);
        l = open_log(d, 1);
        viewfile_word_set(&l.live->count, lies[i]);
        viewfile_log_close(&l);
        assert_refused(d);
    }
}

static void a_snapshot_and_a_log_of_different_makings_are_refused(void **state)
{
    struct folder *d = *state;

    make_view(d, 10);
    d->header.base = 9;
    make_log(d, 1);
    assert_refused(d);
    make_view(d, 10);
    d->header.issuer = 4;
    make_log(d, 1);
    assert_refused(d);
    make_view(d, 10);
    d->header.owner[0] ^= 1;
    make_log(d, 1);
    assert_refused(d);
}

static void files_cut_anywhere_are_refused(void **state)
{
    struct folder *d = *state;
    struct viewfile_row r = row_of(1, VIEWFILE_GOOD, 11);
    struct stat st;

    make_view(d, 3);
    append(d, 1, &r);
    assert_int_equal(fstatat(d->fd, "log.1", &st, 0), 0);
    for (off_t n = st.st_size - 1; n >= 0; n = n > VIEWFILE_LOG_START ? n - 1 : n - 101) {
        int fd = openat(d->fd, "log.1", O_RDWR | O_CLOEXEC);
        assert_int_equal(ftruncate(fd, n), 0);
        close(fd);
        assert_refused(d);
    }
    make_view(d, 3);
    assert_int_equal(fstatat(d->fd, "snapshot.1", &st, 0), 0);
    for (off_t n = st.st_size - 1; n >= 0; n--) {
        int fd = openat(d->fd, "snapshot.1", O_RDWR | O_CLOEXEC);
        assert_int_equal(ftruncate(fd, n), 0);
        close(fd);
        assert_refused(d);
    }
}

static void no_bit_of_a_row_or_record_may_flip(void **state)
{
    struct folder *d = *state;
    struct viewfile_row r = row_of(1, VIEWFILE_GOOD, 4);
    static const char *const names[] = {"snapshot.1", "log.1"};

    make_view(d, 3);
    append(d, 1, &r);
    for (size_t i = 0; i < 2; i++) {
        int fd = openat(d->fd, names[i], O_RDWR | O_CLOEXEC);
        off_t start = i == 0 ? VIEWFILE_HEADER : VIEWFILE_LOG_START;

        for (unsigned bit = 0; bit < 8 * (i == 0 ? 3 * VIEWFILE_ROW : VIEWFILE_RECORD); bit++) {
            uint8_t octet, flipped;

            assert_int_equal(pread(fd, &octet, 1, start + bit / 8), 1);
            flipped = octet ^ (uint8_t)(1u << bit % 8);
            put(fd, &flipped, 1, start + bit / 8);
            assert_refused(d);
            put(fd, &octet, 1, start + bit / 8);
        }
        close(fd);
    }
    viewfile_close(open_view(d));
}

static void a_malformed_current_is_refused(void **state)
{
    static const char *const texts[] = {"1",
                                        "\n",
                                        "0\n",
                                        "01\n",
                                        "-1\n",
                                        "1 \n",
                                        "1\n\n",
                                        "+1\n",
                                        "x\n",
                                        "99999999999999999999\n",
                                        "1\n1\n1\n1\n1\n1\n1\n1\n1\n1\n1\n1\n1\n"};
    struct folder *d = *state;

    make_view(d, 3);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        make_current(d, texts[i]);
        assert_refused(d);
    }
    make_current(d, "3\n"); /* names what is not there */
    assert_refused(d);
}

static void what_is_no_regular_file_is_refused_without_waiting(void **state)
{
    struct folder *d = *state;
    struct viewfile *v;
    struct fault f;

    make_view(d, 3);
    assert_int_equal(unlinkat(d->fd, "current", 0), 0);
    assert_int_equal(mkfifoat(d->fd, "current", 0644), 0);
    assert_refused(d);
    assert_int_equal(unlinkat(d->fd, "current", 0), 0);
    assert_int_equal(symlinkat("log.1", d->fd, "current"), 0);
    assert_true(viewfile_open(d->dir, &v, &f) < 0);
    assert_null(v);
}

static void a_view_that_is_not_there_yet_is_told_apart(void **state)
{
    struct folder *d = *state;
    struct viewfile *v;
    struct fault f;
    char path[96];

    assert_int_equal(viewfile_open(d->dir, &v, &f), -FAULT_NOT_FOUND);
    snprintf(path, sizeof path, "%s/none", d->dir);
    assert_int_equal(viewfile_open(path, &v, &f), -FAULT_NOT_FOUND);
    assert_string_equal(f.rule, "view.missing");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(headers_come_back_and_no_bit_of_them_may_flip),
        TEST(records_hold_only_in_their_place_and_whole),
        TEST(a_pair_of_words_tells_when_it_does_not_agree),
        TEST(every_row_is_found_and_none_besides),
        TEST(the_log_adds_to_the_snapshot_and_wins_over_it),
        TEST(the_greatest_change_number_wins_wherever_it_stands),
        TEST(stamp_and_change_number_are_taken_from_the_live_words),
        TEST(a_record_that_count_does_not_tell_of_is_taken_when_it_is_whole),
        TEST(a_replaced_pair_is_followed),
        TEST(a_pair_replaced_without_a_mark_is_followed_once_its_stamp_is_old),
        TEST(lies_about_sizes_are_refused),
        TEST(a_snapshot_and_a_log_of_different_makings_are_refused),
        TEST(files_cut_anywhere_are_refused),
        TEST(no_bit_of_a_row_or_record_may_flip),
        TEST(a_malformed_current_is_refused),
        TEST(what_is_no_regular_file_is_refused_without_waiting),
        TEST(a_view_that_is_not_there_yet_is_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
