/* The public view's format and reader, on files made by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "tests/unit/viewfile_files.h"

#define ROWS 5000

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
    v = open_files(d);
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
    v = open_files(d);
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
    v = open_files(d);
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
    v = open_files(d);
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
    v = open_files(d);
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
    v = open_files(d);
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
    v = open_files(d);
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
    const struct CMUnitTest tests[] = {
        FILES_TEST(headers_come_back_and_no_bit_of_them_may_flip),
        FILES_TEST(records_hold_only_in_their_place_and_whole),
        FILES_TEST(a_pair_of_words_tells_when_it_does_not_agree),
        FILES_TEST(every_row_is_found_and_none_besides),
        FILES_TEST(the_log_adds_to_the_snapshot_and_wins_over_it),
        FILES_TEST(the_greatest_change_number_wins_wherever_it_stands),
        FILES_TEST(stamp_and_change_number_are_taken_from_the_live_words),
        FILES_TEST(a_record_that_count_does_not_tell_of_is_taken_when_it_is_whole),
        FILES_TEST(a_replaced_pair_is_followed),
        FILES_TEST(a_pair_replaced_without_a_mark_is_followed_once_its_stamp_is_old),
        FILES_TEST(a_view_that_is_not_there_yet_is_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
