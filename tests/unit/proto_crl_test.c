/* Messages about CRLs survive their codec; what is cut, longer or oversized is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/crlname.h"
#include "lib/proto.h"

static void a_row_comes_back_as_it_was(void **state)
{
    struct crl_row in = {.installed = true, .number = 1, .base = 2, .this_update = 3}, out;
    struct wire_in w;
    struct buf b;
    (void)state;

    in.next_update = 4;
    in.next = 5;
    in.entries = 6;
    in.octets = 7;
    strcpy(in.issuer, "issuing");
    strcpy(in.list, "256 shards");
    strcpy(in.state, "current");
    strcpy(in.text, "all is well");
    buf_init(&b, 4096);
    crl_row_put(&b, &in);
    wire_in_init(&w, buf_slice(&b));
    crl_row_get(&w, &out);
    assert_true(wire_in_done(&w));
    assert_memory_equal(&in, &out, sizeof(in));
    for (size_t n = 0; n < b.n; n++) {
        wire_in_init(&w, slice_of(b.p, n));
        crl_row_get(&w, &out);
        assert_false(wire_in_done(&w));
    }
    buf_free(&b);
}

/* As many as there may be, each as long as it may be. */
static void all_rows_fit_into_a_frame(void **state)
{
    struct crl_row row;
    struct buf b;
    (void)state;

    memset(&row, 0, sizeof(row));
    memset(row.issuer, 'i', 32); /* as names are in the configuration */
    memset(row.list, 'l', sizeof(row.list) - 1);
    memset(row.state, 's', sizeof(row.state) - 1);
    memset(row.text, 't', sizeof(row.text) - 1);
    buf_init(&b, FRAME_BODY_MAX);
    wire_put_u32(&b, CRL_ROWS_MAX);
    for (size_t i = 0; i < CRL_ROWS_MAX; i++)
        crl_row_put(&b, &row);
    assert_false(buf_failed(&b));
    buf_free(&b);
}

static void a_request_names_an_issuer_and_a_list(void **state)
{
    struct crl_request out;
    struct buf b;
    (void)state;

    assert_true(sizeof(out.list) >= CRL_NAME_MAX);
    buf_init(&b, 4096);
    crl_request_put(&b, "issuing", "shard-255-of-256");
    assert_int_equal(crl_request_get(buf_slice(&b), &out), 0);
    assert_string_equal(out.issuer, "issuing");
    assert_string_equal(out.list, "shard-255-of-256");
    for (size_t n = 0; n < b.n; n++)
        assert_int_equal(crl_request_get(slice_of(b.p, n), &out), -1);
    buf_put_u8(&b, 0);
    assert_int_equal(crl_request_get(buf_slice(&b), &out), -1);
    buf_reset(&b);
    crl_request_put(&b, "issuing", "a list with a name that is far too long");
    assert_int_equal(crl_request_get(buf_slice(&b), &out), -1);
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_comes_back_as_it_was),
        cmocka_unit_test(all_rows_fit_into_a_frame),
        cmocka_unit_test(a_request_names_an_issuer_and_a_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
