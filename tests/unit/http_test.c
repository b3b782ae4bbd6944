/* HTTP's texts: dates, paths, conditions and ranges (RFC 9110, RFC 9112). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "lib/http.h"

#define NOW INT64_C(1795270601) /* 2026-11-21 */
#define EXAMPLE INT64_C(784111777)

static void all_three_forms_of_a_date_are_read(void **state)
{
    /* RFC 9110 5.6.7 */
    static const char *const forms[] = {"Sun, 06 Nov 1994 08:49:37 GMT",
                                        "Sunday, 06-Nov-94 08:49:37 GMT",
                                        "Sun Nov  6 08:49:37 1994"};
    int64_t t;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(http_date_get(forms[i], NOW, &t), 0);
        assert_int_equal(t, EXAMPLE);
    }
}

static void a_date_is_written_in_the_preferred_form(void **state)
{
    char text[HTTP_DATE_SIZE];
    int64_t t;

    (void)state;
    http_date_put(EXAMPLE, text);
    assert_string_equal(text, "Sun, 06 Nov 1994 08:49:37 GMT");
    for (int64_t at = 0; at < NOW; at += 86400 * 37 + 3607) {
        http_date_put(at, text);
        assert_int_equal(http_date_get(text, NOW, &t), 0);
        assert_int_equal(t, at);
    }
}

static void what_is_no_date_is_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "Sun",
                                      "Sun, 06 Nov 1994 08:49:37",
                                      "Sun, 06 Nov 1994 08:49:37 GMT ",
                                      "Sun, 06 Nov 1994 08:49:37 CET",
                                      "Sun, 32 Nov 1994 08:49:37 GMT",
                                      "Sun, 06 Nox 1994 08:49:37 GMT",
                                      "Sun, 06 Nov 1994 25:49:37 GMT",
                                      "Sunday, 06-Nov-94 08:49 GMT",
                                      "Xun, 06 Nov 1994 08:49:37 GMT"};
    int64_t t;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(http_date_get(bad[i], NOW, &t), -1);
}

static void a_path_is_decoded_once(void **state)
{
    static const struct {
        const char *target, *path;
    } good[] = {{"/", "/"},
                {"/ca/issuing.crt", "/ca/issuing.crt"},
                {"/a%2Bb%2fc%3D", "/a+b/c="},
                {"/a+b", "/a+b"},
                {"/%2541", "/%41"},
                {"//double", "//double"},
                {"/a?query=%zz", "/a"},
                {"http://pki.example:80/ca/x.crt", "/ca/x.crt"},
                {"HTTP://pki.example", "/"}};
    static const char *const bad[] = {"",       "a",      "*",     "/%",   "/%4",  "/%zz",
                                      "/a%00b", "/a%0ab", "/a\tb", "/%7f", "https"};
    char path[HTTP_PATH_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(http_path(good[i].target, path), 0);
        assert_string_equal(path, good[i].path);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(http_path(bad[i], path), -1);
}

static void a_path_is_bounded(void **state)
{
    static char target[HTTP_PATH_MAX + 1], path[HTTP_PATH_MAX];

    (void)state;
    memset(target, 'a', HTTP_PATH_MAX);
    target[0] = '/';
    assert_int_equal(http_path(target, path), -1);
    target[HTTP_PATH_MAX - 1] = '\0';
    assert_int_equal(http_path(target, path), 0);
}

static const struct http_validators thing = {"\"abc\"", EXAMPLE, 1000};

static enum http_verdict judge(const struct http_conditions *c)
{
    uint64_t first, length;

    return http_judge(&thing, c, NOW, &first, &length);
}

static void an_etag_of_the_list_means_not_modified(void **state)
{
    (void)state;
    assert_int_equal(judge(&(struct http_conditions){.if_none_match = "\"abc\""}),
                     HTTP_NOT_MODIFIED);
    assert_int_equal(judge(&(struct http_conditions){.if_none_match = "W/\"abc\""}),
                     HTTP_NOT_MODIFIED);
    assert_int_equal(judge(&(struct http_conditions){.if_none_match = "\"x\", \"abc\""}),
                     HTTP_NOT_MODIFIED);
    assert_int_equal(judge(&(struct http_conditions){.if_none_match = "*"}), HTTP_NOT_MODIFIED);
    assert_int_equal(judge(&(struct http_conditions){.if_none_match = "\"abcd\""}), HTTP_WHOLE);
    assert_int_equal(judge(&(struct http_conditions){.if_none_match = "abc"}), HTTP_WHOLE);
    assert_int_equal(judge(&(struct http_conditions){.if_none_match = "\"abc"}), HTTP_WHOLE);
}

static void a_date_counts_only_without_an_etag(void **state)
{
    const char *same = "Sun, 06 Nov 1994 08:49:37 GMT", *before = "Sun, 06 Nov 1994 08:49:36 GMT";

    (void)state;
    assert_int_equal(judge(&(struct http_conditions){.if_modified_since = same}),
                     HTTP_NOT_MODIFIED);
    assert_int_equal(judge(&(struct http_conditions){.if_modified_since = before}), HTTP_WHOLE);
    assert_int_equal(judge(&(struct http_conditions){.if_modified_since = "yesterday"}),
                     HTTP_WHOLE);
    assert_int_equal(
        judge(&(struct http_conditions){.if_modified_since = same, .if_none_match = "\"other\""}),
        HTTP_WHOLE);
}

static void expect_range(const char *text, enum http_verdict want, uint64_t at, uint64_t n)
{
    uint64_t first, length;

    assert_int_equal(
        http_judge(&thing, &(struct http_conditions){.range = text}, NOW, &first, &length), want);
    assert_int_equal(first, at);
    assert_int_equal(length, n);
}

static void one_range_of_octets_is_cut_to_what_is_there(void **state)
{
    /* RFC 9110 14.1.2 */
    (void)state;
    expect_range("bytes=0-9", HTTP_PART, 0, 10);
    expect_range("bytes=990-", HTTP_PART, 990, 10);
    expect_range("bytes=990-5000", HTTP_PART, 990, 10);
    expect_range("bytes=-10", HTTP_PART, 990, 10);
    expect_range("bytes=-5000", HTTP_PART, 0, 1000);
    expect_range("bytes=1000-", HTTP_NO_RANGE, 0, 1000);
    expect_range("bytes=-0", HTTP_NO_RANGE, 0, 1000);
}

static void a_range_that_we_do_not_serve_gets_the_whole(void **state)
{
    static const char *const other[] = {"bytes=",
                                        "bytes=-",
                                        "bytes=5-4",
                                        "bytes=0-1,5-6",
                                        "lines=0-1",
                                        "bytes=a-b",
                                        "bytes=0-1x",
                                        "bytes=99999999999999999999-",
                                        "bytes=0-99999999999999999999"};

    (void)state;
    for (size_t i = 0; i < sizeof other / sizeof other[0]; i++)
        expect_range(other[i], HTTP_WHOLE, 0, 1000);
}

static void a_part_of_something_else_gets_the_whole(void **state)
{
    (void)state;
    assert_int_equal(judge(&(struct http_conditions){.range = "bytes=0-1", .if_range = "\"abc\""}),
                     HTTP_PART);
    assert_int_equal(judge(&(struct http_conditions){.range = "bytes=0-1", .if_range = "\"old\""}),
                     HTTP_WHOLE);
    assert_int_equal(judge(&(struct http_conditions){.range = "bytes=0-1",
                                                     .if_range = "Sun, 06 Nov 1994 08:49:37 GMT"}),
                     HTTP_WHOLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_three_forms_of_a_date_are_read),
        cmocka_unit_test(a_date_is_written_in_the_preferred_form),
        cmocka_unit_test(what_is_no_date_is_refused),
        cmocka_unit_test(a_path_is_decoded_once),
        cmocka_unit_test(a_path_is_bounded),
        cmocka_unit_test(an_etag_of_the_list_means_not_modified),
        cmocka_unit_test(a_date_counts_only_without_an_etag),
        cmocka_unit_test(one_range_of_octets_is_cut_to_what_is_there),
        cmocka_unit_test(a_range_that_we_do_not_serve_gets_the_whole),
        cmocka_unit_test(a_part_of_something_else_gets_the_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
