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

static int setup(void **state)
{
    struct bench *b = xcalloc(1, sizeof(*b));

    b->p = process_new(place_two_issuers);
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
        cmocka_unit_test_setup_teardown(whatever_is_no_list_is_refused, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
