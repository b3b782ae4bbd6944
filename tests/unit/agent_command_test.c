/* Commands of services and hooks, and deploying killed at every step. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/deploy/command.h"
#include "lib/step.h"

#include "tests/unit/agent_help.h"

static struct fault f;

/* ---- commands ---- */

static struct agent_service web;

static void serve_with(char **test, size_t n_test, char **reload, size_t n_reload)
{
    web = (struct agent_service){.name = "web",
                                 .recipe = "",
                                 .test = test,
                                 .n_test = n_test,
                                 .reload = reload,
                                 .n_reload = n_reload,
                                 .time_limit = 5};
    scene.entry.services = &web;
    scene.entry.n_services = 1;
}

/* The test sees the new version at the service's own paths; whoever else looks, the old one. */
static void the_test_sees_the_new_version_alone(void **s)
{
    char script[800];
    char *test[] = {"/bin/sh", "-c", script};

    (void)s;
    scene_install(&scene.first, 1);
    assert_int_equal(deploy_stage(&scene.entry, &scene.second.m, 2, &f), 0);
    if (!command_can_bind()) { /* tested at the reload then */
        assert_int_equal(deploy_test(&scene.entry, 2, &f), 0);
        return;
    }
    test_write(test_path(scene.place, "seen"), "");
    (void)snprintf(script, sizeof(script), "cat %s >%s/seen", scene.chain_path, scene.place);
    serve_with(test, 3, NULL, 0);
    assert_int_equal(deploy_test(&scene.entry, 2, &f), 0);
    assert_true(test_shows(test_path(scene.place, "seen"), &scene.second));
    assert_true(test_shows(scene.chain_path, &scene.first));
    (void)snprintf(script, sizeof(script), "echo what is wrong >&2; exit 3");
    assert_int_equal(deploy_test(&scene.entry, 2, &f), -FAULT_CONFLICT);
    assert_string_equal(f.rule, "deploy.test");
    assert_non_null(strstr(f.text, "status 3"));
    assert_non_null(strstr(f.text, "what is wrong"));
}

static void a_hanging_command_is_killed_whole(void **s)
{
    char script[240];
    char *reload[] = {"/bin/sh", "-c", script};

    (void)s;
    scene_install(&scene.first, 1);
    (void)snprintf(script, sizeof(script), "sleep 300 & echo $! >%s/pid; echo waiting; wait",
                   scene.place);
    serve_with(NULL, 0, reload, 3);
    web.time_limit = 1;
    assert_int_equal(deploy_reload(&scene.entry, &f), -FAULT_UNAVAILABLE);
    assert_string_equal(f.rule, "deploy.reload");
    assert_non_null(strstr(f.text, "waiting"));
    assert_int_equal(
        test_sh("for i in $(seq 50); do kill -0 $(cat %s/pid) 2>/dev/null || exit 0; "
                "grep -q '^State:.Z' /proc/$(cat %s/pid)/status && exit 0; sleep 0.1; done; exit 1",
                scene.place, scene.place),
        0);
}

static void output_is_bounded_and_words_are_no_shell(void **s)
{
    char *flood[] = {"/bin/sh", "-c", "head -c 3000000 /dev/zero; exit 0"};
    char *plain[] = {"/usr/bin/test", "$(id)", "=", "$(id)"};
    char *missing[] = {"/no/such/program"};

    (void)s;
    serve_with(NULL, 0, flood, 3);
    assert_int_equal(deploy_reload(&scene.entry, &f), 0);
    serve_with(NULL, 0, plain, 4);
    assert_int_equal(deploy_reload(&scene.entry, &f), 0);
    serve_with(NULL, 0, missing, 1);
    assert_int_equal(deploy_reload(&scene.entry, &f), -FAULT_CONFIG);
    assert_string_equal(f.rule, "deploy.reload");
}

static void who_never_stops_printing_is_killed_in_time(void **s)
{
    char *reload[] = {"/bin/cat", "/dev/zero"};

    (void)s;
    scene_install(&scene.first, 1);
    serve_with(NULL, 0, reload, 2);
    web.time_limit = 1;
    assert_int_equal(deploy_reload(&scene.entry, &f), -FAULT_UNAVAILABLE);
    assert_non_null(strstr(f.text, "did not end in time"));
}

static void hooks_know_what_happened(void **s)
{
    char script[300];
    char *hook[] = {"/bin/sh", "-c", script};
    struct fault why;
    char *text;

    (void)s;
    fault_set(&why, FAULT_CONFLICT, "deploy.probe", "not served");
    (void)snprintf(script, sizeof(script), "echo $CERCA_NAME $CERCA_RULE $CERCA_REASON >%s/told",
                   scene.place);
    scene.entry.failed = hook;
    scene.entry.n_failed = 3;
    scene.entry.hook_limit = 5;
    assert_int_equal(deploy_hook(&scene.entry, DEPLOY_BEFORE, NULL, &f), 0);
    assert_int_equal(access(test_path(scene.place, "told"), F_OK), -1);
    assert_int_equal(deploy_hook(&scene.entry, DEPLOY_FAILED, &why, &f), 0);
    text = test_read(test_path(scene.place, "told"));
    assert_string_equal(text, "web deploy.probe not served\n");
    free(text);
    (void)snprintf(script, sizeof(script), "exit 1");
    assert_int_equal(deploy_hook(&scene.entry, DEPLOY_FAILED, &why, &f), -FAULT_CONFLICT);
    assert_string_equal(f.rule, "deploy.hook");
}

/* ---- kills ---- */

static int renewal(void)
{
    if (deploy_stage(&scene.entry, &scene.second.m, 2, &f) < 0 ||
        deploy_test(&scene.entry, 2, &f) < 0 || deploy_install(&scene.entry, 2, &f) < 0 ||
        deploy_reload(&scene.entry, &f) < 0 || deploy_verify(&scene.entry, 2, NULL, &f) < 0)
        return 1;
    return 0;
}

static int back(void)
{
    return deploy_rollback(&scene.entry, NULL, &f) < 0;
}

/* In a process that kills itself at a step's N-th pass; the step may be passed fewer times. */
static bool killed_at(const char *step, int pass, int (*what)(void))
{
    char order[128];
    int status = -1;
    pid_t pid;

    (void)snprintf(order, sizeof(order), "agent_deploy_test:%s:%d", step, pass);
    pid = fork();
    if (pid == 0) {
        (void)setenv("CERCA_STEP_KILL", order, 1);
        step_init("agent_deploy_test");
        _exit(what());
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) || (WIFEXITED(status) && WEXITSTATUS(status) == 0));
    return WIFSIGNALED(status);
}

/* Kills at every pass of every step, looks at the pair, and does it again. Returns how often it was
 * killed. */
static unsigned killed_everywhere(const char *const *steps, void (*prepare)(void),
                                  int (*what)(void), const struct test_leaf *last)
{
    unsigned kills = 0;

    for (; *steps != NULL; steps++) {
        bool more = true;

        for (int pass = 1; more; pass++) {
            prepare();
            more = killed_at(*steps, pass, what);
            if (pass == 1 && !more)
                fail_msg("step %s was not passed", *steps);
            kills += more;
            assert_true(test_pair_fits(scene.key_path, scene.chain_path));
            assert_int_equal(what(), 0);
            assert_true(test_pair_fits(scene.key_path, scene.chain_path));
            assert_true(test_shows(scene.chain_path, last));
        }
    }
    return kills;
}

static void with_first(void)
{
    (void)scene_fresh(NULL);
    scene_install(&scene.first, 1);
    assert_int_equal(deploy_verify(&scene.entry, 1, NULL, &f), 0);
}

static void renewed_despite_kills(void **s)
{
    static const char *const steps[] = {
        "deploy-file",    "deploy-written", "deploy-staged", "deploy-tested",
        "deploy-visible", "deploy-linked",  "deploy-good",   NULL};

    (void)s;
    assert_true(killed_everywhere(steps, with_first, renewal, &scene.second) >= 8);
}

static void with_strangers(void)
{
    with_first();
    assert_int_equal(test_sh("cp --remove-destination %s/versions/1/web.* %s && rm -rf %s",
                             scene.state, scene.place, scene.state),
                     0);
}

static void taken_over_despite_kills(void **s)
{
    static const char *const steps[] = {"deploy-old-copied",  "deploy-old-linked",
                                        "deploy-old-current", "deploy-visible",
                                        "deploy-linked",      NULL};

    (void)s;
    assert_true(killed_everywhere(steps, with_strangers, renewal, &scene.second) >= 7);
}

static void with_second(void)
{
    with_first();
    scene_install(&scene.second, 2);
}

static void rolled_back_despite_kills(void **s)
{
    static const char *const steps[] = {"deploy-visible", "deploy-linked", "deploy-back", NULL};

    (void)s;
    assert_true(killed_everywhere(steps, with_second, back, &scene.first) >= 4);
}

static void exchanging(void)
{
    (void)scene_fresh(NULL);
    scene.entry.method = AGENT_EXCHANGE;
    scene.entry.folder = scene.place;
    scene.files[0].path = "web.key";
    scene.files[1].path = "web.pem";
    scene_install(&scene.first, 1);
    assert_int_equal(deploy_verify(&scene.entry, 1, NULL, &f), 0);
}

static void exchanged_despite_kills(void **s)
{
    static const char *const steps[] = {"deploy-exchange", "deploy-exchanged", "deploy-visible",
                                        NULL};

    (void)s;
    assert_true(killed_everywhere(steps, exchanging, renewal, &scene.second) >= 3);
}

#define TEST(function) cmocka_unit_test_setup(function, scene_fresh)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_test_sees_the_new_version_alone),
        TEST(a_hanging_command_is_killed_whole),
        TEST(output_is_bounded_and_words_are_no_shell),
        TEST(who_never_stops_printing_is_killed_in_time),
        TEST(hooks_know_what_happened),
        TEST(renewed_despite_kills),
        TEST(taken_over_despite_kills),
        TEST(rolled_back_despite_kills),
        TEST(exchanged_despite_kills),
    };

    return cmocka_run_group_tests(tests, scene_set_up, scene_tear_down);
}
