/* The table of states, what becomes of failures, and what is kept of an entry. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/state.h"
#include "lib/file.h"

#define NOW 1000000

/* From every state the steps lead to verified, and so do those after a failure. */
static void every_way_leads_to_verified(void **arg)
{
    (void)arg;
    for (unsigned s = STATE_TRACKED; s < STATE_STUCK; s++) {
        const struct state_row *row = state_row((enum agent_state)s);
        enum agent_state at = (enum agent_state)s;
        unsigned steps = 0;

        for (; at != STATE_VERIFIED && steps < STATE_MAX; steps++)
            at = state_row(at)->then;
        assert_int_equal(at, STATE_VERIFIED);
        assert_true(agent_state_fails(row->failed) || s == STATE_VERIFIED);
        assert_true(row->again < STATE_STUCK);
        assert_true(row->does[0] != '\0');
    }
}

static struct state_failure failing(enum agent_state s, enum fault_code code, int64_t not_after,
                                    unsigned failures)
{
    const struct record r = {.state = s,
                             .failures = failures,
                             .not_before = not_after > 0 ? not_after - 1000 : 0,
                             .not_after = not_after};
    const struct fault f = {.code = code};

    return state_fail(&r, &f, 0, NOW, 12345);
}

static void refusals_are_loud_and_absence_is_not(void **arg)
{
    (void)arg;
    assert_int_equal(failing(STATE_SUBMITTED, FAULT_DENIED, NOW + 900, 0).state, STATE_STUCK);
    assert_int_equal(failing(STATE_SUBMITTED, FAULT_DENIED, NOW + 900, 0).resume, STATE_DUE);
    assert_int_equal(failing(STATE_SUBMITTED, FAULT_UNAVAILABLE, NOW + 900, 40).state,
                     STATE_SUBMITTED);
    assert_false(failing(STATE_SUBMITTED, FAULT_UNAVAILABLE, NOW + 900, 40).loud);
    assert_int_equal(failing(STATE_SUBMITTED, FAULT_UNAVAILABLE, NOW + 100, 0).state, STATE_STUCK);
    assert_int_equal(failing(STATE_SUBMITTED, FAULT_UNAVAILABLE, NOW + 100, 0).resume,
                     STATE_SUBMITTED);
    assert_int_equal(failing(STATE_KEY, FAULT_UNAVAILABLE, 0, 1).state, STATE_KEY);
    assert_int_equal(failing(STATE_KEY, FAULT_UNAVAILABLE, 0, 2).state, STATE_STUCK);
    assert_int_equal(failing(STATE_DUE, FAULT_FULL, NOW + 900, 0).state, STATE_STUCK);
}

static void what_services_do_not_take_is_rolled_back(void **arg)
{
    (void)arg;
    assert_int_equal(failing(STATE_STAGED, FAULT_INTERNAL, NOW + 900, 0).state, STATE_STUCK);
    assert_int_equal(failing(STATE_INSTALLED, FAULT_UNAVAILABLE, NOW + 900, 0).state,
                     STATE_ROLLED_BACK);
    assert_int_equal(failing(STATE_RELOADED, FAULT_INTERNAL, NOW + 900, 0).state,
                     STATE_ROLLED_BACK);
    assert_int_equal(failing(STATE_RELOADED, FAULT_INTERNAL, NOW + 900, 0).resume, STATE_ISSUED);
    for (unsigned s = STATE_TRACKED; s <= STATE_STUCK; s++)
        assert_in_range(failing((enum agent_state)s, FAULT_INTERNAL, NOW + 900, 9).next, NOW + 1,
                        NOW + 90);
}

static void what_is_kept_is_read_again(void **arg)
{
    char dir[] = "/tmp/agent-state-XXXXXX", path[64];
    const struct agent_cert c = {.name = dir, .state_dir = dir};
    static struct record was = {.state = STATE_ROLLED_BACK,
                                .resume = STATE_STAGED,
                                .rolling = true,
                                .version = 7,
                                .failures = 3,
                                .next = NOW,
                                .rule = "deploy.probe",
                                .reason = "\xc3\xa4 \"quoted\"\n",
                                .n_seen = 1};
    static char vast[70000];
    struct record now;
    struct fault f;

    (void)arg;
    assert_non_null(mkdtemp(dir));
    assert_int_equal(record_load(&c, &now, &f), 0);
    assert_int_equal(now.state, STATE_TRACKED);
    (void)snprintf(was.seen[0].address, sizeof(was.seen[0].address), "127.0.0.1:443");
    assert_int_equal(record_save(&c, &was, &f), 0);
    assert_int_equal(record_load(&c, &now, &f), 0);
    assert_memory_equal(&was, &now, sizeof(was));
    (void)snprintf(path, sizeof(path), "%s/state", dir);
    assert_int_equal(file_write(path, 0600, slice_str("{\"state\": \"stuck\"}"), &f), 0);
    assert_int_equal(record_load(&c, &now, &f), 0);
    assert_int_equal(now.state, STATE_TRACKED); /* damaged: what is installed says the rest */
    memset(vast, ' ', sizeof(vast));
    assert_int_equal(file_write(path, 0600, slice_of(vast, sizeof(vast)), &f), 0);
    assert_int_equal(record_load(&c, &now, &f), 0);
    assert_int_equal(now.state, STATE_TRACKED);
    assert_int_equal(file_write(path, 0600, SLICE_NONE, &f), 0);
    assert_int_equal(record_load(&c, &now, &f), 0);
    assert_int_equal(now.state, STATE_TRACKED);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_way_leads_to_verified),
        cmocka_unit_test(refusals_are_loud_and_absence_is_not),
        cmocka_unit_test(what_services_do_not_take_is_rolled_back),
        cmocka_unit_test(what_is_kept_is_read_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
