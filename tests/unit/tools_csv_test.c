/* RFC 4180, and what spreadsheets and people really write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tools/csv.h"

/* Fields with '|' between, records with '/'; or the fault's text. */
static void read_all(const char *text, struct buf *out)
{
    struct fault f = {0};
    struct csv c;
    int rc;

    csv_init(&c, slice_str(text));
    buf_reset(out);
    while ((rc = csv_next(&c, &f)) == 0) {
        for (size_t i = 0; i < c.n; i++)
            buf_printf(out, "%s%s", i > 0 ? "|" : "", c.field[i]);
        buf_put_str(out, "/");
    }
    if (rc < 0)
        buf_printf(out, "!%s", f.text);
    csv_free(&c);
}

static void records_are_read_as_written(void **state)
{
    static const struct {
        const char *text, *want;
    } table[] = {
        {"", ""},
        {"\n\r\n\n", ""},
        {"a", "a/"},
        {"a,b\nc,d\n", "a|b/c|d/"},
        {"a,b\r\nc,d", "a|b/c|d/"},
        {"a,b\r\n\r\nc,d\r", "a|b/c|d/"},
        {"\xef\xbb\xbf"
         "a,b",
         "a|b/"},
        {",\n", "|/"},
        {"a,,c,\n", "a||c|/"},
        {" a , b b ,\" c \"", "a|b b| c /"},
        {"\"a,b\",\"say \"\"hi\"\"\"", "a,b|say \"hi\"/"},
        {"\"\",x", "|x/"},
        {"m\xc3\xbcller,x", "m\xc3\xbcller|x/"},
    };
    struct buf out;

    (void)state;
    buf_init(&out, 4096);
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        read_all(table[i].text, &out);
        assert_string_equal(buf_cstr(&out), table[i].want);
    }
    buf_free(&out);
}

static void what_is_broken_is_named_by_its_line(void **state)
{
    static const struct {
        const char *text, *want;
    } table[] = {
        {"a\n\"b", "a/!line 2: a quoted field does not end"},
        {"a\"b", "!line 1: a quote stands inside a field that does not begin with one"},
        {"\"a\"b", "!line 1: something stands behind a quoted field"},
        {"a\nb\n\x01", "a/b/!line 3: a field has a control character or a line end in it"},
        {"\"a\nb\"", "!line 1: a field has a control character or a line end in it"},
        {"a\rb\n", "!line 1: a field has a control character or a line end in it"},
        {"\xff", "!line 1: a field is not UTF-8"},
        {"1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,"
         "33,34,35,36,37,38,39,40,41",
         "!line 1: too many fields"},
    };
    struct buf out;

    (void)state;
    buf_init(&out, 4096);
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        read_all(table[i].text, &out);
        assert_string_equal(buf_cstr(&out), table[i].want);
    }
    buf_free(&out);
}

static void a_field_past_the_bound_is_refused(void **state)
{
    static char text[2 * CSV_FIELD_MAX];
    struct fault f = {0};
    struct csv c;

    (void)state;
    for (size_t i = 0; i < sizeof(text) - 1; i++)
        text[i] = 'x';
    csv_init(&c, slice_str(text));
    assert_true(csv_next(&c, &f) < 0);
    assert_int_equal(f.code, FAULT_MALFORMED);
    csv_free(&c);
}

static void no_fewer_lines_than_records_are_counted(void **state)
{
    (void)state;
    assert_int_equal(csv_lines(slice_str("")), 0);
    assert_int_equal(csv_lines(slice_str("a")), 1);
    assert_int_equal(csv_lines(slice_str("a\n")), 1);
    assert_int_equal(csv_lines(slice_str("a\r\nb")), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_read_as_written),
        cmocka_unit_test(what_is_broken_is_named_by_its_line),
        cmocka_unit_test(no_fewer_lines_than_records_are_counted),
        cmocka_unit_test(a_field_past_the_bound_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
