/* The messages of an import: everything comes back as it was put, nothing else is accepted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/frame.h"
#include "lib/proto_import.h"

static struct import_request *make(uint32_t n)
{
    struct import_request *r = xcalloc(1, sizeof(*r));

    r->dry_run = true;
    (void)snprintf(r->owner, sizeof(r->owner), "team-a");
    (void)snprintf(r->tags, sizeof(r->tags), "legacy,pci");
    r->n = n;
    for (uint32_t i = 0; i < n; i++) {
        r->item[i].der = slice_str("0123456789");
        (void)snprintf(r->item[i].origin, sizeof(r->item[i].origin), "file %u.pem", (unsigned)i);
    }
    if (n > 1)
        r->item[1].status = (struct import_status){IMPORT_REVOKED, 4, -5};
    return r;
}

static void a_request_comes_back(void **state)
{
    struct import_request *r = make(IMPORT_MAX), *got = xcalloc(1, sizeof(*got));
    size_t items = 0;
    struct buf b;

    (void)state;
    buf_init(&b, FRAME_BODY_MAX);
    import_request_put(&b, r);
    assert_int_equal(import_request_get(buf_slice(&b), got), 0);
    assert_true(got->dry_run);
    assert_string_equal(got->owner, r->owner);
    assert_string_equal(got->tags, r->tags);
    assert_int_equal(got->n, IMPORT_MAX);
    for (uint32_t i = 0; i < got->n; i++) {
        assert_true(slice_eq(got->item[i].der, r->item[i].der));
        assert_string_equal(got->item[i].origin, r->item[i].origin);
        assert_memory_equal(&got->item[i].status, &r->item[i].status, sizeof(r->item[i].status));
        items += import_item_size(&r->item[i]);
    }
    assert_int_equal(b.n, 1 + 4 + 6 + 4 + 10 + 4 + items);
    for (size_t n = 0; n < b.n; n++)
        assert_int_equal(import_request_get(slice_of(b.p, n), got), -1);
    buf_put_u8(&b, 0);
    assert_int_equal(import_request_get(buf_slice(&b), got), -1);
    buf_free(&b);
    free(got);
    free(r);
}

static void odd_requests_are_refused(void **state)
{
    static const struct import_status bad[] = {
        {4, 0, 0}, {IMPORT_REVOKED, 11, 1}, {IMPORT_VALID, 1, 0}, {IMPORT_NOT_TOLD, 0, 1}};
    struct import_request *got = xcalloc(1, sizeof(*got));
    struct buf b;

    (void)state;
    buf_init(&b, FRAME_BODY_MAX);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct import_request *r = make(1);

        r->item[0].status = bad[i];
        buf_reset(&b);
        import_request_put(&b, r);
        assert_int_equal(import_request_get(buf_slice(&b), got), -1);
        free(r);
    }
    for (uint32_t n = 0; n <= IMPORT_MAX + 1; n += IMPORT_MAX + 1) {
        buf_reset(&b);
        wire_put_u8(&b, 0);
        wire_put_u8(&b, 0);
        wire_put_text(&b, "");
        wire_put_text(&b, "");
        wire_put_u32(&b, n);
        for (uint32_t i = 0; i < n * 18; i++)
            buf_put_u8(&b, 0);
        assert_int_equal(import_request_get(buf_slice(&b), got), -1);
    }
    buf_free(&b);
    free(got);
}

static void an_outcome_comes_back(void **state)
{
    struct import_outcome o = {
        .became = IMPORT_REFUSED, .stranger = true, .number = 77, .rule = "cert.der", .text = "no"};
    struct import_outcome got;
    struct wire_in w;
    struct buf b;

    (void)state;
    buf_init(&b, 4096);
    import_outcome_put(&b, &o);
    wire_in_init(&w, buf_slice(&b));
    import_outcome_get(&w, &got);
    assert_true(wire_in_done(&w));
    assert_true(got.became == o.became && got.stranger && got.number == 77);
    assert_string_equal(got.rule, o.rule);
    assert_string_equal(got.text, o.text);
    for (uint8_t became = 0; became <= 5; became += 5) {
        b.p[0] = became;
        wire_in_init(&w, buf_slice(&b));
        import_outcome_get(&w, &got);
        assert_false(wire_in_done(&w));
    }
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_comes_back),
        cmocka_unit_test(odd_requests_are_refused),
        cmocka_unit_test(an_outcome_comes_back),
    };

    return cmocka_run_group_tests_name("proto_import", tests, NULL, NULL);
}
