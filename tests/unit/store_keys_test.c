/* Which keys several identities have: the walk over all of them against looking for each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ca/store/inventory.h"
#include "ca/store/store_lmdb.h"
#include "tests/unit/store_help.h"

#define MANY 300

struct made {
    uint8_t spki_hash[32], identity[IDENTITY_LEN];
    bool shared; /* when the walk began */
};

struct world {
    struct fixture x;
    size_t n;
    struct made made[2 * MANY];
    unsigned seed;
    uint8_t spki[91]; /* of the one before */
    size_t told;
    uint8_t key[4 * MANY][KEY_PART];
};

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    w->seed = 11;
    fixture_open(&w->x, false);
    fixture_close(&w->x);
    w->x.o.run_entries = 8;
    assert_int_equal(fixture_reopen(&w->x), 0);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    assert_clean(&w->x);
    fixture_remove(&w->x);
    free(w);
    return 0;
}

static unsigned draw(struct world *w)
{
    w->seed = w->seed * 1103515245u + 12345u;
    return w->seed >> 16;
}

/* One in eight has the key of the one before it: under the same identity, or another. */
static void issue_one(struct world *w)
{
    struct request r;
    struct made *last = &w->made[w->n];
    request_init(&r, &w->x, "host.example.com");
    if (w->n > 0 && draw(w) % 8 == 0) {
        memcpy(r.spki, w->spki, sizeof(r.spki));
        r.op.intent.key_reuse = KEY_REUSE_ALLOW;
        if (draw(w) % 2 == 0)
            memcpy(r.op.intent.identity, last[-1].identity, IDENTITY_LEN);
        request_draft(&r, "host.example.com");
    }
    issue(&w->x, &r);
    memcpy(w->spki, r.spki, sizeof(w->spki));
    memcpy(last->spki_hash, r.op.intent.spki_hash, sizeof(last->spki_hash));
    memcpy(last->identity, r.op.intent.identity, IDENTITY_LEN);
    w->n++;
    request_free(&r);
}

static void keep(void *arg, const uint8_t key[KEY_PART])
{
    struct world *w = arg;
    assert_true(w->told < sizeof(w->key) / sizeof(w->key[0]));
    memcpy(w->key[w->told++], key, KEY_PART);
}

static bool was_told(const struct world *w, const struct made *c)
{
    for (size_t i = 0; i < w->told; i++)
        if (memcmp(w->key[i], c->spki_hash, KEY_PART) == 0)
            return true;
    return false;
}

static bool has_others(struct world *w, const struct made *c)
{
    struct cert_ref other[4];
    size_t n;
    assert_int_equal(store_key_others(w->x.s, c->spki_hash, c->identity, other, 4, &n, &w->x.f), 0);
    return n > 0;
}

static void what_is_shared_is_told_while_more_is_issued(void **state)
{
    struct world *w = *state;
    for (int round = 0; round < 6; round++) {
        struct store_key_walk walk = {.begun = false};
        size_t there, alone = 0, shared = 0;
        while (w->n < (size_t)(round + 1) * MANY / 6)
            issue_one(w);
        if (round % 2 == 1) { /* what was in memory follows from the changes again */
            fixture_close(&w->x);
            assert_int_equal(fixture_reopen(&w->x), 0);
        }
        there = w->n;
        w->told = 0;
        for (size_t i = 0; i < there; i++)
            w->made[i].shared = has_others(w, &w->made[i]);
        for (int slice = 0; !walk.ended; slice++) {
            assert_int_equal(store_shared_keys(w->x.s, &walk, 20, keep, w, &w->x.f), 0);
            if (slice % 2 == 0)
                issue_one(w);
        }
        for (size_t i = 0; i < there; i++) {
            bool told = was_told(w, &w->made[i]);
            shared += w->made[i].shared;
            assert_true(told || !w->made[i].shared);
            alone += !told;
        }
        /* most that are alone are not told: it is worth asking */
        assert_true(shared > 0);
        assert_true(round == 0 || alone > there / 3);
    }
}

static void of_nothing_nothing_is_told(void **state)
{
    struct world *w = *state;
    struct store_key_walk walk = {.begun = false};
    assert_int_equal(store_shared_keys(w->x.s, &walk, 20, keep, w, &w->x.f), 0);
    assert_true(walk.ended);
    assert_int_equal(w->told, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(what_is_shared_is_told_while_more_is_issued),
        T(of_nothing_nothing_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
