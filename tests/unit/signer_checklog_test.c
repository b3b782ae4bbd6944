/* The signer's record of checkpoints: what was signed of a log is not forgotten, also when it
 * cannot be read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ca/signer/checklog.h"

static char path[64];
static bool reads_fail;

/* In front of the one of libc. */
ssize_t pread(int fd, void *to, size_t n, off_t at)
{
    if (reads_fail) {
        errno = EIO;
        return -1;
    }
    return syscall(SYS_pread64, fd, to, n, at);
}

static int setup(void **state)
{
    int fd;

    (void)state;
    reads_fail = false;
    memcpy(path, "/tmp/cerca-checklog-XXXXXX", sizeof("/tmp/cerca-checklog-XXXXXX"));
    fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int teardown(void **state)
{
    (void)state;
    return unlink(path);
}

static struct checklog *opened(void)
{
    struct checklog *l;
    struct fault f;

    assert_int_equal(checklog_open(path, &l, &f), 0);
    return l;
}

static const uint8_t root[32] = {1}, other_root[32] = {2};

static void test_never_shrinks_nor_forks(void **state)
{
    struct checklog *l = opened();
    struct fault f;

    (void)state;
    assert_int_equal(checklog_admit(l, "a.example", 5, root, &f), 0);
    for (int turn = 0; turn < 2; turn++) {
        assert_int_equal(checklog_admit(l, "a.example", 4, root, &f), -FAULT_CONFLICT);
        assert_string_equal(f.rule, "checkpoint.shrinks");
        assert_int_equal(checklog_admit(l, "a.example", 5, other_root, &f), -FAULT_CONFLICT);
        assert_string_equal(f.rule, "checkpoint.forks");
        checklog_close(l);
        l = opened();
    }
    checklog_close(l);
}

/* A read that failed once let a smaller log be signed, as if nothing had been signed before, and
 * wrote an entry with a number that was taken, after which no signer started. */
static void test_unread_is_not_forgotten(void **state)
{
    struct checklog *l = opened();
    struct fault f;

    (void)state;
    assert_int_equal(checklog_admit(l, "a.example", 5, root, &f), 0);
    assert_int_equal(checklog_admit(l, "b.example", 7, root, &f), 0);
    reads_fail = true;
    for (int turn = 0; turn < 2; turn++) {
        assert_int_equal(checklog_admit(l, "a.example", 4, root, &f), -FAULT_INTERNAL);
        assert_string_equal(f.rule, "signer.checklog");
        assert_non_null(strstr(f.text, strerror(EIO)));
    }
    reads_fail = false;
    assert_int_equal(checklog_admit(l, "a.example", 4, root, &f), -FAULT_CONFLICT);
    assert_string_equal(f.rule, "checkpoint.shrinks");
    assert_int_equal(checklog_admit(l, "a.example", 6, root, &f), 0);
    checklog_close(l);
    checklog_close(opened());
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        cmocka_unit_test_setup_teardown(test_never_shrinks_nor_forks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unread_is_not_forgotten, setup, teardown),
    };

    return cmocka_run_group_tests(cases, NULL, NULL);
}
