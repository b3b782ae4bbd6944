/* The public view, written by ca/view, read by lib/viewfile, against a model of the store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/file.h"
#include "tests/unit/model_store_verbs.h"
#include "tests/unit/view_world.h"

static void a_change_is_seen_by_the_next_refresh(void **state)
{
    struct world *w = *state;
    struct view *v = open_view(w);
    struct viewfile_row row;
    struct viewfile *r;
    struct fault f;
    char dir[128];

    assert_int_equal(viewfile_open(folder(w, 1, dir), &r, &f), 0);
    assert_int_equal(viewfile_lookup(r, ref_of(1).serial, &row), -FAULT_NOT_FOUND);
    publish(w, v, 1, CERT_OPEN);
    assert_int_equal(viewfile_refresh(r, &f), 0);
    assert_int_equal(viewfile_lookup(r, ref_of(1).serial, &row), -FAULT_NOT_FOUND);
    publish(w, v, 1, CERT_GOOD);
    assert_int_equal(viewfile_refresh(r, &f), 0);
    assert_int_equal(viewfile_lookup(r, ref_of(1).serial, &row), 0);
    assert_int_equal(row.status, VIEWFILE_GOOD);
    assert_int_equal(row.change, 2);
    publish(w, v, 1, CERT_REVOKED);
    publish(w, v, 2, CERT_OPEN);
    publish(w, v, 2, CERT_ABANDONED);
    assert_int_equal(viewfile_lookup(r, ref_of(1).serial, &row), 0);
    assert_int_equal(row.status, VIEWFILE_GOOD);
    assert_int_equal(viewfile_refresh(r, &f), 0);
    assert_int_equal(viewfile_lookup(r, ref_of(1).serial, &row), 0);
    assert_int_equal(row.status, VIEWFILE_REVOKED);
    assert_int_equal(row.reason, 1);
    assert_int_equal(viewfile_lookup(r, ref_of(2).serial, &row), 0);
    assert_int_equal(row.status, VIEWFILE_REVOKED);
    viewfile_close(r);
    view_close(v);
    assert_equals_store(w);
}

static void an_idle_issuers_files_follow_the_change_number_and_the_clock(void **state)
{
    struct world *w = *state;
    int64_t before = clock_now();
    struct view *v = open_view(w);
    struct viewfile_info info;
    struct view_stats stats;
    struct viewfile *r;
    struct fault f;
    char dir[128];

    publish(w, v, 1, CERT_GOOD);
    publish(w, v, 2, CERT_GOOD);
    assert_int_equal(viewfile_open(folder(w, 2, dir), &r, &f), 0);
    viewfile_info(r, &info);
    assert_int_equal(info.issuer, 2);
    assert_int_equal(info.change, 2);
    assert_int_equal(info.log_rows, 0);
    assert_in_range(info.stamp, before, clock_now());
    view_stats(v, &stats);
    assert_int_equal(stats.change, 2);
    assert_int_equal(stats.log_rows, 2);
    assert_int_equal(stats.stamp, info.stamp);
    assert_false(stats.behind);
    viewfile_close(r);
    view_close(v);
}

static int64_t stamp_with_clock_at(struct view *v, const char *offset, const char *dir)
{
    struct viewfile_info info;
    struct viewfile *r;
    struct fault f;

    assert_int_equal(setenv("CERCA_TEST_CLOCK_OFFSET", offset, 1), 0);
    assert_int_equal(view_maintain(v, &f), 0);
    assert_int_equal(viewfile_open(dir, &r, &f), 0);
    viewfile_info(r, &info);
    viewfile_close(r);
    return info.stamp;
}

/* A stamp is the thisUpdate of answers, which other processes go on from. */
static void a_stamp_goes_back_only_with_a_clock_that_was_far_ahead(void **state)
{
    struct world *w = *state;
    struct view *v = open_view(w);
    int64_t now = clock_now(), ahead, far;
    struct fault f;
    char dir[128];

    (void)folder(w, 1, dir);
    ahead = stamp_with_clock_at(v, "200", dir);
    assert_in_range(ahead, now + 200, now + 230);
    assert_int_equal(stamp_with_clock_at(v, "0", dir), ahead);
    view_close(v);
    v = open_view(w);
    assert_int_equal(stamp_with_clock_at(v, "-30", dir), ahead);
    far = stamp_with_clock_at(v, "86400", dir);
    assert_in_range(far, now + 86400, now + 86430);
    assert_in_range(stamp_with_clock_at(v, "0", dir), now, now + 30);
    assert_int_equal(unsetenv("CERCA_TEST_CLOCK_OFFSET"), 0);
    assert_int_equal(view_maintain(v, &f), 0);
    view_close(v);
}

static void readers_never_see_less_than_was_acknowledged(void **state)
{
    enum cert_state *now = xcalloc(CERTS, sizeof *now);
    struct world *w = *state;
    struct upkeep u = {.v = open_view(w)};
    struct viewfile_info info;
    struct viewfile *r;
    pthread_t thread;
    struct fault f;
    pid_t reader = fork();
    char dir[128];
    int status;

    if (reader == 0)
        reader_process(w);
    assert_int_equal(pthread_create(&thread, NULL, upkeep_thread, &u), 0);
    while (model_newest(w->store) < 300000 ||
           __atomic_load_n(w->checks, __ATOMIC_RELAXED) < 20000) {
        if (paced_batch(w, &u, now, &f) < 0)
            fail_msg("publish: %s", f.text);
        if (waitpid(reader, &status, WNOHANG) != 0)
            fail_msg("the reader ended early: %d", WEXITSTATUS(status));
    }
    __atomic_store_n(&u.stop, 1, __ATOMIC_RELEASE);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(u.rc, 0);
    __atomic_store_n(w->stop, 1, __ATOMIC_RELEASE);
    assert_int_equal(waitpid(reader, &status, 0), reader);
    assert_int_equal(status, 0);
    assert_true(*w->checks > 1000);
    assert_int_equal(viewfile_open(folder(w, 1, dir), &r, &f), 0);
    viewfile_info(r, &info);
    assert_true(info.generation > 3); /* snapshots were taken meanwhile */
    viewfile_close(r);
    view_close(u.v);
    assert_equals_store(w);
    free(now);
}

/* --- upkeep ------------------------------------------------------------------ */

static void limit_file_size(rlim_t octets)
{
    struct rlimit r;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &r), 0);
    r.rlim_cur = octets;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &r), 0);
}

/* A file size limit stands in for the full disk: writes stop half way or fail. */
static void a_full_disk_is_reported_and_made_good_afterwards(void **state)
{
    struct world *w = *state;
    struct view *v = open_view(w);
    struct store_change c = change_to(2, CERT_GOOD, 1);
    struct view_stats stats;
    struct fault f;

    assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    publish(w, v, 1, CERT_GOOD);
    limit_file_size(VIEWFILE_LOG_START + VIEWFILE_RECORD + 20);
    for (unsigned k = 2; k < 6; k++) {
        uint64_t before = model_newest(w->store);

        c = change_to(k, CERT_GOOD, 1);
        model_change(w->store, &c);
        assert_int_equal(publish_since(w, v, before, &f), -FAULT_UNAVAILABLE);
        assert_string_equal(f.rule, "view.publish");
        assert_true(f.retry_after > 0);
        view_stats(v, &stats);
        assert_true(stats.behind);
        assert_int_equal(view_maintain(v, &f), -FAULT_UNAVAILABLE);
    }
    limit_file_size(RLIM_INFINITY);
    assert_int_equal(view_maintain(v, &f), 0);
    view_stats(v, &stats);
    assert_false(stats.behind);
    assert_int_equal(stats.change, model_newest(w->store));
    assert_equals_store(w);
    view_close(v);
}

static void assert_mode(const char *folder_path, const char *name, mode_t mode)
{
    char path[256];
    struct stat st;

    snprintf(path, sizeof path, "%s/%s", folder_path, name);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, mode);
}

/* cerca-ca runs with umask 077, and its readers have other uids. */
static void everybody_may_read_whatever_the_umask(void **state)
{
    struct world *w = *state;
    mode_t umask_before = umask(0077);
    char dir[128];

    assert_int_equal(rmdir(w->dir), 0);
    view_close(open_view(w));
    umask(umask_before);
    folder(w, 1, dir);
    assert_mode(w->dir, ".", 0755);
    assert_mode(dir, ".", 0755);
    assert_mode(dir, "current", 0644);
    assert_mode(dir, "snapshot.1", 0644);
    assert_mode(dir, "log.1", 0644);
}

static void a_lost_publication_is_made_good_by_the_next(void **state)
{
    struct world *w = *state;
    struct view *v = open_view(w);
    struct store_change c = change_to(1, CERT_GOOD, 1);

    model_change(w->store, &c);
    publish(w, v, 2, CERT_GOOD);
    assert_equals_store(w);
    view_close(v);
}

static void an_issuer_added_later_gets_its_folder_and_certificate(void **state)
{
    static const uint8_t der[] = {0x30, 0x03, 0x02, 0x01, 0x07};
    struct world *w = *state;
    struct view *v = open_view(w);
    struct store_change c = change_to(1, CERT_GOOD, 1);
    struct viewfile_row row;
    struct viewfile *r;
    struct buf got;
    char path[256];
    struct fault f;

    fill(w, v, 5);
    model_issuer(w->store, 3, "late", 0x33);
    assert_int_equal(view_issuer(v, 3, "late", SLICE_NONE, &f), 0);
    assert_int_equal(view_issuer(v, 3, "late", slice_of(der, sizeof der), &f), 0);
    assert_int_equal(view_issuer(v, 9, "unknown", SLICE_NONE, &f), -FAULT_NOT_FOUND);
    c.ref.issuer = 3;
    model_change(w->store, &c);
    assert_int_equal(publish_since(w, v, 5, &f), 0);
    snprintf(path, sizeof path, "%s/late-3", w->dir);
    assert_int_equal(viewfile_open(path, &r, &f), 0);
    assert_int_equal(viewfile_lookup(r, c.ref.serial, &row), 0);
    viewfile_close(r);
    buf_init(&got, 4096);
    snprintf(path, sizeof path, "%s/late-3/issuer.der", w->dir);
    assert_int_equal(file_read(path, 4096, &got, &f), 0);
    assert_true(slice_eq(buf_slice(&got), slice_of(der, sizeof der)));
    buf_reset(&got);
    snprintf(path, sizeof path, "%s/late-3/issuer.pem", w->dir);
    assert_int_equal(file_read(path, 4096, &got, &f), 0);
    assert_string_equal(buf_cstr(&got),
                        "-----BEGIN CERTIFICATE-----\nMAMCAQc=\n-----END CERTIFICATE-----\n");
    buf_free(&got);
    view_close(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(a_change_is_seen_by_the_next_refresh),
        WORLD_TEST(an_idle_issuers_files_follow_the_change_number_and_the_clock),
        WORLD_TEST(a_stamp_goes_back_only_with_a_clock_that_was_far_ahead),
        WORLD_TEST(readers_never_see_less_than_was_acknowledged),
        WORLD_TEST(a_full_disk_is_reported_and_made_good_afterwards),
        WORLD_TEST(everybody_may_read_whatever_the_umask),
        WORLD_TEST(a_lost_publication_is_made_good_by_the_next),
        WORLD_TEST(an_issuer_added_later_gets_its_folder_and_certificate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
