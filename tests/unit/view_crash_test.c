/* A writer killed at any time and at every step, snapshots included: the view loses nothing
 * acknowledged and comes back, and a reader that looks all the while sees neither half nor less. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/step.h"
#include "tests/unit/model_store_verbs.h"
#include "tests/unit/view_world.h"

static void load_states(const struct world *w, enum cert_state *now)
{
    struct store_change *all = xcalloc(CERTS, sizeof *all);

    newest_states(w, all);
    for (unsigned k = 0; k < CERTS; k++)
        now[k] = all[k].state;
    free(all);
}

/* Publishes until it is killed, or the store is full. */
static _Noreturn void writer_process(struct world *w, const char *kill_at)
{
    enum cert_state *now = xcalloc(CERTS, sizeof *now);
    struct upkeep u = {0};
    pthread_t thread;
    struct fault f;

    if (kill_at)
        setenv("CERCA_STEP_KILL", kill_at, 1);
    step_init("view_test");
    load_states(w, now);
    if (view_open(w->dir, w->store, &u.v, &f) < 0)
        _exit(1);
    __atomic_store_n(w->checks, 1, __ATOMIC_RELEASE);
    if (pthread_create(&thread, NULL, upkeep_thread, &u) != 0)
        _exit(1);
    while (model_newest(w->store) < CHANGES - 400)
        if (paced_batch(w, &u, now, &f) < 0)
            _exit(1);
    _exit(0);
}

/* As a reader finds the files that a dead writer left: what was acknowledged is there. */
static void assert_acknowledged(const struct world *w)
{
    struct viewfile *file[3] = {NULL};
    struct viewfile_row row;
    struct fault f;
    char dir[128];

    for (uint16_t i = 1; i <= 2; i++)
        assert_int_equal(viewfile_open(folder(w, i, dir), &file[i], &f), 0);
    for (unsigned k = 0; k < CERTS; k++) {
        struct cert_ref r = ref_of(k);
        int found = viewfile_lookup(file[r.issuer], r.serial, &row);

        assert_int_equal(contradicts(w->acked[k], found, &row), 0);
    }
    viewfile_close(file[1]);
    viewfile_close(file[2]);
}

static void assert_recovers(struct world *w)
{
    struct view *v;

    assert_acknowledged(w);
    v = open_view(w);
    assert_equals_store(w);
    publish(w, v, 1, CERT_REVOKED);
    w->acked[1] = CERT_REVOKED;
    view_close(v);
    assert_equals_store(w);
}

/* ---- a reader that outlives the writers ---- */

struct witness {
    struct world world; /* with counters of its own */
    uint64_t *counters;
    pid_t pid;
};

/* The view is there. */
static void witness_begin(struct witness *x, const struct world *w)
{
    x->counters = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(x->counters != MAP_FAILED);
    x->world = *w;
    x->world.checks = x->counters;
    x->world.stop = x->counters + 1;
    x->pid = fork();
    if (x->pid == 0)
        reader_process(&x->world);
}

static void witness_end(struct witness *x)
{
    int status;

    __atomic_store_n(x->world.stop, 1, __ATOMIC_RELEASE);
    assert_int_equal(waitpid(x->pid, &status, 0), x->pid);
    if (status != 0)
        fail_msg("the reader ended with %d", WIFEXITED(status) ? WEXITSTATUS(status) : status);
    assert_true(*x->world.checks > 1000);
    (void)munmap(x->counters, 4096);
}

static void after_a_kill_at_any_time_the_view_equals_the_store(void **state)
{
    struct world *w = *state;
    struct witness reader;
    int status;

    view_close(open_view(w));
    witness_begin(&reader, w);
    for (unsigned round = 0; round < 12; round++) {
        pid_t writer;

        *w->checks = 0;
        w->random += round;
        writer = fork();
        if (writer == 0)
            writer_process(w, NULL);
        while (__atomic_load_n(w->checks, __ATOMIC_ACQUIRE) == 0)
            assert_int_equal(waitpid(writer, &status, WNOHANG), 0);
        usleep((useconds_t)draw(&w->random, 30000));
        kill(writer, SIGKILL);
        assert_int_equal(waitpid(writer, &status, 0), writer);
        assert_true(WIFSIGNALED(status));
        assert_recovers(w);
    }
    witness_end(&reader);
}

static void after_a_kill_at_each_step_the_view_equals_the_store(void **state)
{
    static const char *const steps[] = {
        "view_test:view.record:5",        "view_test:view.count:9",
        "view_test:view.through:7",       "view_test:view.snapshot:1",
        "view_test:view.before-rename:1", "view_test:view.after-rename:1",
        "view_test:view.after-rename:2",
    };
    struct world *w = *state;
    struct witness reader;
    int status;

    view_close(open_view(w));
    witness_begin(&reader, w);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        pid_t writer;

        w->random += i;
        writer = fork();
        if (writer == 0)
            writer_process(w, steps[i]);
        assert_int_equal(waitpid(writer, &status, 0), writer);
        if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
            fail_msg("%s was not reached: %d", steps[i], status);
        assert_recovers(w);
    }
    witness_end(&reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(after_a_kill_at_any_time_the_view_equals_the_store),
        WORLD_TEST(after_a_kill_at_each_step_the_view_equals_the_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
