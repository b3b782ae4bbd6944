#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/conf_schema.h"
#include "tests/unit/policy_bench.h"

static const struct conf_issuer issuing = {
    .name = (char *)"issuing", .alg = SIG_ECDSA_SHA256, .key_type = KEY_P256, .path_len = -1};
static const struct policy_own_keys none;
static struct conf *builtin;

void bench_open(struct policy_bench *b, const char *profile)
{
    if (builtin == NULL)
        builtin = conf_builtin();
    memset(b, 0, sizeof(*b));
    assert_non_null(conf_profile(builtin, profile));
    b->profile = *conf_profile(builtin, profile);
    b->in = (struct policy_input){
        .profile = &b->profile,
        .issuer = {.conf = &issuing, .not_after = NOW + 1000 * (int64_t)DAY},
        .own = &none,
        .request = &b->request,
        .csr = &b->csr,
        .conf = &b->conf,
        .requester = "operator:alice",
        .now = NOW,
    };
    buf_init(&b->der, CSR_MAX);
}

void bench_close(struct policy_bench *b)
{
    decision_free(&b->decision);
    buf_free(&b->der);
    conf_free(builtin);
    builtin = NULL;
}

int bench_ask(struct policy_bench *b, const char *cn, const char *const ext[][2])
{
    X509_REQ *req = test_request(test_key(KEY_P256), SIG_ECDSA_SHA256, cn, ext);

    buf_reset(&b->der);
    test_request_der(req, &b->der);
    X509_REQ_free(req);
    if (csr_parse(buf_slice(&b->der), &b->csr, &b->fault) != 0)
        fail_msg("%s: %s", b->fault.rule, b->fault.text);
    decision_free(&b->decision);
    return policy_decide(&b->in, &b->decision, &b->fault);
}

void bench_allows(struct policy_bench *b, const char *cn, const char *const ext[][2])
{
    if (bench_ask(b, cn, ext) != 0)
        fail_msg("%s: %s", b->fault.rule, b->fault.text);
}

void bench_refuses(struct policy_bench *b, const char *cn, const char *const ext[][2],
                   const char *rule)
{
    assert_true(bench_ask(b, cn, ext) < 0);
    assert_string_equal(b->fault.rule, rule);
}

void bench_san(struct policy_bench *b, const char *text)
{
    static uint8_t arena[SAN_MAX * 16];
    size_t used = 0;
    struct san s;

    if (san_parse(text, &s, arena, sizeof(arena), &used, &b->fault) != 0)
        fail_msg("%s: %s", b->fault.rule, b->fault.text);
    assert_int_equal(san_list_add(&b->request.sans, &s, &b->fault), 0);
}
