/* Damaged configurations: refused with file and line, or read; never worse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/conf.h"

#define PATH "/data/ca/cerca.conf"

/* libconfig 1.5 loses a string that the grammar did not expect there; a refused
 * file costs its reader that much. Ours must lose nothing. The name is LeakSanitizer's. */
const char *__lsan_default_suppressions(void); /* NOLINT(bugprone-reserved-identifier) */
const char *__lsan_default_suppressions(void)
{
    return "leak:libconfig.so\n";
}

static void dev_text(struct buf *out)
{
    static const struct conf_dev dev = {.http_port = 8080,
                                        .https_port = 8443,
                                        .uid = 1000,
                                        .operator_name = "alice",
                                        .module = "/usr/lib/softhsm/libsofthsm2.so"};

    buf_init(out, CONF_MAX);
    conf_dev_text(&dev, out);
    assert_false(buf_failed(out));
}

/* PATH, a line number that exists, and something to read. */
static void assert_placed(const struct fault *f, unsigned long lines)
{
    char *end;
    unsigned long line;

    assert_int_equal(strncmp(f->text, PATH ":", strlen(PATH) + 1), 0);
    line = strtoul(f->text + strlen(PATH) + 1, &end, 10);
    if (line < 1 || line > lines || strncmp(end, ": ", 2) != 0 || end[2] == '\0')
        fail_msg("%s", f->text);
    assert_string_not_equal(f->rule, "");
}

static int try_text(const char *text)
{
    struct conf *c = NULL;
    struct fault f = {0};
    unsigned long lines = 1;
    int rc = conf_load_text(text, PATH, &c, &f);

    for (const char *p = text; *p != '\0'; p++)
        lines += *p == '\n';
    if (rc == 0) {
        assert_non_null(c);
        assert_non_null(c->sock_dir);
    } else {
        assert_int_equal(rc, -FAULT_CONFIG);
        assert_null(c);
        assert_placed(&f, lines);
    }
    conf_free(c);
    return rc;
}

static void every_prefix_is_read_or_refused(void **state)
{
    struct buf text;
    size_t refused = 0;

    (void)state;
    dev_text(&text);
    for (size_t n = text.n; n-- > 0;) {
        ((char *)text.p)[n] = '\0';
        refused += try_text((const char *)text.p) < 0;
    }
    assert_true(refused > text.n / 3);
    buf_free(&text);
}

static void every_octet_changed_is_read_or_refused(void **state)
{
    static const uint8_t flips[] = {0x01, 0x80, 0x10, 0x40};
    struct buf text;
    size_t refused = 0;

    (void)state;
    dev_text(&text);
    (void)buf_cstr(&text);
    for (size_t i = 0; i < text.n; i++) {
        for (size_t k = i % 2; k < sizeof(flips); k += 2) {
            uint8_t kept = text.p[i];

            text.p[i] = kept ^ flips[k];
            refused += try_text((const char *)text.p) < 0;
            text.p[i] = kept;
        }
    }
    assert_true(refused > text.n);
    buf_free(&text);
}

static void every_line_removed_or_twice_is_read_or_refused(void **state)
{
    struct buf text, other;
    const char *line, *end;

    (void)state;
    dev_text(&text);
    buf_init(&other, CONF_MAX);
    for (line = buf_cstr(&text); *line != '\0'; line = end + 1) {
        size_t before = (size_t)(line - (const char *)text.p);

        end = strchr(line, '\n');
        assert_non_null(end);
        for (int twice = 0; twice < 2; twice++) {
            buf_reset(&other);
            buf_put(&other, text.p, before);
            if (twice) {
                buf_put(&other, line, (size_t)(end - line) + 1);
                buf_put(&other, line, (size_t)(end - line) + 1);
            }
            buf_put_str(&other, end + 1);
            (void)try_text(buf_cstr(&other));
        }
    }
    buf_free(&other);
    buf_free(&text);
}

static void long_and_deep_texts_are_refused(void **state)
{
    static const char *const repeated[] = {
        "(", "{", "[", "a", "\"", "a = {", "a : ( ", "/*", "a = \"\\", "tokens = ( { name = \"x"};
    struct buf text;

    (void)state;
    buf_init(&text, CONF_MAX);
    for (size_t i = 0; i < sizeof(repeated) / sizeof(repeated[0]); i++) {
        buf_reset(&text);
        while (text.n + strlen(repeated[i]) <= 100000)
            buf_put_str(&text, repeated[i]);
        assert_int_equal(try_text(buf_cstr(&text)), -FAULT_CONFIG);
    }
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_prefix_is_read_or_refused),
        cmocka_unit_test(every_octet_changed_is_read_or_refused),
        cmocka_unit_test(every_line_removed_or_twice_is_read_or_refused),
        cmocka_unit_test(long_and_deep_texts_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
