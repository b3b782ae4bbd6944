/* Against a real SoftHSM2 token in a scratch folder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/signer/issuerkey.h"
#include "token/object.h"
#include "ca/signer/provision.h"
#include "token/signop.h"
#include "token/softtoken.h"
#include "lib/file.h"
#include "tests/unit/signer_place.h"

/* Provisions, then opens the token and logs in. */
static struct place *provisioned(const char *issuers, struct token *t)
{
    struct place *p = place_new(NULL, NULL, issuers);
    struct fault f;

    if (provision(p->conf, &p->conf->tokens[0], &f) != 0 ||
        token_load(&p->conf->tokens[0], t, &f) != 0 || token_find(t, &f) != 0 ||
        token_login(t, true, &f) != 0)
        fail_msg("%s: %s", f.rule, f.text);
    return p;
}

static struct place *one_issuer(const char *key_type, const char *alg, struct token *t)
{
    struct place *p;
    struct buf b;

    buf_init(&b, 4096);
    place_one_issuer(&b, key_type, alg);
    p = provisioned(buf_cstr(&b), t);
    buf_free(&b);
    return p;
}

static void done(struct place *p, struct token *t)
{
    token_close(t);
    place_free(p);
}

/* Signs with the token, verifies through lib/key.h, which is OpenSSL's verdict. */
static void signs_right(struct token *t, const struct conf_issuer *i)
{
    static const char message[] = "what is signed";
    struct pubkey *pub;
    struct keyobj k;
    struct spki spki;
    struct fault f;
    struct buf sig;
    uint8_t hash[64];

    buf_init(&sig, SIGNATURE_MAX);
    if (issuerkey_find(t, i, &k, &f) != 0)
        fail_msg("%s: %s", f.rule, f.text);
    assert_int_equal(spki_parse(buf_slice(&k.spki), &spki, &f), 0);
    assert_int_equal(pubkey_open(&spki, &pub, &f), 0);
    sig_alg_hash(i->alg, slice_str(message), hash);
    for (int n = 0; n < 20; n++) {
        if (signop(t->call, t->session, k.handle, &spki, i->alg, hash, &sig, &f) != 0)
            fail_msg("%s: %s", f.rule, f.text);
        assert_int_equal(pubkey_verify(pub, i->alg, slice_str(message), buf_slice(&sig)), 0);
        sig.p[sig.n - 1] ^= 1;
        assert_int_equal(pubkey_verify(pub, i->alg, slice_str(message), buf_slice(&sig)), -1);
    }
    pubkey_free(pub);
    keyobj_free(&k);
    buf_free(&sig);
}

static void every_kind_of_key_is_made_and_signs_with_every_algorithm(void **state)
{
    static const struct {
        const char *key;
        enum sig_alg alg[6];
    } kinds[] = {
        {"p256", {SIG_ECDSA_SHA256, SIG_ECDSA_SHA384, SIG_ECDSA_SHA512}},
        {"p384", {SIG_ECDSA_SHA256, SIG_ECDSA_SHA384, SIG_ECDSA_SHA512}},
        {"p521", {SIG_ECDSA_SHA256, SIG_ECDSA_SHA384, SIG_ECDSA_SHA512}},
        {"rsa2048",
         {SIG_RSA_SHA256, SIG_RSA_SHA384, SIG_RSA_SHA512, SIG_RSA_PSS_SHA256, SIG_RSA_PSS_SHA384,
          SIG_RSA_PSS_SHA512}},
        {"rsa3072", {SIG_RSA_SHA256, SIG_RSA_PSS_SHA384}},
        {"rsa4096", {SIG_RSA_SHA256, SIG_RSA_PSS_SHA512}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct token t;
        struct place *p = one_issuer(kinds[i].key, sig_alg_name(kinds[i].alg[0]), &t);
        struct conf_issuer issuer = p->conf->issuers[0];

        for (size_t k = 0; k < 6 && kinds[i].alg[k] != SIG_NONE; k++) {
            if (!sig_alg_fits(kinds[i].alg[k], issuer.key_type))
                continue;
            issuer.alg = kinds[i].alg[k];
            signs_right(&t, &issuer);
        }
        done(p, &t);
    }
}

static void a_key_made_here_never_leaves_and_does_nothing_but_sign(void **state)
{
    static const char *const kinds[] = {"p256", "rsa2048"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct token t;
        struct place *p = one_issuer(kinds[i], i == 0 ? "ecdsa-sha256" : "rsa-sha256", &t);
        struct keyobj k;
        struct fault f;
        struct buf secret;
        bool is;

        assert_int_equal(issuerkey_find(&t, &p->conf->issuers[0], &k, &f), 0);
        assert_int_equal(keyobj_check(&t, k.handle, &f), 0);
        assert_int_equal(object_is(&t, k.handle, CKA_DECRYPT, true, &is, &f), 0);
        assert_false(i == 1 && is);
        assert_int_equal(object_is(&t, k.handle, CKA_DERIVE, true, &is, &f), 0);
        assert_false(i == 0 && is);
        buf_init(&secret, OBJECT_ATTRIBUTE_MAX);
        assert_int_equal(
            object_bytes(&t, k.handle, i == 0 ? CKA_VALUE : CKA_PRIVATE_EXPONENT, &secret, &f), 0);
        assert_int_equal(secret.n, 0);
        assert_int_equal(object_bytes(&t, k.handle, CKA_ID, &secret, &f), 0);
        assert_int_equal(secret.n, KEYOBJ_ID_LEN);
        buf_free(&secret);
        keyobj_free(&k);
        done(p, &t);
    }
}

static void provisioning_again_changes_nothing(void **state)
{
    struct token t;
    struct place *p = provisioned(place_two_issuers, &t);
    struct keyobj before, after;
    struct fault f;

    (void)state;
    assert_int_equal(issuerkey_find(&t, &p->conf->issuers[0], &before, &f), 0);
    token_close(&t);
    assert_int_equal(provision(p->conf, &p->conf->tokens[0], &f), 0);
    assert_int_equal(token_load(&p->conf->tokens[0], &t, &f), 0);
    assert_int_equal(token_find(&t, &f), 0);
    assert_int_equal(token_login(&t, false, &f), 0);
    assert_int_equal(issuerkey_find(&t, &p->conf->issuers[0], &after, &f), 0);
    assert_true(slice_eq(buf_slice(&before.spki), buf_slice(&after.spki)));
    keyobj_free(&before);
    keyobj_free(&after);
    done(p, &t);
}

static void a_key_of_another_kind_than_configured_is_refused(void **state)
{
    struct token t;
    struct place *p = one_issuer("p256", "ecdsa-sha256", &t);
    struct conf_issuer other = p->conf->issuers[0];
    struct keyobj k;
    struct fault f;

    (void)state;
    other.key_type = KEY_P384;
    other.key_bits = 384;
    assert_int_equal(issuerkey_find(&t, &other, &k, &f), -FAULT_CONFIG);
    assert_string_equal(f.rule, "signer.key.type");
    other.key_type = KEY_RSA;
    other.key_bits = 2048;
    assert_int_equal(issuerkey_find(&t, &other, &k, &f), -FAULT_CONFIG);
    assert_string_equal(f.rule, "signer.key.type");
    done(p, &t);
}

static void a_key_is_found_by_label_and_by_id_and_must_be_one(void **state)
{
    char by_id[128] = "pkcs11:id=", by_label[] = "pkcs11:object=one",
         nobody[] = "pkcs11:object=nobody", elsewhere[] = "pkcs11:object=one;token=other";
    struct token t;
    struct place *p = one_issuer("p256", "ecdsa-sha256", &t);
    struct conf_issuer i = p->conf->issuers[0];
    struct keyobj k;
    struct fault f;
    struct buf id;

    (void)state;
    buf_init(&id, OBJECT_ATTRIBUTE_MAX);
    assert_int_equal(issuerkey_find(&t, &i, &k, &f), 0);
    assert_int_equal(object_bytes(&t, k.handle, CKA_ID, &id, &f), 0);
    for (size_t n = 0; n < id.n; n++)
        (void)snprintf(by_id + strlen(by_id), 4, "%%%02x", id.p[n]);
    keyobj_free(&k);
    i.key = by_id;
    assert_int_equal(issuerkey_find(&t, &i, &k, &f), 0);
    keyobj_free(&k);
    i.key = nobody;
    assert_int_equal(issuerkey_find(&t, &i, &k, &f), -FAULT_NOT_FOUND);
    i.key = elsewhere;
    assert_int_equal(issuerkey_find(&t, &i, &k, &f), -FAULT_CONFIG);
    assert_string_equal(f.rule, "signer.key.uri");
    i.key = by_label;
    assert_int_equal(issuerkey_generate(&t, &i, &f), 0);
    assert_int_equal(issuerkey_find(&t, &i, &k, &f), -FAULT_CONFIG);
    assert_string_equal(f.rule, "signer.key.ambiguous");
    i.key = by_id;
    assert_int_equal(issuerkey_find(&t, &i, &k, &f), 0);
    keyobj_free(&k);
    buf_free(&id);
    done(p, &t);
}

/* Tokens that were filled elsewhere often have no public object. */
static void a_public_key_may_come_from_the_certificate_object(void **state)
{
    static const uint8_t der[] = {0x30, 0x00};
    struct token t;
    struct place *p = one_issuer("p256", "ecdsa-sha256", &t);
    CK_OBJECT_HANDLE pub, cert;
    CK_OBJECT_CLASS class = CKO_CERTIFICATE;
    CK_CERTIFICATE_TYPE x509 = CKC_X_509;
    CK_BBOOL yes = CK_TRUE;
    struct conf_issuer *i = &p->conf->issuers[0];
    struct keyobj k, again;
    struct draft d;
    struct buf id, certificate;
    struct fault f;
    unsigned n;

    (void)state;
    buf_init(&id, OBJECT_ATTRIBUTE_MAX);
    buf_init(&certificate, CERT_MAX);
    assert_int_equal(issuerkey_find(&t, i, &k, &f), 0);
    assert_int_equal(object_bytes(&t, k.handle, CKA_ID, &id, &f), 0);
    assert_int_equal(object_find(&t, CKO_PUBLIC_KEY, SLICE_NONE, buf_slice(&id), &pub, &n, &f), 0);
    assert_int_equal(n, 1);
    assert_int_equal(object_destroy(&t, pub, &f), 0);
    assert_int_equal(issuerkey_find(&t, i, &again, &f), -FAULT_CONFIG);
    assert_string_equal(f.rule, "signer.key.public");

    draft_init(&d, i, (const uint8_t[20]){0});
    buf_reset(&d.spki);
    buf_put_slice(&d.spki, buf_slice(&k.spki));
    cert_assemble(&certificate, draft_tbs(&d), SIG_ECDSA_SHA256, slice_of(der, sizeof(der)));
    CK_ATTRIBUTE template[] = {
        {CKA_CLASS, &class, sizeof(class)},      {CKA_CERTIFICATE_TYPE, &x509, sizeof(x509)},
        {CKA_TOKEN, &yes, sizeof(yes)},          {CKA_ID, id.p, id.n},
        {CKA_SUBJECT, d.subject.p, d.subject.n}, {CKA_VALUE, certificate.p, certificate.n},
    };
    assert_int_equal(t.call->C_CreateObject(t.session, template, 6, &cert), CKR_OK);
    if (issuerkey_find(&t, i, &again, &f) != 0)
        fail_msg("%s: %s", f.rule, f.text);
    assert_true(slice_eq(buf_slice(&k.spki), buf_slice(&again.spki)));
    keyobj_free(&k);
    keyobj_free(&again);
    draft_free(&d);
    buf_free(&id);
    buf_free(&certificate);
    done(p, &t);
}

static void serving_makes_no_token(void **state)
{
    struct place *p = place_new(NULL, NULL, place_two_issuers);
    struct token t;
    struct fault f;

    (void)state;
    assert_int_equal(token_load(&p->conf->tokens[0], &t, &f), 0);
    assert_int_equal(token_find(&t, &f), -FAULT_UNAVAILABLE);
    assert_string_equal(f.rule, "signer.token.absent");
    done(p, &t);
}

static void a_module_that_is_none_is_a_matter_of_configuration(void **state)
{
    struct place *p = place_new("/etc/passwd", NULL, place_two_issuers);
    struct token t;
    struct fault f;

    (void)state;
    assert_int_equal(token_load(&p->conf->tokens[0], &t, &f), -FAULT_CONFIG);
    assert_string_equal(f.rule, "signer.module");
    place_free(p);
}

/* The folder of the one token. */
static void path_in_token(const struct place *p, const char *name, char out[512])
{
    DIR *d = opendir(place_path(p, "tokens"));
    struct dirent *e;

    assert_non_null(d);
    out[0] = 0;
    while ((e = readdir(d)) != NULL)
        if (e->d_name[0] != '.')
            (void)snprintf(out, 512, "%s/tokens/%s/%s", p->dir, e->d_name, name);
    (void)closedir(d);
    assert_int_not_equal(out[0], 0);
}

static void put_file(const char *path, struct slice octets)
{
    struct fault f;

    if (file_write(path, 0600, octets, &f) != 0)
        fail_msg("%s", f.text);
}

/* As a kill in the midst of C_Login leaves it, and a power loss soon after. */
static void a_token_that_a_kill_left_empty_is_put_back(void **state)
{
    static const uint8_t zeros[320];
    const struct slice left[] = {slice_of(NULL, 0), slice_of(zeros, sizeof(zeros))};
    char object[512], kept[512];
    struct buf before, after;
    struct token t;
    struct place *p = one_issuer("p256", "ecdsa-sha256", &t);
    struct fault f;

    (void)state;
    token_close(&t);
    path_in_token(p, SOFTTOKEN_OBJECT, object);
    path_in_token(p, SOFTTOKEN_KEPT, kept);
    buf_init(&before, 65536);
    buf_init(&after, 65536);
    assert_int_equal(file_read(object, 65536, &before, &f), 0);
    for (size_t i = 0; i < 2; i++) {
        put_file(object, left[i]);
        if (token_load(&p->conf->tokens[0], &t, &f) != 0 || token_find(&t, &f) != 0 ||
            token_login(&t, true, &f) != 0)
            fail_msg("%s: %s", f.rule, f.text);
        signs_right(&t, &p->conf->issuers[0]);
        token_close(&t);
    }
    /* A token that was made anew meanwhile stays as it is, and is what is kept from then on. */
    before.p[before.n - 1] ^= 1;
    put_file(object, buf_slice(&before));
    softtoken_keep(&p->conf->tokens[0]);
    assert_int_equal(file_read(object, 65536, &after, &f), 0);
    assert_true(slice_eq(buf_slice(&before), buf_slice(&after)));
    assert_int_equal(file_read(kept, 65536, &after, &f), 0);
    assert_true(slice_eq(buf_slice(&before), buf_slice(&after)));
    buf_free(&before);
    buf_free(&after);
    place_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_key_is_made_and_signs_with_every_algorithm),
        cmocka_unit_test(a_key_made_here_never_leaves_and_does_nothing_but_sign),
        cmocka_unit_test(provisioning_again_changes_nothing),
        cmocka_unit_test(a_key_of_another_kind_than_configured_is_refused),
        cmocka_unit_test(a_key_is_found_by_label_and_by_id_and_must_be_one),
        cmocka_unit_test(a_public_key_may_come_from_the_certificate_object),
        cmocka_unit_test(serving_makes_no_token),
        cmocka_unit_test(a_token_that_a_kill_left_empty_is_put_back),
        cmocka_unit_test(a_module_that_is_none_is_a_matter_of_configuration),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
