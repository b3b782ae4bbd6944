#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/conf_help.h"

const struct conf_dev conf_test_dev = {.http_port = 8080,
                                       .https_port = 8443,
                                       .uid = 1000,
                                       .operator_name = "alice",
                                       .module = "/usr/lib/softhsm/libsofthsm2.so"};

void conf_changed(const char *from, const char *to, struct buf *out)
{
    struct buf text;
    const char *at;

    buf_init(&text, CONF_MAX);
    conf_dev_text(&conf_test_dev, &text);
    at = strstr(buf_cstr(&text), from);
    assert_non_null(at);
    buf_init(out, CONF_MAX);
    buf_put(out, text.p, (size_t)(at - (const char *)text.p));
    buf_put_str(out, to);
    buf_put_str(out, at + strlen(from));
    assert_false(buf_failed(out));
    buf_free(&text);
}

struct conf *conf_accepted(const char *from, const char *to)
{
    struct buf text;
    struct conf *c;
    struct fault f = {0};

    conf_changed(from, to, &text);
    if (conf_load_text(buf_cstr(&text), CONF_TEST_PATH, &c, &f) < 0)
        fail_msg("%s", f.text);
    buf_free(&text);
    return c;
}

void conf_refused_at(const char *text, const char *at, const char *rule, const char *says)
{
    static struct conf nothing;
    struct conf *c = &nothing;
    struct fault f = {0};
    char place[64];
    unsigned line = 1;

    assert_non_null(strstr(text, at));
    for (const char *p = text; p < strstr(text, at); p++)
        line += *p == '\n';
    assert_int_equal(conf_load_text(text, CONF_TEST_PATH, &c, &f), -FAULT_CONFIG);
    assert_null(c);
    snprintf(place, sizeof(place), CONF_TEST_PATH ":%u: ", line);
    if (strncmp(f.text, place, strlen(place)) != 0)
        fail_msg("\"%s\" does not start with \"%s\"", f.text, place);
    if (strcmp(f.rule, rule) != 0 || strstr(f.text, says) == NULL)
        fail_msg("%s: %s", f.rule, f.text);
}

void conf_refuse_all(const struct conf_wrong *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct buf text;

        conf_changed(cases[i].from, cases[i].to, &text);
        conf_refused_at(buf_cstr(&text), cases[i].at == NULL ? cases[i].to : cases[i].at,
                        cases[i].rule, cases[i].says);
        buf_free(&text);
    }
}
