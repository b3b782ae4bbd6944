/* When a CRL is due, and what is told of it (ca/crl/row.c): full ones, deltas and parts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/crl/slot.h"
#include "lib/clock.h"

#define DAY 86400
#define PARTS 4

struct world {
    struct conf_issuer conf;
    struct authority a;
    struct crl_publisher p;
    struct slot *slot; /* full, delta, then the parts */
    struct parts parts;
    int64_t now;
};

static void published(struct slot *s, int64_t at, uint64_t number)
{
    s->loaded = true;
    s->row.published = s->row.number = number;
    s->row.this_update = s->row.scheduled = at;
    s->row.next_update = at + 7 * DAY;
    s->row.entries = 10;
    s->row.octets = 100;
}

static int setup(void **state)
{
    static char name[] = "issuing";
    static int here;
    struct world *w = xcalloc(1, sizeof(*w));

    w->now = clock_now();
    w->conf.name = name;
    w->conf.crl_every = DAY;
    w->conf.crl_delta = 3600;
    w->conf.crl_delay = 10;
    w->a.conf = &w->conf;
    w->a.certificate.n = 1;                          /* nobody looks into it either */
    w->a.link = (struct signer_link *)(void *)&here; /* nobody looks into it */
    w->slot = xcalloc(2 + PARTS, sizeof(*w->slot));
    for (uint16_t i = 0; i < 2 + PARTS; i++) {
        struct slot *s = &w->slot[i];

        s->a = &w->a;
        s->full = w->slot;
        s->name = i < 2 ? (struct crl_name){.kind = i == 0 ? CRL_FULL : CRL_DELTA}
                        : crl_name_shard(PARTS, (uint16_t)(i - 2));
        published(s, w->now - 1000 - i, 100u + i);
    }
    w->slot->delta = &w->slot[1];
    w->parts = (struct parts){.n = PARTS, .slot = &w->slot[2]};
    atomic_store(&w->slot->parts, &w->parts);
    w->p.slot = w->slot;
    w->p.n = 1;
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    free(w->slot);
    free(w);
    return 0;
}

static int64_t due(const struct world *w, const struct slot *s)
{
    return crl_slot_due(s, w->now) - w->now;
}

static void each_has_its_interval(void **state)
{
    struct world *w = *state;

    assert_int_equal(due(w, &w->slot[0]), DAY - 1000);
    assert_int_equal(due(w, &w->slot[1]), 3600 - 1001);
    assert_int_equal(due(w, &w->slot[2]), DAY - 1002);
}

static void a_revocation_makes_one_due_soon(void **state)
{
    struct world *w = *state;

    w->slot[1].dirty = w->slot[3].dirty = true;
    w->slot[1].dirty_since = w->slot[3].dirty_since = w->now - 4;
    assert_int_equal(due(w, &w->slot[1]), 6);
    assert_int_equal(due(w, &w->slot[3]), 6);
    assert_int_equal(due(w, &w->slot[2]), DAY - 1002); /* another part */
    assert_int_equal(due(w, &w->slot[0]), DAY - 1000);
}

/* RFC 5280 5.2.3: of one time they would need one number. */
static void a_full_one_and_a_delta_are_never_of_one_second(void **state)
{
    struct world *w = *state;
    struct waiter asks = {.next = NULL};

    w->slot[1].waiting = w->slot[0].waiting = w->slot[2].waiting = &asks;
    assert_true(due(w, &w->slot[1]) <= 0);
    w->slot[0].row.this_update = w->slot[2].row.this_update = w->now;
    assert_int_equal(due(w, &w->slot[1]), 1);
    assert_true(due(w, &w->slot[2]) <= 0); /* a sequence of its own */
    w->slot[0].row.this_update = w->now - 5;
    w->slot[1].row.this_update = w->now;
    assert_int_equal(due(w, &w->slot[0]), 1);
    /* A clock that was ahead keeps nobody waiting, and what it made is made anew. */
    w->slot[0].row.this_update = w->now + DAY;
    w->slot[1].row.this_update = w->now - 5;
    assert_true(due(w, &w->slot[1]) <= 0);
    w->slot[0].waiting = NULL;
    assert_true(due(w, &w->slot[0]) <= 0);
}

static void what_went_wrong_is_made_up_for(void **state)
{
    struct world *w = *state;

    w->slot[2].missing = w->slot[3].interrupted = w->slot[0].renew = true;
    assert_true(due(w, &w->slot[2]) <= 0);
    assert_true(due(w, &w->slot[3]) <= 0);
    assert_true(due(w, &w->slot[0]) <= 0);
    w->slot[2].failed = true;
    w->slot[2].retry_at = w->now + 7;
    assert_int_equal(due(w, &w->slot[2]), 7);
    w->slot[2].retry_at = w->now + CRL_PAUSE_MAX + 1; /* the clock was set back */
    assert_true(due(w, &w->slot[2]) <= 0);
}

static void parts_are_told_of_together(void **state)
{
    struct world *w = *state;
    struct crl_row row[4];

    w->slot[3].row.this_update = w->now - 2000;
    w->slot[3].row.published = 7;
    w->slot[4].row.next_update = w->now + 50;
    w->slot[5].dirty = true;
    w->slot[5].dirty_since = w->now - 5;
    assert_int_equal(crl_rows(&w->p, 0, row, 4), 3);
    assert_string_equal(row[0].list, "full");
    assert_string_equal(row[1].list, "delta");
    assert_string_equal(row[2].list, "4 shards");
    assert_string_equal(row[2].state, "current");
    assert_int_equal(row[2].number, 7);
    assert_int_equal(row[2].this_update, w->now - 2000);
    assert_int_equal(row[2].next_update, w->now + 50);
    assert_in_range(row[2].next, w->now + 4, w->now + 5);
    assert_int_equal(row[2].entries, 40);
    w->slot[5].row.next_update = w->now - 1;
    w->slot[4].dirty = true;
    w->slot[4].dirty_since = w->now - 500;
    assert_int_equal(crl_rows(&w->p, 0, row, 4), 3);
    assert_string_equal(row[2].state, "expired");
    assert_int_equal(crl_rows(&w->p, 0, row, 2), 2);
}

static void what_is_loading_is_told_of_too(void **state)
{
    struct world *w = *state;
    struct status_item item;
    struct crl_row row[4];

    w->slot[0].loaded = false;
    assert_int_equal(crl_rows(&w->p, 0, row, 4), 1);
    assert_string_equal(row[0].list, "full");
    assert_string_equal(row[0].state, "loading");
    assert_int_equal(row[0].next, 0);
    crl_status(&row[0], &item);
    assert_true(item.ok);
    snprintf(row[0].text, sizeof(row[0].text), "the disk fails");
    crl_status(&row[0], &item);
    assert_false(item.ok);
    w->a.certificate.n = 0;
    assert_int_equal(crl_rows(&w->p, 0, row, 4), 0);
}

static void the_status_has_an_item_for_each(void **state)
{
    struct world *w = *state;
    struct status_item item;
    struct crl_row row[4];

    assert_int_equal(crl_rows(&w->p, 0, row, 4), 3);
    crl_status(&row[0], &item);
    assert_string_equal(item.name, "crl.issuing");
    assert_true(item.ok);
    crl_status(&row[1], &item);
    assert_string_equal(item.name, "crl.issuing.delta");
    crl_status(&row[2], &item);
    assert_string_equal(item.name, "crl.issuing.4-shards");
    w->slot[3].row.published = 0;
    assert_int_equal(crl_rows(&w->p, 0, row, 4), 3);
    crl_status(&row[2], &item);
    assert_false(item.ok);
    assert_string_equal(item.state, "none");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_has_its_interval, setup, teardown),
        cmocka_unit_test_setup_teardown(a_revocation_makes_one_due_soon, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_one_and_a_delta_are_never_of_one_second, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_went_wrong_is_made_up_for, setup, teardown),
        cmocka_unit_test_setup_teardown(parts_are_told_of_together, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_loading_is_told_of_too, setup, teardown),
        cmocka_unit_test_setup_teardown(the_status_has_an_item_for_each, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
