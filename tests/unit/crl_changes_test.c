/* Who changed since a CRL (ca/crl/changes.h), and what the store keeps of deltas and parts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "ca/crl/changes.h"
#include "tests/unit/store_help.h"

#define CERTS 8

struct world {
    struct fixture x;
    struct request r[CERTS];
    struct crl_changes *c;
    struct crl_entry got[64];
    size_t n;
};

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));

    fixture_open(&w->x, false);
    for (size_t i = 0; i < CERTS; i++) {
        request_init(&w->r[i], &w->x, "changes.example.com");
        issue(&w->x, &w->r[i]);
    }
    w->c = crl_changes_new(w->x.s);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    crl_changes_free(w->c);
    for (size_t i = 0; i < CERTS; i++)
        request_free(&w->r[i]);
    fixture_close(&w->x);
    fixture_remove(&w->x);
    free(w);
    return 0;
}

static uint64_t now(struct world *w)
{
    struct store_stats stats;

    assert_int_equal(store_stats(w->x.s, &stats, &w->x.f), 0);
    return stats.change;
}

/* All entries of a delta over what there was at `base`, asked for `batch` at a time. */
static void gather(struct world *w, uint64_t base, size_t batch)
{
    size_t n;

    w->n = 0;
    assert_int_equal(crl_changes_gather(w->c, w->x.issuer, base, &w->x.f), 0);
    do {
        assert_int_equal(crl_changes_next(w->c, w->got + w->n, batch, &n, &w->x.f), 0);
        w->n += n;
    } while (n > 0);
    for (size_t i = 1; i < w->n; i++)
        assert_true(memcmp(w->got[i - 1].serial, w->got[i].serial, SERIAL_LEN) < 0);
}

/* The reason for which this one is on it; -1: it is not. */
static int reason_of(const struct world *w, size_t cert)
{
    for (size_t i = 0; i < w->n; i++)
        if (memcmp(w->got[i].serial, w->r[cert].op.ref.serial, SERIAL_LEN) == 0)
            return w->got[i].reason;
    return -1;
}

static void nothing_changed_is_nothing_listed(void **state)
{
    struct world *w = *state;

    gather(w, now(w), 8);
    assert_int_equal(w->n, 0);
    gather(w, 0, 8); /* issued is no change of what CRLs tell */
    assert_int_equal(w->n, 0);
}

/* RFC 5280 5.2.4 */
static void all_that_changed_since_is_listed_as_it_is_now(void **state)
{
    struct world *w = *state;
    uint64_t base;

    assert_int_equal(do_revoke(&w->x, &w->r[0], 4), 0);
    assert_int_equal(do_revoke(&w->x, &w->r[1], REASON_CERTIFICATE_HOLD), 0);
    assert_int_equal(do_revoke(&w->x, &w->r[2], REASON_CERTIFICATE_HOLD), 0);
    base = now(w);
    gather(w, base, 8);
    assert_int_equal(w->n, 0);
    assert_int_equal(do_revoke(&w->x, &w->r[7], 1), 0);
    assert_int_equal(do_release(&w->x, &w->r[1]), 0);
    assert_int_equal(do_revoke(&w->x, &w->r[2], 5), 0); /* from hold to good and all */
    for (size_t batch = 1; batch <= 8; batch++) {
        gather(w, base, batch);
        assert_int_equal(w->n, 3);
        assert_int_equal(reason_of(w, 7), 1);
        assert_int_equal(reason_of(w, 1), REASON_REMOVE_FROM_CRL);
        assert_int_equal(reason_of(w, 2), 5);
        assert_int_equal(reason_of(w, 0), -1);
    }
    gather(w, 0, 8); /* over another one */
    assert_int_equal(w->n, 4);
    assert_int_equal(reason_of(w, 0), 4);
    gather(w, base, 8);
    assert_int_equal(w->n, 3);
}

/* Held and released again since the base: on it or not, it is to be removed, as somebody may have
 * it from a CRL in between. */
static void who_was_held_only_meanwhile_is_removed(void **state)
{
    struct world *w = *state;
    uint64_t base = now(w);

    for (int i = 0; i < 40; i++) {
        assert_int_equal(do_revoke(&w->x, &w->r[3], REASON_CERTIFICATE_HOLD), 0);
        gather(w, base, 8);
        assert_int_equal(w->n, 1);
        assert_int_equal(reason_of(w, 3), REASON_CERTIFICATE_HOLD);
        assert_int_equal(do_release(&w->x, &w->r[3]), 0);
        gather(w, base, 8);
        assert_int_equal(w->n, 1);
        assert_int_equal(reason_of(w, 3), REASON_REMOVE_FROM_CRL);
        assert_int_equal(w->got[0].invalidity, 0);
    }
    /* All at once, more often than there is room at first. */
    for (int i = 0; i < 600; i++) {
        assert_int_equal(do_revoke(&w->x, &w->r[3], REASON_CERTIFICATE_HOLD), 0);
        assert_int_equal(do_release(&w->x, &w->r[3]), 0);
    }
    gather(w, base, 8);
    assert_int_equal(w->n, 1);
}

static void another_issuers_changes_are_not_ours(void **state)
{
    struct world *w = *state;
    size_t n;

    assert_int_equal(do_revoke(&w->x, &w->r[0], 4), 0);
    assert_int_equal(crl_changes_gather(w->c, (uint16_t)(w->x.issuer + 1), 0, &w->x.f), 0);
    assert_int_equal(crl_changes_next(w->c, w->got, 8, &n, &w->x.f), 0);
    assert_int_equal(n, 0);
    gather(w, 0, 8);
    assert_int_equal(w->n, 1);
}

static void an_intent_that_is_given_up_is_listed(void **state)
{
    struct world *w = *state;
    struct request r;
    uint64_t base = now(w);

    request_init(&r, &w->x, "given-up.example.com");
    assert_int_equal(do_reserve(&w->x, &r), 0);
    gather(w, base, 8);
    assert_int_equal(w->n, 0);
    assert_int_equal(do_abandon(&w->x, &r), 0);
    gather(w, base, 8);
    assert_int_equal(w->n, 1);
    assert_memory_equal(w->got[0].serial, r.op.ref.serial, SERIAL_LEN);
    request_free(&r);
}

static void publish(struct world *w, struct store_crl row)
{
    struct store_crl_step step = {.publish = true, .row = row};
    struct store_op op = {.kind = STORE_CRL, .crl = &step, .time = TEST_NOW};

    op.audit.action = AUDIT_CRL;
    assert_int_equal(store_do(w->x.s, &op), 0);
}

static void rows_of_deltas_and_parts_are_kept(void **state)
{
    static const uint16_t numbers[] = {1, 2, 8, 256};
    struct world *w = *state;
    bool has[CRL_SHARDS_MAX + 1];
    struct store_crl row = {.issuer = w->x.issuer, .scope = CRL_ROW_DELTA, .published = 12};

    row.base = 10;
    row.base_change = 1ull << 40;
    publish(w, row);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        const struct crl_name name = crl_name_shard(numbers[i], (uint16_t)(numbers[i] - 1));

        row = (struct store_crl){.issuer = w->x.issuer, .published = 5};
        row.scope = crl_name_scope(&name);
        publish(w, row);
        row.issuer++; /* another one's */
        row.scope = (uint32_t)(numbers[i] + 3) << 16;
        publish(w, row);
    }
    assert_int_equal(store_crl_shards(w->x.s, w->x.issuer, has, &w->x.f), 0);
    for (size_t i = 0; i <= CRL_SHARDS_MAX; i++)
        assert_int_equal(has[i], i == 1 || i == 2 || i == 8 || i == 256);
    assert_int_equal(store_crl(w->x.s, w->x.issuer, CRL_ROW_DELTA, &row, &w->x.f), 0);
    assert_int_equal(row.base, 10);
    assert_int_equal(row.base_change, 1ull << 40);
    assert_int_equal(row.published, 12);
    /* Deltas leave the sequence alone that their numbers are of. */
    assert_int_equal(store_crl(w->x.s, w->x.issuer, CRL_SCOPE_ALL, &row, &w->x.f), 0);
    assert_int_equal(row.published, 0);
    assert_int_equal(row.base, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_changed_is_nothing_listed, setup, teardown),
        cmocka_unit_test_setup_teardown(all_that_changed_since_is_listed_as_it_is_now, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(who_was_held_only_meanwhile_is_removed, setup, teardown),
        cmocka_unit_test_setup_teardown(another_issuers_changes_are_not_ours, setup, teardown),
        cmocka_unit_test_setup_teardown(an_intent_that_is_given_up_is_listed, setup, teardown),
        cmocka_unit_test_setup_teardown(rows_of_deltas_and_parts_are_kept, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
