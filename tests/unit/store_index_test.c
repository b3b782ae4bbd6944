/* Lists and the indexes below them: order, pages and filters against a naive model; the derived
 * environment lost, damaged, stale or of somebody else. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <lmdb.h>

#include <cmocka.h>

#include "ca/store/store_lmdb.h"
#include "lib/log.h"
#include "lib/name.h"
#include "tests/unit/store_model.h"

static int setup(void **state)
{
    struct fixture *x = calloc(1, sizeof(*x));
    fixture_open(x, false);
    *state = x;
    return 0;
}

static int teardown(void **state)
{
    fixture_remove(*state);
    free(*state);
    return 0;
}

static void lists_equal_a_naive_model_in_order_pages_and_filters(void **state)
{
    struct fixture *x = *state;
    struct model *m = calloc(1, sizeof(*m));
    unsigned seed = 20261121;
    struct store_filter q;
    model_fill(x, m, &seed, ROWS);
    for (int i = 0; i < 400; i++) {
        model_filter(&q, &seed);
        model_compare(x, m, &q, (size_t)(1 + model_draw(&seed) % 50));
    }
    for (size_t i = 0; i < m->n; i++) {
        struct cert_ref ref;
        bool signed_ = m->row[i].state != CERT_OPEN && m->row[i].state != CERT_ABANDONED;
        assert_int_equal(store_find_fingerprint(x->s, m->row[i].fingerprint, &ref, &x->f),
                         signed_ ? 0 : -FAULT_NOT_FOUND);
        if (signed_)
            assert_memory_equal(ref.serial, m->row[i].ref.serial, SERIAL_LEN);
    }
    assert_clean(x);
    free(m);
}

static void a_certificate_with_many_names_below_a_domain_is_listed_once(void **state)
{
    struct fixture *x = *state;
    struct store_filter q = {.now = TEST_NOW, .name = ".example.com"};
    struct request r;
    struct got got;
    request_init(&r, x, "www.example.com");
    struct san_list *sans = calloc(1, sizeof(*sans));
    struct buf cn;
    buf_init(&cn, 1024);
    assert_int_equal(name_from_cn(slice_str("Web Front"), &cn, &x->f), 0);
    sans->n = 4;
    sans->item[0] = (struct san){SAN_DNS, slice_str("b.example.com")};
    sans->item[1] = (struct san){SAN_DNS, slice_str("A.Example.com")};
    sans->item[2] = (struct san){SAN_IP, slice_of("\xc0\x00\x02\x01", 4)};
    sans->item[3] = (struct san){SAN_URI, slice_str("spiffe://example.com/web")};
    struct tbs_spec spec = {.alg = SIG_ECDSA_SHA256,
                            .issuer = buf_slice(&cn),
                            .subject = buf_slice(&cn),
                            .not_before = r.op.intent.not_before,
                            .not_after = r.op.intent.not_after,
                            .spki = slice_of(r.spki, sizeof(r.spki)),
                            .key_usage = KU_DIGITAL_SIGNATURE,
                            .path_len = -1,
                            .sans = sans};
    memcpy(spec.serial, r.op.ref.serial, SERIAL_LEN);
    buf_reset(&r.tbs);
    tbs_put(&r.tbs, &spec);
    r.op.intent.tbs = buf_slice(&r.tbs);
    issue(x, &r);
    static const char *const query[] = {".example.com", "a.example.com", "192.0.2.1",
                                        "spiffe://example.com/web", "Web Front"};
    for (size_t i = 0; i < sizeof(query) / sizeof(query[0]); i++) {
        (void)snprintf(q.name, sizeof(q.name), "%s", query[i]);
        list_all(x, &q, 10, &got);
        assert_int_equal(got.n, 1);
    }
    (void)snprintf(q.name, sizeof(q.name), "xample.com");
    list_all(x, &q, 10, &got);
    assert_int_equal(got.n, 0);
    assert_clean(x);
    buf_free(&cn);
    free(sans);
    request_free(&r);
}

static void a_cursor_of_another_list_or_made_up_is_refused(void **state)
{
    struct fixture *x = *state;
    struct store_filter by_owner = {.now = TEST_NOW, .owner = "web"};
    struct store_filter by_name = {.now = TEST_NOW, .name = ".example.com"};
    struct store_cursor at = {.n = 0};
    struct request r;
    struct got got = {.n = 0};
    for (int i = 0; i < 3; i++) {
        request_init(&r, x, "h.example.com");
        issue(x, &r);
        request_free(&r);
    }
    assert_int_equal(store_list(x->s, &by_owner, 1, &at, model_keep, &got, &x->f), 0);
    assert_true(at.n > 0);
    assert_int_equal(store_list(x->s, &by_name, 1, &at, model_keep, &got, &x->f), -FAULT_MALFORMED);
    assert_string_equal(x->f.rule, "list.cursor");
    for (size_t n = 1; n <= sizeof(at.at); n += 7) {
        at.n = n;
        memset(at.at, 0xff, sizeof(at.at));
        assert_int_equal(store_list(x->s, &by_name, 1, &at, model_keep, &got, &x->f),
                         -FAULT_MALFORMED);
    }
    at.n = SIZE_MAX;
    assert_int_equal(store_list(x->s, &by_name, 1, &at, model_keep, &got, &x->f), -FAULT_MALFORMED);
}

/* --- the environment itself --- */

static void write_at(const char *path, off_t at, const void *p, size_t n)
{
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, p, n, at), n);
    (void)close(fd);
}

enum damage {
    NONE,
    DELETED,
    EMPTY,
    TRUNCATED,
    GARBAGE,
    META_LOST,
    PAGES_ZEROED,
    OPENING,
    CRASHED_TWICE,
    DAMAGES
};

static void damage(struct fixture *x, enum damage how)
{
    char dir[128], data[160], mark[160];
    uint8_t noise[4096];
    struct stat st;
    fixture_path(x, "derived", dir);
    (void)snprintf(data, sizeof(data), "%s/data.mdb", dir);
    (void)snprintf(mark, sizeof(mark), "%s/in-use", dir);
    assert_int_equal(stat(data, &st), 0);
    random_bytes(noise, sizeof(noise));
    switch (how) {
    case DELETED:
        remove_tree(dir);
        break;
    case EMPTY:
        assert_int_equal(truncate(data, 0), 0);
        break;
    case TRUNCATED:
        assert_int_equal(truncate(data, st.st_size / 2), 0);
        break;
    case GARBAGE:
        for (off_t at = 0; at < st.st_size; at += (off_t)sizeof(noise))
            write_at(data, at, noise, sizeof(noise));
        break;
    case META_LOST:
        memset(noise, 0, sizeof(noise));
        write_at(data, 0, noise, sizeof(noise));
        write_at(data, 4096, noise, sizeof(noise));
        break;
    case PAGES_ZEROED:
        memset(noise, 0, sizeof(noise));
        for (off_t at = 8192; at < st.st_size; at += (off_t)sizeof(noise))
            write_at(data, at, noise, sizeof(noise));
        break;
    case CRASHED_TWICE: /* once before, and now again */
        write_at(mark, 4, "\1\0\0\0\1", 5);
        break;
    case OPENING:
        write_at(mark, 0, "\1", 1);
        break;
    default:
        break;
    }
}

static void damaged_indexes_are_rebuilt_while_serving(void **state)
{
    struct fixture *x = *state;
    struct model *m = calloc(1, sizeof(*m));
    unsigned seed = 7;
    struct store_filter q;
    model_fill(x, m, &seed, 60);
    for (int how = NONE; how < DAMAGES; how++) {
        struct cert_ref ref;
        size_t n;
        fixture_close(x);
        damage(x, (enum damage)how);
        assert_int_equal(fixture_reopen(x), 0);
        assert_int_equal(store_find_serial(x->s, m->row[0].ref.serial, &ref, 1, &n, &x->f), 0);
        model_issue(x, m, &seed); /* issuing does not wait for them */
        fixture_wait_indexes(x);
        for (int i = 0; i < 20; i++) {
            model_filter(&q, &seed);
            model_compare(x, m, &q, 10);
        }
        assert_clean(x);
    }
    free(m);
}

static void indexes_of_another_store_are_not_used(void **state)
{
    struct fixture *x = *state;
    struct fixture other;
    struct model *m = calloc(1, sizeof(*m));
    char from[128], to[128];
    unsigned seed = 8;
    struct store_filter q = {.now = TEST_NOW};
    fixture_open(&other, false);
    model_fill(&other, m, &seed, 20);
    fixture_close(&other);
    m->n = 0;
    model_fill(x, m, &seed, 30);
    fixture_close(x);
    fixture_path(&other, "derived", from);
    fixture_path(x, "derived", to);
    remove_tree(to);
    assert_int_equal(rename(from, to), 0);
    assert_int_equal(fixture_reopen(x), 0);
    fixture_wait_indexes(x);
    model_compare(x, m, &q, 10);
    assert_clean(x);
    fixture_remove(&other);
    free(m);
}

static int data_inode(const struct fixture *x, ino_t *out)
{
    char path[128];
    struct stat st;
    fixture_path(x, "derived/data.mdb", path);
    int rc = stat(path, &st);
    *out = st.st_ino;
    return rc;
}

static void a_clean_stop_keeps_the_indexes(void **state)
{
    struct fixture *x = *state;
    struct model *m = calloc(1, sizeof(*m));
    unsigned seed = 9;
    struct store_filter q = {.now = TEST_NOW};
    struct store_stats st;
    ino_t before, after;
    model_fill(x, m, &seed, 30);
    fixture_close(x);
    assert_int_equal(data_inode(x, &before), 0);
    assert_int_equal(fixture_reopen(x), 0);
    assert_int_equal(store_stats(x->s, &st, &x->f), 0);
    assert_false(st.rebuilding);
    assert_int_equal(st.derived_change, st.change);
    model_compare(x, m, &q, 10);
    assert_int_equal(data_inode(x, &after), 0);
    assert_int_equal(before, after);
    free(m);
}

/* Changes one octet of the derived environment's meta row, in LMDB itself. */
static void change_meta(const struct fixture *x, size_t at, uint8_t value)
{
    char path[128];
    MDB_env *env;
    MDB_txn *t;
    MDB_dbi dbi;
    MDB_val k = {2, (void *)(uintptr_t) "at"}, v;
    uint8_t row[128];
    fixture_path(x, "derived", path);
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_set_maxdbs(env, 2), 0);
    assert_int_equal(mdb_env_set_mapsize(env, STORE_MAP_SIZE), 0);
    assert_int_equal(mdb_env_open(env, path, 0, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &t), 0);
    assert_int_equal(mdb_dbi_open(t, "meta", 0, &dbi), 0);
    assert_int_equal(mdb_get(t, dbi, &k, &v), 0);
    assert_true(v.mv_size <= sizeof(row));
    memcpy(row, v.mv_data, v.mv_size);
    row[at == SIZE_MAX ? v.mv_size - 1 : at] = value;
    v.mv_data = row;
    assert_int_equal(mdb_put(t, dbi, &k, &v, 0), 0);
    assert_int_equal(mdb_txn_commit(t), 0);
    mdb_env_close(env);
}

#define META_APPLIED 1
#define META_BOOT (1 + 8 + 16 + 4)
#define META_SEALED SIZE_MAX

static void reopen_and_compare(struct fixture *x, struct model *m, bool rebuilt)
{
    struct store_filter q = {.now = TEST_NOW};
    ino_t before, after;
    assert_int_equal(data_inode(x, &before), 0);
    assert_int_equal(fixture_reopen(x), 0);
    fixture_wait_indexes(x);
    model_compare(x, m, &q, 10);
    assert_int_equal(data_inode(x, &after), 0);
    assert_int_equal(before != after, rebuilt);
    fixture_close(x);
}

static void after_a_power_loss_unsynced_indexes_are_rebuilt_and_synced_ones_kept(void **state)
{
    struct fixture *x = *state;
    struct model *m = calloc(1, sizeof(*m));
    unsigned seed = 11;
    model_fill(x, m, &seed, 30);
    fixture_close(x);
    change_meta(x, META_BOOT, 'x'); /* another boot, but stopped cleanly before */
    reopen_and_compare(x, m, false);
    change_meta(x, META_BOOT, 'x');
    change_meta(x, META_SEALED, 0);
    reopen_and_compare(x, m, true);
    assert_int_equal(fixture_reopen(x), 0);
    free(m);
}

static void indexes_ahead_of_the_store_are_rebuilt(void **state)
{
    struct fixture *x = *state;
    struct model *m = calloc(1, sizeof(*m));
    unsigned seed = 12;
    model_fill(x, m, &seed, 30);
    fixture_close(x);
    change_meta(x, META_APPLIED, 1);
    reopen_and_compare(x, m, true);
    assert_int_equal(fixture_reopen(x), 0);
    free(m);
}

static void a_killed_process_leaves_indexes_that_catch_up(void **state)
{
    struct fixture *x = *state;
    struct store_filter q = {.now = TEST_NOW};
    struct store_stats st;
    struct got got;
    int status;
    fixture_close(x);
    pid_t pid = fork();
    if (pid == 0) {
        log_open("store-test", LOG_LEVEL_ERROR);
        if (fixture_reopen(x) != 0)
            _exit(1);
        for (int i = 0; i < 40; i++) {
            struct request r;
            request_init(&r, x, "h.example.com");
            if (do_reserve(x, &r) != 0 || do_finish(x, &r) != 0)
                _exit(2);
            request_free(&r);
        }
        (void)kill(getpid(), SIGKILL);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(fixture_reopen(x), 0);
    fixture_wait_indexes(x);
    list_all(x, &q, 7, &got);
    assert_int_equal(got.n, 40);
    assert_int_equal(store_stats(x->s, &st, &x->f), 0);
    assert_int_equal(st.derived_change, 80);
    assert_clean(x);
}

static void without_indexes_lists_are_unavailable_and_the_rest_works(void **state)
{
    struct fixture *x = *state;
    struct store_filter q = {.now = TEST_NOW};
    struct store_cursor at = {.n = 0};
    struct got got = {.n = 0};
    struct request r;
    fixture_close(x);
    x->o.no_derive = true;
    assert_int_equal(fixture_reopen(x), 0);
    request_init(&r, x, "h.example.com");
    issue(x, &r);
    assert_int_equal(store_list(x->s, &q, 1, &at, model_keep, &got, &x->f), -FAULT_UNAVAILABLE);
    assert_string_equal(x->f.rule, "store.index");
    fixture_close(x);
    x->o.no_derive = false;
    assert_int_equal(fixture_reopen(x), 0);
    list_all(x, &q, 7, &got);
    assert_int_equal(got.n, 1);
    request_free(&r);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(lists_equal_a_naive_model_in_order_pages_and_filters),
        T(a_certificate_with_many_names_below_a_domain_is_listed_once),
        T(a_cursor_of_another_list_or_made_up_is_refused),
        T(damaged_indexes_are_rebuilt_while_serving),
        T(indexes_of_another_store_are_not_used),
        T(a_clean_stop_keeps_the_indexes),
        T(after_a_power_loss_unsynced_indexes_are_rebuilt_and_synced_ones_kept),
        T(indexes_ahead_of_the_store_are_rebuilt),
        T(a_killed_process_leaves_indexes_that_catch_up),
        T(without_indexes_lists_are_unavailable_and_the_rest_works),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
