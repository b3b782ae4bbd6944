/* What outlives cerca-public: comes back as it was, or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/keep.h"

static unsigned found;
static char keys[64];

static void note(void *arg, const struct kept *k)
{
    assert_ptr_equal(arg, &found);
    found++;
    memcpy(keys + strlen(keys), k->key.p, k->key.n);
    assert_int_equal(k->owner[31], found);
    assert_true(slice_is(k->certificate, "a certificate"));
}

static void look(int fd)
{
    found = 0;
    memset(keys, 0, sizeof keys);
    keep_read(fd, note, &found);
}

static int written(void)
{
    struct kept k[2] = {{.key = slice_str("first "), .certificate = slice_str("a certificate")},
                        {.key = slice_str("second"), .certificate = slice_str("a certificate")}};
    int fd = memfd_create("test", MFD_CLOEXEC);

    assert_true(fd >= 0);
    k[0].owner[31] = 1;
    k[1].owner[31] = 2;
    keep_write(fd, k, 2);
    return fd;
}

static void what_was_kept_comes_back(void **state)
{
    int fd = written();

    (void)state;
    look(fd);
    assert_int_equal(found, 2);
    assert_string_equal(keys, "first second");
    keep_write(fd, NULL, 0);
    look(fd);
    assert_int_equal(found, 0);
    close(fd);
}

static void nothing_comes_of_nothing(void **state)
{
    int fd = memfd_create("test", MFD_CLOEXEC);

    (void)state;
    look(fd);
    assert_int_equal(found, 0);
    look(-1);
    assert_int_equal(found, 0);
    close(fd);
}

static void what_was_cut_or_changed_anywhere_is_not_there(void **state)
{
    int fd = written();
    off_t size = lseek(fd, 0, SEEK_END);
    uint8_t octet, other;

    (void)state;
    assert_true(size > 40);
    for (off_t at = 0; at < size; at++) {
        assert_int_equal(pread(fd, &octet, 1, at), 1);
        other = octet ^ 1;
        assert_int_equal(pwrite(fd, &other, 1, at), 1);
        look(fd);
        assert_int_equal(found, 0);
        assert_int_equal(pwrite(fd, &octet, 1, at), 1);
    }
    look(fd);
    assert_int_equal(found, 2);
    assert_int_equal(ftruncate(fd, size - 1), 0);
    look(fd);
    assert_int_equal(found, 0);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_kept_comes_back),
        cmocka_unit_test(nothing_comes_of_nothing),
        cmocka_unit_test(what_was_cut_or_changed_anywhere_is_not_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
