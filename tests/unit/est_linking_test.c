#include "est/linking.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/der.h"
#include "lib/oid.h"
#include "tests/unit/x509_help.h"

static const char *const no_extensions[][2] = {{NULL, NULL}};
static const uint8_t unique[12] = "finished msg";
static const uint8_t exporter[32] = "the exporter of another channel";

/* A request by OpenSSL with one attribute more, read. `der` keeps it. */
static int request_with(int nid, const char *oid, int type, struct slice value, struct buf *der,
                        struct csr *out, struct fault *f)
{
    X509_REQ *r = test_request(test_key(KEY_P256), SIG_ECDSA_SHA256, "a.example", no_extensions);
    ASN1_OBJECT *object = oid == NULL ? OBJ_nid2obj(nid) : OBJ_txt2obj(oid, 1);

    assert_int_equal(X509_REQ_add1_attr_by_OBJ(r, object, type, value.p, (int)value.n), 1);
    buf_init(der, CSR_MAX);
    test_request_der(r, der);
    ASN1_OBJECT_free(object);
    X509_REQ_free(r);
    return csr_parse(buf_slice(der), out, f);
}

static enum link link_of(struct slice password, struct slice binding)
{
    struct csr c;
    struct fault f;
    struct buf der;
    enum link result;

    assert_int_equal(
        request_with(NID_pkcs9_challengePassword, NULL, MBSTRING_UTF8, password, &der, &c, &f), 0);
    result = link_check(&c, binding);
    buf_free(&der);
    return result;
}

static void test_a_request_is_linked_to_its_channel_alone(void **state)
{
    const struct slice ours = slice_of(unique, sizeof(unique));
    const struct slice other = slice_of(exporter, sizeof(exporter));
    struct buf text, longer;

    (void)state;
    buf_init(&text, 256);
    buf_init(&longer, 256);
    link_put(&text, ours);
    assert_int_equal(link_of(buf_slice(&text), ours), LINK_RIGHT);
    assert_int_equal(link_of(buf_slice(&text), other), LINK_WRONG);
    assert_int_equal(link_of(buf_slice(&text), SLICE_NONE), LINK_WRONG);
    buf_reset(&text);
    link_put(&text, other);
    assert_int_equal(link_of(buf_slice(&text), other), LINK_RIGHT);
    assert_int_equal(link_of(buf_slice(&text), ours), LINK_WRONG);
    assert_int_equal(link_of(buf_slice(&text), slice_of(exporter, 31)), LINK_WRONG);
    /* With a line break, as some encoders write it. */
    buf_put_str(&text, "\n");
    assert_int_equal(link_of(buf_slice(&text), other), LINK_RIGHT);
    assert_int_equal(link_of(slice_str("a password"), ours), LINK_OTHER);
    assert_int_equal(link_of(slice_str("cGFzc3dvcmQ="), ours), LINK_OTHER);
    for (int i = 0; i < 200; i++)
        buf_put_str(&longer, "A");
    assert_int_equal(link_of(buf_slice(&longer), ours), LINK_OTHER);
    buf_free(&longer);
    buf_free(&text);
}

static void test_a_request_without_password_is_not_linked(void **state)
{
    X509_REQ *r = test_request(test_key(KEY_P256), SIG_ECDSA_SHA256, "a.example", no_extensions);
    struct name_change n;
    struct csr c;
    struct fault f;
    struct buf der;
    bool there;

    (void)state;
    buf_init(&der, CSR_MAX);
    test_request_der(r, &der);
    assert_int_equal(csr_parse(buf_slice(&der), &c, &f), 0);
    assert_int_equal(link_check(&c, slice_of(unique, sizeof(unique))), LINK_ABSENT);
    assert_int_equal(name_change_get(&c, &n, &there, &f), 0);
    assert_false(there);
    X509_REQ_free(r);
    buf_free(&der);
}

static int change_of(struct slice value, struct name_change *n, struct buf *der, struct fault *f)
{
    struct csr c;
    bool there;
    int rc;

    /* RFC 6402 2.8: id-cmc-changeSubjectName. */
    assert_int_equal(request_with(0, "1.3.6.1.5.5.7.7.36", V_ASN1_SEQUENCE, value, der, &c, f), 0);
    rc = name_change_get(&c, n, &there, f);
    assert_true(there);
    return rc;
}

static void test_names_to_change_to_are_read(void **state)
{
    struct name_change want = {.has_subject = true}, got;
    struct buf name, value, der;
    struct fault f;

    (void)state;
    buf_init(&name, NAME_DER_MAX);
    buf_init(&value, 4096);
    want.sans.n = 1;
    want.sans.item[0] = (struct san){SAN_DNS, slice_str("b.example")};
    assert_int_equal(name_parse("CN=b.example,O=B", &name, &f), 0);
    want.subject = buf_slice(&name);
    for (int sans = 0; sans < 2; sans++)
        for (int subject = 0; subject < 2; subject++) {
            int rc;

            want.has_sans = sans == 1;
            want.has_subject = subject == 1;
            buf_reset(&value);
            name_change_put(&value, &want);
            rc = change_of(buf_slice(&value), &got, &der, &f);
            assert_int_equal(rc, sans + subject > 0 ? 0 : -FAULT_MALFORMED);
            assert_int_equal(got.has_sans, sans);
            assert_int_equal(got.has_subject, subject);
            if (subject == 1)
                assert_true(slice_eq(got.subject, want.subject));
            if (sans == 1)
                assert_true(san_equal(&got.sans.item[0], &want.sans.item[0]));
            buf_free(&der);
        }
    buf_free(&value);
    buf_free(&name);
}

static void test_malformed_changes_are_refused(void **state)
{
    static const struct {
        const char *der;
        size_t n;
        const char *rule; /* NULL: it is right */
    } rows[] = {
        {"\x30\x00", 2, "est.change.der"},
        {"\x30\x02\x30\x00", 4, NULL}, /* an empty subject */
        {"\x30\x02\x05\x00", 4, "est.change.der"},
        {"\x30\x04\x30\x00\x30\x00", 6, "san.der"},
        {"\x30\x06\x30\x00\x30\x00\x30\x00", 8, "est.change.der"},
        {"\x30\x05\x30\x03\x82\x01 ", 7, "san.dns.syntax"},
        {"\x30\x05\x30\x03\x82\x01x", 7, NULL},
        {"\x30\x07\x30\x05\x82\x01x\x31\x00", 9, "san.kind"},
        {"\x30\x04\x30\x02\x31\x00", 6, "name.der"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct name_change n;
        struct fault f;
        struct buf der;
        int rc = change_of(slice_of(rows[i].der, rows[i].n), &n, &der, &f);

        assert_int_equal(rc == 0, rows[i].rule == NULL);
        if (rc != 0)
            assert_string_equal(f.rule, rows[i].rule);
        if (rc != 0)
            assert_false(n.has_subject || n.has_sans);
        buf_free(&der);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_request_is_linked_to_its_channel_alone),
        cmocka_unit_test(test_a_request_without_password_is_not_linked),
        cmocka_unit_test(test_names_to_change_to_are_read),
        cmocka_unit_test(test_malformed_changes_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
