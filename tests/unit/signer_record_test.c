#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ca/signer/record.h"
#include "lib/file.h"

static char path[64];

static int setup(void **state)
{
    int fd;

    (void)state;
    memcpy(path, "/tmp/cerca-record-XXXXXX", sizeof("/tmp/cerca-record-XXXXXX"));
    fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int teardown(void **state)
{
    (void)state;
    return unlink(path);
}

static struct record *opened(void)
{
    struct record *r;
    struct fault f;

    if (record_open(path, &r, &f) != 0)
        fail_msg("%s: %s", f.rule, f.text);
    return r;
}

static void append(struct record *r, uint8_t mark, size_t n)
{
    struct record_entry e[RECORD_BATCH];
    uint8_t key[RECORD_KEY_LEN], serial[SERIAL_LEN];
    struct fault f;

    memset(key, 0xaa, sizeof(key));
    memset(serial, mark, sizeof(serial));
    for (size_t i = 0; i < n; i++) {
        e[i].key = key;
        e[i].serial = slice_of(serial, sizeof(serial));
        memset(e[i].tbs_hash, mark + 1, sizeof(e[i].tbs_hash));
    }
    assert_int_equal(record_append(r, e, n, &f), 0);
}

static void contents(struct buf *out)
{
    struct fault f;

    buf_init(out, 1 << 20);
    assert_int_equal(file_read(path, 1 << 20, out, &f), 0);
}

static void entries_are_numbered_and_say_what_was_signed(void **state)
{
    static const uint8_t second[] = {0,    0,    0,    0,    0,    0,    0,    2, 0xaa,
                                     0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 5, 5};
    struct record *r = opened();
    struct buf b;

    (void)state;
    append(r, 5, 3);
    assert_int_equal(record_count(r), 3);
    record_close(r);
    r = opened();
    append(r, 9, 1);
    record_close(r);
    contents(&b);
    assert_int_equal(b.n, 4 * RECORD_ENTRY);
    assert_memory_equal(b.p + RECORD_ENTRY, second, sizeof(second));
    assert_int_equal(b.p[RECORD_ENTRY + 32], 6);
    assert_int_equal(b.p[RECORD_ENTRY + 63], 6);
    assert_int_equal(b.p[3 * RECORD_ENTRY + 7], 4);
    assert_int_equal(b.p[3 * RECORD_ENTRY + 16], 9);
    buf_free(&b);
}

/* A file of `n` good entries and then `tail` octets of `fill`. */
static void write_file(size_t n, size_t tail, uint8_t fill)
{
    struct record *r;
    uint8_t *p;
    int fd;

    assert_int_equal(truncate(path, 0), 0);
    r = opened();
    for (size_t i = 0; i < n; i++)
        append(r, 1, 1);
    record_close(r);
    p = xcalloc(1, tail + 1);
    memset(p, fill, tail);
    fd = open(path, O_WRONLY | O_APPEND);
    assert_int_equal(write(fd, p, tail), (ssize_t)tail);
    close(fd);
    free(p);
}

static void a_torn_tail_is_cut_off_and_counting_goes_on(void **state)
{
    static const size_t tails[] = {1, 63, 64, 65, 4096, 100000};
    struct record *r;
    struct buf b;

    (void)state;
    for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
        write_file(3, tails[i], i % 2 == 0 ? 0 : 0xff);
        r = opened();
        assert_int_equal(record_count(r), 3);
        append(r, 7, 1);
        record_close(r);
        contents(&b);
        assert_int_equal(b.n, 4 * RECORD_ENTRY);
        assert_int_equal(b.p[3 * RECORD_ENTRY + 7], 4);
        buf_free(&b);
    }
}

/* Pages need not reach the disk in their order. */
static void what_a_power_loss_left_out_is_marked_and_the_rest_stays(void **state)
{
    static const uint8_t zeros[8 * RECORD_ENTRY];
    struct record *r = opened();
    struct buf b;
    int fd;

    (void)state;
    for (int i = 0; i < 30; i++)
        append(r, 1, 1);
    record_close(r);
    fd = open(path, O_WRONLY);
    assert_int_equal(pwrite(fd, zeros, sizeof(zeros), 8 * RECORD_ENTRY), (ssize_t)sizeof(zeros));
    close(fd);
    r = opened();
    assert_int_equal(record_count(r), 30);
    append(r, 7, 1);
    record_close(r);
    contents(&b);
    assert_int_equal(b.n, 31 * RECORD_ENTRY);
    for (size_t i = 0; i < 31; i++) {
        const uint8_t *e = b.p + i * RECORD_ENTRY;
        assert_int_equal(e[7], i + 1);
        assert_int_equal(e[16], i >= 8 && i < 16 ? 0 : i == 30 ? 7 : 1);
    }
    buf_free(&b);
}

static void a_file_that_is_no_record_is_kept_and_refused(void **state)
{
    struct record *r;
    struct fault f;
    struct stat st;

    (void)state;
    write_file(0, (16u << 20) + 640, 'x');
    assert_int_equal(record_open(path, &r, &f), -FAULT_CONFIG);
    assert_string_equal(f.rule, "signer.record.damaged");
    assert_null(r);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, (16u << 20) + 640);
}

/* A full disk: part of the entries fit, none may stay. */
static void a_record_that_cannot_grow_refuses_whole_batches(void **state)
{
    struct record_entry e[4];
    uint8_t bytes[SERIAL_LEN] = {0};
    struct rlimit was, small;
    struct record *r = opened();
    struct fault f;

    (void)state;
    append(r, 1, 3);
    for (size_t i = 0; i < 4; i++)
        e[i] = (struct record_entry){.key = bytes, .serial = slice_of(bytes, SERIAL_LEN)};
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
    small = was;
    small.rlim_cur = 5 * RECORD_ENTRY + 10;
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_int_equal(record_append(r, e, 4, &f), -FAULT_FULL);
    assert_int_equal(f.retry_after, 10);
    assert_int_equal(record_append(r, e, 2, &f), 0);
    assert_int_equal(record_append(r, e, 1, &f), -FAULT_FULL);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
    append(r, 2, 4);
    assert_int_equal(record_count(r), 9);
    record_close(r);
    r = opened();
    assert_int_equal(record_count(r), 9);
    record_close(r);
}

static void two_signers_never_share_a_record(void **state)
{
    struct record *first = opened(), *second;
    struct fault f;

    (void)state;
    assert_int_equal(record_open(path, &second, &f), -FAULT_UNAVAILABLE);
    assert_string_equal(f.rule, "signer.record.busy");
    record_close(first);
    first = opened();
    record_close(first);
}

static void *append_many(void *r)
{
    for (int i = 0; i < 500; i++)
        append(r, 3, 1 + (size_t)i % RECORD_BATCH);
    return NULL;
}

static void threads_append_without_gaps(void **state)
{
    struct record *r = opened();
    pthread_t t[4];
    struct buf b;
    uint64_t n;

    (void)state;
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&t[i], NULL, append_many, r), 0);
    for (int i = 0; i < 4; i++)
        (void)pthread_join(t[i], NULL);
    n = record_count(r);
    record_close(r);
    buf_init(&b, 4 << 20);
    assert_int_equal(file_read(path, 4 << 20, &b, &(struct fault){0}), 0);
    assert_int_equal(b.n, n * RECORD_ENTRY);
    for (uint64_t i = 0; i < n; i++)
        assert_int_equal((b.p[i * RECORD_ENTRY + 6] << 8) + b.p[i * RECORD_ENTRY + 7], i + 1);
    buf_free(&b);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(entries_are_numbered_and_say_what_was_signed),
        T(a_torn_tail_is_cut_off_and_counting_goes_on),
        T(what_a_power_loss_left_out_is_marked_and_the_rest_stays),
        T(a_file_that_is_no_record_is_kept_and_refused),
        T(a_record_that_cannot_grow_refuses_whole_batches),
        T(two_signers_never_share_a_record),
        T(threads_append_without_gaps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
