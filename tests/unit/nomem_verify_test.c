/* Signatures of checkpoints and of strangers when memory fails, at each allocation: a right one is
 * never called wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ca/inventory/stranger.h"
#include "lib/note.h"
#include "tests/unit/nomem_help.h"
#include "tests/unit/store_help.h"
#include "tests/unit/x509_help.h"

#define ORIGIN "pki.test/audit"

static struct buf note;
static struct note_key key;

static void make_note(enum key_type type, enum note_type as, enum sig_alg alg)
{
    static const uint8_t root[32] = {7};
    struct buf text, signature, spki;

    buf_init(&text, NOTE_MAX);
    buf_init(&note, NOTE_MAX);
    buf_init(&signature, SIGNATURE_MAX);
    buf_init(&spki, 256);
    test_spki(test_key(type), &spki);
    assert_int_equal(note_key_spki(ORIGIN, as, buf_slice(&spki), &key), 0);
    checkpoint_text_put(&text, ORIGIN, 42, root);
    test_sign(test_key(type), alg, buf_slice(&text), &signature);
    buf_put_slice(&note, buf_slice(&text));
    buf_put_str(&note, "\n");
    note_signature_put(&note, &key, buf_slice(&signature));
    buf_free(&text);
    buf_free(&signature);
    buf_free(&spki);
}

static int verify(struct buf *out, struct fault *f)
{
    struct checkpoint c;
    enum note_verdict v;

    if (checkpoint_get(buf_slice(&note), &c, f) != 0)
        return -(int)f->code;
    v = note_verify(&c, &key);
    buf_printf(out, "%d", (int)v);
    return v == NOTE_UNKNOWN ? fault_set(f, FAULT_UNAVAILABLE, "nomem", "unknown") : 0;
}

static void a_right_checkpoint_is_never_wrong(void **state)
{
    static const struct {
        enum key_type type;
        enum note_type as;
        enum sig_alg alg;
    } kinds[] = {{KEY_ED25519, NOTE_ED25519, SIG_ED25519},
                 {KEY_P256, NOTE_ECDSA, SIG_ECDSA_SHA256}};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        make_note(kinds[i].type, kinds[i].as, kinds[i].alg);
        nomem_every(verify, 5);
        buf_free(&note);
    }
}

/* ---- strangers ---- */

static struct buf stranger;
static struct authority issuer;
static struct authorities authorities = {.item = &issuer, .n = 1};
static struct fixture store;

static int look(struct buf *out, struct fault *f)
{
    struct anycert c;
    uint16_t number;
    int rc = anycert_parse(buf_slice(&stranger), &c, f);

    if (rc == 0)
        rc = stranger_find(&authorities, store.s, &c, &number, f);
    if (rc == 0)
        buf_printf(out, "%u", (unsigned)number);
    return rc;
}

static void a_stranger_is_never_overlooked(void **state)
{
    static const enum key_type types[] = {KEY_P256, KEY_RSA};
    struct tbs_spec spec;

    (void)state;
    fixture_open(&store, false);
    for (size_t i = 0; i < 2; i++) {
        test_draft_ca(&spec, types[i]);
        issuer.link = (struct signer_link *)&issuer;
        issuer.number = 9;
        buf_init(&issuer.certificate, CERT_MAX);
        test_issue(&spec, types[i], &issuer.certificate);
        assert_int_equal(cert_parse(buf_slice(&issuer.certificate), &issuer.parsed, &store.f), 0);
        test_draft(&spec, KEY_P384, types[i]);
        spec.issuer = issuer.parsed.subject;
        buf_init(&stranger, CERT_MAX);
        test_issue(&spec, types[i], &stranger);
        nomem_every(look, 5);
        buf_free(&stranger);
        buf_free(&issuer.certificate);
    }
    fixture_remove(&store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_right_checkpoint_is_never_wrong),
        cmocka_unit_test(a_stranger_is_never_overlooked),
    };

    nomem_begin();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
