/* What clients say in Authorization, and which status a fault becomes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "enroll/credentials.h"
#include "enroll/reply.h"

static void read_as(const char *field, const char *user, const char *secret)
{
    struct credentials c;
    struct fault f;

    fault_clear(&f);
    assert_int_equal(credentials_get(field, &c, &f), 0);
    assert_true(c.there);
    assert_string_equal(c.user, user);
    assert_true(slice_is(buf_slice(&c.secret), secret));
    credentials_free(&c);
}

static void basic_and_bearer_are_read(void **state)
{
    (void)state;
    read_as("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Aladdin", "open sesame"); /* RFC 7617 2 */
    read_as("basic  QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Aladdin", "open sesame");
    read_as("Basic dGVzdDoxMjPCow==", "test", "123\xc2\xa3"); /* RFC 7617 2.1 */
    read_as("Basic Ojo6", "", "::");
    read_as("Bearer cerca-token-1-00", "", "cerca-token-1-00");
    read_as("BEARER x", "", "x");
}

static void nothing_is_nothing(void **state)
{
    struct credentials c;
    struct fault f;

    (void)state;
    fault_clear(&f);
    assert_int_equal(credentials_get(NULL, &c, &f), 0);
    assert_false(c.there);
    credentials_free(&c);
}

static void what_is_malformed_is_refused(void **state)
{
    static const char *const wrong[] = {"",
                                        "Basic",
                                        "Basic ",
                                        "Basic !!",
                                        "Basic QWxhZGRpbg==", /* no colon */
                                        "Basic QWxhZGRpbjo=", /* no password */
                                        "Basic QQA6eA==",     /* NUL */
                                        "Basic /zp4",         /* no UTF-8 */
                                        "BasicQWxhZGRpbjpvcGVu",
                                        "Digest username=x",
                                        "Bearer",
                                        "Bearer "};
    struct credentials c;
    struct fault f;

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        fault_clear(&f);
        assert_int_equal(credentials_get(wrong[i], &c, &f), -FAULT_DENIED);
        assert_string_equal(f.rule, "est.authorization");
        credentials_free(&c);
    }
}

static void every_fault_has_its_status(void **state)
{
    static const struct {
        enum fault_code code;
        const char *rule;
        unsigned status;
    } table[] = {{FAULT_MALFORMED, "csr.der", 400},
                 {FAULT_POLICY, "key.type", 400},
                 {FAULT_POLICY, "authorisation.name", 403},
                 {FAULT_POLICY, "requester.operator", 403},
                 {FAULT_DENIED, "token.unknown", 401},
                 {FAULT_DENIED, "est.unauthorised", 401},
                 {FAULT_DENIED, "est.authorization", 401},
                 {FAULT_DENIED, "token.name", 403},
                 {FAULT_DENIED, "est.certificate.revoked", 403},
                 {FAULT_POLICY, "key.blocked", 400},
                 {FAULT_POLICY, "identity.blocked", 403},
                 {FAULT_NOT_FOUND, "est.label", 404},
                 {FAULT_CONFLICT, "request.revoked", 409},
                 {FAULT_TOO_LARGE, "est.body.size", 413},
                 {FAULT_UNAVAILABLE, "est.slow", 429},
                 {FAULT_UNAVAILABLE, "limit.profile", 429},
                 {FAULT_UNAVAILABLE, "hsm", 503},
                 {FAULT_FULL, "store.full", 503},
                 {FAULT_PENDING, "approval", 202},
                 {FAULT_INTERNAL, "sign", 500},
                 {FAULT_CONFIG, "conf", 500}};
    struct conf_est label = {.ways = WAY_TOKEN};

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct fault f;

        fault_clear(&f);
        (void)fault_set(&f, table[i].code, table[i].rule, "text");
        assert_int_equal(reply_status(&f, &label), table[i].status);
    }
}

static void who_needs_a_certificate_is_not_asked_for_a_password(void **state)
{
    struct conf_est label = {.ways = WAY_CERTIFICATE};
    struct fault f;

    (void)state;
    fault_clear(&f);
    (void)fault_set(&f, FAULT_DENIED, "est.unauthorised", "text");
    assert_int_equal(reply_status(&f, &label), 403);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(basic_and_bearer_are_read),
        cmocka_unit_test(nothing_is_nothing),
        cmocka_unit_test(what_is_malformed_is_refused),
        cmocka_unit_test(every_fault_has_its_status),
        cmocka_unit_test(who_needs_a_certificate_is_not_asked_for_a_password),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
