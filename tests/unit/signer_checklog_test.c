/* The signer's record of checkpoints: what was signed of a log is not forgotten, also when it
 * cannot be read, or when a power loss came in the midst of a write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ca/signer/checklog.h"
#include "lib/file.h"

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

static int admit(struct checklog *l, uint64_t size)
{
    uint8_t of_size[32];
    struct fault f;

    memset(of_size, (int)size, sizeof(of_size));
    return checklog_admit(l, "log.example", size, of_size, &f);
}

/* Three entries, of which octets of the last one are zeros. */
static void write_torn(size_t from, size_t to)
{
    static const uint8_t zeros[CHECKLOG_ENTRY];
    struct checklog *l;
    int fd;

    assert_int_equal(truncate(path, 0), 0);
    l = opened();
    for (uint64_t size = 1; size <= 3; size++)
        assert_int_equal(admit(l, size), 0);
    checklog_close(l);
    fd = open(path, O_WRONLY);
    assert_int_equal(pwrite(fd, zeros, to - from, (off_t)(2 * CHECKLOG_ENTRY + from)),
                     (ssize_t)(to - from));
    close(fd);
}

static void goes_on_behind_the_second(void)
{
    struct checklog *l = opened();
    struct buf b;
    struct fault f;

    assert_int_not_equal(admit(l, 1), 0);
    assert_int_equal(admit(l, 2), 0);
    assert_int_equal(admit(l, 7), 0);
    checklog_close(l);
    buf_init(&b, 4096);
    assert_int_equal(file_read(path, 4096, &b, &f), 0);
    assert_int_equal(b.n, 3 * CHECKLOG_ENTRY);
    assert_int_equal(b.p[2 * CHECKLOG_ENTRY + 7], 3);
    assert_int_equal(b.p[2 * CHECKLOG_ENTRY + 15], 7);
    buf_free(&b);
}

static void test_unsynced_is_dropped(void **state)
{
    (void)state;
    write_torn(0, CHECKLOG_ENTRY);
    goes_on_behind_the_second();
    for (size_t at = 16; at < CHECKLOG_ENTRY; at += 16) {
        write_torn(0, at);
        goes_on_behind_the_second();
        write_torn(at, CHECKLOG_ENTRY);
        goes_on_behind_the_second();
    }
}

static void test_synced_is_never_dropped(void **state)
{
    static const uint8_t other[8] = {9};
    struct checklog *l;
    struct fault f;
    int fd;

    (void)state;
    write_torn(0, 0);
    fd = open(path, O_WRONLY);
    assert_int_equal(pwrite(fd, other, sizeof(other), CHECKLOG_ENTRY), (ssize_t)sizeof(other));
    close(fd);
    assert_int_equal(checklog_open(path, &l, &f), -FAULT_CONFIG);
    assert_string_equal(f.rule, "signer.checklog.damaged");
    assert_null(l);
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        cmocka_unit_test_setup_teardown(test_never_shrinks_nor_forks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unread_is_not_forgotten, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unsynced_is_dropped, setup, teardown),
        cmocka_unit_test_setup_teardown(test_synced_is_never_dropped, setup, teardown),
    };

    return cmocka_run_group_tests(cases, NULL, NULL);
}
