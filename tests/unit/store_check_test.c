/* store_check finds each kind of damage, planted here behind the store's back. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lmdb.h>

#include <cmocka.h>

#include "ca/store/store_lmdb.h"
#include "tests/unit/store_help.h"

/* A store with one certificate of each kind, closed. */
struct planted {
    struct fixture x;
    struct request good, open, held, given_up, newer;
    uint8_t key[ROW_REF]; /* of `good` */
};

/* What comes later pays for the writing of what came before. */
static void fill(struct fixture *x, int n)
{
    for (int i = 0; i < n; i++) {
        struct request r;
        request_init(&r, x, "fill.example.com");
        issue(x, &r);
        request_free(&r);
    }
}

static int setup(void **state)
{
    struct planted *p = calloc(1, sizeof(*p));
    struct fixture *x = &p->x;
    fixture_open(x, false);
    fixture_close(x);
    x->o.run_entries = 1; /* so that keys are in runs at once */
    assert_int_equal(fixture_reopen(x), 0);
    request_init(&p->good, x, "good.example.com");
    request_init(&p->open, x, "open.example.com");
    request_init(&p->held, x, "held.example.com");
    request_init(&p->given_up, x, "given-up.example.com");
    request_init(&p->newer, x, "good.example.com");
    p->newer.op.intent.has_replaces = true;
    p->newer.op.intent.replaces = p->good.op.ref;
    issue(x, &p->good);
    issue(x, &p->newer);
    issue(x, &p->held);
    assert_int_equal(do_revoke(x, &p->held, 6), 0);
    assert_int_equal(do_reserve(x, &p->given_up), 0);
    assert_int_equal(do_abandon(x, &p->given_up), 0);
    assert_int_equal(do_reserve(x, &p->open), 0);
    fill(x, 4);
    ref_put(&p->good.op.ref, p->key);
    assert_clean(x);
    fixture_close(x);
    *state = p;
    return 0;
}

static int teardown(void **state)
{
    struct planted *p = *state;
    fixture_remove(&p->x);
    request_free(&p->good);
    request_free(&p->open);
    request_free(&p->held);
    request_free(&p->given_up);
    request_free(&p->newer);
    free(p);
    return 0;
}

/* One change to one row of a table, in LMDB itself; `v` NULL deletes. */
static void plant(struct planted *p, const char *env_name, const char *table, const void *key,
                  size_t n, const struct buf *v)
{
    char path[128];
    MDB_env *env;
    MDB_txn *t;
    MDB_dbi dbi;
    MDB_val k = {n, (void *)(uintptr_t)key};
    fixture_path(&p->x, env_name, path);
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_set_maxdbs(env, 2), 0);
    assert_int_equal(mdb_env_set_mapsize(env, STORE_MAP_SIZE), 0);
    assert_int_equal(mdb_env_open(env, path, 0, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &t), 0);
    assert_int_equal(mdb_dbi_open(t, table, 0, &dbi), 0);
    if (v) {
        MDB_val data = {v->n, v->p};
        assert_int_equal(mdb_put(t, dbi, &k, &data, 0), 0);
    } else {
        assert_int_equal(mdb_del(t, dbi, &k, NULL), 0);
    }
    assert_int_equal(mdb_txn_commit(t), 0);
    mdb_env_close(env);
}

static void forget(struct planted *p, const char *table, const void *key, size_t n)
{
    plant(p, "durable", table, key, n, NULL);
}

static void found(struct planted *p, const char *rule)
{
    char rules[1024];
    p->x.o.read_only = true;
    assert_int_equal(fixture_reopen(&p->x), 0);
    assert_true(check_store(&p->x, rules) > 0);
    if (!strstr(rules, rule))
        fail_msg("%s not among %s", rule, rules);
}

static void row_of(const struct cert_ref *ref, uint8_t key[ROW_REF])
{
    ref_put(ref, key);
}

static void a_signature_that_is_gone_is_found(void **state)
{
    struct planted *p = *state;
    forget(p, "sig", p->key, ROW_REF);
    found(p, "sig.missing,");
}

static void a_signature_of_another_certificate_is_found(void **state)
{
    struct planted *p = *state;
    struct buf row;
    struct row_sig sig = {.finished = TEST_NOW,
                          .change = 2,
                          .signature = slice_of(p->held.signature, sizeof(p->held.signature))};
    memcpy(sig.fingerprint, p->good.op.fingerprint, 32);
    buf_init(&row, 1024);
    row_sig_put(&row, &sig);
    plant(p, "durable", "sig", p->key, ROW_REF, &row);
    buf_free(&row);
    found(p, "sig.fingerprint,");
}

static void a_signature_of_what_was_given_up_is_found(void **state)
{
    struct planted *p = *state;
    uint8_t key[ROW_REF];
    struct buf row;
    struct row_sig sig = {.change = 8, .signature = slice_str("signature")};
    row_of(&p->given_up.op.ref, key);
    buf_init(&row, 1024);
    row_sig_put(&row, &sig);
    plant(p, "durable", "sig", key, ROW_REF, &row);
    buf_free(&row);
    found(p, "sig.unexpected,");
}

static void a_certificate_that_is_gone_is_found_from_every_side(void **state)
{
    struct planted *p = *state;
    forget(p, "cert", p->key, ROW_REF);
    found(p, "sig.orphan,");
    fixture_close(&p->x);
    found(p, "spki.orphan,");
    fixture_close(&p->x);
    found(p, "reqkey.orphan,");
    fixture_close(&p->x);
    found(p, "replaced.orphan,");
    fixture_close(&p->x);
    found(p, "change.orphan,");
    fixture_close(&p->x);
    found(p, "index.orphan,");
}

static void statuses_and_intents_without_certificate_are_found(void **state)
{
    struct planted *p = *state;
    uint8_t key[ROW_REF];
    row_of(&p->held.op.ref, key);
    forget(p, "cert", key, ROW_REF);
    row_of(&p->open.op.ref, key);
    forget(p, "cert", key, ROW_REF);
    found(p, "status.orphan,");
    fixture_close(&p->x);
    found(p, "open.orphan,");
}

static void put_intent(struct planted *p, const struct request *r, const struct cert_ref *ref)
{
    uint8_t key[ROW_REF];
    struct buf row;
    buf_init(&row, ROW_MAX);
    row_cert_put(&row, &r->op.intent, TEST_NOW, 1);
    row_of(ref, key);
    plant(p, "durable", "cert", key, ROW_REF, &row);
    buf_free(&row);
}

static void a_row_that_disagrees_with_its_tbs_is_found(void **state)
{
    struct planted *p = *state;
    p->good.op.intent.not_after++;
    put_intent(p, &p->good, &p->good.op.ref);
    found(p, "cert.tbs,");
}

static void a_tbs_that_does_not_parse_is_found(void **state)
{
    struct planted *p = *state;
    p->good.tbs.p[0] ^= 0x01;
    put_intent(p, &p->good, &p->good.op.ref);
    found(p, "cert.tbs,");
}

static void rows_that_do_not_decode_are_found(void **state)
{
    static const struct {
        const char *table, *rule;
    } kind[] = {{"sig", "sig.row,"}, {"status", "status.row,"}, {"cert", "cert.row,"}};
    struct planted *p = *state;
    uint8_t key[ROW_REF];
    struct buf row;
    buf_init(&row, 16);
    buf_put_str(&row, "\1noise");
    row_of(&p->held.op.ref, key);
    for (size_t i = 0; i < sizeof(kind) / sizeof(kind[0]); i++) {
        plant(p, "durable", kind[i].table, key, ROW_REF, &row);
        found(p, kind[i].rule);
        fixture_close(&p->x);
    }
    row_of(&p->open.op.ref, key);
    plant(p, "durable", "open", key, ROW_REF, &row);
    found(p, "open.row,");
    buf_free(&row);
}

static void an_intent_that_is_closed_but_listed_as_open_is_found(void **state)
{
    struct planted *p = *state;
    struct row_open open = {TEST_NOW, p->good.op.intent.not_after, false};
    struct buf row;
    buf_init(&row, 64);
    row_open_put(&row, &open);
    plant(p, "durable", "open", p->key, ROW_REF, &row);
    buf_free(&row);
    found(p, "open.stale,");
}

/* Out of whichever run has it. */
static void forget_entry(struct planted *p, const char *index, const uint8_t entry[RUN_ENTRY])
{
    char path[128], table[32];
    int gone = 0;
    MDB_env *env;
    MDB_txn *t;
    MDB_dbi dbi;
    MDB_val k = {RUN_ENTRY, (void *)(uintptr_t)entry};
    fixture_path(&p->x, "durable", path);
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_set_maxdbs(env, RUN_TABLES), 0);
    assert_int_equal(mdb_env_set_mapsize(env, STORE_MAP_SIZE), 0);
    assert_int_equal(mdb_env_open(env, path, 0, 0600), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &t), 0);
    for (size_t i = 0; i < RUN_TABLES; i++) {
        (void)snprintf(table, sizeof(table), "%s-%zu-%zu", index, i / RUN_SLOTS, i % RUN_SLOTS);
        assert_int_equal(mdb_dbi_open(t, table, 0, &dbi), 0);
        gone += mdb_del(t, dbi, &k, NULL) == 0;
    }
    assert_true(gone > 0);
    assert_int_equal(mdb_txn_commit(t), 0);
    mdb_env_close(env);
}

static void a_key_that_is_not_recorded_is_found(void **state)
{
    struct planted *p = *state;
    uint8_t entry[RUN_ENTRY];
    const struct store_intent *i = &p->good.op.intent;
    key_entry_put(i->spki_hash, i->identity, &p->good.op.ref, entry);
    forget_entry(p, "key", entry);
    found(p, "spki.missing,");
}

static void an_open_intent_without_its_request_key_is_found(void **state)
{
    struct planted *p = *state;
    uint8_t entry[RUN_ENTRY];
    reqkey_entry_put(p->open.op.intent.request_key, &p->open.op.ref, entry);
    forget_entry(p, "reqkey", entry);
    found(p, "reqkey.missing,");
}

static void a_replacement_that_is_not_linked_is_found(void **state)
{
    struct planted *p = *state;
    forget(p, "replaced", p->key, ROW_REF);
    found(p, "replaced.missing,");
}

static void a_hole_in_the_change_sequence_is_found(void **state)
{
    struct planted *p = *state;
    uint8_t key[8];
    number_put(2, key);
    forget(p, "change", key, sizeof(key));
    found(p, "change.hole,");
    fixture_close(&p->x);
    found(p, "change.missing,");
}

static void an_audit_record_that_is_gone_is_found(void **state)
{
    struct planted *p = *state;
    uint8_t key[8];
    number_put(3, key);
    forget(p, "audit", key, sizeof(key));
    found(p, "audit.hole,");
    fixture_close(&p->x);
    found(p, "audit.root,");
}

static void an_audit_record_that_was_rewritten_is_found(void **state)
{
    struct planted *p = *state;
    struct audit_event e = {.action = AUDIT_START, .time = TEST_NOW};
    uint8_t key[8], salt[AUDIT_SALT] = {0};
    struct buf row, record;
    buf_init(&row, 4096);
    buf_init(&record, AUDIT_RECORD_MAX);
    audit_put(&record, &e);
    buf_put(&row, salt, sizeof(salt));
    buf_put_slice(&row, buf_slice(&record));
    number_put(3, key);
    plant(p, "durable", "audit", key, sizeof(key), &row);
    buf_free(&row);
    buf_free(&record);
    found(p, "audit.root,");
}

static void restore(struct planted *p)
{
    struct store_op op = {.kind = STORE_RESTORED, .time = TEST_NOW, .why = "restored"};
    struct store_op first = {.kind = STORE_AUDIT, .time = TEST_NOW};
    p->x.o.read_only = false;
    assert_int_equal(fixture_reopen(&p->x), 0);
    assert_int_equal(store_do(p->x.s, &op), 0);
    fixture_close(&p->x);
    assert_int_equal(fixture_reopen(&p->x), 0);
    first.audit.action = AUDIT_RESTORE;
    first.audit.time = TEST_NOW;
    assert_int_equal(store_do(p->x.s, &first), 0);
    fixture_close(&p->x);
}

static void the_logs_that_restores_ended_are_walked_too(void **state)
{
    struct planted *p = *state;
    char rules[1024], second[32];
    uint8_t key[8];
    restore(p);
    restore(p);
    p->x.o.read_only = true;
    assert_int_equal(fixture_reopen(&p->x), 0);
    assert_int_equal(check_store(&p->x, rules), 0);
    fixture_close(&p->x);
    number_put(0, key);
    (void)snprintf(second, sizeof(second), "audit.%lld", (long long)TEST_NOW);
    forget(p, second, key, sizeof(key));
    found(p, "audit.root,");
}

static void what_was_done_to_the_first_log_after_restores_is_found(void **state)
{
    struct planted *p = *state;
    struct buf row;
    uint8_t key[8];
    restore(p);
    restore(p);
    number_put(3, key);
    forget(p, "audit", key, sizeof(key));
    found(p, "audit.hole,");
    fixture_close(&p->x);
    found(p, "audit.root,");
    fixture_close(&p->x);
    buf_init(&row, 64);
    buf_put(&row, "goes on", 7);
    number_put(1000, key);
    plant(p, "durable", "audit", key, sizeof(key), &row);
    buf_free(&row);
    found(p, "audit.ended,");
}

static void two_serials_of_one_tick_are_found(void **state)
{
    struct planted *p = *state;
    struct cert_ref twin = p->good.op.ref;
    twin.serial[15] ^= 1;
    put_intent(p, &p->good, &twin);
    found(p, "serial.unique,");
}

static void a_serial_recorded_long_after_younger_ones_is_found(void **state)
{
    struct planted *p = *state;
    struct buf row;
    buf_init(&row, ROW_MAX);
    row_cert_put(&row, &p->good.op.intent, TEST_NOW + 86400, 1);
    plant(p, "durable", "cert", p->key, ROW_REF, &row);
    buf_free(&row);
    found(p, "serial.time,");
}

static void an_issuer_that_is_not_known_is_found(void **state)
{
    struct planted *p = *state;
    static const uint8_t key[2] = {0, 1};
    forget(p, "issuer", key, sizeof(key));
    found(p, "issuer.unknown,");
}

static void an_index_entry_that_is_gone_or_too_many_is_found(void **state)
{
    struct planted *p = *state;
    uint8_t key[2 + ROW_REF] = {0, 1};
    struct buf none;
    buf_init(&none, 1);
    memcpy(key + 2, p->key, ROW_REF);
    plant(p, "derived", "issuer", key, sizeof(key), NULL);
    found(p, "index.missing,");
    fixture_close(&p->x);
    key[1] = 9;
    plant(p, "derived", "issuer", key, sizeof(key), &none);
    found(p, "index.orphan,");
    fixture_close(&p->x);
    p->x.o.read_only = false; /* a serving store mends what it finds here */
    assert_int_equal(fixture_reopen(&p->x), 0);
    char rules[1024];
    assert_true(check_store(&p->x, rules) > 0);
    fixture_wait_indexes(&p->x);
    assert_clean(&p->x);
}

static void *issue_on(void *arg)
{
    struct fixture *x = arg;
    for (int i = 0; i < 300; i++) {
        struct request r;
        request_init(&r, x, "host.example.com");
        issue(x, &r);
        if (i % 5 == 0)
            assert_int_equal(do_revoke(x, &r, i % 2 ? 6 : 1), 0);
        request_free(&r);
    }
    return NULL;
}

static void a_serving_store_is_checked_without_false_findings(void **state)
{
    struct planted *p = *state;
    pthread_t t;
    assert_int_equal(fixture_reopen(&p->x), 0);
    assert_int_equal(pthread_create(&t, NULL, issue_on, &p->x), 0);
    for (int i = 0; i < 10; i++)
        assert_clean(&p->x);
    assert_int_equal(pthread_join(t, NULL), 0);
    assert_clean(&p->x);
}

static void requests_tokens_and_counters_that_do_not_decode_are_found(void **state)
{
    static const uint8_t key[] = {0, 0, 0, 0, 0, 0, 0, 7, 0};
    struct planted *p = *state;
    struct buf row;
    buf_init(&row, 64);
    buf_put_str(&row, "damaged");
    plant(p, "durable", "request", key, 9, &row);
    plant(p, "durable", "token", key, 8, &row);
    plant(p, "durable", "limit", key, 8, &row);
    buf_free(&row);
    found(p, "request.row,");
    fixture_close(&p->x);
    found(p, "token.row,");
    fixture_close(&p->x);
    found(p, "limit.row,");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(requests_tokens_and_counters_that_do_not_decode_are_found),
        T(a_signature_that_is_gone_is_found),
        T(a_signature_of_another_certificate_is_found),
        T(a_signature_of_what_was_given_up_is_found),
        T(a_certificate_that_is_gone_is_found_from_every_side),
        T(statuses_and_intents_without_certificate_are_found),
        T(a_row_that_disagrees_with_its_tbs_is_found),
        T(a_tbs_that_does_not_parse_is_found),
        T(rows_that_do_not_decode_are_found),
        T(an_intent_that_is_closed_but_listed_as_open_is_found),
        T(a_key_that_is_not_recorded_is_found),
        T(an_open_intent_without_its_request_key_is_found),
        T(a_replacement_that_is_not_linked_is_found),
        T(a_hole_in_the_change_sequence_is_found),
        T(an_audit_record_that_is_gone_is_found),
        T(an_audit_record_that_was_rewritten_is_found),
        T(the_logs_that_restores_ended_are_walked_too),
        T(what_was_done_to_the_first_log_after_restores_is_found),
        T(two_serials_of_one_tick_are_found),
        T(a_serial_recorded_long_after_younger_ones_is_found),
        T(an_issuer_that_is_not_known_is_found),
        T(an_index_entry_that_is_gone_or_too_many_is_found),
        T(a_serving_store_is_checked_without_false_findings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
