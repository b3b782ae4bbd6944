/* A recorded certificate against a profile that has changed since. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/tbs.h"
#include "tests/unit/policy_bench.h"

#define SID "S-1-5-21-1004336348-1177238915-682003330-512"

static const char *const host[][2] = {{"subjectAltName", "DNS:a.example.test"}, {NULL, NULL}};
static const char *const mail[][2] = {{"subjectAltName", "email:a@example.test"}, {NULL, NULL}};

/* The certificate that was made by the bench's last decision. */
static void as_cert(const struct policy_bench *b, struct cert *out)
{
    const struct decision *d = &b->decision;

    memset(out, 0, sizeof(*out));
    out->subject = d->subject;
    out->sans = d->sans;
    out->sid = d->sid;
    out->key = b->csr.key;
    out->has_key_usage = out->has_eku = true;
    out->key_usage = d->key_usage;
    out->eku = d->eku;
    out->path_len = -1;
    out->not_before = d->not_before;
    out->not_after = d->not_after;
}

/* "" when it would be made again, else the rule. */
static const char *judge(struct policy_bench *b, const char *requester)
{
    struct policy_recorded_room *room = policy_recorded_room_new();
    struct cert *c = calloc(1, sizeof(*c));
    struct policy_recorded r = {.cert = c,
                                .profile = &b->profile,
                                .issuer = &b->in.issuer,
                                .own = b->in.own,
                                .conf = &b->conf,
                                .requester = requester,
                                .owner = "",
                                .created = NOW};

    as_cert(b, c);
    fault_clear(&b->fault);
    (void)!policy_recorded(&r, room, &b->fault);
    free(c);
    policy_recorded_room_free(room);
    return b->fault.rule;
}

static void the_same_profile_allows_it_again(void **state)
{
    struct policy_bench b;

    (void)state;
    bench_open(&b, "tls-server");
    bench_allows(&b, "a.example.test", host);
    assert_string_equal(judge(&b, "operator:alice"), "");
    b.profile.validity_max = 30 * (int64_t)DAY;
    assert_string_equal(judge(&b, "operator:alice"), "validity.max");
    bench_close(&b);
}

/* It stands there with its names, whatever would be dropped from a request today. */
static void nothing_of_a_certificate_is_dropped(void **state)
{
    char *other[] = {(char *)".other.test"};
    struct policy_bench b;

    (void)state;
    bench_open(&b, "tls-server");
    bench_allows(&b, "a.example.test", host);
    b.profile.drop = DROP_SAN | DROP_SUBJECT | DROP_EXTENSIONS;
    b.profile.dns = other;
    b.profile.n_dns = 1;
    b.profile.san_required = false;
    assert_string_equal(judge(&b, "operator:alice"), "san.dns.pattern");
    b.profile.n_dns = 0;
    assert_string_equal(judge(&b, "operator:alice"), "");
    b.profile.eku = EKU_CLIENT_AUTH;
    assert_string_equal(judge(&b, "operator:alice"), "csr.eku");
    bench_close(&b);
}

/* In both forms, the URI alone too. */
static void a_security_identifier_is_looked_at_in_every_form(void **state)
{
    const enum conf_sid forms[] = {SID_EXTENSION, SID_URI, SID_BOTH};
    struct policy_bench b;

    (void)state;
    bench_open(&b, "wifi-client");
    b.authorisation = (struct policy_authorisation){.sid = SID};
    b.in.authorisation = &b.authorisation;
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        b.profile.sid = forms[i];
        bench_allows(&b, "", mail);
        assert_string_equal(judge(&b, "operator:alice"), "");
        b.profile.sid = SID_NONE;
        assert_string_equal(judge(&b, "operator:alice"), "san.sid");
    }
    bench_close(&b);
}

static void it_counts_who_asked(void **state)
{
    char *alice[] = {(char *)"alice"};
    struct policy_bench b;

    (void)state;
    bench_open(&b, "tls-server");
    bench_allows(&b, "a.example.test", host);
    b.profile.operators = alice;
    b.profile.n_operators = 1;
    assert_string_equal(judge(&b, "operator:alice"), "");
    assert_string_equal(judge(&b, "operator:bob"), "requester.operator");
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_profile_allows_it_again),
        cmocka_unit_test(nothing_of_a_certificate_is_dropped),
        cmocka_unit_test(a_security_identifier_is_looked_at_in_every_form),
        cmocka_unit_test(it_counts_who_asked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
