/* Certificates that others issued, annotations and lines, beside issued ones: on real files. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <lmdb.h>

#include "ca/store/inventory.h"
#include "ca/store/store_lmdb.h"
#include "lib/cert.h"
#include "lib/log.h"
#include "lib/step.h"
#include "tests/unit/store_help.h"

#define MANY 40

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

static int add(struct fixture *x, struct store_foreign *a, int64_t time)
{
    struct store_op op = {.kind = STORE_FOREIGN_ADD, .foreign = a, .time = time};
    op.audit.action = AUDIT_FOREIGN;
    op.audit.time = time;
    int rc = store_do(x->s, &op);
    x->f = op.fault;
    return rc;
}

static enum foreign_outcome add_der(struct fixture *x, struct slice der, int64_t time,
                                    struct cert_ref *ref)
{
    struct foreign item = {.der = der, .origin = "file web.pem"};
    struct store_foreign a = {
        .source = SOURCE_IMPORTED, .by = "operator:alice", .n = 1, .item = &item};
    assert_int_equal(add(x, &a, time), 0);
    *ref = item.ref;
    return item.outcome;
}

static void what_is_added_is_read_back_octet_for_octet(void **state)
{
    struct fixture *x = *state;
    struct cert_ref ref;
    struct cert_row row;
    struct buf der, back;
    uint8_t fingerprint[32];
    foreign_make(x, "old.example.com", TEST_NOW + 100, &der);
    cert_fingerprint(buf_slice(&der), fingerprint);
    assert_int_equal(add_der(x, buf_slice(&der), TEST_NOW, &ref), FOREIGN_ADDED);
    assert_int_equal(foreign_number(&ref), 1);
    must_get(x, &ref, &row);
    assert_true(row.source == SOURCE_IMPORTED && row.state == CERT_GOOD);
    assert_string_equal(row.origin, "file web.pem");
    assert_string_equal(row.requester, "operator:alice");
    assert_true(row.created == TEST_NOW && row.last_seen == TEST_NOW);
    assert_int_equal(row.not_after, TEST_NOW + 100);
    assert_int_equal(row.change, 1);
    assert_memory_equal(row.fingerprint, fingerprint, 32);
    buf_init(&back, CERT_MAX);
    assert_int_equal(cert_row_der(&row, &back), 0);
    assert_true(slice_eq(buf_slice(&back), buf_slice(&der)));
    assert_int_equal(row.signature.n, 70);
    cert_row_free(&row);
    assert_int_equal(store_find_fingerprint(x->s, fingerprint, &ref, &x->f), 0);
    assert_int_equal(foreign_number(&ref), 1);
    assert_clean(x);
    buf_free(&der);
    buf_free(&back);
}

static void seen_again_it_is_one_row_and_last_seen_moves_forward_only(void **state)
{
    struct fixture *x = *state;
    struct cert_ref ref;
    struct cert_row row;
    struct buf der;
    struct store_stats st;
    foreign_make(x, "old.example.com", TEST_NOW + 100, &der);
    assert_int_equal(add_der(x, buf_slice(&der), TEST_NOW, &ref), FOREIGN_ADDED);
    assert_int_equal(add_der(x, buf_slice(&der), TEST_NOW + 50, &ref), FOREIGN_SEEN);
    assert_int_equal(add_der(x, buf_slice(&der), TEST_NOW + 20, &ref), FOREIGN_SEEN);
    must_get(x, &ref, &row);
    assert_true(row.last_seen == TEST_NOW + 50 && row.created == TEST_NOW);
    cert_row_free(&row);
    assert_int_equal(store_stats(x->s, &st, &x->f), 0);
    assert_true(st.foreign == 1 && st.change == 1 && st.certificates == 0);
    assert_clean(x);
    buf_free(&der);
}

static void one_operation_adds_many_and_leaves_out_what_is_no_certificate(void **state)
{
    struct fixture *x = *state;
    struct buf der[MANY];
    struct foreign item[MANY + 2];
    struct store_foreign a = {.source = SOURCE_SCANNED, .by = "scan", .item = item};
    struct store_stats st;
    for (size_t i = 0; i < MANY; i++) {
        foreign_make(x, "many.example.com", TEST_NOW + (int64_t)i, &der[i]);
        item[i] = (struct foreign){.der = buf_slice(&der[i])};
    }
    item[MANY] = (struct foreign){.der = slice_str("0not a certificate")};
    item[MANY + 1] = item[3]; /* twice in one operation */
    a.n = MANY + 2;
    assert_int_equal(add(x, &a, TEST_NOW), 0);
    assert_int_equal(a.added, MANY);
    assert_int_equal(a.seen, 1);
    assert_int_equal(a.malformed, 1);
    assert_int_equal(foreign_number(&item[MANY + 1].ref), foreign_number(&item[3].ref));
    assert_int_equal(store_stats(x->s, &st, &x->f), 0);
    assert_int_equal(st.change, MANY);
    assert_int_equal(st.audit_size, 1);
    assert_clean(x);
    a.n = STORE_FOREIGN_MAX + 1;
    assert_int_equal(add(x, &a, TEST_NOW), -FAULT_MALFORMED);
    assert_string_equal(x->f.rule, "foreign.count");
    for (size_t i = 0; i < MANY; i++)
        buf_free(&der[i]);
}

static void what_was_issued_here_is_known_and_only_noted_as_seen(void **state)
{
    struct fixture *x = *state;
    struct request r;
    struct cert_ref ref;
    struct cert_row row;
    struct buf der;
    struct store_stats st;
    request_init(&r, x, "ours.example.com");
    issue(x, &r);
    must_get(x, &r.op.ref, &row);
    buf_init(&der, CERT_MAX);
    assert_int_equal(cert_row_der(&row, &der), 0);
    cert_row_free(&row);
    assert_int_equal(add_der(x, buf_slice(&der), TEST_NOW + 9, &ref), FOREIGN_ISSUED);
    assert_int_equal(ref.issuer, x->issuer);
    assert_memory_equal(ref.serial, r.op.ref.serial, SERIAL_LEN);
    must_get(x, &ref, &row);
    assert_int_equal(row.last_seen, TEST_NOW + 9);
    assert_int_equal(row.source, SOURCE_ISSUED);
    cert_row_free(&row);
    assert_int_equal(store_stats(x->s, &st, &x->f), 0);
    assert_int_equal(st.foreign, 0);
    assert_clean(x);
    request_free(&r);
    buf_free(&der);
}

static void nobody_changes_the_state_of_what_others_issued(void **state)
{
    static const enum store_op_kind kind[] = {STORE_FINISH, STORE_ABANDON, STORE_REVOKE,
                                              STORE_RELEASE, STORE_BLOCK};
    struct fixture *x = *state;
    struct cert_ref ref;
    struct buf der;
    foreign_make(x, "old.example.com", TEST_NOW + 100, &der);
    assert_int_equal(add_der(x, buf_slice(&der), TEST_NOW, &ref), FOREIGN_ADDED);
    for (size_t i = 0; i < sizeof(kind) / sizeof(kind[0]); i++) {
        struct store_op op = {.kind = kind[i], .ref = ref, .reason = 1, .time = TEST_NOW};
        op.audit.action = AUDIT_REVOKE;
        assert_int_equal(store_do(x->s, &op), -FAULT_CONFLICT);
        assert_string_equal(op.fault.rule, "serial.foreign");
    }
    assert_clean(x);
    buf_free(&der);
}

/* ---- lists ---- */

struct listed {
    size_t n, foreign;
};

static int listed_each(void *arg, const struct cert_row *row)
{
    struct listed *l = arg;
    l->n++;
    l->foreign += row->source != SOURCE_ISSUED;
    return 0;
}

static void list(struct fixture *x, const struct store_filter *q, struct listed *out)
{
    struct store_cursor at = {.n = 0};
    memset(out, 0, sizeof(*out));
    do {
        assert_int_equal(store_list(x->s, q, 7, &at, listed_each, out, &x->f), 0);
    } while (at.n != 0);
}

/* A key that moves here from another CA. */
static void the_key_of_a_foreign_certificate_may_be_used_and_is_listed(void **state)
{
    struct fixture *x = *state;
    struct store_filter q = {.now = TEST_NOW, .has_key = true};
    struct listed got;
    struct request r;
    struct cert_ref ref;
    struct buf der;
    struct cert_row row;
    request_init(&r, x, "mover.example.com");
    buf_init(&der, CERT_MAX);
    cert_assemble(&der, buf_slice(&r.tbs), SIG_ECDSA_SHA256, slice_str("a signature"));
    assert_int_equal(add_der(x, buf_slice(&der), TEST_NOW, &ref), FOREIGN_ADDED);
    r.op.intent.key_reuse = KEY_REUSE_FORBID;
    issue(x, &r);
    must_get(x, &ref, &row);
    memcpy(q.spki_hash, row.spki_hash, 32);
    cert_row_free(&row);
    list(x, &q, &got);
    assert_int_equal(got.n, 2);
    assert_int_equal(got.foreign, 1);
    assert_clean(x);
    request_free(&r);
    buf_free(&der);
}

static void lists_have_both_kinds_by_name_expiry_and_source(void **state)
{
    struct fixture *x = *state;
    struct listed got;
    struct cert_ref ref;
    struct store_filter q = {.now = TEST_NOW, .name = "both.example.com"};
    for (int i = 0; i < 10; i++) {
        struct request r;
        struct buf der;
        request_init(&r, x, "both.example.com");
        issue(x, &r);
        request_free(&r);
        foreign_make(x, "both.example.com", TEST_NOW + i, &der);
        assert_int_equal(add_der(x, buf_slice(&der), TEST_NOW, &ref), FOREIGN_ADDED);
        buf_free(&der);
    }
    list(x, &q, &got);
    assert_int_equal(got.n, 20);
    assert_int_equal(got.foreign, 10);
    q.sources = 1u << SOURCE_ISSUED;
    list(x, &q, &got);
    assert_int_equal(got.n, 10);
    assert_int_equal(got.foreign, 0);
    q = (struct store_filter){
        .now = TEST_NOW, .sources = 1u << SOURCE_IMPORTED, .expires_before = TEST_NOW + 4};
    list(x, &q, &got);
    assert_int_equal(got.foreign, 4);
    q = (struct store_filter){.now = TEST_NOW, .has_issuer = true, .issuer = STORE_FOREIGN};
    list(x, &q, &got);
    assert_int_equal(got.foreign, 10);
    q = (struct store_filter){.now = TEST_NOW, .status = STATUS_REVOKED};
    list(x, &q, &got);
    assert_int_equal(got.n, 0);
    /* The same after a rebuild. */
    fixture_close(x);
    char path[128];
    fixture_path(x, "derived", path);
    remove_tree(path);
    assert_int_equal(fixture_reopen(x), 0);
    fixture_wait_indexes(x);
    q = (struct store_filter){.now = TEST_NOW, .name = "both.example.com"};
    list(x, &q, &got);
    assert_int_equal(got.n, 20);
    assert_clean(x);
}

/* ---- lines ---- */

struct lines_got {
    size_t n;
    struct store_line line[8];
};

static int line_each(void *arg, const struct store_line *l)
{
    struct lines_got *g = arg;
    assert_true(g->n < 8);
    g->line[g->n++] = *l;
    return 0;
}

static void a_line_has_its_newest_and_open_intents_are_no_members(void **state)
{
    struct fixture *x = *state;
    struct lines_got got = {.n = 0};
    struct store_line line;
    struct request r[4];
    struct cert_ref foreign, same[8];
    struct buf der;
    uint8_t names[SAN_IDENTITY];
    struct cert_row row;
    size_t n, steps = 0;
    for (int i = 0; i < 4; i++) {
        request_init(&r[i], x, "line.example.com");
        memset(r[i].op.intent.identity, 0x42, 16);
        r[i].op.intent.not_after = TEST_NOW + 1000 * (i == 1 ? 9 : i + 1);
        request_draft(&r[i], "line.example.com");
        if (i < 3)
            issue(x, &r[i]);
        else
            assert_int_equal(do_reserve(x, &r[i]), 0);
    }
    foreign_make(x, "LINE.example.com", TEST_NOW + 500, &der);
    assert_int_equal(add_der(x, buf_slice(&der), TEST_NOW, &foreign), FOREIGN_ADDED);
    assert_int_equal(store_line(x->s, r[0].op.intent.identity, true, &line, &x->f), 0);
    assert_int_equal(line.members, 3);
    assert_int_equal(line.not_after, TEST_NOW + 9000);
    assert_memory_equal(line.newest.serial, r[1].op.ref.serial, SERIAL_LEN);
    do { /* one at a time, on and on */
        assert_int_equal(store_lines(x->s, got.n ? got.line[got.n - 1].identity : NULL, 1, true,
                                     line_each, &got, &n, &x->f),
                         0);
        steps++;
    } while (n > 0);
    assert_int_equal(got.n, 2);
    assert_int_equal(steps, 3);
    must_get(x, &foreign, &row);
    cert_row_names(&row, names);
    cert_row_free(&row);
    assert_int_equal(store_same_names(x->s, names, true, same, 8, &n, &x->f), 0);
    assert_int_equal(n, 4);
    assert_memory_equal(same[0].serial, r[1].op.ref.serial, SERIAL_LEN);
    assert_int_equal(foreign_number(&same[3]), 1);
    memset(names, 1, sizeof(names));
    assert_int_equal(store_line(x->s, names, true, &line, &x->f), -FAULT_NOT_FOUND);
    assert_string_equal(x->f.rule, "identity.unknown");
    assert_clean(x);
    for (int i = 0; i < 4; i++)
        request_free(&r[i]);
    buf_free(&der);
}

#define LONG (STORE_LINE_MEMBERS + 20)
static void a_long_line_is_not_walked_to_its_end(void **state)
{
    struct fixture *x = *state;
    struct store_line line;
    struct foreign item[LONG];
    struct buf der[LONG];
    struct store_foreign a = {.source = SOURCE_SCANNED, .n = LONG, .item = item};
    struct cert_row row;
    for (size_t i = 0; i < a.n; i++) {
        foreign_make(x, "long.example.com", TEST_NOW + (int64_t)i, &der[i]);
        item[i] = (struct foreign){.der = buf_slice(&der[i])};
    }
    assert_int_equal(add(x, &a, TEST_NOW), 0);
    must_get(x, &item[0].ref, &row);
    assert_int_equal(store_line(x->s, row.identity, true, &line, &x->f), 0);
    cert_row_free(&row);
    assert_int_equal(line.members, STORE_LINE_MEMBERS);
    assert_int_equal(foreign_number(&line.newest), a.n);
    for (size_t i = 0; i < a.n; i++)
        buf_free(&der[i]);
}

static int annotate(struct fixture *x, struct store_annotate *n, enum store_outcome *outcome)
{
    struct store_op op = {.kind = STORE_ANNOTATE, .annotate = n, .time = TEST_NOW};
    op.audit.action = AUDIT_ANNOTATE;
    op.audit.time = TEST_NOW;
    int rc = store_do(x->s, &op);
    x->f = op.fault;
    *outcome = op.outcome;
    return rc;
}

/* ---- damage, crashes, older stores ---- */

static void the_check_finds_what_does_not_agree(void **state)
{
    struct fixture *x = *state;
    char rules[1024] = "";
    struct cert_ref ref;
    struct buf der;
    struct cert_row row;
    MDB_txn *t;
    uint8_t number[8] = {0, 0, 0, 0, 0, 0, 0, 1};
    foreign_make(x, "old.example.com", TEST_NOW + 100, &der);
    assert_int_equal(add_der(x, buf_slice(&der), TEST_NOW, &ref), FOREIGN_ADDED);
    must_get(x, &ref, &row);
    assert_int_equal(mdb_txn_begin(x->s->env, NULL, 0, &t), 0);
    MDB_val k = val_of(row.fingerprint, ROW_SEEN), v = val_of(row.fingerprint, 16);
    assert_int_equal(mdb_put(t, x->s->dbi[D_SEEN], &k, &v, 0), 0);
    k = val_of(number, 8);
    v = val_of("x", 1);
    assert_int_equal(mdb_put(t, x->s->dbi[D_FOREIGN], &k, &v, 0), 0);
    assert_int_equal(mdb_put(t, x->s->dbi[D_IDENTITY], &k, &v, 0), 0);
    assert_int_equal(mdb_txn_commit(t), 0);
    assert_true(check_store(x, rules) >= 4);
    assert_non_null(strstr(rules, "foreign.row,"));
    assert_non_null(strstr(rules, "seen.orphan,"));
    assert_non_null(strstr(rules, "annotation.row,"));
    assert_non_null(strstr(rules, "change.orphan,"));
    cert_row_free(&row);
    buf_free(&der);
}

static _Noreturn void child(struct fixture *x, const char *order, const struct buf *der)
{
    log_open("store-test", LOG_LEVEL_ERROR);
    if (setenv("CERCA_STEP_KILL", order, 1) != 0)
        _exit(1);
    step_init("store-test");
    if (fixture_reopen(x) != 0)
        _exit(1);
    for (size_t i = 0; i < MANY; i++) {
        struct cert_ref ref;
        struct store_annotate n = {.mask = ANNOTATION_OWNER, .row.owner = "web"};
        enum store_outcome outcome;
        (void)add_der(x, buf_slice(&der[i]), TEST_NOW, &ref);
        memset(n.row.identity, (int)i, 16);
        (void)annotate(x, &n, &outcome);
    }
    _exit(0);
}

/* Runs of two, so that keys are written out and merged all the time. */
static void killed_anywhere_each_is_there_once_or_not_at_all(void **state)
{
    static const char *const step[] = {"store.commit.before", "store.commit.after",
                                       "store.run.flushed", "store.run.merged"};
    struct fixture *x = *state;
    struct buf der[MANY];
    struct store_stats st;
    struct cert_ref ref;
    char order[96];
    int status;
    x->o.run_entries = 2;
    for (size_t i = 0; i < MANY; i++)
        foreign_make(x, "crash.example.com", TEST_NOW + (int64_t)i, &der[i]);
    for (size_t i = 0; i < sizeof(step) / sizeof(step[0]); i++) {
        (void)snprintf(order, sizeof(order), "store-test:%s:%zu", step[i], i + 1);
        fixture_close(x);
        pid_t pid = fork();
        if (pid == 0)
            child(x, order, der);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        assert_int_equal(fixture_reopen(x), 0);
        assert_clean(x);
    }
    for (size_t i = 0; i < MANY; i++) {
        (void)add_der(x, buf_slice(&der[i]), TEST_NOW, &ref);
        buf_free(&der[i]);
    }
    assert_int_equal(store_stats(x->s, &st, &x->f), 0);
    assert_int_equal(st.foreign, MANY);
    assert_clean(x);
}

/* Schema 2 is schema 3 without the tables of the inventory. */
static void a_store_without_inventory_is_brought_up_to_date(void **state)
{
    static const uint8_t two[4] = {0, 0, 0, 2};
    struct fixture *x = *state;
    struct request r;
    struct cert_ref ref;
    struct buf der;
    MDB_txn *t;
    request_init(&r, x, "host.example.com");
    issue(x, &r);
    assert_int_equal(mdb_txn_begin(x->s->env, NULL, 0, &t), 0);
    for (enum durable_dbi d = D_FOREIGN; d <= D_IDENTITY; d++)
        assert_int_equal(mdb_drop(t, x->s->dbi[d], 1), 0);
    MDB_val k = val_of("schema", 6), v = val_of(two, 4);
    assert_int_equal(mdb_put(t, x->s->dbi[D_META], &k, &v, 0), 0);
    assert_int_equal(mdb_txn_commit(t), 0);
    fixture_close(x);
    x->o.read_only = true;
    assert_int_equal(fixture_reopen(x), -FAULT_CONFLICT);
    assert_string_equal(x->f.rule, "store.schema");
    x->o.read_only = false;
    assert_int_equal(fixture_reopen(x), 0);
    foreign_make(x, "old.example.com", TEST_NOW + 100, &der);
    assert_int_equal(add_der(x, buf_slice(&der), TEST_NOW, &ref), FOREIGN_ADDED);
    assert_clean(x);
    request_free(&r);
    buf_free(&der);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(what_is_added_is_read_back_octet_for_octet),
        T(seen_again_it_is_one_row_and_last_seen_moves_forward_only),
        T(one_operation_adds_many_and_leaves_out_what_is_no_certificate),
        T(what_was_issued_here_is_known_and_only_noted_as_seen),
        T(nobody_changes_the_state_of_what_others_issued),
        T(the_key_of_a_foreign_certificate_may_be_used_and_is_listed),
        T(lists_have_both_kinds_by_name_expiry_and_source),
        T(a_line_has_its_newest_and_open_intents_are_no_members),
        T(a_long_line_is_not_walked_to_its_end),
        T(the_check_finds_what_does_not_agree),
        T(killed_anywhere_each_is_there_once_or_not_at_all),
        T(a_store_without_inventory_is_brought_up_to_date),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
