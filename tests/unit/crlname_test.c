/* What the CRLs of an issuer are called, and which part a certificate is of (lib/crlname.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "lib/crlname.h"

static void every_name_has_one_spelling(void **state)
{
    static const char *const wrong[] = {
        "",           "shard-",         "shard-1-of-0",      "shard-8-of-8",    "shard-01-of-8",
        "shard-1-of", "shard-1-of-257", "shard- 1-of-8",     "shard-1-of-8 ",   "shard--1-of-8",
        "shard-1of8", "Full",           "shard-1-of-8.crl",  "shard-+1-of-8",   "deltas",
        "crl",        "shard-1-of-08",  "shard-99999999999", "shard-1-of-8/..", "shard-65537-of-8",
    };
    struct crl_name name;
    char text[CRL_NAME_MAX], file[CRL_FILE_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_false(crl_name_parse(wrong[i], &name));
    assert_true(crl_name_parse("full", &name) && name.kind == CRL_FULL);
    crl_name_file(&name, file);
    assert_string_equal(file, "crl.der");
    assert_true(crl_name_parse("delta", &name) && name.kind == CRL_DELTA);
    crl_name_file(&name, file);
    assert_string_equal(file, "delta.der");
    assert_int_equal(crl_name_scope(&name), CRL_SCOPE_ALL);
    assert_true(crl_name_parse("shard-255-of-256", &name));
    assert_int_equal(name.shard, 255);
    crl_name_print(&name, text);
    assert_string_equal(text, "shard-255-of-256");
    crl_name_file(&name, file);
    assert_string_equal(file, "shard-255-of-256.der");
}

static void scopes_of_parts_lead_back_to_them(void **state)
{
    struct crl_name name = crl_name_shard(8, 3), back;

    (void)state;
    assert_true(crl_scope_shard(crl_name_scope(&name), &back));
    assert_memory_equal(&name, &back, sizeof(name));
    assert_false(crl_scope_shard(CRL_SCOPE_ALL, &back));
    assert_false(crl_scope_shard(1, &back));
    assert_false(crl_scope_shard(8u << 16 | 8, &back));
    assert_false(crl_scope_shard(257u << 16, &back));
}

static void a_serial_is_of_one_part_of_each_number(void **state)
{
    unsigned seen[7] = {0};
    uint8_t serial[SERIAL_LEN];

    (void)state;
    for (size_t i = 0; i < 700; i++) {
        random_bytes(serial, sizeof(serial));
        assert_int_equal(crl_shard_of(serial, 1), 0);
        seen[crl_shard_of(serial, 7)]++;
    }
    for (size_t i = 0; i < 7; i++)
        assert_in_range(seen[i], 40, 180); /* of 100 that are expected: 6 deviations and more */
}

static void check_places(int64_t delta, unsigned shards, const char *url, const char *point,
                         const char *freshest)
{
    static const uint8_t serial[SERIAL_LEN] = {0x40, [14] = 1, [15] = 2}; /* 258 */
    struct conf_issuer i = {.crl_delta = delta, .crl_shards = shards};
    struct buf a, b;

    i.crl_url = xstrdup(url);
    buf_init(&a, CRL_URL_MAX);
    buf_init(&b, CRL_URL_MAX);
    crl_places_of(&i, serial, &a, &b);
    assert_string_equal(buf_cstr(&a), point);
    assert_string_equal(buf_cstr(&b), freshest);
    buf_free(&a);
    buf_free(&b);
    free(i.crl_url);
}

static void a_certificate_names_its_list(void **state)
{
    (void)state;
    check_places(0, 0, "", "", "");
    check_places(0, 0, "http://x/y.crl", "http://x/y.crl", "");
    check_places(3600, 0, "http://x/y.crl", "http://x/y.crl", "http://x/y/delta.crl");
    check_places(3600, 0, "http://x/y", "http://x/y", "http://x/y/delta.crl");
    check_places(0, 8, "http://x/y.CRL", "http://x/y/shard-2-of-8.crl", "");
    check_places(3600, 256, "http://x/y.crl", "http://x/y/shard-2-of-256.crl", "");
}

static void what_is_written_into_a_part_is_read_again(void **state)
{
    struct crl_name name = crl_name_shard(16, 9), back;
    struct buf url, idp;

    (void)state;
    buf_init(&url, CRL_URL_MAX);
    buf_init(&idp, CRL_URL_MAX);
    crl_name_url(&name, "http://ca.test/a.crl", &url);
    assert_string_equal(buf_cstr(&url), "http://ca.test/a/shard-9-of-16.crl");
    crl_idp_put(&idp, buf_cstr(&url));
    assert_true(crl_idp_shard(buf_slice(&idp), "http://ca.test/a.crl", &back));
    assert_memory_equal(&name, &back, sizeof(name));
    assert_false(crl_idp_shard(buf_slice(&idp), "http://ca.test/b.crl", &back));
    assert_false(crl_idp_shard(SLICE_NONE, "http://ca.test/a.crl", &back));
    for (size_t i = 0; i < idp.n; i++)
        assert_false(crl_idp_shard(slice_of(idp.p, i), "http://ca.test/a.crl", &back));
    buf_free(&url);
    buf_free(&idp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_name_has_one_spelling),
        cmocka_unit_test(scopes_of_parts_lead_back_to_them),
        cmocka_unit_test(a_serial_is_of_one_part_of_each_number),
        cmocka_unit_test(a_certificate_names_its_list),
        cmocka_unit_test(what_is_written_into_a_part_is_read_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
