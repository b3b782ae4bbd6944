/* Messages about agents: round trips, and everything cut or of unknown words is malformed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "lib/proto_agent.h"

static void fill(struct agent_entry *e)
{
    memset(e, 0, sizeof(*e));
    strncpy(e->name, "www", sizeof(e->name) - 1);
    e->kind = KIND_CERTIFICATE;
    e->state = STATE_STUCK;
    e->since = 7;
    e->next = 8;
    strncpy(e->reason, "no", sizeof(e->reason) - 1);
    strncpy(e->rule, "deploy.test", sizeof(e->rule) - 1);
    e->has_fingerprint = true;
    memset(e->fingerprint, 3, sizeof(e->fingerprint));
    e->n_files = 2;
    strncpy(e->files[0], "/a", sizeof(e->files[0]) - 1);
    strncpy(e->files[1], "/b", sizeof(e->files[1]) - 1);
    e->n_services = 1;
    strncpy(e->service[0].recipe, "nginx", sizeof(e->service[0].recipe) - 1);
    strncpy(e->service[0].address, "[::1]:443", sizeof(e->service[0].address) - 1);
    e->service[0].has_served = true;
    e->service[0].verified = 9;
}

static int read_entry(struct slice body, struct agent_entry *out)
{
    struct wire_in w;

    wire_in_init(&w, body);
    agent_entry_get(&w, out);
    return wire_in_done(&w) ? 0 : -1;
}

static void an_entry_round_trips(void **state)
{
    struct agent_entry *e = calloc(1, sizeof(*e)), *out = calloc(1, sizeof(*out));
    struct buf b;

    (void)state;
    assert_true(e != NULL && out != NULL);
    fill(e);
    buf_init(&b, FRAME_BODY_MAX);
    agent_entry_put(&b, e);
    assert_int_equal(read_entry(buf_slice(&b), out), 0);
    assert_memory_equal(e, out, sizeof(*e));
    for (size_t n = 0; n < b.n; n++)
        assert_int_equal(read_entry(slice_of(b.p, n), out), -1);
    e->state = STATE_REMOVED + 1;
    buf_reset(&b);
    agent_entry_put(&b, e);
    assert_int_equal(read_entry(buf_slice(&b), out), -1);
    fill(e);
    e->name[0] = '\0';
    buf_reset(&b);
    agent_entry_put(&b, e);
    assert_int_equal(read_entry(buf_slice(&b), out), -1);
    buf_free(&b);
    free(e);
    free(out);
}

static void a_report_is_bounded(void **state)
{
    static const struct enroll_report good = {
        .address = "192.0.2.1", .host = "web1", .version = "1", .interval = 3600, .n_found = 1};
    struct enroll_report r = good, out;
    struct wire_in w;
    struct buf b;

    (void)state;
    buf_init(&b, FRAME_BODY_MAX);
    enroll_report_put(&b, &r);
    assert_int_equal(enroll_report_get(buf_slice(&b), &out, &w), 0);
    assert_string_equal(out.host, "web1");
    assert_true(out.interval == 3600 && out.n == 0 && out.n_found == 1);
    for (size_t n = 0; n < b.n; n++)
        assert_int_equal(enroll_report_get(slice_of(b.p, n), &out, &w), -1);
    for (int i = 0; i < 4; i++) {
        r = good;
        if (i == 0)
            r.interval = AGENT_INTERVAL_MIN - 1;
        else if (i == 1)
            r.interval = AGENT_INTERVAL_MAX + 1;
        else if (i == 2)
            r.n_found = AGENT_FOUND_MAX + 1;
        else
            r.host[0] = '\0';
        buf_reset(&b);
        enroll_report_put(&b, &r);
        assert_int_equal(enroll_report_get(buf_slice(&b), &out, &w), -1);
    }
    buf_free(&b);
}

static void what_is_told_of_agents_round_trips(void **state)
{
    struct agent_query q = {.host = "web1", .silent = true, .further = true, .after = {9}}, q2;
    struct agent_show s = {.identity = {4}, .after = "www"}, s2;
    struct agent_info a = {.identity = {1},
                           .name = "dns:web1",
                           .host = "web1",
                           .version = "1",
                           .address = "::1",
                           .interval = 60,
                           .first = 1,
                           .last = 2,
                           .silent = true,
                           .entries = 3,
                           .failing = 4,
                           .found = 5},
                      a2;
    struct place_info p = {.kind = PLACE_FOUND,
                           .fingerprint = {8},
                           .where = "w",
                           .host = "h",
                           .name = "n",
                           .state = "s",
                           .text = "t",
                           .seen = 1,
                           .verified = 2},
                      p2;
    struct wire_in w;
    struct buf b;

    (void)state;
    buf_init(&b, FRAME_BODY_MAX);
    agent_query_put(&b, &q);
    assert_int_equal(agent_query_get(buf_slice(&b), &q2), 0);
    assert_true(q2.silent && !q2.failing && q2.further && q2.after[0] == 9);
    assert_string_equal(q2.host, "web1");
    buf_reset(&b);
    agent_show_put(&b, &s);
    assert_int_equal(agent_show_get(buf_slice(&b), &s2), 0);
    assert_string_equal(s2.after, "www");
    buf_reset(&b);
    agent_info_put(&b, &a);
    place_info_put(&b, &p);
    wire_in_init(&w, buf_slice(&b));
    agent_info_get(&w, &a2);
    place_info_get(&w, &p2);
    assert_true(wire_in_done(&w));
    assert_memory_equal(&a, &a2, sizeof(a));
    assert_true(p2.kind == PLACE_FOUND && p2.seen == 1 && p2.verified == 2);
    assert_string_equal(p2.text, "t");
    buf_free(&b);
}

static void words_are_read_as_they_are_said(void **state)
{
    enum agent_state s;
    enum agent_kind k;

    (void)state;
    for (unsigned i = STATE_TRACKED; i <= STATE_REMOVED; i++) {
        assert_true(agent_state_parse(agent_state_word((enum agent_state)i), &s));
        assert_int_equal(s, i);
    }
    assert_true(agent_kind_parse("trust", &k) && k == KIND_TRUST);
    assert_false(agent_state_parse("", &s));
    assert_false(agent_kind_parse("key", &k));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entry_round_trips),
        cmocka_unit_test(a_report_is_bounded),
        cmocka_unit_test(what_is_told_of_agents_round_trips),
        cmocka_unit_test(words_are_read_as_they_are_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
