/* Lists as table, JSON and CSV: what they print, read back from standard output. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "tools/rows.h"
#include "lib/text.h"

static const struct column columns[] = {
    {"ID", "id", 4, COLUMN_ALWAYS, NULL},     {"MORE", "more", 70, COLUMN_WIDE, NULL},
    {"LESS", "less", 4, COLUMN_NARROW, NULL}, {"NAME", "name", 0, COLUMN_ALWAYS, NULL},
    {NULL, NULL, 0, COLUMN_ALWAYS, NULL},
};
static const char *const keys[] = {"id", "name", "list", "flag", NULL};
static const struct sheet sheet = {columns, keys};
static const struct sheet *shown = &sheet;

static json_t *row(int id, const char *name)
{
    json_t *o = json_object();
    json_t *list = json_array();

    json_put(o, "id", json_integer(id));
    json_put(o, "name", json_text(name));
    json_put(o, "more", json_string("more"));
    json_put(o, "less", json_string("less"));
    assert_int_equal(json_array_append_new(list, json_string("dns:a")), 0);
    assert_int_equal(json_array_append_new(list, json_string("dns:b")), 0);
    json_put(o, "list", list);
    json_put(o, "flag", json_true());
    return o;
}

/* What the rows print; the caller frees. */
static char *printed(enum format format, const char *const *names)
{
    struct tool t = {.format = format};
    int memory = memfd_create("stdout", 0);
    int saved = dup(STDOUT_FILENO);
    char *text = calloc(1, 65536);
    struct rows rows;
    int rc = EXIT_OK;

    assert_true(memory >= 0 && saved >= 0 && text != NULL);
    assert_int_equal(fflush(stdout), 0);
    assert_true(dup2(memory, STDOUT_FILENO) >= 0);
    rows_begin(&rows, &t, shown);
    for (int i = 0; rc == EXIT_OK && names[i] != NULL; i++)
        rc = rows_add(&rows, row(i, names[i]));
    if (rc == EXIT_OK)
        rc = rows_end(&rows);
    assert_true(dup2(saved, STDOUT_FILENO) >= 0);
    assert_int_equal(rc, EXIT_OK);
    assert_true(pread(memory, text, 65535, 0) >= 0);
    (void)close(memory);
    (void)close(saved);
    return text;
}

static void prints(enum format format, const char *const *names, const char *wanted)
{
    char *text = printed(format, names);

    assert_string_equal(text, wanted);
    free(text);
}

/* RFC 4180 section 2: CRLF, quotes around commas, quotes and breaks, quotes doubled. */
static void csv_quotes_as_rfc_4180_says(void **state)
{
    const char *names[] = {"plain", "a,b", "say \"hi\"", NULL};

    (void)state;
    prints(FORMAT_CSV, names,
           "id,name,list,flag\r\n0,plain,dns:a dns:b,true\r\n1,\"a,b\",dns:a dns:b,true\r\n"
           "2,\"say \"\"hi\"\"\",dns:a dns:b,true\r\n");
}

static void csv_cells_are_no_formulas(void **state)
{
    const char *names[] = {"=1+1", "+1", "-1", "@x", "=\"a\",b", NULL};

    (void)state;
    prints(FORMAT_CSV, names,
           "id,name,list,flag\r\n0,'=1+1,dns:a dns:b,true\r\n1,'+1,dns:a dns:b,true\r\n"
           "2,'-1,dns:a dns:b,true\r\n3,'@x,dns:a dns:b,true\r\n"
           "4,\"'=\"\"a\"\",b\",dns:a dns:b,true\r\n");
}

static void csv_and_table_carry_no_control_characters(void **state)
{
    const char *names[] = {"a\x1b[2Jb\r\n", NULL};
    char *csv = printed(FORMAT_CSV, names);
    char *table = printed(FORMAT_TABLE, names);

    (void)state;
    assert_non_null(strstr(csv, "a\\x1b[2Jb\\x0d\\x0a"));
    assert_null(strchr(csv, 0x1b));
    assert_non_null(strstr(table, "a\\x1b[2Jb\\x0d\\x0a"));
    assert_null(strchr(table, 0x1b));
    free(csv);
    free(table);
}

static void json_is_one_array_in_plain_ascii(void **state)
{
    const char *names[] = {"M\xc3\xbcller\xc2\x9b", "b", NULL};
    const char *none[] = {NULL};
    char *text = printed(FORMAT_JSON, names);
    json_t *list = json_loads(text, 0, NULL);

    (void)state;
    assert_int_equal(json_array_size(list), 2);
    assert_string_equal(json_str(json_array_get(list, 0), "name"), names[0]);
    for (const char *p = text; *p != 0; p++)
        assert_true((unsigned char)*p < 0x80);
    json_decref(list);
    free(text);
    prints(FORMAT_JSON, none, "[]\n");
}

static void lines_fit(const char *terminal, size_t width, const char *there, const char *absent)
{
    char long_name[301] = {0};
    const char *names[] = {long_name, "short", NULL};
    char *text;

    memset(long_name, 'x', sizeof(long_name) - 1);
    assert_int_equal(setenv("COLUMNS", terminal, 1), 0);
    text = printed(FORMAT_TABLE, names);
    assert_non_null(strstr(text, there));
    assert_null(strstr(text, absent));
    for (char *p = text, *end; (end = strchr(p, '\n')) != NULL; p = end + 1)
        assert_true(text_width(slice_of(p, (size_t)(end - p))) <= width);
    free(text);
}

static void shows(const char *terminal, const char *name, const char *there, const char *absent)
{
    const char *names[] = {name, NULL};
    char *text;

    assert_int_equal(setenv("COLUMNS", terminal, 1), 0);
    text = printed(FORMAT_TABLE, names);
    assert_non_null(strstr(text, name));
    assert_non_null(strstr(text, there));
    assert_null(strstr(text, absent));
    free(text);
}

/* 32 and 20 columns always, 32 or else 12, and 22 more. */
static void the_last_column_is_left_room(void **state)
{
    static const struct column many[] = {
        {"ID", "id", 30, COLUMN_ALWAYS, NULL},     {"MORE", "more", 30, COLUMN_WIDE, NULL},
        {"LESS", "less", 10, COLUMN_NARROW, NULL}, {"FLAG", "flag", 20, COLUMN_WIDE, NULL},
        {"NAME", "name", 0, COLUMN_ALWAYS, NULL},  {NULL, NULL, 0, COLUMN_ALWAYS, NULL},
    };
    static const struct sheet wide = {many, keys};

    (void)state;
    shown = &wide;
    shows("80", "twenty-columns.names", "LESS", "MORE");
    shows("80", "twenty-columns.names", "LESS", "FLAG");
    shows("84", "twenty-columns.names", "MORE", "LESS");
    shows("105", "twenty-columns.names", "MORE", "FLAG");
    shows("106", "twenty-columns.names", "FLAG", "LESS");
    shown = &sheet;
}

static void a_table_fits_its_terminal(void **state)
{
    (void)state;
    lines_fit("80", 80, "LESS", "MORE");
    lines_fit("120", 120, "MORE", "LESS");
    lines_fit("10", 80, "LESS", "MORE"); /* less than 80 is not worth drawing for */
    lines_fit("garbage", 120, "MORE", "LESS");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csv_quotes_as_rfc_4180_says),
        cmocka_unit_test(csv_cells_are_no_formulas),
        cmocka_unit_test(csv_and_table_carry_no_control_characters),
        cmocka_unit_test(json_is_one_array_in_plain_ascii),
        cmocka_unit_test(a_table_fits_its_terminal),
        cmocka_unit_test(the_last_column_is_left_room),
    };

    return cmocka_run_group_tests_name("tools_rows", tests, NULL, NULL);
}
