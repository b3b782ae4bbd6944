/* Messages about tokens survive their codec; what is cut, longer or oversized is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/proto_token.h"

static void a_wish_for_a_token_comes_back_as_it_was(void **state)
{
    struct token_request *in = xcalloc(1, sizeof(*in)), *out = xcalloc(1, sizeof(*out));
    struct buf b;
    (void)state;

    strcpy(in->profile, "tls-server");
    strcpy(in->sid, "S-1-5-21-1");
    in->names.n = 2;
    strcpy(in->names.item[0], "dns:.a.example");
    memset(in->names.item[1], 'x', TOKEN_PATTERN_MAX - 1);
    in->uses = 3;
    in->life = 60;
    buf_init(&b, FRAME_BODY_MAX);
    token_request_put(&b, in);
    assert_int_equal(token_request_get(buf_slice(&b), out), 0);
    assert_memory_equal(in, out, sizeof(*in));
    for (size_t n = 0; n < b.n; n++)
        assert_int_equal(token_request_get(slice_of(b.p, n), out), -1);
    buf_put_u8(&b, 0);
    assert_int_equal(token_request_get(buf_slice(&b), out), -1);
    buf_free(&b);
    free(in);
    free(out);
}

static void more_patterns_than_the_bound_are_refused(void **state)
{
    struct token_request *out = xcalloc(1, sizeof(*out));
    struct buf b;
    (void)state;

    buf_init(&b, FRAME_BODY_MAX);
    wire_put_text(&b, "p");
    wire_put_u32(&b, TOKEN_PATTERNS_MAX + 1);
    for (int i = 0; i <= TOKEN_PATTERNS_MAX; i++)
        wire_put_text(&b, "dns:a");
    assert_int_equal(token_request_get(buf_slice(&b), out), -1);
    buf_free(&b);
    free(out);
}

static void a_request_says_by_its_first_field_whether_it_has_a_token(void **state)
{
    struct issue_request *r = xcalloc(1, sizeof(*r));
    struct buf b;
    (void)state;

    buf_init(&b, FRAME_BODY_MAX);
    issue_request_put(&b, r);
    assert_false(issue_request_has_token(buf_slice(&b)));
    assert_false(issue_request_has_token(SLICE_NONE));
    buf_reset(&b);
    r->token = slice_str("cerca-token-1-00");
    issue_request_put(&b, r);
    assert_true(issue_request_has_token(buf_slice(&b)));
    buf_reset(&b);
    wire_put_u32(&b, UINT32_MAX);
    assert_false(issue_request_has_token(buf_slice(&b)));
    buf_free(&b);
    free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wish_for_a_token_comes_back_as_it_was),
        cmocka_unit_test(more_patterns_than_the_bound_are_refused),
        cmocka_unit_test(a_request_says_by_its_first_field_whether_it_has_a_token),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
