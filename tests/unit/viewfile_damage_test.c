/* The public view's reader on files that lie, are cut or damaged. */
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

#include "tests/unit/viewfile_files.h"

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
    viewfile_close(open_files(d));
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        FILES_TEST(lies_about_sizes_are_refused),
        FILES_TEST(a_snapshot_and_a_log_of_different_makings_are_refused),
        FILES_TEST(files_cut_anywhere_are_refused),
        FILES_TEST(no_bit_of_a_row_or_record_may_flip),
        FILES_TEST(a_malformed_current_is_refused),
        FILES_TEST(what_is_no_regular_file_is_refused_without_waiting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
