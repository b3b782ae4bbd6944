/* The file of a backup: whole it is read, cut off or changed in any octet it is refused by name. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/backupfile.h"

#define IMAGE 300

static int new_file(void)
{
    int fd = memfd_create("backup", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    assert_true(fd >= 0);
    return fd;
}

static void describe(struct backup_manifest *m)
{
    *m = (struct backup_manifest){.time = 1800000000,
                                  .program = "0.1.0",
                                  .schema = 1,
                                  .change = 42,
                                  .audit_log = 1,
                                  .audit_size = 7,
                                  .checkpoint = "origin\n7\nroot\n",
                                  .image = IMAGE,
                                  .n = 2};
    m->section[0] = (struct backup_section){BACKUP_CONFIGURATION, "cerca.conf", IMAGE, 5};
    m->section[1] = (struct backup_section){BACKUP_RECORD, "default", IMAGE + 5, 64};
}

/* Returns its length. */
static size_t write_backup(int fd, const struct backup_manifest *m)
{
    struct backup_writer w;
    struct fault f;
    uint8_t bytes[IMAGE + 69], hash[32];
    size_t n;

    memset(bytes, 'x', sizeof(bytes));
    backup_begin(&w, fd);
    assert_int_equal(backup_put(&w, slice_of(bytes, sizeof(bytes)), &f), 0);
    assert_int_equal(backup_end(&w, m, hash, &f), 0);
    n = (size_t)w.at;
    backup_writer_free(&w);
    assert_int_equal(lseek(fd, 0, SEEK_END), n);
    return n;
}

/* Opened and hashed. */
static int read_backup(int fd, struct fault *f)
{
    struct backup_manifest m;
    uint8_t hash[32];
    int rc;

    fault_clear(f);
    rc = backup_open(fd, &m, hash, f);
    return rc != 0 ? rc : backup_hash(fd, hash, NULL, NULL, f);
}

static void what_was_written_is_read(void **state)
{
    struct backup_manifest in, out;
    struct fault f;
    uint8_t hash[32];
    int fd = new_file();

    (void)state;
    describe(&in);
    (void)write_backup(fd, &in);
    assert_int_equal(backup_open(fd, &out, hash, &f), 0);
    assert_memory_equal(&in, &out, sizeof(in));
    assert_int_equal(read_backup(fd, &f), 0);
    close(fd);
}

static void a_backup_that_is_cut_off_is_refused_wherever_it_ends(void **state)
{
    struct backup_manifest m;
    struct fault f;
    int fd = new_file();
    size_t n;

    (void)state;
    describe(&m);
    for (n = write_backup(fd, &m) - 1; n > 0; n--) {
        assert_int_equal(ftruncate(fd, (off_t)n), 0);
        assert_int_equal(read_backup(fd, &f), -FAULT_MALFORMED);
        assert_string_equal(f.rule, "backup.footer");
    }
    close(fd);
}

static void a_backup_with_any_bit_changed_is_refused(void **state)
{
    struct backup_manifest m;
    struct fault f;
    int fd = new_file();
    size_t n;

    (void)state;
    describe(&m);
    n = write_backup(fd, &m);
    for (size_t i = 0; i < n; i++) {
        uint8_t was, is;

        assert_int_equal(pread(fd, &was, 1, (off_t)i), 1);
        is = (uint8_t)(was ^ (1u << (i % 8)));
        assert_int_equal(pwrite(fd, &is, 1, (off_t)i), 1);
        assert_true(read_backup(fd, &f) < 0);
        assert_int_equal(strncmp(f.rule, "backup.", 7), 0);
        assert_int_equal(pwrite(fd, &was, 1, (off_t)i), 1);
    }
    assert_int_equal(read_backup(fd, &f), 0);
    close(fd);
}

static void sections_that_do_not_lie_in_the_file_are_refused(void **state)
{
    static const uint64_t bad[][2] = {
        {IMAGE + 6, 64}, {IMAGE + 5, 65}, {IMAGE + 5, UINT64_MAX}, {UINT64_MAX, 1}, {0, 64}};
    struct backup_manifest m;
    struct fault f;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int fd = new_file();

        describe(&m);
        m.section[1].at = bad[i][0];
        m.section[1].octets = bad[i][1];
        (void)write_backup(fd, &m);
        assert_int_equal(read_backup(fd, &f), -FAULT_MALFORMED);
        assert_string_equal(f.rule, "backup.manifest");
        close(fd);
    }
}

/* The manifest begins behind the sections; its first word is the version. */
static void a_format_of_the_future_is_refused_as_such(void **state)
{
    struct backup_manifest m;
    struct fault f;
    uint8_t version[4] = {0, 0, 0, BACKUPFILE_VERSION + 1};
    int fd = new_file();

    (void)state;
    describe(&m);
    (void)write_backup(fd, &m);
    assert_int_equal(pwrite(fd, version, 4, IMAGE + 69), 4);
    assert_int_equal(read_backup(fd, &f), -FAULT_CONFLICT);
    assert_string_equal(f.rule, "backup.version");
    close(fd);
}

/* What is put is kept for a while: at the end at the latest. */
static void a_write_that_fails_is_said(void **state)
{
    static const uint8_t bytes[3 << 20];
    struct backup_manifest m;
    struct backup_writer w;
    struct fault f;
    uint8_t hash[32];

    (void)state;
    describe(&m);
    for (size_t n = 64; n <= sizeof(bytes); n = n * 2 + 1) {
        int fd = new_file();

        fault_clear(&f);
        backup_begin(&w, fd);
        assert_int_equal(ftruncate(fd, 16), 0);
        assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), 0);
        assert_true(backup_put(&w, slice_of(bytes, n), &f) < 0 || backup_end(&w, &m, hash, &f) < 0);
        assert_string_equal(f.rule, "backup.write");
        backup_writer_free(&w);
        close(fd);
    }
}

/* ---- pieces ---- */

#define MUCH ((size_t)5 << 20)

/* A file on a disk, where O_DIRECT is what it is. */
static int new_disk_file(void)
{
    char path[] = "/var/tmp/cerca-backupfile.XXXXXX";
    int fd = mkostemp(path, O_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(unlink(path), 0);
    return fd;
}

static uint8_t *much(void)
{
    uint8_t *p = malloc(MUCH);

    assert_non_null(p);
    for (size_t i = 0; i < MUCH; i++)
        p[i] = (uint8_t)(i * 31 + i / 4096);
    return p;
}

/* In pieces of `step`, from `p`, then the end; and read back. */
static void put_and_compare(struct backup_writer *w, const uint8_t *p, size_t step)
{
    struct backup_manifest m = {.image = MUCH};
    uint8_t hash[32], *back = malloc(MUCH);
    uint64_t from = w->at;
    struct fault f;

    assert_non_null(back);
    for (size_t at = 0; at < MUCH; at += step)
        assert_int_equal(backup_put(w, slice_of(p + at, MUCH - at < step ? MUCH - at : step), &f),
                         0);
    assert_int_equal(backup_end(w, &m, hash, &f), 0);
    assert_int_equal(fcntl(w->fd, F_GETFL) & O_DIRECT, 0);
    assert_int_equal(lseek(w->fd, 0, SEEK_END), w->at);
    assert_int_equal(backup_read(w->fd, from, back, MUCH, &f), 0);
    assert_memory_equal(back, p, MUCH);
    if (from == 0)
        assert_int_equal(read_backup(w->fd, &f), 0);
    free(back);
}

static void pieces_of_any_size_and_place_make_the_same_file(void **state)
{
    static const size_t steps[] = {1 << 20, (1 << 20) + 4096, 3 << 20, 999, 4095, 4097, 65536,
                                   MUCH};
    uint8_t *p = much(), *pages = NULL;

    (void)state;
    assert_int_equal(posix_memalign((void **)&pages, PAGE_ALIGN, MUCH), 0);
    memcpy(pages, p, MUCH);
    for (size_t i = 0; i < 4 * sizeof(steps) / sizeof(steps[0]); i++) {
        int fd = i % 2 ? new_disk_file() : new_file();
        struct backup_writer w;

        backup_begin(&w, fd);
        put_and_compare(&w, i / 2 % 2 ? p : pages, steps[i / 4]);
        backup_writer_free(&w);
        close(fd);
    }
    free(pages);
    free(p);
}

/* As where a block is larger than a page: the kernel says EINVAL. */
static void what_may_not_be_written_directly_is_written_all_the_same(void **state)
{
    uint8_t *p = much();
    int fd = new_disk_file();
    struct backup_writer w;

    (void)state;
    backup_begin(&w, fd);
    w.at = w.written = 100;
    put_and_compare(&w, p, 1 << 20);
    backup_writer_free(&w);
    close(fd);
    free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(a_backup_that_is_cut_off_is_refused_wherever_it_ends),
        cmocka_unit_test(a_backup_with_any_bit_changed_is_refused),
        cmocka_unit_test(sections_that_do_not_lie_in_the_file_are_refused),
        cmocka_unit_test(a_format_of_the_future_is_refused_as_such),
        cmocka_unit_test(a_write_that_fails_is_said),
        cmocka_unit_test(pieces_of_any_size_and_place_make_the_same_file),
        cmocka_unit_test(what_may_not_be_written_directly_is_written_all_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
