/* Certificates as other CAs write them: what is odd is kept and named, what is framed wrong is
 * refused, and what OpenSSL reads too it reads the same. */
#include "lib/anycert.h"

#include <openssl/ec.h>
#include <openssl/x509.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/cert.h"
#include "lib/utf8.h"
#include "tests/unit/damage.h"
#include "tests/unit/anycert_help.h"
#include "tests/unit/x509_help.h"

#define ROUNDS 20000
#define BEFORE 1767225600 /* 2026-01-01 */
#define AFTER 1798761600

/* What is odd about a certificate, as far as it is told. */
#define ODD_TIMES 1u
#define ODD_EXTENSIONS 2u
#define ODD_SANS 4u
#define ODD_ALGORITHM 8u
#define ODD_KEY 16u

static unsigned odd(const struct anycert *c)
{
    return (c->times_odd ? ODD_TIMES : 0) | (c->extensions_odd ? ODD_EXTENSIONS : 0) |
           (c->has_sans && !c->sans_whole ? ODD_SANS : 0) |
           (c->alg == SIG_NONE ? ODD_ALGORITHM : 0) | (c->key == KEY_NONE ? ODD_KEY : 0);
}

static X509 *openssl_reads(struct slice der)
{
    const unsigned char *p = der.p;

    return d2i_X509(NULL, &p, (long)der.n);
}

static void same_name(const X509_NAME *theirs, struct slice ours)
{
    const unsigned char *p;
    size_t n;

    assert_int_equal(X509_NAME_get0_der((X509_NAME *)(uintptr_t)theirs, &p, &n), 1);
    assert_true(slice_eq(slice_of(p, n), ours));
}

/* OpenSSL refuses to name a serial number or a time that it cannot say: then nothing is compared.
 */
static void same_as_openssl(const struct anycert *c, X509 *x)
{
    BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(x), NULL);
    struct anycert_key key;
    struct tm tm;
    struct buf text;

    if (number != NULL) {
        char *hex = BN_bn2hex(number);

        buf_init(&text, 1 << 18);
        anycert_serial_print(c->serial, &text);
        assert_string_equal(buf_cstr(&text), strcmp(hex, "0") == 0 ? "00" : hex);
        buf_free(&text);
        OPENSSL_free(hex);
    }
    BN_free(number);
    same_name(X509_get_issuer_name(x), c->issuer);
    same_name(X509_get_subject_name(x), c->subject);
    if (!c->times_odd && ASN1_TIME_to_tm(X509_get0_notAfter(x), &tm) == 1)
        assert_true(timegm(&tm) == c->not_after);
    anycert_key(c->spki, &key);
    if (key.kind == ANYCERT_RSA && X509_get0_pubkey(x) != NULL)
        assert_int_equal(EVP_PKEY_get_bits(X509_get0_pubkey(x)), key.bits);
}

static void whole_is_sound(const struct anycert *c)
{
    struct anycert_key key;
    struct anycert_alg alg;
    uint8_t identity[16];
    struct buf text;

    buf_init(&text, 1 << 18);
    name_print(c->subject, &text);
    assert_true(utf8_valid(buf_slice(&text)));
    anycert_names_id(c, identity);
    anycert_key(c->spki, &key);
    anycert_alg(c->sig_alg, &alg);
    assert_true(strlen(key.name) > 0 && strlen(alg.name) > 0);
    buf_free(&text);
}

static void parse(const struct any_parts *p, struct buf *der, struct anycert *out)
{
    struct fault f;
    X509 *x;

    buf_init(der, ANYCERT_MAX);
    any_make(p, der);
    assert_int_equal(anycert_parse(buf_slice(der), out, &f), 0);
    whole_is_sound(out);
    x = openssl_reads(buf_slice(der));
    if (x != NULL)
        same_as_openssl(out, x);
    X509_free(x);
}

static void says(const struct anycert *c, const char *key_name, unsigned bits, const char *alg_name,
                 unsigned hash_bits)
{
    struct anycert_key key;
    struct anycert_alg alg;

    anycert_key(c->spki, &key);
    anycert_alg(c->sig_alg, &alg);
    assert_string_equal(key.name, key_name);
    assert_string_equal(alg.name, alg_name);
    assert_int_equal(key.bits, bits);
    assert_int_equal(alg.hash_bits, hash_bits);
}

static void an_ordinary_certificate_has_nothing_odd(void **state)
{
    struct any_parts p = {.version = NULL};
    struct anycert c;
    struct buf der;

    (void)state;
    parse(&p, &der, &c);
    assert_int_equal(odd(&c), 0);
    assert_int_equal(c.version, 3);
    assert_true(c.not_before == BEFORE && c.not_after == AFTER);
    says(&c, "p256", 256, "ecdsa-sha256", 256);
    assert_int_equal(c.sans.n, 1);
    assert_true(slice_is(c.sans.item[0].value, "a.example.x"));
    buf_free(&der);
}

static void what_is_odd_is_kept_and_named(void **state)
{
    static const struct {
        struct any_parts parts;
        unsigned odd;
        int64_t not_after;
    } rows[] = {
        {{.version = "", .rest = ""}, 0, AFTER},            /* v1 */
        {{.version = "a003020100", .rest = ""}, 0, AFTER},  /* v1, written out */
        {{.version = "a003020101"}, ODD_EXTENSIONS, AFTER}, /* extensions in v2 */
        {{.version = "a003020105"}, ODD_EXTENSIONS, AFTER},
        {{.serial = "020181"}, 0, AFTER}, /* negative */
        {{.serial = "0202ff00"}, 0, AFTER},
        {{.serial = "020100"}, 0, AFTER},
        {{.serial = "02020001"}, 0, AFTER}, /* not minimal */
        {{.serial = "0215010101010101010101010101010101010101010101"}, 0, AFTER},
        {{.outer = "300d06092a864886f70d01010b0500"}, ODD_ALGORITHM, AFTER},
        /* GeneralizedTime before 2050: RFC 5280 wants UTCTime, and everybody reads it */
        {{.validity = "3022180f32303236303130313030303030305a180f32303237303130313030303030305a"},
         0,
         AFTER},
        /* without seconds; with an offset */
        {{.validity = "301a170b323630313031303030305a170b323730313031303030305a"},
         ODD_TIMES,
         AFTER},
        {{.validity = "3026171132363031303130303030"
                      "30302b303130301711323730313031303030303030"
                      "2d30313330"},
         ODD_TIMES,
         AFTER + 5400},
        /* a fraction */
        {{.validity = "3024180f32303236303130313030303030305a"
                      "181132303237303130313030303030302e355a"},
         ODD_TIMES,
         AFTER},
        {{.subject = "3000"}, 0, AFTER},
        {{.subject = "3002"
                     "3100"},
         0,
         AFTER},                                                       /* an empty RDN */
        {{.subject = "300d310b300906035504030c02ff41"}, 0, AFTER},     /* no UTF-8 */
        {{.subject = "300f310d300b06035504031e0400410042"}, 0, AFTER}, /* BMPString */
        {{.subject = "300e310c300a06035504061303444555"}, 0, AFTER},   /* C=DEU */
        {{.rest = "a30c300a30080603551d1304013"
                  "0"},
         ODD_EXTENSIONS,
         AFTER},
        {{.rest = "a31c301a300b0603551d0f040403020780300b0603551d0f040403020780"},
         ODD_EXTENSIONS,
         AFTER}, /* twice */
        {{.rest = "a3023000"}, ODD_EXTENSIONS, AFTER},
        {{.rest = "0500"}, ODD_EXTENSIONS, AFTER},
        {{.rest = "8102"
                  "00ff"
                  "a30f300d300b0603551d0f040403020780"},
         0,
         AFTER}, /* unique id */
        /* critical TRUE as 01, as old encoders have it */
        {{.rest = "a312"
                  "3010"
                  "300e0603551d0f010101040403020780"},
         0,
         AFTER},
        /* a directory name beside a DNS name */
        {{.rest = "a3143012301006"
                  "03551d110409300782"
                  "0161a4023000"},
         ODD_SANS,
         AFTER},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct anycert c;
        struct buf der;

        parse(&rows[i].parts, &der, &c);
        assert_int_equal(odd(&c), rows[i].odd);
        assert_true(c.not_after == rows[i].not_after);
        buf_free(&der);
    }
}

static void keys_and_algorithms_have_names(void **state)
{
    static const struct {
        const char *spki, *alg, *key, *name;
        unsigned bits, hash_bits;
    } rows[] = {
        /* EC with explicit parameters over a field of 8 bits */
        {"3021301706072a8648ce3d0201300c0201013007"
         "06012a020200fb0306000401020304",
         "300d06092a864886f70d0101040500", "ec-explicit-8", "rsa-md5", 8, 128},
        {"300e300906072a8648ce3d0201030100", "300d06092a864886f70d0101050500", "ec", "rsa-sha1", 0,
         160},
        /* secp256k1 */
        {"3017301006072a8648ce3d020106052b8104000a0303000201", "300906072a8648ce3d0401",
         "ec-secp256k1", "ecdsa-sha1", 256, 160},
        {"300a300506032b6571030100", "300506032b6571", "ed448", "ed448", 456, 0},
        /* RSA without NULL, 16 bits */
        {"301a300b06092a864886f70d010101030b00300802030"
         "0ffff020103",
         "300b06092a864886f70d01010a", "rsa16", "rsa-pss-sha1", 16, 160},
        {"300a300506032a0304030100", "300506032a0304", "1.2.3.4", "1.2.3.4", 0, 0},
        {"3000", "3000", "unknown", "unknown", 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct any_parts p = {.spki = rows[i].spki, .alg = rows[i].alg};
        struct anycert c;
        struct buf der;

        parse(&p, &der, &c);
        says(&c, rows[i].key, rows[i].bits, rows[i].name, rows[i].hash_bits);
        buf_free(&der);
    }
}

static void what_is_framed_wrong_is_refused(void **state)
{
    static const struct {
        struct any_parts parts;
        const char *rule;
    } rows[] = {
        {{.version = "a0020500"}, "cert.der"},
        {{.version = "a00402020100"}, "cert.der"},
        {{.serial = "0200"}, "cert.der"},
        {{.serial = "0500"}, "cert.der"},
        {{.alg = "0500"}, "cert.der"},
        {{.issuer = "3001"}, "cert.der"},
        {{.issuer = "30023000"}, "cert.der"},
        {{.subject = "300431023000"}, "cert.der"},
        {{.validity = "3000"}, "cert.validity"},
        {{.spki = "0500"}, "cert.der"},
        {{.validity = "301e170d3236313330313030303030305a170d3237303130313030303030305a"},
         "cert.validity"}, /* month 13 */
        {{.validity = "301c170d3236303130313030303030305a170b32373031303130305a5a5a"},
         "cert.validity"},
        {{.outer = "0500"}, "cert.der"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct anycert c;
        struct buf der;
        struct fault f;

        buf_init(&der, ANYCERT_MAX);
        any_make(&rows[i].parts, &der);
        assert_int_equal(anycert_parse(buf_slice(&der), &c, &f), -FAULT_MALFORMED);
        assert_string_equal(f.rule, rows[i].rule);
        assert_int_equal(c.der.n, 0);
        buf_free(&der);
    }
}

static void all_of_a_huge_list_of_names_identifies(void **state)
{
    struct anycert c;
    uint8_t first[16], second[16];
    char *names = any_many_names(1500);
    struct any_parts p = {.rest = names};
    struct buf der, der2;
    uint8_t *last;

    (void)state;
    parse(&p, &der, &c);
    assert_int_equal(c.sans.n, SAN_MAX);
    assert_int_equal(odd(&c), ODD_SANS);
    anycert_names_id(&c, first);
    buf_free(&der);
    parse(&p, &der2, &c);
    last = memmem(der2.p, der2.n, "h1499.", 6);
    assert_non_null(last);
    last[1] = '2';
    anycert_names_id(&c, second);
    assert_memory_not_equal(first, second, 16);
    buf_free(&der2);
    free(names);
}

/* Order, case and repetition of names do not count, nor do other fields. */
static void the_same_names_are_the_same_identity(void **state)
{
    static const char *const same[] = {
        "a3163014301206035 51d11040b3009820162820161820142",
        "a313301130 0f0603551d110408300682 0141820142",
    };
    static const char *const subjects[] = {"300c310a300806035504030c0153",
                                           "300c310a300806035504030c0154"};
    uint8_t id[2][16], other[16] = {0};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct any_parts p = {.rest = same[i], .serial = i == 0 ? "020105" : NULL};
        struct anycert c;
        struct buf der;
        char packed[256];
        size_t n = 0;

        for (const char *s = same[i]; *s != 0; s++)
            if (*s != ' ')
                packed[n++] = *s;
        packed[n] = 0;
        p.rest = packed;
        parse(&p, &der, &c);
        assert_true(c.sans_whole);
        anycert_names_id(&c, id[i]);
        buf_free(&der);
    }
    assert_memory_equal(id[0], id[1], 16);
    for (size_t i = 0; i < 2; i++) {
        struct any_parts p = {.rest = "", .subject = subjects[i]};
        struct anycert c;
        struct buf der;

        parse(&p, &der, &c);
        anycert_names_id(&c, i == 0 ? other : id[1]);
        buf_free(&der);
    }
    assert_memory_not_equal(other, id[1], 16);
    assert_memory_not_equal(other, id[0], 16);
}

/* A certificate by OpenSSL with what it still can do of old ways. */
static void old_certificates_of_openssl_are_read(void **state)
{
    X509 *x = X509_new();
    EVP_PKEY *key = EVP_RSA_gen(1024);
    ASN1_INTEGER *serial = ASN1_INTEGER_new();
    struct anycert c;
    struct fault f;
    struct buf text;
    unsigned char *der = NULL;
    int n;

    (void)state;
    assert_int_equal(ASN1_INTEGER_set_int64(serial, -1234567), 1);
    assert_int_equal(X509_set_serialNumber(x, serial), 1);
    assert_int_equal(X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "O", V_ASN1_T61STRING,
                                                (const unsigned char *)"M\xfcller", -1, -1, 0),
                     1);
    assert_int_equal(X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", V_ASN1_BMPSTRING,
                                                (const unsigned char *)"\0a\x20\xac", 4, -1, 0),
                     1);
    assert_non_null(ASN1_TIME_set(X509_getm_notBefore(x), BEFORE));
    assert_non_null(ASN1_TIME_set_string(X509_getm_notAfter(x), "20270101000000Z") == 1 ? x : NULL);
    assert_int_equal(X509_set_pubkey(x, key), 1);
    assert_true(X509_sign(x, key, EVP_md5()) > 0);
    n = i2d_X509(x, &der);
    assert_int_equal(anycert_parse(slice_of(der, (size_t)n), &c, &f), 0);
    same_as_openssl(&c, x);
    whole_is_sound(&c);
    assert_int_equal(c.version, 1);
    assert_int_equal(odd(&c), ODD_ALGORITHM);
    says(&c, "rsa1024", 1024, "rsa-md5", 128);
    buf_init(&text, 1024);
    anycert_serial_print(c.serial, &text);
    assert_string_equal(buf_cstr(&text), "-12D687");
    buf_reset(&text);
    name_print(c.subject, &text);
    assert_string_equal(buf_cstr(&text), "CN=a\xe2\x82\xac,O=M\xc3\xbcller");
    buf_free(&text);
    OPENSSL_free(der);
    ASN1_INTEGER_free(serial);
    EVP_PKEY_free(key);
    X509_free(x);
}

static void explicit_curves_are_read(void **state)
{
    X509 *x = X509_new();
    EVP_PKEY *key = EVP_EC_gen("P-384");
    struct anycert c;
    struct fault f;
    unsigned char *der = NULL;
    int n;

    (void)state;
    assert_int_equal(EVP_PKEY_set_utf8_string_param(key, "encoding", "explicit"), 1);
    assert_non_null(ASN1_TIME_set(X509_getm_notBefore(x), BEFORE));
    assert_non_null(ASN1_TIME_set(X509_getm_notAfter(x), AFTER));
    assert_int_equal(X509_set_pubkey(x, key), 1);
    assert_true(X509_sign(x, key, EVP_sha384()) > 0);
    n = i2d_X509(x, &der);
    assert_int_equal(anycert_parse(slice_of(der, (size_t)n), &c, &f), 0);
    says(&c, "ec-explicit-384", 384, "ecdsa-sha384", 384);
    OPENSSL_free(der);
    EVP_PKEY_free(key);
    X509_free(x);
}

/* What cert_parse takes is taken here too, and says the same. */
static void what_our_own_reader_reads_is_read_the_same(void **state)
{
    (void)state;
    for (enum key_type t = KEY_RSA; t <= KEY_TYPE_MAX; t++) {
        struct tbs_spec s;
        struct anycert c;
        struct cert ours;
        struct buf der;
        struct fault f;

        buf_init(&der, ANYCERT_MAX);
        test_draft(&s, t, t);
        test_issue(&s, t, &der);
        assert_int_equal(cert_parse(buf_slice(&der), &ours, &f), 0);
        assert_int_equal(anycert_parse(buf_slice(&der), &c, &f), 0);
        assert_int_equal(odd(&c), 0);
        assert_true(slice_eq(c.tbs, ours.tbs) && slice_eq(c.subject, ours.subject));
        assert_true(slice_eq(c.signature, ours.signature) && slice_eq(c.spki, ours.key.der));
        assert_true(c.not_after == ours.not_after && c.key == ours.key.type);
        assert_int_equal(c.sans.n, ours.sans.n);
        assert_int_equal(c.key_usage, ours.key_usage);
        assert_int_equal(c.eku, ours.eku);
        assert_true(slice_eq(c.authority_key_id, ours.authority_key_id));
        assert_int_equal(c.alg, ours.alg);
        buf_free(&der);
    }
}

static void damage_is_refused_or_read_as_openssl_reads_it(void **state)
{
    static const struct any_parts parts[] = {
        {.version = NULL},
        {.version = "", .rest = "", .serial = "020181"},
        {.subject = "300f310d300b06035504031e0400410042",
         .validity = "301a170b323630313031303030305a170b323730313031303030305a"},
        {.rest = "a31c301a30180603551d110411300f820161a40a30083106300406012a0500",
         .spki = "301a300b06092a864886f70d010101030b00300802030"
                 "0ffff020103"},
    };
    size_t read = 0;

    (void)state;
    damage_seed(0x5eed);
    for (size_t k = 0; k < sizeof(parts) / sizeof(parts[0]); k++) {
        struct buf der;

        buf_init(&der, DAMAGE_MAX);
        any_make(&parts[k], &der);
        for (int i = 0; i < ROUNDS; i++) {
            struct slice bad = damaged(buf_slice(&der));
            struct anycert c;
            struct fault f;
            X509 *x;

            if (anycert_parse(bad, &c, &f) < 0) {
                assert_true(strlen(f.rule) > 0 && strlen(f.text) > 0);
            } else {
                whole_is_sound(&c);
                read++;
                x = openssl_reads(bad);
                if (x != NULL)
                    same_as_openssl(&c, x);
                X509_free(x);
            }
            free((void *)(uintptr_t)bad.p);
        }
        buf_free(&der);
    }
    assert_true(read > ROUNDS / 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_ordinary_certificate_has_nothing_odd),
        cmocka_unit_test(what_is_odd_is_kept_and_named),
        cmocka_unit_test(keys_and_algorithms_have_names),
        cmocka_unit_test(what_is_framed_wrong_is_refused),
        cmocka_unit_test(all_of_a_huge_list_of_names_identifies),
        cmocka_unit_test(the_same_names_are_the_same_identity),
        cmocka_unit_test(old_certificates_of_openssl_are_read),
        cmocka_unit_test(explicit_curves_are_read),
        cmocka_unit_test(what_our_own_reader_reads_is_read_the_same),
        cmocka_unit_test(damage_is_refused_or_read_as_openssl_reads_it),
    };

    return cmocka_run_group_tests_name("anycert", tests, NULL, NULL);
}
