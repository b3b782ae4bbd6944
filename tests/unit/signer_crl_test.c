/* What the signer signs as a CRL, and what it refuses (RFC 5280 5); its record of numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ca/signer/record.h"
#include "crl/build.h"
#include "lib/clock.h"
#include "lib/file.h"
#include "tests/unit/signer_process.h"

struct bench {
    struct process *p;
    struct buf spki, name, signature;
    struct crl_spec spec;
    struct crl_draft draft;
    struct crl_entry entry[3];
    size_t n, at;
    struct fault f;
};

static void entry(struct crl_entry *e, uint8_t serial)
{
    *e = (struct crl_entry){.serial_len = SERIAL_LEN, .revoked = clock_now() - 10, .reason = 1};
    memset(e->serial, 0x40, SERIAL_LEN);
    e->serial[15] = serial;
}

static int setup_with(void **state, const char *issuers)
{
    struct bench *b = xcalloc(1, sizeof(*b));

    b->p = process_new(issuers);
    process_start(b->p);
    assert_non_null(b->p->client);
    buf_init(&b->spki, CERT_MAX);
    buf_init(&b->name, NAME_DER_MAX);
    buf_init(&b->signature, SIGNATURE_MAX);
    process_key(b->p, "issuing", &b->spki, b->spec.authority_key_id);
    assert_int_equal(
        name_parse(conf_issuer(b->p->place->conf, "issuing")->subject, &b->name, &b->f), 0);
    b->spec.alg = SIG_ECDSA_SHA256;
    b->spec.issuer = buf_slice(&b->name);
    b->spec.this_update = clock_now();
    b->spec.next_update = clock_now() + 7 * 86400;
    b->spec.number = 1000;
    b->draft.fd = memfd_create("crl", MFD_CLOEXEC);
    b->n = 3;
    for (uint8_t i = 0; i < 3; i++)
        entry(&b->entry[i], (uint8_t)(i + 1));
    *state = b;
    return 0;
}

static int setup(void **state)
{
    return setup_with(state, place_two_issuers);
}

/* "issuing" gets these too. */
static int setup_more(void **state, const char *more)
{
    static const char end[] = "issuing.crl\"; }";
    const char *at = strstr(place_two_issuers, end);
    struct buf text;
    int rc;

    assert_non_null(at);
    assert_int_equal(at[sizeof(end) - 1], 0);
    buf_init(&text, 65536);
    buf_printf(&text, "%.*s%s }", (int)strlen(place_two_issuers) - 2, place_two_issuers, more);
    rc = setup_with(state, buf_cstr(&text));
    buf_free(&text);
    return rc;
}

static int setup_parts(void **state)
{
    return setup_more(state,
                      "crl_delta = \"1h\"; crl_delta_validity = \"3h\"; crl_shards = \"8\";");
}

static int teardown(void **state)
{
    struct bench *b = *state;

    close(b->draft.fd);
    buf_free(&b->spki);
    buf_free(&b->name);
    buf_free(&b->signature);
    process_free(b->p);
    free(b);
    return 0;
}

static int give(void *arg, struct crl_entry *out, size_t max, size_t *n, struct fault *f)
{
    struct bench *b = arg;

    (void)max;
    (void)f;
    *n = b->at < b->n ? 1 : 0;
    if (*n == 1)
        *out = b->entry[b->at++];
    return 0;
}

static void draft(struct bench *b)
{
    b->at = 0;
    assert_int_equal(ftruncate(b->draft.fd, 0), 0);
    assert_int_equal(crl_build(b->draft.fd, &b->spec, give, b, &b->draft, &b->f), 0);
}

static int send_fd(struct bench *b, const char *issuer, int fd)
{
    struct crl_sign_request r = {.start = b->draft.start, .octets = b->draft.octets};
    struct frame answer;
    struct buf body;
    int rc;

    (void)snprintf(r.issuer, sizeof(r.issuer), "%s", issuer);
    memcpy(r.generation, b->p->place->conf->generation, sizeof(r.generation));
    buf_init(&body, 1024);
    crl_sign_request_put(&body, &r);
    rc = client_call_fd(b->p->client, MSG_SIGN_CRL, buf_slice(&body), fd, 10000, &answer, &b->f);
    buf_free(&body);
    buf_reset(&b->signature);
    if (rc == 0)
        buf_put_slice(&b->signature, answer.body);
    return rc;
}

static int ask(struct bench *b)
{
    draft(b);
    return send_fd(b, "issuing", b->draft.fd);
}

static void refused(struct bench *b, const char *rule)
{
    assert_int_not_equal(ask(b), 0);
    assert_string_equal(b->f.rule, rule);
}

static void a_crl_is_signed_and_recorded(void **state)
{
    struct bench *b = *state;
    uint8_t tbs_hash[32];
    struct buf record, tbs;
    struct spki key;

    assert_int_equal(ask(b), 0);
    assert_int_equal(spki_parse(buf_slice(&b->spki), &key, &b->f), 0);
    assert_int_equal(crl_verify(&b->draft, &key, b->spec.alg, buf_slice(&b->signature), &b->f), 0);
    buf_init(&record, 4096);
    buf_init(&tbs, 4096);
    assert_int_equal(
        file_read(place_path(b->p->place, "signer/default.record"), 4096, &record, &b->f), 0);
    assert_int_equal(record.n, RECORD_ENTRY);
    /* kind, scope 0, number 1000 */
    assert_memory_equal(record.p + 16, "\1\0\0\0\0\0\0\0\0\0\0\0\0\0\3\xe8", SERIAL_LEN);
    assert_non_null(buf_grow(&tbs, b->draft.octets));
    assert_int_equal(pread(b->draft.fd, tbs.p, tbs.n, (off_t)b->draft.start), (ssize_t)tbs.n);
    sha256(buf_slice(&tbs), tbs_hash);
    assert_memory_equal(record.p + 32, tbs_hash, 32);
    buf_free(&tbs);
    buf_free(&record);
}

static void numbers_only_rise(void **state)
{
    struct bench *b = *state;

    assert_int_equal(ask(b), 0);
    assert_int_equal(ask(b), 0); /* the very same draft again */
    b->n = 2;
    refused(b, "signer.number");
    b->spec.number = 999;
    refused(b, "signer.number");
    b->spec.number = 1001;
    assert_int_equal(ask(b), 0);
}

static void numbers_are_known_after_a_restart(void **state)
{
    struct bench *b = *state;

    assert_int_equal(ask(b), 0);
    process_kill(b->p, 9);
    process_start(b->p);
    b->n = 1;
    refused(b, "signer.number");
    b->spec.number = 1001;
    assert_int_equal(ask(b), 0);
}

static void another_issuer_is_refused(void **state)
{
    struct bench *b = *state;

    draft(b);
    assert_int_not_equal(send_fd(b, "root", b->draft.fd), 0);
    assert_string_equal(b->f.rule, "signer.issuer-name");
    b->spec.authority_key_id[3] ^= 1;
    refused(b, "signer.form");
    b->spec.authority_key_id[3] ^= 1;
    b->spec.alg = SIG_ECDSA_SHA384;
    refused(b, "signer.algorithm");
}

static void times_out_of_bounds_are_refused(void **state)
{
    struct bench *b = *state;

    b->spec.next_update = b->spec.this_update + 7 * 86400 + 1;
    refused(b, "signer.validity");
    b->spec.next_update = b->spec.this_update;
    refused(b, "signer.validity");
    b->spec.this_update = clock_now() + 3600;
    b->spec.next_update = b->spec.this_update + 86400;
    refused(b, "signer.validity");
    b->spec.this_update = clock_now() - 7200;
    b->spec.next_update = b->spec.this_update + 86400;
    refused(b, "signer.validity");
}

static void entries_that_are_not_ours_are_refused(void **state)
{
    struct bench *b = *state;

    b->entry[2].reason = 8; /* RFC 5280 5.3.1: in delta CRLs only */
    refused(b, "signer.entry");
    entry(&b->entry[2], 9);
    b->entry[2].revoked = clock_now() + 3600;
    refused(b, "signer.entry");
    entry(&b->entry[2], 9);
    b->entry[2].serial[0] = 0x7f;
    b->entry[2].serial_len = 3;
    refused(b, "signer.entry");
}

static void put_at(struct bench *b, uint64_t at, const void *p, size_t n)
{
    assert_int_equal(pwrite(b->draft.fd, p, n, (off_t)at), (ssize_t)n);
}

static void entries_out_of_order_are_refused(void **state)
{
    struct bench *b = *state;

    draft(b);
    /* The first entry gets the serial of the last. */
    for (uint64_t at = b->draft.start; at < b->draft.start + b->draft.octets; at++) {
        uint8_t got[18];

        assert_int_equal(pread(b->draft.fd, got, 18, (off_t)at), 18);
        if (got[0] == 0x02 && got[1] == 16 && memcmp(got + 2, b->entry[0].serial, 16) == 0) {
            put_at(b, at + 2, b->entry[2].serial, 16);
            break;
        }
    }
    assert_int_not_equal(send_fd(b, "issuing", b->draft.fd), 0);
    assert_string_equal(b->f.rule, "signer.entry");
}

static void a_delta_or_a_part_is_refused(void **state)
{
    struct bench *b = *state;

    b->spec.delta = true;
    b->spec.base = 1;
    refused(b, "signer.extension");
    b->spec.delta = false;
    b->spec.idp = slice_of("\x30\x03\x84\x01\xff", 5); /* indirectCRL */
    refused(b, "signer.extension");
}

/* ---- deltas and parts (RFC 5280 5.2.4 to 5.2.6), of an issuer that has them ---- */

/* DistributionPointName and CRLDistributionPoints, by hand. */
static void put_points(struct buf *b, const char *around, const char *url)
{
    size_t n = strlen(url);
    size_t outer = strlen(around);

    for (size_t i = 0; i < outer; i++) {
        buf_put(b, &around[i], 1);
        buf_put(b, (const uint8_t[]){(uint8_t)(n + 2 * (outer - i))}, 1);
    }
    buf_put(b, (const uint8_t[]){0x86, (uint8_t)n}, 2);
    buf_put_str(b, url);
}

static void put_freshest(struct buf *b, const char *url)
{
    buf_init(b, 1024);
    put_points(b, "\x30\x30\xa0\xa0", url);
}

static void put_idp(struct buf *b, const char *url)
{
    buf_init(b, 1024);
    put_points(b, "\x30\xa0\xa0", url);
}

static void a_full_crl_says_where_the_delta_is(void **state)
{
    struct bench *b = *state;
    struct buf right, wrong;

    put_freshest(&right, "http://ca.test/issuing/delta.crl");
    put_freshest(&wrong, "http://ca.test/issuing/delta.crt");
    refused(b, "signer.form");
    b->spec.freshest = buf_slice(&wrong);
    refused(b, "signer.form");
    b->spec.freshest = buf_slice(&right);
    b->entry[1].reason = 8;
    refused(b, "signer.entry");
    b->entry[1].reason = 1;
    assert_int_equal(ask(b), 0);
    buf_free(&right);
    buf_free(&wrong);
}

static void a_delta_is_signed_within_its_limits(void **state)
{
    struct bench *b = *state;
    struct buf freshest;

    b->spec.delta = true;
    b->spec.base = 900;
    b->entry[1].reason = 8;
    refused(b, "signer.validity");
    b->spec.next_update = b->spec.this_update + 3 * 3600;
    b->spec.base = 1000;
    refused(b, "signer.extension");
    b->spec.base = 0;
    refused(b, "signer.extension");
    b->spec.base = 999;
    put_freshest(&freshest, "http://ca.test/issuing/delta.crl");
    b->spec.freshest = buf_slice(&freshest);
    refused(b, "signer.form");
    b->spec.freshest = SLICE_NONE;
    assert_int_equal(ask(b), 0);
    /* One sequence for full ones and deltas. */
    b->n = 1;
    refused(b, "signer.number");
    b->spec.delta = false;
    b->spec.freshest = buf_slice(&freshest);
    refused(b, "signer.number");
    b->spec.number = 1001;
    assert_int_equal(ask(b), 0);
    buf_free(&freshest);
}

static void a_part_is_signed_under_its_own_name_alone(void **state)
{
    static const char *const wrong[] = {
        "http://ca.test/issuing/shard-8-of-8.crl",
        "http://ca.test/issuing/shard-03-of-8.crl",
        "http://ca.test/other/shard-3-of-8.crl",
        "http://ca.test/issuing/shard-3-of-257.crl",
        "http://ca.test/issuing.crl",
        "http://ca.test/issuing/shard-3-of-8.crl ",
        "http://ca.test/issuing//shard-3-of-8.crl",
        "shard-3-of-8.crl",
        "http://ca.test/issuing/delta.crl",
        "",
    };
    struct bench *b = *state;
    struct buf idp;

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        put_idp(&idp, wrong[i]);
        b->spec.idp = buf_slice(&idp);
        refused(b, "signer.extension");
        buf_free(&idp);
    }
    put_idp(&idp, "http://ca.test/issuing/shard-3-of-8.crl");
    b->spec.idp = buf_slice(&idp);
    b->spec.delta = true;
    b->spec.base = 900;
    refused(b, "signer.extension");
    b->spec.delta = false;
    assert_int_equal(ask(b), 0);
    b->n = 2;
    refused(b, "signer.number");
    buf_free(&idp);
    put_idp(&idp, "http://ca.test/issuing/shard-4-of-8.crl"); /* numbers of its own */
    b->spec.idp = buf_slice(&idp);
    assert_int_equal(ask(b), 0);
    buf_free(&idp);
}

/* A distribution point with more in it: onlyContainsUserCerts (RFC 5280 5.2.5). */
static void a_part_of_a_part_is_refused(void **state)
{
    struct bench *b = *state;
    struct buf idp;

    put_idp(&idp, "http://ca.test/issuing/shard-3-of-8.crl");
    idp.p[1] = (uint8_t)(idp.p[1] + 3);
    buf_put(&idp, "\x81\x01\xff", 3);
    b->spec.idp = buf_slice(&idp);
    refused(b, "signer.extension");
    buf_free(&idp);
}

/* Earlier certificates name them: they are signed on, but none is begun. */
static void parts_of_another_number_need_a_past(void **state)
{
    struct bench *b = *state;
    struct guard_crl crl = {.scope = 4u << 16 | 1, .number = 7};
    struct record *r;
    struct buf idp;

    put_idp(&idp, "http://ca.test/issuing/shard-1-of-4.crl");
    b->spec.idp = buf_slice(&idp);
    refused(b, "signer.extension");
    process_kill(b->p, 9);
    assert_int_equal(record_open(place_path(b->p->place, "signer/default.record"), &r, &b->f), 0);
    sha256(buf_slice(&b->spki), crl.tbs_hash);
    {
        uint8_t key[32];

        sha256(buf_slice(&b->spki), key);
        assert_int_equal(record_append_crl(r, key, &crl, &b->f), 0);
        crl.earlier = true;
        crl.number = 8;
        assert_int_equal(record_append_crl(r, key, &crl, &b->f), 0);
        crl.scope++;
        assert_int_not_equal(record_append_crl(r, key, &crl, &b->f), 0);
        assert_string_equal(b->f.rule, "signer.extension");
    }
    record_close(r);
    process_start(b->p);
    assert_int_equal(ask(b), 0);
    buf_free(&idp);
}

static void whatever_is_no_list_is_refused(void **state)
{
    struct bench *b = *state;
    int pipes[2];

    draft(b);
    b->draft.octets--;
    assert_int_not_equal(send_fd(b, "issuing", b->draft.fd), 0);
    assert_string_equal(b->f.rule, "signer.crl");
    b->draft.octets += 2;
    assert_int_not_equal(send_fd(b, "issuing", b->draft.fd), 0);
    assert_string_equal(b->f.rule, "signer.crl");
    b->draft.octets--;
    assert_int_not_equal(send_fd(b, "issuing", -1), 0);
    assert_string_equal(b->f.rule, "signer.request");
    /* A pipe could keep the thread that reads it waiting for ever. */
    assert_int_equal(pipe(pipes), 0);
    assert_int_not_equal(send_fd(b, "issuing", pipes[0]), 0);
    assert_string_equal(b->f.rule, "signer.request");
    close(pipes[0]);
    close(pipes[1]);
    assert_int_equal(send_fd(b, "issuing", b->draft.fd), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_crl_is_signed_and_recorded, setup, teardown),
        cmocka_unit_test_setup_teardown(numbers_only_rise, setup, teardown),
        cmocka_unit_test_setup_teardown(numbers_are_known_after_a_restart, setup, teardown),
        cmocka_unit_test_setup_teardown(another_issuer_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(times_out_of_bounds_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(entries_that_are_not_ours_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(entries_out_of_order_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_delta_or_a_part_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_crl_says_where_the_delta_is, setup_parts, teardown),
        cmocka_unit_test_setup_teardown(a_delta_is_signed_within_its_limits, setup_parts, teardown),
        cmocka_unit_test_setup_teardown(a_part_is_signed_under_its_own_name_alone, setup_parts,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_part_of_a_part_is_refused, setup_parts, teardown),
        cmocka_unit_test_setup_teardown(parts_of_another_number_need_a_past, setup_parts, teardown),
        cmocka_unit_test_setup_teardown(whatever_is_no_list_is_refused, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
