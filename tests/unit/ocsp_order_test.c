/* The cache and the order of answers: bounded, never backwards, right under threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>

#include "ocsp/cache.h"
#include "tests/unit/ocsp_world.h"
#include "tests/unit/x509_help.h"

static uint32_t random_below(uint32_t n)
{
    uint32_t r;

    random_bytes(&r, sizeof(r));
    return r % n;
}

/* By any mixture of hashes, nonces, time stamps and revocations. */
static void this_update_never_decreases(void **state)
{
    const EVP_MD *md[] = {EVP_sha1(), EVP_sha256(), EVP_sha384()};
    struct ocsp_world *w = *state;
    int64_t last[5] = {0}, newest = w->now - 60;
    bool revoked[5] = {false};
    uint64_t change = 1000;

    for (int round = 0; round < 4000; round++) {
        unsigned k = random_below(5);
        struct ocsp_response r;
        struct fault f;

        switch (random_below(10)) {
        case 0:
            w->now += random_below(3000);
            break;
        case 1: /* a writer whose clock goes back now and then */
            if (w->now + 30 - random_below(100) > newest)
                newest = w->now - random_below(200);
            ocsp_world_stamp(&w->view, newest - random_below(50));
            break;
        case 2: {
            struct viewfile_row row = row_of(2 * k, VIEWFILE_REVOKED, ++change);

            append(&w->view, 1, &row);
            revoked[k] = true;
            break;
        }
        default:
            break;
        }
        if (ocsp_ask(w, 2 * k, md[random_below(3)], random_below(2) * 8) != OCSP_SUCCESSFUL) {
            assert_int_equal(w->answer.status, OCSP_TRY_LATER);
            ocsp_world_stamp(&w->view, newest = w->now);
            continue;
        }
        assert_int_equal(ocsp_response_parse(buf_slice(&w->answer.body), &r, &f), 0);
        assert_int_equal(r.single[0].status, revoked[k] ? OCSP_REVOKED : OCSP_GOOD);
        assert_true(r.single[0].this_update >= last[k]);
        assert_true(r.single[0].this_update <= w->now + OCSP_CLOCK_SKEW);
        last[k] = r.single[0].this_update;
    }
    assert_true(ocsp_world_stats(w).hits > 100);
}

static struct ocsp_cache_key key_number(unsigned n)
{
    struct ocsp_cache_key k = {.issuer = (uint16_t)(n % 3), .variant = 2};

    memcpy(k.serial, &n, sizeof(n));
    k.serial[SERIAL_LEN - 1] = (uint8_t)(n * 7);
    k.serial[SERIAL_LEN - 3] = (uint8_t)(n >> 8);
    k.serial[SERIAL_LEN - 5] = (uint8_t)(n >> 5);
    return k;
}

static void the_cache_stays_within_its_bound_and_drops_what_is_asked_for_least(void **state)
{
    static const uint8_t answer[300] = {1};
    const int64_t newest = 10;
    struct ocsp_cache *c = ocsp_cache_new(4u << 20);
    struct ocsp_cached about = {.change = 1, .delegate = 1, .this_update = 10, .renew_at = 100};
    size_t n, octets;
    uint64_t hits;
    struct buf out;

    (void)state;
    buf_init(&out, 1024);
    for (unsigned i = 0; i < 40000; i++) {
        struct ocsp_cache_key k = key_number(i), always = key_number(0);

        ocsp_cache_put(c, &k, &about, slice_of(answer, sizeof(answer)), &newest);
        buf_reset(&out);
        assert_true(ocsp_cache_get(c, &always, 50, &about, &out));
        assert_int_equal(out.n, sizeof(answer));
    }
    ocsp_cache_size(c, &n, &octets, &hits);
    assert_in_range(octets, 2u << 20, 4u << 20);
    assert_in_range(n, 5000, 20000);
    assert_int_equal(hits, 40000);
    buf_free(&out);
    ocsp_cache_free(c);
}

static bool has(struct ocsp_cache *c, unsigned n, uint64_t change, uint32_t delegate, int64_t now)
{
    struct ocsp_cached want = {.change = change, .delegate = delegate};
    struct ocsp_cache_key k = key_number(n);
    struct buf out;
    bool found;

    buf_init(&out, 1024);
    found = ocsp_cache_get(c, &k, now, &want, &out);
    assert_int_equal(out.n, found ? 3 : 0);
    buf_free(&out);
    return found;
}

static void an_answer_is_found_only_while_all_of_it_holds(void **state)
{
    struct ocsp_cached about = {.change = 5, .delegate = 2, .this_update = 10, .renew_at = 100};
    struct ocsp_cache *c = ocsp_cache_new(1u << 20);
    struct ocsp_cache_key k = key_number(1), other = key_number(1);
    int64_t newest = 10;

    (void)state;
    ocsp_cache_put(c, &k, &about, slice_str("abc"), &newest);
    assert_true(has(c, 1, 5, 2, 99));
    assert_false(has(c, 1, 5, 2, 100));
    assert_false(has(c, 1, 6, 2, 99));
    assert_false(has(c, 1, 5, 3, 99));
    assert_false(has(c, 2, 5, 2, 99));
    ocsp_cache_outdate(c, &k, 10);
    assert_true(has(c, 1, 5, 2, 99));
    /* Another form of the CertID, told of a later time. */
    other.variant = 4;
    about.this_update = newest = 11;
    ocsp_cache_put(c, &other, &about, slice_str("abc"), &newest);
    assert_false(has(c, 1, 5, 2, 99));
    about.this_update = 10;
    ocsp_cache_put(c, &k, &about, slice_str("abc"), &newest);
    assert_false(has(c, 1, 5, 2, 99));
    ocsp_cache_free(c);
}

struct asker {
    struct ocsp_world *w;
    unsigned seed;
    uint64_t *acked; /* bits: row 2k is revoked */
    bool *stop;
    int bad;
    uint64_t asked;
};

/* Everything that was acknowledged before a request began is in its answer. */
static void *ask_on(void *arg)
{
    struct asker *a = arg;
    struct ocsp_answer answer = {.status = OCSP_SUCCESSFUL};
    struct buf request[ROWS];

    buf_init(&answer.body, OCSP_RESPONSE_MAX);
    for (unsigned k = 0; k < 50; k++) {
        struct viewfile_row row = row_of(2 * k, VIEWFILE_GOOD, 1);

        buf_init(&request[k], OCSP_REQUEST_MAX);
        ocsp_place_request(&a->w->place, EVP_sha1(), (const uint8_t(*)[SERIAL_LEN]) & row.serial, 1,
                           a->seed % 2 == 0 && k % 7 == 0 ? 9 : 0, &request[k]);
    }
    while (!__atomic_load_n(a->stop, __ATOMIC_ACQUIRE)) {
        unsigned k = (unsigned)(a->asked * 13 + a->seed) % 50;
        bool revoked = (__atomic_load_n(a->acked, __ATOMIC_ACQUIRE) >> k & 1) != 0;
        struct ocsp_response r;
        struct fault f;

        ocsp_answer(a->w->r, buf_slice(&request[k]), a->w->now, &answer);
        if (answer.status != OCSP_SUCCESSFUL ||
            ocsp_response_parse(buf_slice(&answer.body), &r, &f) < 0 ||
            (revoked && r.single[0].status != OCSP_REVOKED))
            a->bad++;
        __atomic_add_fetch(&a->asked, 1, __ATOMIC_RELAXED);
    }
    for (unsigned k = 0; k < 50; k++)
        buf_free(&request[k]);
    buf_free(&answer.body);
    return NULL;
}

static void a_revocation_is_in_every_answer_that_begins_after_it(void **state)
{
    struct ocsp_world *w = *state;
    struct asker asker[3];
    pthread_t thread[3];
    uint64_t acked = 0;
    bool stop = false;

    for (unsigned i = 0; i < 3; i++) {
        asker[i] = (struct asker){.w = w, .seed = i, .acked = &acked, .stop = &stop};
        assert_int_equal(pthread_create(&thread[i], NULL, ask_on, &asker[i]), 0);
    }
    for (unsigned k = 0; k < 50; k++) {
        struct viewfile_row row = row_of(2 * k, VIEWFILE_REVOKED, 1000 + k);
        uint64_t target = __atomic_load_n(&asker[0].asked, __ATOMIC_RELAXED) + 100;

        append(&w->view, 1, &row);
        __atomic_store_n(&acked, acked | UINT64_C(1) << k, __ATOMIC_RELEASE);
        if (k % 10 == 5)
            ocsp_world_delegate(w, &w->place);
        while (__atomic_load_n(&asker[0].asked, __ATOMIC_RELAXED) < target)
            sched_yield();
    }
    __atomic_store_n(&stop, true, __ATOMIC_RELEASE);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(pthread_join(thread[i], NULL), 0);
        assert_int_equal(asker[i].bad, 0);
        assert_true(asker[i].asked > 0);
    }
    assert_true(ocsp_world_stats(w).hits > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OCSP_TEST(this_update_never_decreases),
        cmocka_unit_test(the_cache_stays_within_its_bound_and_drops_what_is_asked_for_least),
        cmocka_unit_test(an_answer_is_found_only_while_all_of_it_holds),
        OCSP_TEST(a_revocation_is_in_every_answer_that_begins_after_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
