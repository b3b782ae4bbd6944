/* Every message survives its own codec, and no truncation of one is taken for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/proto.h"

static struct issue_request sample_issue(void)
{
    struct issue_request r = {.validity = 86400, .has_request_key = true, .has_replaces = true};

    strcpy(r.profile, "tls-server");
    strcpy(r.owner, "team-a");
    strcpy(r.subject, "CN=a.example");
    r.csr = slice_str("0123456789");
    r.sans.n = 2;
    r.sans.item[0] = (struct san){SAN_DNS, slice_str("a.example")};
    r.sans.item[1] = (struct san){SAN_IP, slice_of("\x7f\0\0\1", 4)};
    memset(r.request_key, 7, sizeof(r.request_key));
    memset(r.replaces, 9, sizeof(r.replaces));
    return r;
}

static void issue_request_round_trips(void **state)
{
    struct issue_request in = sample_issue(), out;
    struct buf b;

    (void)state;
    buf_init(&b, FRAME_BODY_MAX);
    issue_request_put(&b, &in);
    assert_false(buf_failed(&b));
    assert_int_equal(issue_request_get(buf_slice(&b), &out), 0);
    assert_string_equal(out.profile, "tls-server");
    assert_string_equal(out.owner, "team-a");
    assert_true(slice_eq(out.csr, in.csr));
    assert_int_equal(out.sans.n, 2);
    assert_true(slice_eq(out.sans.item[1].value, in.sans.item[1].value));
    assert_int_equal(out.validity, 86400);
    assert_true(out.has_request_key && out.has_replaces && !out.dry_run);
    assert_memory_equal(out.request_key, in.request_key, 32);
    buf_free(&b);
}

static void a_truncated_or_longer_message_is_malformed(void **state)
{
    struct issue_request in = sample_issue(), out;
    struct buf b;

    (void)state;
    buf_init(&b, FRAME_BODY_MAX);
    issue_request_put(&b, &in);
    for (size_t n = 0; n < b.n; n++)
        assert_int_equal(issue_request_get(slice_of(b.p, n), &out), -1);
    buf_put_u8(&b, 0);
    assert_int_equal(issue_request_get(buf_slice(&b), &out), -1);
    buf_free(&b);
}

static void more_names_than_allowed_are_malformed(void **state)
{
    struct issue_request in = sample_issue(), out;
    struct buf b;

    (void)state;
    buf_init(&b, FRAME_BODY_MAX);
    wire_put_text(&b, in.profile);
    wire_put_bytes(&b, in.csr);
    wire_put_u32(&b, SAN_MAX + 1);
    for (size_t i = 0; i < SAN_MAX + 1; i++) {
        wire_put_u8(&b, SAN_DNS);
        wire_put_bytes(&b, slice_str("a"));
    }
    assert_int_equal(issue_request_get(buf_slice(&b), &out), -1);
    buf_free(&b);
}

static void a_fault_round_trips_and_a_success_is_no_fault(void **state)
{
    struct fault in, out;
    struct buf b;

    (void)state;
    fault_clear(&in);
    (void)fault_refuse(&in, "key.rsa.size", "key", slice_str("rsa1024"), "rsa2048, p256");
    buf_init(&b, FRAME_BODY_MAX);
    fault_put(&b, &in);
    assert_int_equal(fault_get(buf_slice(&b), &out), 0);
    assert_int_equal(out.code, FAULT_POLICY);
    assert_string_equal(out.rule, "key.rsa.size");
    assert_string_equal(out.allowed, "rsa2048, p256");
    b.p[0] = FAULT_NONE;
    assert_int_equal(fault_get(buf_slice(&b), &out), -1);
    b.p[0] = FAULT_CODE_MAX + 1;
    assert_int_equal(fault_get(buf_slice(&b), &out), -1);
    buf_free(&b);
}

static void a_list_page_round_trips(void **state)
{
    struct cert_info in = {.not_after = 5,
                           .has_replaces = true,
                           .followed = true,
                           .told = 2,
                           .stranger = true},
                     out;
    struct list_page page;
    struct buf rows, b;

    (void)state;
    strcpy(in.issuer, "issuing");
    strcpy(in.sans, "dns:a.example dns:b.example");
    strcpy(in.key, "p256");
    strcpy(in.signature, "rsa-sha256");
    buf_init(&rows, FRAME_BODY_MAX);
    buf_init(&b, FRAME_BODY_MAX);
    cert_info_put(&rows, &in);
    cert_info_put(&rows, &in);
    list_page_put(&b, slice_str("cursor"), 2, buf_slice(&rows));
    assert_int_equal(list_page_get(buf_slice(&b), &page), 0);
    assert_true(slice_is(page.cursor, "cursor"));
    assert_int_equal(page.n, 2);
    for (int i = 0; i < 2; i++) {
        cert_info_get(&page.rows, &out);
        assert_string_equal(out.sans, in.sans);
        assert_int_equal(out.not_after, 5);
        assert_true(out.has_replaces && !out.has_replaced_by);
        assert_string_equal(out.key, "p256");
        assert_string_equal(out.signature, "rsa-sha256");
        assert_true(out.followed && out.stranger);
        assert_int_equal(out.told, 2);
    }
    assert_true(wire_in_done(&page.rows));
    buf_free(&rows);
    buf_free(&b);
}

static void child_states_out_of_range_are_malformed(void **state)
{
    struct child_status in = {.state = CHILD_STOPPED, .pid = 3}, out;
    struct buf b;

    (void)state;
    strcpy(in.program, "cerca-signer");
    buf_init(&b, FRAME_BODY_MAX);
    child_status_put(&b, &in);
    assert_int_equal(child_status_get(buf_slice(&b), &out), 0);
    assert_int_equal(out.state, CHILD_STOPPED);
    in.state = (enum child_state)9;
    buf_reset(&b);
    child_status_put(&b, &in);
    assert_int_equal(child_status_get(buf_slice(&b), &out), -1);
    buf_free(&b);
}

static void what_is_blocked_round_trips(void **state)
{
    struct block_query query = {.further = true, .identity = true, .id = {7}}, got;
    struct block_info in = {.identity = true, .id = {9, 8}}, out;
    uint8_t identity[BLOCK_IDENTITY];
    struct wire_in w;
    struct buf b;

    (void)state;
    strcpy(in.by.subject, "CN=a");
    buf_init(&b, FRAME_BODY_MAX);
    block_query_put(&b, &query);
    assert_int_equal(block_query_get(buf_slice(&b), &got), 0);
    assert_true(got.further && got.identity && got.id[0] == 7);
    assert_int_equal(block_query_get(slice_of(b.p, b.n - 1), &got), -1);
    buf_reset(&b);
    block_info_put(&b, &in);
    wire_in_init(&w, buf_slice(&b));
    block_info_get(&w, &out);
    assert_true(wire_in_done(&w) && out.identity && out.id[1] == 8);
    assert_string_equal(out.by.subject, "CN=a");
    buf_reset(&b);
    unblock_put(&b, in.id);
    assert_int_equal(unblock_get(buf_slice(&b), identity), 0);
    assert_memory_equal(identity, in.id, sizeof(identity));
    assert_int_equal(unblock_get(slice_of(b.p, b.n - 1), identity), -1);
    buf_free(&b);
}

static void nothing_is_released_and_blocked_at_once(void **state)
{
    struct revoke_request in = {.block = true, .n = 1}, out;
    struct buf b;

    (void)state;
    buf_init(&b, FRAME_BODY_MAX);
    revoke_request_put(&b, &in);
    assert_int_equal(revoke_request_get(buf_slice(&b), &out), 0);
    assert_true(out.block && !out.release && out.n == 1);
    in.release = true;
    buf_reset(&b);
    revoke_request_put(&b, &in);
    assert_int_equal(revoke_request_get(buf_slice(&b), &out), -1);
    buf_free(&b);
}

static void states_of_responders_round_trip(void **state)
{
    const struct delegate_state in[2] = {
        {.owner = {1, 2}, .not_before = 5, .not_after = 9, .next = 7, .blind = true},
        {.owner = {3}}};
    struct delegate_state *out = xcalloc(DELEGATE_STATES_MAX, sizeof(*out));
    struct buf b;
    uint32_t n;

    (void)state;
    buf_init(&b, FRAME_BODY_MAX);
    delegate_states_put(&b, in, 2);
    assert_int_equal(delegate_states_get(buf_slice(&b), out, &n), 0);
    assert_int_equal(n, 2);
    assert_memory_equal(out[0].owner, in[0].owner, 32);
    assert_true(out[0].not_before == 5 && out[0].not_after == 9 && out[0].next == 7);
    assert_true(out[0].blind && !out[1].blind && out[1].not_after == 0);
    for (size_t k = 0; k < b.n; k++)
        assert_int_equal(delegate_states_get(slice_of(b.p, k), out, &n), -1);
    buf_reset(&b);
    wire_put_u32(&b, DELEGATE_STATES_MAX + 1);
    assert_int_equal(delegate_states_get(buf_slice(&b), out, &n), -1);
    buf_free(&b);
    free(out);
}

static void an_export_round_trips_and_is_never_read_cut(void **state)
{
    struct view_exported in = {42, 1700000000, 14, 13318, 9971}, out;
    struct buf b;

    (void)state;
    buf_init(&b, 256);
    view_exported_put(&b, &in);
    assert_int_equal(view_exported_get(buf_slice(&b), &out), 0);
    assert_memory_equal(&in, &out, sizeof(in));
    for (size_t n = 0; n < b.n; n++)
        assert_int_equal(view_exported_get(slice_of(b.p, n), &out), -1);
    buf_put_u8(&b, 0);
    assert_int_equal(view_exported_get(buf_slice(&b), &out), -1);
    buf_free(&b);
}

static void status_items_round_trip(void **state)
{
    const struct status_item in = {.name = "crl.issuing",
                                   .state = "late",
                                   .text = "number 7",
                                   .retry_after = 5,
                                   .by = INT64_C(1795000000)};
    struct status_item out;
    struct wire_in w;
    struct buf b;

    (void)state;
    buf_init(&b, FRAME_BODY_MAX);
    status_item_put(&b, &in);
    wire_in_init(&w, buf_slice(&b));
    status_item_get(&w, &out);
    assert_true(wire_in_done(&w));
    assert_string_equal(out.name, in.name);
    assert_string_equal(out.state, in.state);
    assert_string_equal(out.text, in.text);
    assert_false(out.ok);
    assert_int_equal(out.retry_after, 5);
    assert_int_equal(out.by, in.by);
    for (size_t n = 0; n < b.n; n++) {
        wire_in_init(&w, slice_of(b.p, n));
        status_item_get(&w, &out);
        assert_false(wire_in_done(&w));
    }
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(status_items_round_trip),
        cmocka_unit_test(an_export_round_trips_and_is_never_read_cut),
        cmocka_unit_test(issue_request_round_trips),
        cmocka_unit_test(a_truncated_or_longer_message_is_malformed),
        cmocka_unit_test(more_names_than_allowed_are_malformed),
        cmocka_unit_test(a_fault_round_trips_and_a_success_is_no_fault),
        cmocka_unit_test(a_list_page_round_trips),
        cmocka_unit_test(what_is_blocked_round_trips),
        cmocka_unit_test(nothing_is_released_and_blocked_at_once),
        cmocka_unit_test(states_of_responders_round_trip),
        cmocka_unit_test(child_states_out_of_range_are_malformed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
