/* What the agent makes of certificates when memory fails, at each allocation: one that does not fit
 * is never taken for one that does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/deploy/material.h"
#include "agent/trust/inner.h"
#include "lib/clock.h"
#include "tests/unit/agent_help.h"
#include "tests/unit/nomem_help.h"

static const struct deploy_material *material;

static int check(struct buf *out, struct fault *f)
{
    int rc = material_check(&scene.entry, material, f);

    buf_put_str(out, rc == 0 ? "fits" : "");
    return rc;
}

static void a_pair_fits_or_is_refused(void **state)
{
    (void)state;
    material = &scene.first.m;
    nomem_every(check, 100);
}

/* The work succeeds when the material is refused. */
static int refuse(struct buf *out, struct fault *f)
{
    int rc = material_check(&scene.entry, material, f);

    buf_put_str(out, rc == 0 ? "it is taken" : "");
    nomem_rest();
    fault_clear(f);
    return 0;
}

static void another_key_or_an_end_in_the_past_is_never_taken(void **state)
{
    struct deploy_material mixed = scene.first.m;
    struct test_leaf late;

    (void)state;
    mixed.key = scene.second.m.key;
    material = &mixed;
    nomem_every(refuse, 50);
    test_leaf_make(&scene.ca, "www.example.com", -7200, -3600, &late);
    material = &late.m;
    nomem_every(refuse, 5);
    test_leaf_free(&late);
}

static struct slice anchors, octets;

static int trust(struct buf *out, struct fault *f)
{
    struct trust_item item = {0};

    return trust_check_ca(octets, anchors, clock_now(), out, &item, f);
}

/* As in `refuse`; `out` is to be empty then. */
static int distrust(struct buf *out, struct fault *f)
{
    struct trust_item item = {0};
    int rc = trust_check_ca(octets, anchors, clock_now(), out, &item, f);

    if (rc != 0)
        buf_reset(out);
    nomem_rest();
    fault_clear(f);
    return 0;
}

static void a_ca_is_trusted_below_its_anchor_or_not(void **state)
{
    struct test_ca other;
    struct buf root, theirs;

    (void)state;
    test_ca_make(&other, "Another Root");
    buf_init(&root, 65536);
    buf_init(&theirs, 65536);
    test_x509_der(scene.ca.root, &root);
    test_x509_der(other.root, &theirs);
    octets = scene.first.m.chain;
    anchors = buf_slice(&root);
    nomem_every(trust, 100);
    anchors = buf_slice(&theirs);
    nomem_every(distrust, 50);
    buf_free(&theirs);
    buf_free(&root);
    test_ca_free(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_pair_fits_or_is_refused, scene_fresh),
        cmocka_unit_test_setup(another_key_or_an_end_in_the_past_is_never_taken, scene_fresh),
        cmocka_unit_test_setup(a_ca_is_trusted_below_its_anchor_or_not, scene_fresh),
    };

    nomem_begin();
    return cmocka_run_group_tests(tests, scene_set_up, scene_tear_down);
}
