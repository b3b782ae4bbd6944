/*
 * What older programs left is restored by every later one: a backup of the first format
 * (tests/data/backup), and a store of schema 1 (tests/data/store), which is brought up to date on
 * the way.
 *
 * The backup has a root, an issuing CA and three certificates: n1 good, n2 revoked for
 * keyCompromise, n3 on hold; a token with two uses; and it was closed.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "ca/store/tokens.h"
#include "lib/backupfile.h"
#include "tests/unit/store_help.h"

#define BACKUP "tests/data/backup/format-1.backup"
#define SCHEMA_1 "tests/data/store/schema-1.mdb"

/* The first n octets become what a restore has put together; then the store is opened as one does.
 */
static void put_together(struct fixture *x, int from, uint64_t n)
{
    uint8_t chunk[4096];
    char path[128];
    int to;

    fixture_open(x, false); /* makes the folder and the options */
    fixture_close(x);
    fixture_path(x, STORE_RESTORED_DIR, path);
    assert_int_equal(mkdir(path, 0700), 0);
    fixture_path(x, STORE_RESTORED_DIR "/data.mdb", path);
    to = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(to >= 0);
    for (uint64_t at = 0; at < n; at += sizeof(chunk)) {
        size_t some = n - at < sizeof(chunk) ? (size_t)(n - at) : sizeof(chunk);

        assert_int_equal(backup_read(from, at, chunk, some, &x->f), 0);
        assert_int_equal(write(to, chunk, some), some);
    }
    close(to);
    x->o.restoring = x->o.no_derive = true;
    if (fixture_reopen(x) != 0)
        fail_msg("%s", x->f.text);
}

struct seen {
    unsigned good, revoked, held;
};

static void count(struct fixture *x, struct seen *seen)
{
    struct store_change c[64];
    size_t n;

    memset(seen, 0, sizeof(*seen));
    assert_int_equal(store_states(x->s, NULL, c, 64, &n, &x->f), 0);
    for (size_t i = 0; i < n; i++) {
        seen->good += c[i].state == CERT_GOOD;
        seen->revoked += c[i].state == CERT_REVOKED;
        seen->held += c[i].state == CERT_HELD;
    }
}

static void a_backup_of_the_first_format_is_restored(void **state)
{
    struct backup_manifest *m = calloc(1, sizeof(*m));
    struct store_gate *g = calloc(1, sizeof(*g));
    struct token_row token;
    struct store_stats st;
    struct fixture x;
    struct seen seen;
    struct fault f;
    uint8_t hash[32];
    int fd = open(BACKUP, O_RDONLY | O_CLOEXEC);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(backup_open(fd, m, hash, &f), 0);
    assert_int_equal(backup_hash(fd, hash, NULL, NULL, &f), 0);
    assert_int_equal(m->certificates, 5);
    put_together(&x, fd, m->image);
    assert_int_equal(store_stats(x.s, &st, &x.f), 0);
    assert_int_equal(st.certificates, 5);
    assert_int_equal(st.change, m->change);
    assert_int_equal(st.audit_size, m->audit_size);
    assert_memory_equal(st.audit_root, m->audit_root, 32);
    assert_memory_equal(st.uuid, m->uuid, 16);
    count(&x, &seen);
    assert_int_equal(seen.good, 3);
    assert_int_equal(seen.revoked, 1);
    assert_int_equal(seen.held, 1);
    assert_int_equal(store_gate(x.s, g, &x.f), 0);
    assert_true(g->closed);
    assert_string_equal(g->reason, "a fixture");
    assert_int_equal(store_token_get(x.s, 1, &token, &x.f), 0);
    assert_clean(&x);
    fixture_remove(&x);
    close(fd);
    free(g);
    free(m);
}

static void a_store_of_schema_1_is_brought_up_to_date_by_a_restore(void **state)
{
    struct store_op op = {.kind = STORE_RESTORED, .time = TEST_NOW, .why = "restored"};
    struct store_stats st;
    struct fixture x;
    struct stat file;
    int fd = open(SCHEMA_1, O_RDONLY | O_CLOEXEC);

    (void)state;
    assert_int_equal(fstat(fd, &file), 0);
    put_together(&x, fd, (uint64_t)file.st_size);
    op.skip_to = 1000;
    assert_int_equal(store_do(x.s, &op), 0);
    fixture_close(&x);
    assert_int_equal(fixture_reopen(&x), 0);
    assert_int_equal(store_stats(x.s, &st, &x.f), 0);
    assert_int_equal(st.schema, STORE_SCHEMA);
    assert_int_equal(st.certificates, 12);
    assert_int_equal(st.change, 1000);
    assert_clean(&x);
    fixture_remove(&x);
    close(fd);
}

static void an_interrupted_restore_is_not_taken_for_an_empty_store(void **state)
{
    struct fixture x;
    struct stat file;
    char path[128];
    int fd = open(SCHEMA_1, O_RDONLY | O_CLOEXEC);

    (void)state;
    assert_int_equal(fstat(fd, &file), 0);
    put_together(&x, fd, (uint64_t)file.st_size);
    fixture_close(&x);
    fixture_path(&x, "durable", path);
    remove_tree(path);
    x.o.restoring = false;
    assert_int_equal(fixture_reopen(&x), -FAULT_CONFLICT);
    assert_string_equal(x.f.rule, "restore.interrupted");
    assert_int_equal(access(path, F_OK), -1);
    fixture_remove(&x);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_backup_of_the_first_format_is_restored),
        cmocka_unit_test(a_store_of_schema_1_is_brought_up_to_date_by_a_restore),
        cmocka_unit_test(an_interrupted_restore_is_not_taken_for_an_empty_store),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
