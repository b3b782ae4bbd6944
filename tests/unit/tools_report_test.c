#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/html.h"
#include "tools/report.h"

static void nothing_in_a_text_is_markup_or_drives_anything(void **state)
{
    static const struct {
        const char *text, *html;
    } cases[] = {
        {"<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"},
        {"\" onload='x' &amp;", "&quot; onload=&#39;x&#39; &amp;amp;"},
        {"a\x1b[31m\r\n\x7f", "a\\x1b[31m\\x0d\\x0a\\x7f"},
        {"\xff<\xc3", "\\xff&lt;\\xc3"},
        {"\xe2\x80\xae"
         "elpmaxe",
         "\\xe2\\x80\\xaeelpmaxe"},
        {"M\xc3\xbcnchen", "M\xc3\xbcnchen"},
        {"]]>--><!--", "]]&gt;--&gt;&lt;!--"},
    };
    struct buf out;

    (void)state;
    buf_init(&out, 4096);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        buf_reset(&out);
        html_text(&out, cases[i].text);
        assert_string_equal(buf_cstr(&out), cases[i].html);
    }
    buf_free(&out);
}

static json_t *chart_rows(size_t n, const char *name)
{
    json_t *rows = json_array();

    for (size_t i = 0; i < n; i++)
        assert_int_equal(
            json_array_append_new(rows, json_pack("{s:s, s:i}", "name", name, "value", (int)i)), 0);
    return rows;
}

static void a_chart_escapes_names_and_adds_up_what_does_not_fit(void **state)
{
    json_t *rows = chart_rows(100, "<b onclick=\"x\">");
    struct buf out;

    (void)state;
    buf_init(&out, 1u << 20);
    html_bars(&out, rows, "name", "value");
    assert_null(strstr(buf_cstr(&out), "<b "));
    assert_non_null(strstr(buf_cstr(&out), "&lt;b onclick=&quot;x&quot;&gt;"));
    assert_non_null(strstr(buf_cstr(&out), "all others"));
    assert_non_null(strstr(buf_cstr(&out), ">4,895<")); /* 11 + ... + 99 */
    buf_reset(&out);
    html_columns(&out, rows, "name", "value");
    assert_null(strstr(buf_cstr(&out), "<b "));
    json_decref(rows);
    rows = json_array();
    buf_reset(&out);
    html_bars(&out, rows, "name", "value");
    assert_int_equal(out.n, 0);
    json_decref(rows);
    buf_free(&out);
}

static void names_without_end_are_counted_in_bounded_memory(void **state)
{
    struct tally t;
    char name[32];
    uint64_t all = 0;

    (void)state;
    tally_init(&t);
    for (unsigned i = 0; i < 3 * TALLY_MAX; i++) {
        (void)snprintf(name, sizeof(name), "owner-%u", i);
        tally_of(&t, name)->all++;
    }
    tally_of(&t, "owner-7")->active = 9;
    assert_true(t.full);
    assert_int_equal(t.n, TALLY_MAX + 1);
    assert_int_equal(tally_of(&t, "(others)")->all, 2 * TALLY_MAX);
    tally_sort(&t);
    assert_string_equal(t.row[0].name, "owner-7");
    assert_string_equal(t.row[1].name, "(others)");
    for (size_t i = 0; i < t.n; i++)
        all += t.row[i].all;
    assert_int_equal(all, 3 * TALLY_MAX);
    tally_free(&t);
}

static struct cert_info a_certificate(const char *status, int64_t not_after)
{
    struct cert_info i = {.not_after = not_after};

    (void)snprintf(i.status, sizeof i.status, "%s", status);
    (void)snprintf(i.owner, sizeof i.owner, "%s", "alice");
    (void)snprintf(i.key, sizeof i.key, "%s", "p256");
    return i;
}

static void what_ends_without_a_renewal_is_counted(void **state)
{
    struct report_sums *s = calloc(1, sizeof(*s));
    const int64_t now = 1800000000; /* 2027-01-15 */
    struct cert_info i = a_certificate("valid", now + 10 * REPORT_DAY);

    (void)state;
    assert_non_null(s);
    sums_init(s);
    sums_add(s, &i, now);
    i.followed = true;
    sums_add(s, &i, now);
    i.followed = false;
    i.annotation.retired = now;
    sums_add(s, &i, now);
    i.annotation.retired = 0;
    (void)snprintf(i.requester, sizeof i.requester, "%s", "cerca-public");
    sums_add(s, &i, now);
    i = a_certificate("valid", now + 400 * REPORT_DAY);
    i.owner[0] = 0;
    sums_add(s, &i, now);
    i = a_certificate("revoked", now + 10 * REPORT_DAY);
    sums_add(s, &i, now);
    assert_int_equal(s->all, 6);
    assert_int_equal(s->active, 5);
    assert_int_equal(s->revoked, 1);
    assert_int_equal(s->unowned, 1);
    assert_int_equal(s->ends[0], 0); /* within 7 days */
    assert_int_equal(s->ends[1], 4);
    assert_int_equal(s->bare[1], 1);
    assert_int_equal(s->months[0], 4);
    assert_int_equal(s->months[REPORT_MONTHS - 1], 1);
    assert_int_equal(tally_of(&s->owner, "alice")->bare, 1);
    assert_int_equal(tally_of(&s->owner, "(none)")->active, 1);
    sums_free(s);
    free(s);
}

static void months_are_those_of_the_calendar(void **state)
{
    (void)state;
    assert_int_equal(report_month(0), 1970 * 12);
    assert_int_equal(report_month(1800000000), 2027 * 12);
    assert_int_equal(report_month(1798761599), 2026 * 12 + 11); /* its last second */
    assert_int_equal(report_month(1798761600), 2027 * 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_in_a_text_is_markup_or_drives_anything),
        cmocka_unit_test(a_chart_escapes_names_and_adds_up_what_does_not_fit),
        cmocka_unit_test(names_without_end_are_counted_in_bounded_memory),
        cmocka_unit_test(what_ends_without_a_renewal_is_counted),
        cmocka_unit_test(months_are_those_of_the_calendar),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
