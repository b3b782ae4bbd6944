/* Secrets of Kubernetes, against a server with its answers (tests/flow/kube_server.py). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/deploy/kube.h"
#include "tests/unit/agent_help.h"

static struct agent_secret secret;
static char api[64], server[64], token[96];
static pid_t pid;
static struct fault f;
static const struct slice old_key = {(const uint8_t *)"old key\n", 8};
static const struct slice old_chain = {(const uint8_t *)"old chain\n", 10};
static struct slice key, chain;

static int start(void **s)
{
    struct test_leaf localhost;
    char command[4096];

    if (scene_set_up(s) != 0 || scene_fresh(s) != 0)
        return -1;
    test_leaf_make(&scene.ca, "localhost", -60, 3600, &localhost);
    scene.entry.n_names = 0;
    scene_install(&localhost, 1);
    (void)snprintf(api, sizeof(api), "%s/api", scene.folder);
    (void)snprintf(token, sizeof(token), "%s/token", api);
    if (test_sh("mkdir %s && echo 'ey.tok-en' >%s/account", api, api) != 0)
        return -1;
    (void)snprintf(command, sizeof(command), "exec tests/flow/kube_server.py %s %s %s",
                   scene.chain_path, scene.key_path, api);
    pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execl("/bin/sh", "sh", "-c", command, NULL);
        _exit(127);
    }
    if (test_sh("for i in $(seq 200); do test -s %s/port && exit 0; sleep 0.05; done; exit 1",
                api) != 0)
        return -1;
    key = scene.first.m.key;
    chain = scene.first.m.leaf; /* any octets */
    test_leaf_free(&localhost);
    return 0;
}

static int stop(void **s)
{
    kill(pid, SIGTERM);
    waitpid(pid, NULL, 0);
    return scene_tear_down(s);
}

static int fresh(void **s)
{
    char *port = test_read(test_path(api, "port"));

    (void)s;
    (void)snprintf(server, sizeof(server), "https://localhost:%s/", port);
    free(port);
    secret = (struct agent_secret){.name = "web-tls",
                                   .namespace = "shop",
                                   .server = server,
                                   .token_file = token,
                                   .ca_file = scene.anchors,
                                   .time_limit = 5};
    test_write(token, "ey.tok-en\n");
    return test_sh("cd %s && rm -f secret.json plan requests", api);
}

static void plan(const char *words)
{
    test_write(test_path(api, "plan"), words);
}

static void expect_requests(const char *methods)
{
    assert_int_equal(test_sh("test \"$(cut -d' ' -f1 %s/requests | tr '\\n' ' ')\" = '%s ' &&"
                             " rm %s/requests",
                             api, methods, api),
                     0);
}

static void a_secret_is_made_changed_and_left(void **s)
{
    (void)s;
    assert_int_equal(kube_put(&secret, old_key, old_chain, &f), 0);
    expect_requests("GET POST GET");
    assert_int_equal(test_sh("cd %s && grep -q '\"type\": \"kubernetes.io/tls\"' secret.json &&"
                             " grep -q \"$(printf 'old key\\n' | base64)\" secret.json",
                             api),
                     0);
    assert_int_equal(kube_put(&secret, old_key, old_chain, &f), 0);
    expect_requests("GET");
    assert_int_equal(
        test_sh("cd %s && sed -i 's/\"data\": {/&\"ca.crt\": \"bWluZQ==\", /' secret.json", api),
        0);
    assert_int_equal(kube_put(&secret, key, chain, &f), 0);
    expect_requests("GET PATCH GET");
    assert_int_equal(test_sh("grep -q 'ca.crt.: .bWluZQ==' %s/secret.json", api), 0);
    assert_int_equal(kube_verify(&secret, key, chain, &f), 0);
    assert_int_equal(kube_verify(&secret, old_key, chain, &f), -FAULT_CONFLICT);
    assert_string_equal(f.rule, "kube.other");
    expect_requests("GET GET");
}

/* Who changes it between our look and our patch is seen; what he wrote stays. */
static void others_are_not_overwritten(void **s)
{
    (void)s;
    assert_int_equal(kube_put(&secret, old_key, old_chain, &f), 0);
    (void)test_sh("rm %s/requests", api);
    plan("pass\nchange\n");
    assert_int_equal(kube_put(&secret, key, chain, &f), 0);
    expect_requests("GET PATCH GET PATCH GET");
    assert_int_equal(test_sh("grep -q changed-by %s/secret.json", api), 0);
    plan("pass\ndelete\n");
    assert_int_equal(kube_put(&secret, old_key, old_chain, &f), 0);
    expect_requests("GET PATCH GET POST GET");
    plan("pass\n409\n");
    (void)test_sh("rm %s/secret.json", api);
    assert_int_equal(kube_put(&secret, key, chain, &f), 0);
    expect_requests("GET POST GET POST GET");
    plan("pass\n409\npass\n409\npass\n409\npass\n409\npass\n409\n");
    assert_int_equal(kube_put(&secret, old_key, old_chain, &f), -FAULT_UNAVAILABLE);
    assert_string_equal(f.rule, "kube.conflict");
}

static void expect_fault(const char *rule, int code)
{
    assert_int_equal(kube_put(&secret, key, chain, &f), -code);
    assert_string_equal(f.rule, rule);
}

static void refusals_say_why(void **s)
{
    (void)s;
    test_write(token, "another\n");
    expect_fault("kube.denied", FAULT_DENIED);
}

static void broken_servers_are_bounded(void **s)
{
    (void)s;
    plan("403\n");
    expect_fault("kube.denied", FAULT_DENIED);
    assert_non_null(strstr(f.text, "planned: no"));
    plan("503\n");
    expect_fault("kube.refused", FAULT_UNAVAILABLE);
    assert_true(f.retry_after > 0);
    plan("422\n");
    expect_fault("kube.refused", FAULT_CONFLICT);
    plan("garbage\n");
    expect_fault("kube.failed", FAULT_MALFORMED);
    plan("huge\n");
    expect_fault("kube.failed", FAULT_TOO_LARGE);
    secret.time_limit = 1;
    plan("hang\n");
    expect_fault("kube.failed", FAULT_UNAVAILABLE);
    test_write(token, "two\nlines\n");
    expect_fault("kube.token", FAULT_CONFIG);
    test_write(token, "\n");
    expect_fault("kube.token", FAULT_CONFIG);
}

static void strangers_get_no_token(void **s)
{
    struct test_ca other;

    (void)s;
    test_ca_make(&other, "Other Root");
    test_write_certs(test_path(api, "other.pem"), &other.root, 1);
    secret.ca_file = (char *)(uintptr_t)test_path(api, "other.pem");
    expect_fault("kube.failed", FAULT_UNAVAILABLE);
    assert_int_equal(access(test_path(api, "requests"), F_OK), -1);
    test_ca_free(&other);
}

static void another_kind_of_secret_is_left(void **s)
{
    (void)s;
    assert_int_equal(kube_put(&secret, old_key, old_chain, &f), 0);
    assert_int_equal(test_sh("sed -i s,kubernetes.io/tls,Opaque, %s/secret.json", api), 0);
    expect_fault("kube.type", FAULT_CONFLICT);
    assert_int_equal(test_sh("grep -q \"$(printf 'old key\\n' | base64)\" %s/secret.json", api), 0);
}

/* As a service of an entry: put at the reload, compared at the end, brought back with the rest. */
static void an_entry_has_a_secret(void **s)
{
    struct agent_secret *list = &secret;

    (void)s;
    assert_int_equal(test_sh("rm -rf %s", scene.state), 0);
    assert_int_equal(scene_fresh(s), 0);
    scene.entry.secrets = list;
    scene.entry.n_secrets = 1;
    scene_install(&scene.first, 1);
    assert_int_equal(deploy_reload(&scene.entry, &f), 0);
    assert_int_equal(deploy_verify(&scene.entry, 1, NULL, &f), 0);
    scene_install(&scene.second, 2);
    plan("pass\n422\n");
    assert_int_equal(deploy_reload(&scene.entry, &f), -FAULT_CONFLICT);
    assert_int_equal(deploy_rollback(&scene.entry, NULL, &f), 0);
    assert_true(test_shows(scene.chain_path, &scene.first));
    assert_int_equal(deploy_install(&scene.entry, 2, &f), 0);
    assert_int_equal(deploy_reload(&scene.entry, &f), 0);
    assert_int_equal(deploy_verify(&scene.entry, 2, NULL, &f), 0);
    assert_int_equal(
        test_sh("cd %s && python3 -c 'import json,base64;print(base64.b64decode(json.load(open("
                "\"secret.json\"))[\"data\"][\"tls.crt\"]).decode(),end=\"\")' | cmp - %s",
                api, scene.chain_path),
        0);
}

#define TEST(function) cmocka_unit_test_setup(function, fresh)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_secret_is_made_changed_and_left),
        TEST(others_are_not_overwritten),
        TEST(refusals_say_why),
        TEST(broken_servers_are_bounded),
        TEST(strangers_get_no_token),
        TEST(another_kind_of_secret_is_left),
        TEST(an_entry_has_a_secret),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
