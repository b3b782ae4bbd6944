/*
 * A store of schema 1, as its own program wrote it (tests/data/store), brought up to date.
 *
 * It has twelve certificates: number i has a key whose point is all octets i + 1, a request key of
 * octets 0x40 + i, content 0x60 + i, identity 0x20 + i. 6 is revoked, 7 on hold, 8 was given up, 9
 * is open, 10 replaces 0, the others are good.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/file.h"
#include "lib/log.h"
#include "lib/step.h"
#include "tests/unit/store_help.h"

#define CERTS 12
#define FIXTURE_MAX (1 << 20)

static void fixture_copy(const struct fixture *x)
{
    char path[128];
    struct buf b;
    struct fault f;
    buf_init(&b, FIXTURE_MAX);
    assert_int_equal(file_read("tests/data/store/schema-1.mdb", FIXTURE_MAX, &b, &f), 0);
    fixture_path(x, "durable", path);
    assert_int_equal(mkdir(path, 0700), 0);
    fixture_path(x, "durable/data.mdb", path);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    assert_int_equal(fwrite(b.p, 1, b.n, out), b.n);
    assert_int_equal(fclose(out), 0);
    buf_free(&b);
}

static int setup(void **state)
{
    struct fixture *x = calloc(1, sizeof(*x));
    fixture_open(x, false); /* makes the folder and the options */
    fixture_close(x);
    remove_tree(x->dir);
    assert_int_equal(mkdir(x->dir, 0700), 0);
    fixture_copy(x);
    *state = x;
    return 0;
}

static int teardown(void **state)
{
    fixture_remove(*state);
    free(*state);
    return 0;
}

/* What certificate i asked for, under a serial of its own. */
static void ask(struct fixture *x, int i, struct request *r)
{
    request_init(r, x, "again.example.com");
    memset(r->spki + 27, i + 1, 64);
    memset(r->op.intent.request_key, 0x40 + i, 32);
    memset(r->op.intent.content, 0x60 + i, 32);
    memset(r->op.intent.identity, 0x20 + i, 16);
    request_draft(r, "again.example.com");
}

static void nothing_is_forgotten(struct fixture *x)
{
    struct store_stats st;
    assert_int_equal(store_stats(x->s, &st, &x->f), 0);
    assert_int_equal(st.certificates, CERTS);
    assert_int_equal(st.open_intents, 1);
    fixture_wait_indexes(x);
    assert_clean(x);
    for (int i = 0; i < CERTS; i++) {
        struct request same, other;
        ask(x, i, &same);
        ask(x, i, &other);
        random_bytes(other.op.intent.request_key, 32);
        assert_int_equal(do_reserve(x, &other), -FAULT_POLICY);
        assert_string_equal(other.op.fault.rule, "key.reuse");
        /* The one that was given up gets a new serial, all others are known. */
        assert_int_equal(do_reserve(x, &same), 0);
        assert_int_equal(same.op.outcome, i == 8 ? STORE_DONE : STORE_KNOWN);
        request_free(&same);
        request_free(&other);
    }
    assert_clean(x);
}

static void an_older_store_is_brought_up_to_date_and_forgets_nothing(void **state)
{
    struct fixture *x = *state;
    x->issuer = 1;
    assert_int_equal(fixture_reopen(x), 0);
    nothing_is_forgotten(x);
    for (int i = 0; i < 3; i++) {
        struct request r;
        request_init(&r, x, "new.example.com");
        issue(x, &r);
        request_free(&r);
        fixture_close(x);
        assert_int_equal(fixture_reopen(x), 0);
        assert_clean(x);
    }
}

static void opened_for_reading_it_is_refused_with_what_to_do(void **state)
{
    struct fixture *x = *state;
    x->o.read_only = true;
    assert_int_equal(fixture_reopen(x), -FAULT_CONFLICT);
    assert_string_equal(x->f.rule, "store.schema");
    assert_non_null(strstr(x->f.text, "start the CA once"));
}

static void what_is_killed_on_the_way_goes_on_at_the_next_start(void **state)
{
    struct fixture *x = *state;
    int status;
    x->issuer = 1;
    x->o.run_entries = 1; /* so that it takes several slices */
    for (int kill_at = 1; kill_at <= 3; kill_at++) {
        pid_t pid = fork();
        if (pid == 0) {
            log_open("store-test", LOG_LEVEL_ERROR);
            if (setenv("CERCA_STEP_KILL", "store-test:store.migrate.slice:1", 1) != 0)
                _exit(1);
            step_init("store-test");
            (void)fixture_reopen(x);
            _exit(0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        if (kill_at == 1) { /* half of it is there: to be read by nobody */
            x->o.read_only = true;
            assert_int_equal(fixture_reopen(x), -FAULT_CONFLICT);
            x->o.read_only = false;
        }
    }
    assert_int_equal(fixture_reopen(x), 0);
    nothing_is_forgotten(x);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(an_older_store_is_brought_up_to_date_and_forgets_nothing),
        T(opened_for_reading_it_is_refused_with_what_to_do),
        T(what_is_killed_on_the_way_goes_on_at_the_next_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
