/* Entries and heads of Certificate Transparency logs (client/ctentry.h, cthead.h), by the first
 * octet. */
#include <stdlib.h>
#include <string.h>

#include "client/ctentry.h"
#include "client/cthead.h"
#include "tests/fuzz/fuzz.h"

static void look(const struct ct_entry *e)
{
    static const struct texts domains = {.n = 2, .item = {"example", "a.test"}};
    enum ct_what what;
    uint8_t hash[32];
    struct fault f;
    int rc = ct_entry_look(e, &domains, &what, &f);

    if (rc != 0)
        fuzz_refused(rc, &f);
    ct_entry_hash(e->timestamped, hash);
}

/* An entry with its precertificate is the same when it is read by itself. */
static void check_entry(struct slice in)
{
    struct slice leaf = fuzz_piece(&in);
    struct ct_entry e, again;
    struct fault f;
    int rc = ct_entry_get(leaf, in, &e, &f);

    if (rc != 0) {
        fuzz_refused(rc, &f);
        return;
    }
    FUZZ_CHECK(fuzz_inside(e.timestamped, leaf));
    FUZZ_CHECK(
        ct_timestamped_get(e.timestamped, e.precert ? e.certificate : SLICE_NONE, &again, &f) == 0);
    FUZZ_CHECK(slice_eq(e.certificate, again.certificate) && e.time_ms == again.time_ms);
    look(&e);
}

static void check_tile(struct slice in)
{
    struct slice rest = in;
    struct ct_entry e;
    struct fault f;
    int rc = 0;

    while (rest.n > 0 && (rc = ct_tile_get(&rest, &e, &f)) == 0) {
        FUZZ_CHECK(fuzz_inside(e.timestamped, in) && fuzz_inside(e.certificate, in));
        look(&e);
    }
    if (rc != 0)
        fuzz_refused(rc, &f);
}

static void check_head(int rc, const struct ct_head *h, const struct fault *f)
{
    struct ct_head again;
    struct buf out;

    if (rc != 0) {
        fuzz_refused(rc, f);
        return;
    }
    buf_init(&out, CT_HEAD_MAX);
    ct_head_put(&out, h);
    FUZZ_CHECK(ct_head_get(buf_slice(&out), &again) == 0);
    FUZZ_CHECK(again.size == h->size && again.n == h->n && memcmp(again.root, h->root, 32) == 0);
    buf_free(&out);
}

static void run(struct slice in)
{
    static const uint8_t key[32] = {0};
    struct ct_head h;
    struct fault f = {0};
    int rc;

    switch (fuzz_octet(&in) % 5) {
    case 0:
        check_entry(in);
        break;
    case 1:
        check_tile(in);
        break;
    case 2:
        rc = ct_head_get_json(in, &h, &f);
        check_head(rc, &h, &f);
        break;
    case 3:
        rc = ct_head_get_checkpoint(in, key, &h, &f);
        check_head(rc, &h, &f);
        break;
    default:
        (void)!ct_head_get(in, &h);
        break;
    }
}

const struct fuzz_target fuzz_target = {.form = FUZZ_OCTETS, .run = run};
