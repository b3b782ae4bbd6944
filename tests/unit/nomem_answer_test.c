/* Signed answers and lists when memory fails, at each allocation of OpenSSL's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/nomem_help.h"
#include "tests/unit/ocsp_world.h"

static struct ocsp_world *world;

static int answer(struct buf *out, struct fault *f)
{
    struct ocsp_seen seen;

    ocsp_answer(world->r, buf_slice(&world->request), world->now, &world->answer);
    nomem_rest();
    if (world->answer.status != OCSP_SUCCESSFUL)
        return fault_set(f, FAULT_UNAVAILABLE, "nomem", "no answer");
    ocsp_look(&world->place, buf_slice(&world->answer.body), 0, &seen);
    buf_printf(out, "%d %lld", seen.status, (long long)seen.this_update);
    buf_free(&seen.nonce);
    return 0;
}

static void ocsp_answers_are_right_or_none(void **state)
{
    const struct viewfile_row row = row_of(2, VIEWFILE_GOOD, 1);
    struct ocsp_settings uncached = test_settings;

    world = *state;
    uncached.cache_max = 0;
    ocsp_world_settings(world, &uncached);
    ocsp_place_request(&world->place, EVP_sha256(), (const uint8_t(*)[SERIAL_LEN]) & row.serial, 1,
                       16, &world->request);
    nomem_every(answer, 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OCSP_TEST(ocsp_answers_are_right_or_none),
    };

    nomem_begin();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
