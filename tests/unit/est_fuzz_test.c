/*
 * Damaged messages of EST by the ten thousand, from a fixed seed: the readers never read past the
 * end, what they hand out lies inside of what came, and what they refuse they refuse by rule.
 */
#include <openssl/err.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "est/body.h"
#include "est/certs.h"
#include "est/csrattrs.h"
#include "est/keygen.h"
#include "est/path.h"
#include "est/request.h"
#include "tests/unit/damage.h"
#include "tests/unit/x509_help.h"

#define ROUNDS 10000

static const char *const labels[] = {"PKCS7", "CERTIFICATE REQUEST", NULL};

static void is_refused(int rc, const struct fault *f)
{
    assert_int_equal(rc, -(int)f->code);
    assert_true(strlen(f->rule) > 0 && strlen(f->text) > 0);
}

static void is_inside(struct slice part, struct slice whole)
{
    assert_true(part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n));
}

static void check_body(struct slice text)
{
    struct fault f;
    struct buf out;
    int rc;

    buf_init(&out, DAMAGE_MAX / 2);
    rc = est_body_get(text, labels, &out, &f);
    if (rc != 0)
        is_refused(rc, &f);
    assert_true(out.n <= DAMAGE_MAX / 2);
    buf_free(&out);
}

static void check_certs(struct slice der)
{
    struct certs c;
    struct fault f;
    struct buf b;
    int rc;

    buf_init(&b, 2 * DAMAGE_MAX);
    buf_put_slice(&b, der);
    rc = certs_get(&b, &c, &f);
    if (rc != 0)
        is_refused(rc, &f);
    for (size_t i = 0; i < c.n; i++)
        is_inside(c.cert[i], buf_slice(&b));
    buf_free(&b);
}

static void check_csrattrs(struct slice der)
{
    struct csrattrs a;
    struct fault f;
    int rc = csrattrs_get(der, &a, &f);

    if (rc != 0)
        is_refused(rc, &f);
    for (size_t i = 0; i < a.n_subject; i++) {
        is_inside(a.subject[i].oid, der);
        is_inside(a.subject[i].value, der);
    }
    for (size_t i = 0; i < a.n_extensions; i++)
        is_inside(a.extension[i].value, der);
}

/* Everything that is read out of requests; the signature is broken, which is not looked at here. */
static void check_request(struct slice der)
{
    static struct csr c;
    static struct name_change n;
    struct keygen_wish w;
    struct fault f;
    bool there;
    int rc;

    if (csr_parse(der, &c, &f) != 0)
        return;
    (void)link_check(&c, slice_str("the binding!"));
    rc = name_change_get(&c, &n, &there, &f);
    if (rc != 0)
        is_refused(rc, &f);
    is_inside(n.subject, der);
    rc = keygen_wish_get(&c, &w, &f);
    if (rc != 0)
        is_refused(rc, &f);
    is_inside(w.asymmetric, der);
}

static void check_keygen(struct slice text)
{
    struct buf key, certs;
    struct fault f;
    bool sealed;
    int rc;

    buf_init(&key, KEYGEN_KEY_MAX);
    buf_init(&certs, EST_BODY_MAX);
    rc = keygen_answer_get(KEYGEN_TYPE_FULL, text, &key, &sealed, &certs, &f);
    if (rc != 0)
        is_refused(rc, &f);
    assert_true(rc == 0 || (key.n == 0 && certs.n == 0));
    buf_free(&certs);
    buf_free(&key);
}

static void check_path(struct slice text)
{
    struct est_path p;
    struct buf target;

    buf_init(&target, DAMAGE_MAX + 1);
    buf_put_slice(&target, text);
    if (est_path_parse(buf_cstr(&target), &p) == 0)
        assert_true(p.operation != NULL && (p.label[0] == '\0' || est_label_valid(p.label)));
    buf_free(&target);
}

static void rounds(struct slice good, void (*check)(struct slice))
{
    assert_true(good.n > 0 && good.n <= DAMAGE_MAX);
    damage_seed(0x0e57);
    for (int i = 0; i < ROUNDS; i++) {
        struct slice bad = damaged(good);

        check(bad);
        free((void *)bad.p);
    }
    ERR_clear_error();
}

static void certificates(struct buf *out)
{
    struct tbs_spec spec;
    struct slice list[2];
    struct buf one, two;

    buf_init(&one, 4096);
    buf_init(&two, 4096);
    test_draft_ca(&spec, KEY_P256);
    test_issue(&spec, KEY_P256, &one);
    test_draft(&spec, KEY_P384, KEY_P256);
    test_issue(&spec, KEY_P256, &two);
    list[0] = buf_slice(&one);
    list[1] = buf_slice(&two);
    buf_init(out, DAMAGE_MAX);
    certs_put(out, list, 2);
    buf_free(&one);
    buf_free(&two);
}

static void test_damaged_certificates(void **state)
{
    struct buf der, text;

    (void)state;
    certificates(&der);
    buf_init(&text, DAMAGE_MAX);
    est_body_put(&text, buf_slice(&der));
    rounds(buf_slice(&der), check_certs);
    rounds(buf_slice(&text), check_body);
    buf_free(&text);
    buf_free(&der);
}

static void test_damaged_attributes(void **state)
{
    static char *keys[] = {"rsa2048"};
    struct conf_profile p = {.subject = "",
                             .key_types = keys,
                             .n_key_types = 1,
                             .eku = EKU_CLIENT_AUTH,
                             .san_required = true,
                             .subject_required = 1u << ATTR_CN | 1u << ATTR_O};
    struct buf der;

    (void)state;
    buf_init(&der, DAMAGE_MAX);
    csrattrs_put(&der, &p, true);
    rounds(buf_slice(&der), check_csrattrs);
    buf_free(&der);
}

static void test_damaged_requests(void **state)
{
    struct san_list sans = {.n = 1, .item = {{SAN_DNS, slice_str("a.example")}}};
    struct name_change change = {.has_sans = true, .has_subject = true};
    struct est_request r = {.sans = &sans, .change = &change};
    struct buf name, spki, info, signature, der;
    struct fault f;

    (void)state;
    buf_init(&name, NAME_DER_MAX);
    buf_init(&spki, 1024);
    buf_init(&info, CSR_MAX);
    buf_init(&signature, SIGNATURE_MAX);
    buf_init(&der, CSR_MAX);
    assert_int_equal(name_parse("CN=a.example", &name, &f), 0);
    test_spki(test_key(KEY_P256), &spki);
    r.subject = change.subject = buf_slice(&name);
    r.spki = buf_slice(&spki);
    r.binding = slice_str("the binding!");
    r.opener = slice_str("key identifier");
    change.sans = sans;
    est_request_put(&info, &r);
    test_sign(test_key(KEY_P256), SIG_ECDSA_SHA256, buf_slice(&info), &signature);
    cert_assemble(&der, buf_slice(&info), SIG_ECDSA_SHA256, buf_slice(&signature));
    rounds(buf_slice(&der), check_request);
    buf_free(&name);
    buf_free(&spki);
    buf_free(&info);
    buf_free(&signature);
    buf_free(&der);
}

static void test_damaged_keys(void **state)
{
    struct buf certs, text;

    (void)state;
    certificates(&certs);
    buf_init(&text, DAMAGE_MAX);
    keygen_answer_put(&text, slice_str("0 no key, but as long as one may be, or nearly so"), false,
                      buf_slice(&certs));
    rounds(buf_slice(&text), check_keygen);
    buf_free(&text);
    buf_free(&certs);
}

static void test_damaged_paths(void **state)
{
    (void)state;
    rounds(slice_str("/.well-known/est/tls-client/simpleenroll?x=%2F"), check_path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_damaged_certificates), cmocka_unit_test(test_damaged_attributes),
        cmocka_unit_test(test_damaged_requests),     cmocka_unit_test(test_damaged_keys),
        cmocka_unit_test(test_damaged_paths),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
