/* Files of deployed certificates: forms, checks, one change for key and certificate, taking over,
 * exchanging, owners, a full disk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/deploy/place.h"

#include "tests/unit/agent_help.h"

static struct fault f;

static unsigned mode_of(const char *path)
{
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 0777;
}

static void a_new_pair_becomes_visible(void **s)
{
    unsigned current = 9, next = 0;
    struct buf der;

    (void)s;
    buf_init(&der, 65536);
    assert_int_equal(deploy_current(&scene.entry, &current, &f), -FAULT_NOT_FOUND);
    assert_int_equal(deploy_next(&scene.entry, &next, &f), 0);
    assert_int_equal(next, 1);
    scene_install(&scene.first, 1);
    assert_true(test_pair_fits(scene.key_path, scene.chain_path));
    assert_true(test_shows(scene.chain_path, &scene.first));
    assert_int_equal(mode_of(scene.key_path), 0600);
    assert_int_equal(mode_of(scene.chain_path), 0644);
    assert_int_equal(deploy_current(&scene.entry, &current, &f), 0);
    assert_int_equal(current, 1);
    scene_install(&scene.second, 2);
    assert_true(test_pair_fits(scene.key_path, scene.chain_path));
    assert_true(test_shows(scene.chain_path, &scene.second));
    assert_int_equal(deploy_next(&scene.entry, &next, &f), 0);
    assert_int_equal(next, 3);
    assert_int_equal(deploy_leaf(&scene.entry, 1, &der, &f), 0);
    assert_true(slice_eq(buf_slice(&der), scene.first.m.leaf));
    buf_free(&der);
}

/* Every form is what another program reads it as. */
static void every_form_is_read_by_others(void **s)
{
    char password[96];
    struct agent_file all[] = {
        {.path = "k.pem", .format = AGENT_KEY, .mode = 0640},
        {.path = "c.pem", .format = AGENT_CERT},
        {.path = "ch.pem", .format = AGENT_CHAIN},
        {.path = "full.pem", .format = AGENT_FULLCHAIN},
        {.path = "kf.pem", .format = AGENT_COMBINED, .order = AGENT_KEY_FIRST},
        {.path = "kl.pem", .format = AGENT_COMBINED, .order = AGENT_KEY_LAST},
        {.path = "p.p12", .format = AGENT_PKCS12, .password_file = password},
        {.path = "ca.pem", .format = AGENT_CA},
    };
    (void)s;
    (void)snprintf(password, sizeof(password), "%s/password", scene.place);
    test_write(password, "sesame\nmore\n");
    scene.entry.files = all;
    scene.entry.n_files = sizeof(all) / sizeof(all[0]);
    scene_install(&scene.first, 1);
    assert_int_equal(
        test_sh("set -e; cd %s/current; exec 2>/dev/null >/dev/null; openssl pkey -in k.pem -noout;"
                "openssl verify -CAfile ca.pem -untrusted ch.pem c.pem;"
                "test $(grep -c BEGIN.CERT full.pem) = 2; test $(grep -c BEGIN full.pem) = 2;"
                "head -1 kf.pem | grep PRIVATE; tail -1 kl.pem | grep PRIVATE;"
                "head -1 kl.pem | grep CERTIFICATE; test $(grep -c BEGIN kl.pem) = 3;"
                "cmp c.pem /dev/null && exit 1; openssl x509 -in full.pem | cmp - c.pem;"
                "openssl pkcs12 -in p.p12 -passin pass:sesame -nodes | grep -c 'BEGIN CERT' | grep "
                "-x 2;"
                "openssl pkcs12 -in p.p12 -passin pass:sesame -nodes -nocerts | openssl pkey | cmp "
                "- k.pem;"
                "cmp ca.pem %s",
                scene.state, scene.anchors),
        0);
    assert_int_equal(mode_of(test_path(scene.state, "current/k.pem")), 0640);
    assert_int_equal(mode_of(test_path(scene.state, "current/kf.pem")), 0600);
    assert_int_equal(mode_of(test_path(scene.state, "current/p.p12")), 0600);
    assert_int_equal(mode_of(test_path(scene.state, "versions/1/identity.pem")), 0600);
}

static void expect_refused(const struct deploy_material *m, const char *rule)
{
    unsigned current;

    assert_true(deploy_stage(&scene.entry, m, 2, &f) < 0);
    assert_string_equal(f.rule, rule);
    assert_int_equal(deploy_current(&scene.entry, &current, &f), 0);
    assert_int_equal(current, 1);
    assert_true(test_shows(scene.chain_path, &scene.first));
    assert_int_equal(deploy_install(&scene.entry, 2, &f), -FAULT_NOT_FOUND);
}

/* Nothing that clients would refuse is ever written. */
static void what_is_not_right_is_refused(void **s)
{
    struct test_leaf expired, early, other;
    struct deploy_material m;

    (void)s;
    scene_install(&scene.first, 1);
    test_leaf_make(&scene.ca, "www.example.com", -7200, -1, &expired);
    test_leaf_make(&scene.ca, "www.example.com", 3600, 7200, &early);
    test_leaf_make(&scene.ca, "mail.example.com", -60, 7200, &other);
    expect_refused(&expired.m, "deploy.expired");
    expect_refused(&early.m, "deploy.expired");
    expect_refused(&other.m, "deploy.names");
    m = scene.second.m;
    m.key = scene.first.m.key;
    expect_refused(&m, "deploy.key");
    m = scene.second.m;
    m.key = slice_str("no key");
    expect_refused(&m, "deploy.key");
    m = scene.second.m;
    m.chain = SLICE_NONE;
    expect_refused(&m, "deploy.chain");
    m = scene.second.m;
    m.chain.n--;
    expect_refused(&m, "deploy.certificate");
    m = scene.second.m;
    m.leaf.n--;
    expect_refused(&m, "deploy.certificate");
    test_leaf_free(&expired);
    test_leaf_free(&early);
    test_leaf_free(&other);
}

static void what_was_there_is_taken_over(void **s)
{
    unsigned current = 9;
    char *old;

    (void)s;
    test_write(scene.key_path, "old key\n");
    test_write(scene.chain_path, "old chain\n");
    assert_int_equal(chmod(scene.chain_path, 0640), 0);
    scene.entry.take_over = false;
    assert_int_equal(deploy_stage(&scene.entry, &scene.first.m, 1, &f), 0);
    assert_int_equal(deploy_install(&scene.entry, 1, &f), -FAULT_CONFLICT);
    assert_string_equal(f.rule, "deploy.path");
    scene.entry.take_over = true;
    assert_int_equal(deploy_take_over(&scene.entry, &f), 0);
    assert_int_equal(deploy_current(&scene.entry, &current, &f), 0);
    assert_int_equal(current, 0);
    old = test_read(scene.key_path);
    assert_string_equal(old, "old key\n");
    free(old);
    assert_int_equal(mode_of(scene.chain_path), 0640);
    assert_int_equal(deploy_install(&scene.entry, 1, &f), 0);
    assert_true(test_pair_fits(scene.key_path, scene.chain_path));
    assert_int_equal(deploy_rollback(&scene.entry, NULL, &f), 0);
    old = test_read(scene.chain_path);
    assert_string_equal(old, "old chain\n");
    free(old);
}

static void given_up_paths_are_files_again(void **s)
{
    struct stat st;

    (void)s;
    scene_install(&scene.first, 1);
    assert_int_equal(deploy_release(&scene.entry, &f), 0);
    assert_int_equal(lstat(scene.key_path, &st), 0);
    assert_true(S_ISREG(st.st_mode));
    assert_true(test_pair_fits(scene.key_path, scene.chain_path));
    assert_true(test_shows(scene.chain_path, &scene.first));
    assert_int_equal(mode_of(scene.key_path), 0600);
}

static void a_whole_folder_is_exchanged(void **s)
{
    char own[96];
    struct stat before, after;
    char *text;

    (void)s;
    (void)snprintf(own, sizeof(own), "%s/dhparam.pem", scene.place);
    test_write(own, "somebody's\n");
    test_write(scene.key_path, "old key\n");
    scene.entry.method = AGENT_EXCHANGE;
    scene.entry.folder = scene.place;
    scene.files[0].path = "web.key";
    scene.files[1].path = "web.pem";
    assert_int_equal(chmod(scene.place, 0750), 0);
    assert_int_equal(stat(scene.place, &before), 0);
    scene_install(&scene.first, 1);
    assert_int_equal(stat(scene.place, &after), 0);
    assert_true(before.st_ino != after.st_ino);
    assert_int_equal(mode_of(scene.place), 0750);
    assert_true(test_pair_fits(scene.key_path, scene.chain_path));
    text = test_read(own);
    assert_string_equal(text, "somebody's\n");
    free(text);
    scene_install(&scene.second, 2);
    assert_true(test_shows(scene.chain_path, &scene.second));
    text = test_read(own);
    assert_string_equal(text, "somebody's\n");
    free(text);
    assert_int_equal(deploy_stage(&scene.entry, &scene.first.m, 3, &f), 0);
    assert_int_equal(deploy_test(&scene.entry, 3, &f), 0); /* what that made is gone */
    assert_int_equal(test_sh("test ! -e %s.cerca-new && test ! -L %s && test -f %s", scene.place,
                             scene.key_path, test_path(scene.state, "versions/0/web.key")),
                     0);
}

/* Until it is killed: what a service may do in a folder that is its own. */
static pid_t swap_for_ever(const char *one, const char *other)
{
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid != 0)
        return pid;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;)
        (void)renameat2(AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE);
}

static void end_swapping(pid_t pid)
{
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* A copy has the mode of what was read, whatever lay there before and after. */
static void what_is_swapped_while_it_is_copied_stays_secret(void **s)
{
    char own[96], link[96], copy[96], secret[96];
    pid_t pid;

    (void)s;
    (void)snprintf(own, sizeof(own), "%s/own", scene.place);
    (void)snprintf(link, sizeof(link), "%s/link", scene.place);
    (void)snprintf(copy, sizeof(copy), "%s/copy", scene.place);
    (void)snprintf(secret, sizeof(secret), "%s/secret", scene.place);
    test_write(own, "own\n");
    test_write(secret, "secret\n");
    assert_int_equal(chmod(own, 0644) + chmod(secret, 0600) + symlink(secret, link), 0);
    pid = swap_for_ever(own, link);
    for (int i = 0; i < 400; i++) {
        char *text;

        assert_int_equal(place_copy(own, copy, &f), 0);
        text = test_read(copy);
        assert_int_equal(mode_of(copy), strcmp(text, "own\n") == 0 ? 0644 : 0600);
        free(text);
    }
    end_swapping(pid);
}

static void what_is_swapped_while_it_is_wiped_leads_nowhere(void **s)
{
    char folder[80], sub[96], link[96], victim[96], file[128];
    pid_t pid;
    char *text;

    (void)s;
    (void)snprintf(folder, sizeof(folder), "%s/wiped", scene.place);
    (void)snprintf(sub, sizeof(sub), "%s/sub", folder);
    (void)snprintf(link, sizeof(link), "%s/link", scene.place);
    (void)snprintf(victim, sizeof(victim), "%s/victim", scene.place);
    (void)snprintf(file, sizeof(file), "%s/file", victim);
    assert_int_equal(mkdir(victim, 0700) + symlink(victim, link), 0);
    test_write(file, "another's\n");
    pid = swap_for_ever(sub, link);
    for (int i = 0; i < 1000; i++) {
        (void)mkdir(folder, 0700);
        (void)mkdir(sub, 0700);
        (void)!symlink(victim, link);
        (void)!place_wipe(folder, &f); /* or not, meanwhile */
    }
    end_swapping(pid);
    text = test_read(file);
    assert_string_equal(text, "another's\n");
    free(text);
}

/* Nobody reads or writes it: whoever opens it as a file waits for ever. */
static void a_pipe_in_an_exchanged_folder_holds_nobody_up(void **s)
{
    char pipe[96];

    (void)s;
    (void)snprintf(pipe, sizeof(pipe), "%s/control", scene.place);
    assert_int_equal(mkfifo(pipe, 0600), 0);
    scene.entry.method = AGENT_EXCHANGE;
    scene.entry.folder = scene.place;
    scene.files[0].path = "web.key";
    scene.files[1].path = "web.pem";
    (void)alarm(120);
    scene_install(&scene.first, 1);
    scene_install(&scene.second, 2);
    (void)alarm(0);
    assert_true(test_shows(scene.chain_path, &scene.second));
    assert_int_equal(test_sh("test -p %s", pipe), 0);
}

static void old_versions_are_wiped(void **s)
{
    (void)s;
    for (unsigned v = 1; v <= 5; v++) {
        scene_install(v % 2 == 1 ? &scene.first : &scene.second, v);
        assert_int_equal(deploy_verify(&scene.entry, v, NULL, &f), 0);
    }
    assert_int_equal(
        test_sh("test \"$(ls %s/versions | sort | tr '\\n' ' ')\" = '3 4 5 '", scene.state), 0);
    assert_int_equal(deploy_stage(&scene.entry, &scene.second.m, 5, &f), -FAULT_CONFLICT);
    assert_int_equal(deploy_stage(&scene.entry, &scene.first.m, 5, &f), 0);
}

/* Versions that failed are not heaped up. */
static void failed_versions_give_way(void **s)
{
    (void)s;
    scene_install(&scene.first, 1);
    assert_int_equal(deploy_verify(&scene.entry, 1, NULL, &f), 0);
    for (unsigned v = 2; v <= 6; v++)
        assert_int_equal(deploy_stage(&scene.entry, &scene.second.m, v, &f), 0);
    assert_int_equal(
        test_sh("test \"$(ls %s/versions | sort | tr '\\n' ' ')\" = '1 6 '", scene.state), 0);
}

static void a_full_or_read_only_disk_changes_nothing(void **s)
{
    (void)s;
    assert_int_equal(
        test_sh("mkdir %s && mount -t tmpfs -o size=64k none %s", scene.state, scene.state), 0);
    scene_install(&scene.first, 1);
    (void)test_sh("cat /dev/zero >%s/filler 2>/dev/null", scene.state);
    assert_int_equal(deploy_stage(&scene.entry, &scene.second.m, 2, &f), -FAULT_FULL);
    assert_string_equal(f.rule, "deploy.full");
    assert_true(test_pair_fits(scene.key_path, scene.chain_path));
    assert_true(test_shows(scene.chain_path, &scene.first));
    assert_int_equal(
        test_sh("rm %s/filler && test \"$(ls -A %s/versions)\" = 1", scene.state, scene.state), 0);
    assert_int_equal(test_sh("mount -o remount,ro %s", scene.state), 0);
    assert_int_equal(deploy_stage(&scene.entry, &scene.second.m, 2, &f), -FAULT_UNAVAILABLE);
    assert_string_equal(f.rule, "deploy.readonly");
    assert_non_null(strstr(f.text, "ReadWritePaths="));
    assert_true(test_pair_fits(scene.key_path, scene.chain_path));
    assert_true(test_shows(scene.chain_path, &scene.first));
    assert_int_equal(test_sh("mount -o remount,rw %s", scene.state), 0);
    scene_install(&scene.second, 2);
    assert_true(test_shows(scene.chain_path, &scene.second));
    assert_int_equal(test_sh("umount %s", scene.state), 0);
}

static void names_and_owners_are_checked(void **s)
{
    (void)s;
    scene.files[0].owner = "no-such-user-here";
    assert_int_equal(deploy_stage(&scene.entry, &scene.first.m, 1, &f), -FAULT_CONFIG);
    assert_string_equal(f.rule, "deploy.owner");
    scene.files[0].owner = "";
    scene.files[0].path = "web.pem";
    assert_int_equal(deploy_stage(&scene.entry, &scene.first.m, 1, &f), -FAULT_CONFIG);
    assert_string_equal(f.rule, "deploy.path");
}

#define TEST(function) cmocka_unit_test_setup(function, scene_fresh)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_pair_becomes_visible),
        TEST(every_form_is_read_by_others),
        TEST(what_is_not_right_is_refused),
        TEST(what_was_there_is_taken_over),
        TEST(given_up_paths_are_files_again),
        TEST(a_whole_folder_is_exchanged),
        TEST(what_is_swapped_while_it_is_copied_stays_secret),
        TEST(what_is_swapped_while_it_is_wiped_leads_nowhere),
        TEST(a_pipe_in_an_exchanged_folder_holds_nobody_up),
        TEST(old_versions_are_wiped),
        TEST(failed_versions_give_way),
        TEST(a_full_or_read_only_disk_changes_nothing),
        TEST(names_and_owners_are_checked),
    };

    return cmocka_run_group_tests(tests, scene_set_up, scene_tear_down);
}
