/* Proofs (RFC 9162 2.1.3, 2.1.4), keys and notes (c2sp.org/signed-note, tlog-checkpoint), tile
 * paths (c2sp.org/tlog-tiles). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/merkle.h"
#include "lib/note.h"
#include "lib/tile.h"

#define LEAVES 40

static uint8_t leaf[LEAVES][32];

static int node_at(void *arg, unsigned level, uint64_t index, uint8_t out[32])
{
    (void)arg;
    merkle_fold(leaf[index << level], (size_t)1 << level, out);
    return 0;
}

static void every_proof_of_small_trees_holds_and_a_changed_one_does_not(void **state)
{
    struct merkle_path path = {.n = 0};
    uint8_t root[LEAVES + 1][32];
    struct merkle m = {.size = 0};

    (void)state;
    for (size_t i = 0; i < LEAVES; i++) {
        memset(leaf[i], (int)i, 32);
        merkle_add(&m, leaf[i]);
        merkle_root(&m, root[i + 1]);
    }
    for (uint64_t size = 1; size <= LEAVES; size++)
        for (uint64_t i = 0; i < size; i++) {
            assert_int_equal(merkle_inclusion(i, size, node_at, NULL, &path), 0);
            assert_true(merkle_inclusion_holds(leaf[i], i, size, &path, root[size]));
            assert_false(merkle_inclusion_holds(leaf[i], i + 1, size, &path, root[size]));
            assert_int_equal(merkle_consistency(i + 1, size, node_at, NULL, &path), 0);
            assert_true(merkle_consistency_holds(i + 1, root[i + 1], size, root[size], &path));
            assert_false(i + 1 < size &&
                         merkle_consistency_holds(i + 1, root[size], size, root[size], &path));
        }
}

/* The example of c2sp.org/tlog-checkpoint. */
static void the_checkpoint_of_the_specification_reads(void **state)
{
    static const char note[] =
        "example.com/behind-the-sofa\n20852163\n"
        "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
        "\xe2\x80\x94 example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+"
        "ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n";
    struct checkpoint c;
    struct fault f;

    (void)state;
    assert_int_equal(checkpoint_get(slice_str(note), &c, &f), 0);
    assert_string_equal(c.origin, "example.com/behind-the-sofa");
    assert_int_equal(c.size, 20852163);
    assert_int_equal(c.n, 1);
    assert_int_equal(c.signature[0].n, 64);
    assert_int_equal(checkpoint_get(slice_of(note, sizeof note - 2), &c, &f), -FAULT_MALFORMED);
}

/* The key of the Go checksum database, which everybody has: name, id and key agree. */
static void a_known_key_reads_and_is_written_again(void **state)
{
    static const char vkey[] =
        "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";
    struct note_key k;
    struct fault f;
    struct buf b;

    (void)state;
    assert_int_equal(note_key_get(vkey, &k, &f), 0);
    assert_int_equal(k.type, NOTE_ED25519);
    buf_init(&b, VKEY_MAX);
    note_key_put(&b, &k);
    assert_string_equal(buf_cstr(&b), vkey);
    buf_free(&b);
    assert_int_equal(
        note_key_get("sum.golang.org+033de0af+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8O", &k, &f),
        -FAULT_MALFORMED);
}

/* The example of c2sp.org/tlog-tiles. */
static void tiles_are_where_the_specification_says(void **state)
{
    const struct tile full = {0, 1234067, TILE_WIDTH}, partial = {1, 0, 17};
    struct buf b;

    (void)state;
    buf_init(&b, 256);
    tile_path(&b, &full);
    assert_string_equal(buf_cstr(&b), "tile/0/x001/x234/067");
    buf_reset(&b);
    tile_path(&b, &partial);
    assert_string_equal(buf_cstr(&b), "tile/1/000.p/17");
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_proof_of_small_trees_holds_and_a_changed_one_does_not),
        cmocka_unit_test(the_checkpoint_of_the_specification_reads),
        cmocka_unit_test(a_known_key_reads_and_is_written_again),
        cmocka_unit_test(tiles_are_where_the_specification_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
