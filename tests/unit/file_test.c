#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/file.h"

static char folder[] = "/tmp/cerca-file-XXXXXX";
static char path[64];

static int make_folder(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    (void)snprintf(path, sizeof(path), "%s/file", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(folder);
}

static size_t files_in_folder(void)
{
    DIR *d = opendir(folder);
    struct dirent *e;
    size_t n = 0;

    assert_non_null(d);
    while ((e = readdir(d)) != NULL) {
        if (e->d_name[0] != '.')
            n++;
    }
    (void)closedir(d);
    return n;
}

static void what_is_written_is_read_back(void **state)
{
    static uint8_t data[10000];
    struct buf b = {0};
    struct fault f;
    struct stat st;

    (void)state;
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * 7);
    assert_int_equal(file_write(path, 0640, slice_of(data, sizeof(data)), &f), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    assert_int_equal(file_read(path, sizeof(data), &b, &f), 0);
    assert_true(slice_eq(buf_slice(&b), slice_of(data, sizeof(data))));
    buf_free(&b);
}

static void a_file_is_replaced_whole_and_leaves_nothing_beside(void **state)
{
    struct buf b = {0};
    struct fault f;

    (void)state;
    assert_int_equal(file_write(path, 0600, slice_str("long old contents"), &f), 0);
    assert_int_equal(file_write(path, 0600, slice_str("new"), &f), 0);
    assert_int_equal(file_read(path, 100, &b, &f), 0);
    assert_string_equal(buf_cstr(&b), "new");
    assert_int_equal(files_in_folder(), 1);
    buf_free(&b);
}

static void a_file_past_the_bound_is_refused(void **state)
{
    struct buf b = {0};
    struct fault f;

    (void)state;
    assert_int_equal(file_write(path, 0600, slice_str("12345"), &f), 0);
    assert_int_equal(file_read(path, 5, &b, &f), 0);
    assert_int_equal(file_read(path, 4, &b, &f), -FAULT_TOO_LARGE);
    assert_string_equal(f.rule, "file.size");
    assert_int_equal(b.n, 0);
    assert_int_equal(file_read("/dev/zero", 100000, &b, &f), -FAULT_TOO_LARGE);
    buf_free(&b);
}

static void missing_files_and_folders_are_named(void **state)
{
    struct buf b = {0};
    struct fault f;

    (void)state;
    assert_int_equal(file_read("/nonexistent/x", 10, &b, &f), -FAULT_NOT_FOUND);
    assert_non_null(strstr(f.text, "/nonexistent/x"));
    assert_int_equal(file_write("/nonexistent/x", 0600, slice_str("x"), &f), -FAULT_NOT_FOUND);
    assert_non_null(strstr(f.text, "/nonexistent/x"));
    assert_int_equal(file_read(folder, 10, &b, &f), -FAULT_INTERNAL);
    buf_free(&b);
}

static void a_device_is_written_to_and_not_replaced(void **state)
{
    struct fault f;
    struct stat st;

    (void)state;
    assert_int_equal(file_write("/dev/null", 0600, slice_str("x"), &f), 0);
    assert_int_equal(stat("/dev/null", &st), 0);
    assert_true(S_ISCHR(st.st_mode));
    assert_int_equal(file_write("/dev/full", 0600, slice_str("x"), &f), -FAULT_FULL);
}

static void a_path_that_is_too_long_is_refused(void **state)
{
    static char longest[5000];
    struct fault f;

    (void)state;
    memset(longest, 'a', sizeof(longest) - 1);
    assert_int_equal(file_write(longest, 0600, slice_str("x"), &f), -FAULT_TOO_LARGE);
}

static void what_is_written_in_pieces_is_there_at_its_end_or_not_at_all(void **state)
{
    struct file_new n = {.fd = -1};
    struct fault f = {0};
    struct buf got = {0};

    (void)state;
    assert_int_equal(file_write(path, 0644, slice_str("before"), &f), 0);
    assert_int_equal(file_begin(path, &n, &f), 0);
    assert_int_equal(write(n.fd, "one ", 4), 4);
    assert_int_equal(file_read(path, 64, &got, &f), 0);
    assert_true(slice_is(buf_slice(&got), "before"));
    assert_int_equal(write(n.fd, "two", 3), 3);
    assert_int_equal(file_end(&n, 0600, &f), 0);
    assert_int_equal(file_read(path, 64, &got, &f), 0);
    assert_true(slice_is(buf_slice(&got), "one two"));
    assert_int_equal(file_begin(path, &n, &f), 0);
    assert_int_equal(write(n.fd, "three", 5), 5);
    file_drop(&n);
    assert_int_equal(file_read(path, 64, &got, &f), 0);
    assert_true(slice_is(buf_slice(&got), "one two"));
    assert_int_equal(files_in_folder(), 1);
    buf_free(&got);
}

static void what_comes_back_by_itself_is_no_fault_of_the_configuration(void **state)
{
    static const int here[] = {EIO, EMFILE, ENFILE, ENOMEM, EAGAIN};
    struct fault f;

    (void)state;
    for (size_t i = 0; i < sizeof(here) / sizeof(here[0]); i++) {
        errno = here[i];
        assert_int_equal(file_refused(&f, "some.rule", "/etc/x"), -FAULT_INTERNAL);
        assert_non_null(strstr(f.text, strerror(here[i])));
    }
    errno = ENOSPC;
    assert_int_equal(file_refused(&f, "some.rule", "/etc/x"), -FAULT_FULL);
    errno = ENOENT;
    assert_int_equal(file_refused(&f, "some.rule", "/etc/x"), -FAULT_CONFIG);
    assert_string_equal(f.rule, "some.rule");
    assert_string_equal(f.text, "/etc/x: No such file or directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_in_pieces_is_there_at_its_end_or_not_at_all),
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(a_file_is_replaced_whole_and_leaves_nothing_beside),
        cmocka_unit_test(a_file_past_the_bound_is_refused),
        cmocka_unit_test(missing_files_and_folders_are_named),
        cmocka_unit_test(a_device_is_written_to_and_not_replaced),
        cmocka_unit_test(a_path_that_is_too_long_is_refused),
        cmocka_unit_test(what_comes_back_by_itself_is_no_fault_of_the_configuration),
    };

    return cmocka_run_group_tests_name("file", tests, make_folder, remove_folder);
}
