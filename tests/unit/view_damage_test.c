/* Flipped, cut, missing and foreign files: readers refuse, the writer repairs. */
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

#include "tests/unit/model_store_verbs.h"
#include "tests/unit/view_world.h"

/* Flips a bit of a file of issuer 1, any below `bits` (or of the whole file). A reader may refuse,
 * or find the view whole (when the bit means nothing, or only a time stamp): it never says good of
 * what is revoked. */
static void flip(struct world *w, enum viewfile_kind kind, uint64_t first, uint64_t bits)
{
    char path[256], dir[128], name[VIEWFILE_NAME_MAX];
    uint64_t bit;
    struct stat st;
    uint8_t octet;
    int fd;

    viewfile_name(kind, generation(w), name);
    snprintf(path, sizeof path, "%s/%s", folder(w, 1, dir), name);
    fd = open(path, O_RDWR | O_CLOEXEC);
    assert_int_equal(fstat(fd, &st), 0);
    bit = first + draw(&w->random, bits ? bits : 8 * (uint64_t)st.st_size);
    assert_int_equal(pread(fd, &octet, 1, (off_t)(bit / 8)), 1);
    octet ^= (uint8_t)(1u << bit % 8);
    assert_int_equal(pwrite(fd, &octet, 1, (off_t)(bit / 8)), 1);
    close(fd);
}

static void assert_never_wrong(const struct world *w, unsigned n)
{
    struct viewfile_row row;
    struct viewfile *r;
    struct fault f;
    char dir[128];

    if (viewfile_open(folder(w, 1, dir), &r, &f) < 0) {
        assert_string_equal(f.rule, "view.damaged");
        return;
    }
    for (unsigned k = 0; k < n; k++) {
        struct cert_ref ref = ref_of(k);

        if (ref.issuer != 1)
            continue;
        assert_int_equal(viewfile_lookup(r, ref.serial, &row), 0);
        assert_int_equal(row.status, k % 5 ? VIEWFILE_GOOD : VIEWFILE_REVOKED);
    }
    viewfile_close(r);
}

static void flipped_bits_are_refused_by_readers_and_repaired_by_the_writer(void **state)
{
    enum { ROWS = 60 };
    struct world *w = *state;
    struct view *v = open_view(w);

    fill(w, v, ROWS);
    view_close(v);
    for (unsigned i = 0; i < 100; i++) {
        flip(w, i % 4 == 0 ? VIEWFILE_SNAPSHOT : VIEWFILE_LOG,
             i % 4 == 1 ? 8 * VIEWFILE_LOG_START : 0, i % 4 == 1 ? 8 * VIEWFILE_RECORD : 0);
        assert_never_wrong(w, ROWS);
        v = open_view(w);
        assert_equals_store(w);
        for (unsigned k = 1; k < 30; k += 5) /* again, so that the log is not empty */
            publish(w, v, k, CERT_GOOD);
        view_close(v);
    }
}

static void every_bit_of_the_live_words_may_flip(void **state)
{
    struct world *w = *state;
    struct view *v = open_view(w);

    fill(w, v, 40);
    view_close(v);
    for (uint64_t bit = 0; bit < 8 * sizeof(struct viewfile_live); bit++) {
        flip(w, VIEWFILE_LOG, 8 * VIEWFILE_HEADER + bit, 1);
        assert_never_wrong(w, 40);
        view_close(open_view(w));
        assert_int_not_equal(generation(w), 0);
        assert_never_wrong(w, 40);
    }
    assert_equals_store(w);
}

static void truncated_and_missing_files_are_refused_and_rebuilt(void **state)
{
    static const char *const kinds[] = {"snapshot", "log", "current"};
    struct world *w = *state;
    struct view *v = open_view(w);
    char path[256], dir[128];
    struct viewfile *r;
    struct fault f;

    fill(w, v, 100);
    view_close(v);
    for (unsigned i = 0; i < 30; i++) {
        const char *kind = kinds[i % 3];
        uint64_t g = generation(w);
        struct stat st;

        assert_int_not_equal(g, 0);
        if (i % 3 == 2)
            snprintf(path, sizeof path, "%s/current", folder(w, 1, dir));
        else
            snprintf(path, sizeof path, "%s/%s.%llu", folder(w, 1, dir), kind,
                     (unsigned long long)g);
        assert_int_equal(stat(path, &st), 0);
        if (i >= 27)
            assert_int_equal(unlink(path), 0);
        else
            assert_int_equal(truncate(path, (off_t)draw(&w->random, (uint64_t)st.st_size)), 0);
        assert_true(viewfile_open(folder(w, 1, dir), &r, &f) < 0);
        assert_null(r);
        view_close(open_view(w));
        assert_equals_store(w);
    }
}

static void damage_met_while_merging_is_made_good_from_the_store(void **state)
{
    enum { MORE_THAN_A_LOG_HOLDS = 30000 };
    struct world *w = *state;
    struct view *v = open_view(w);
    struct view_stats stats;
    struct fault f;

    fill(w, v, 10);
    view_close(v);
    flip(w, VIEWFILE_SNAPSHOT, 0, 8 * VIEWFILE_HEADER); /* rebuilt: a snapshot with rows in it */
    v = open_view(w);
    for (unsigned i = 0; i < MORE_THAN_A_LOG_HOLDS; i++)
        publish(w, v, i % CERTS, i % CERTS % 5 ? CERT_GOOD : CERT_REVOKED);
    flip(w, VIEWFILE_SNAPSHOT, 8 * VIEWFILE_HEADER, 8 * VIEWFILE_ROW);
    assert_int_equal(generation(w), 0);
    assert_int_equal(view_maintain(v, &f), 0);
    view_stats(v, &stats);
    assert_true(stats.log_rows < MORE_THAN_A_LOG_HOLDS / 2);
    assert_equals_store(w);
    publish(w, v, 1, CERT_REVOKED);
    assert_equals_store(w);
    view_close(v);
}

static void a_reader_follows_a_rebuilt_view(void **state)
{
    struct world *w = *state;
    struct view *v = open_view(w);
    struct viewfile_row row;
    struct viewfile *r;
    char path[256], dir[128];
    struct fault f;

    fill(w, v, 10);
    assert_int_equal(viewfile_open(folder(w, 1, dir), &r, &f), 0);
    view_close(v);
    snprintf(path, sizeof path, "%s/current", folder(w, 1, dir));
    assert_int_equal(unlink(path), 0);
    v = open_view(w);
    publish(w, v, 1, CERT_REVOKED);
    assert_int_equal(viewfile_refresh(r, &f), 0);
    assert_int_equal(viewfile_lookup(r, ref_of(1).serial, &row), 0);
    assert_int_equal(row.status, VIEWFILE_REVOKED);
    viewfile_close(r);
    view_close(v);
}

static void a_view_of_another_key_is_rebuilt(void **state)
{
    struct world *w = *state;
    struct view *v = open_view(w);

    fill(w, v, 10);
    view_close(v);
    model_forget(w->store, 4);
    model_issuer(w->store, 1, "issuing", 0x33);
    model_issuer(w->store, 2, "other/../name", 0x44);
    view_close(open_view(w));
    assert_equals_store(w);
}

/* An older store must not make revoked certificates good again. */
static void a_store_older_than_the_view_is_refused(void **state)
{
    struct world *w = *state;
    struct view *v = open_view(w);
    struct fault f;

    fill(w, v, 10);
    view_close(v);
    model_forget(w->store, 4);
    assert_int_equal(view_open(w->dir, w->store, &v, &f), -FAULT_CONFLICT);
    assert_string_equal(f.rule, "view.ahead");
    assert_null(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(flipped_bits_are_refused_by_readers_and_repaired_by_the_writer),
        WORLD_TEST(every_bit_of_the_live_words_may_flip),
        WORLD_TEST(truncated_and_missing_files_are_refused_and_rebuilt),
        WORLD_TEST(damage_met_while_merging_is_made_good_from_the_store),
        WORLD_TEST(a_reader_follows_a_rebuilt_view),
        WORLD_TEST(a_view_of_another_key_is_rebuilt),
        WORLD_TEST(a_store_older_than_the_view_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
