/* CRLs, written and read; OpenSSL is the oracle (RFC 5280 5). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "crl/build.h"
#include "lib/cert.h"
#include "lib/crlname.h"
#include "lib/ext.h"
#include "tests/unit/x509_help.h"

#define NOW 1795000000

struct world {
    struct buf name;
    struct crl_spec spec;
    struct crl_draft draft;
    uint64_t n, at; /* entries to give, given */
    int out;
};

static void world_init(struct world *w, uint64_t n)
{
    struct fault f;

    memset(w, 0, sizeof(*w));
    buf_init(&w->name, NAME_DER_MAX);
    assert_int_equal(name_parse("CN=Test CA", &w->name, &f), 0);
    w->spec = (struct crl_spec){.alg = SIG_ECDSA_SHA256,
                                .issuer = buf_slice(&w->name),
                                .this_update = NOW,
                                .next_update = NOW + 7 * 86400,
                                .number = NOW};
    memset(w->spec.authority_key_id, 0xab, sizeof(w->spec.authority_key_id));
    w->n = n;
    w->draft.fd = memfd_create("draft", MFD_CLOEXEC);
    w->out = memfd_create("crl", MFD_CLOEXEC);
}

static void world_free(struct world *w)
{
    close(w->draft.fd);
    close(w->out);
    buf_free(&w->name);
}

/* Every reason there is in turn, an invalidity date with each third. */
static void entry(uint64_t i, struct crl_entry *e)
{
    static const uint8_t reasons[] = {0, 1, 2, 3, 4, 5, 6, 9, 10};

    memset(e, 0, sizeof(*e));
    e->serial_len = SERIAL_LEN;
    e->serial[0] = 0x40;
    for (int k = 0; k < 8; k++)
        e->serial[8 + k] = (uint8_t)(i >> (56 - 8 * k));
    e->reason = reasons[i % sizeof(reasons)];
    e->revoked = i % 5 == 4 ? INT64_C(2600000000) : NOW - (int64_t)(i % 100000);
    e->invalidity = i % 3 == 2 ? e->revoked - 86400 : 0;
}

static int source(void *arg, struct crl_entry *out, size_t max, size_t *n, struct fault *f)
{
    struct world *w = arg;

    (void)f;
    for (*n = 0; *n < max && w->at < w->n; w->at++)
        entry(w->at, &out[(*n)++]);
    return 0;
}

static void build(struct world *w)
{
    struct fault f;

    if (crl_build(w->draft.fd, &w->spec, source, w, &w->draft, &f) != 0)
        fail_msg("%s: %s", f.rule, f.text);
}

static void all_of(int fd, uint64_t at, uint64_t n, struct buf *out)
{
    uint8_t *p;

    buf_init(out, (size_t)n);
    p = buf_grow(out, (size_t)n);
    assert_non_null(p);
    assert_int_equal(pread(fd, p, (size_t)n, (off_t)at), (ssize_t)n);
}

static void sign(struct world *w, struct buf *crl)
{
    struct buf tbs, signature, spki;
    struct spki key;
    uint64_t octets;
    struct fault f;

    all_of(w->draft.fd, w->draft.start, w->draft.octets, &tbs);
    buf_init(&signature, SIGNATURE_MAX);
    buf_init(&spki, 4096);
    test_sign(test_key(KEY_P256), w->spec.alg, buf_slice(&tbs), &signature);
    test_spki(test_key(KEY_P256), &spki);
    assert_int_equal(spki_parse(buf_slice(&spki), &key, &f), 0);
    assert_int_equal(crl_verify(&w->draft, &key, w->spec.alg, buf_slice(&signature), &f), 0);
    assert_int_equal(
        crl_assemble(&w->draft, w->spec.alg, buf_slice(&signature), w->out, &octets, &f), 0);
    all_of(w->out, 0, octets, crl);
    signature.p[signature.n - 1] ^= 1;
    assert_int_not_equal(crl_verify(&w->draft, &key, w->spec.alg, buf_slice(&signature), &f), 0);
    assert_string_equal(f.rule, "crl.signature");
    buf_free(&tbs);
    buf_free(&signature);
    buf_free(&spki);
}

static X509_CRL *openssl_reads(struct slice der)
{
    const uint8_t *at = der.p;
    X509_CRL *x = d2i_X509_CRL(NULL, &at, (long)der.n);

    assert_non_null(x);
    assert_ptr_equal(at, der.p + der.n);
    assert_int_equal(X509_CRL_verify(x, test_key(KEY_P256)), 1);
    return x;
}

static int64_t seconds(const ASN1_TIME *t)
{
    struct tm tm;

    assert_int_equal(ASN1_TIME_to_tm(t, &tm), 1);
    return timegm(&tm);
}

/* OpenSSL's own encoding of the entry, made from the same facts, is ours. */
static void openssl_agrees(X509_REVOKED *r, const struct crl_entry *e)
{
    const ASN1_INTEGER *serial = X509_REVOKED_get0_serialNumber(r);
    ASN1_ENUMERATED *reason = X509_REVOKED_get_ext_d2i(r, NID_crl_reason, NULL, NULL);
    ASN1_GENERALIZEDTIME *invalid = X509_REVOKED_get_ext_d2i(r, NID_invalidity_date, NULL, NULL);

    assert_int_equal(serial->length, e->serial_len);
    assert_memory_equal(serial->data, e->serial, e->serial_len);
    assert_int_equal(seconds(X509_REVOKED_get0_revocationDate(r)), e->revoked);
    /* 5.1.2.6 and 4.1.2.5: GeneralizedTime from 2050 on, UTCTime before */
    assert_int_equal(X509_REVOKED_get0_revocationDate(r)->type,
                     e->revoked >= INT64_C(2524608000) ? V_ASN1_GENERALIZEDTIME : V_ASN1_UTCTIME);
    /* 5.3.1: unspecified is left out */
    assert_int_equal(reason == NULL, e->reason == 0);
    if (reason != NULL)
        assert_int_equal(ASN1_ENUMERATED_get(reason), e->reason);
    assert_int_equal(invalid == NULL, e->invalidity == 0);
    if (invalid != NULL)
        assert_int_equal(seconds(invalid), e->invalidity);
    ASN1_ENUMERATED_free(reason);
    ASN1_GENERALIZEDTIME_free(invalid);
}

static void openssl_reads_what_is_written(void **state)
{
    static const uint64_t sizes[] = {0, 1, 2, 3, 7, 300, 1000, 4000};

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        STACK_OF(X509_REVOKED) * list;
        ASN1_INTEGER *number;
        const ASN1_OCTET_STRING *authority;
        struct crl_entry e;
        struct world w;
        struct buf crl;
        X509_CRL *x;

        world_init(&w, sizes[i]);
        build(&w);
        assert_int_equal(w.draft.entries, sizes[i]);
        sign(&w, &crl);
        x = openssl_reads(buf_slice(&crl));
        assert_int_equal(X509_CRL_get_version(x), X509_CRL_VERSION_2);
        list = X509_CRL_get_REVOKED(x);
        /* 5.1.2.6: without entries there is no list */
        assert_int_equal(list == NULL, sizes[i] == 0);
        for (uint64_t k = 0; k < sizes[i]; k++) {
            entry(k, &e);
            openssl_agrees(sk_X509_REVOKED_value(list, (int)k), &e);
        }
        number = X509_CRL_get_ext_d2i(x, NID_crl_number, NULL, NULL);
        assert_int_equal(ASN1_INTEGER_get(number), NOW);
        authority = X509_EXTENSION_get_data(
            X509_CRL_get_ext(x, X509_CRL_get_ext_by_NID(x, NID_authority_key_identifier, -1)));
        /* 4.2.1.1: SEQUENCE { [0] keyIdentifier } */
        assert_int_equal(authority->length, 24);
        assert_memory_equal(authority->data, "\x30\x16\x80\x14", 4);
        assert_memory_equal(authority->data + 4, w.spec.authority_key_id, 20);
        assert_int_equal(seconds(X509_CRL_get0_lastUpdate(x)), NOW);
        ASN1_INTEGER_free(number);
        X509_CRL_free(x);
        buf_free(&crl);
        world_free(&w);
    }
}

/* X.690 8.3.2; a time that cannot be written fails the buffer. */
static void serials_of_others_are_written_in_their_shortest_form(void **state)
{
    static const struct {
        uint8_t serial[3], len;
        const char *want;
    } cases[] = {
        {{0x80}, 1, "301302020080"},  {{0x7f}, 1, "301202017f"},
        {{0, 0, 1}, 3, "3012020101"}, {{0, 0xff, 0}, 3, "3014020300ff00"},
        {{0}, 0, "3012020100"},
    };
    struct buf b, want;

    (void)state;
    buf_init(&b, CRL_ENTRY_MAX);
    buf_init(&want, 64);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct crl_entry e = {.serial_len = cases[i].len, .revoked = NOW};

        memcpy(e.serial, cases[i].serial, cases[i].len);
        buf_reset(&b);
        crl_entry_put(&b, &e);
        test_hex(cases[i].want, &want);
        assert_true(slice_eq(slice_of(b.p, want.n), buf_slice(&want)));
        assert_int_equal(b.n, want.n + 15);
        e.invalidity = INT64_MAX;
        buf_reset(&b);
        crl_entry_put(&b, &e);
        assert_true(buf_failed(&b));
    }
    buf_free(&b);
    buf_free(&want);
}

/* ---- reading ---- */

/* Reads all of it; the rule of the fault, "" when it is right. */
static const char *read_all(struct slice der, bool draft, uint64_t *entries)
{
    static struct fault f;
    struct slice rest = der;
    const struct crl_input in = {
        .read = crl_memory_read, .arg = &rest, .size = der.n, .draft = draft};
    struct crl_reader *r;
    struct crl_entry e;
    int rc;

    *entries = 0;
    if (crl_read_begin(&in, &r, &f) != 0)
        return f.rule;
    while ((rc = crl_read_entry(r, &e, NULL, &f)) == 1)
        ++*entries;
    if (rc == 0)
        rc = crl_read_end(r, &f);
    crl_reader_free(r);
    return rc == 0 ? "" : f.rule;
}

static void what_was_written_is_read_again(void **state)
{
    struct world w;
    struct crl_entry e, want;
    struct crl_reader *r;
    struct slice rest;
    struct fault f;
    struct buf crl;

    (void)state;
    world_init(&w, 5000);
    build(&w);
    sign(&w, &crl);
    rest = buf_slice(&crl);
    const struct crl_input in = {.read = crl_memory_read, .arg = &rest, .size = crl.n};

    assert_int_equal(crl_read_begin(&in, &r, &f), 0);
    for (uint64_t i = 0; i < 5000; i++) {
        entry(i, &want);
        assert_int_equal(crl_read_entry(r, &e, NULL, &f), 1);
        assert_memory_equal(&e, &want, sizeof(e));
    }
    assert_int_equal(crl_read_entry(r, &e, NULL, &f), 0);
    assert_int_equal(crl_read_end(r, &f), 0);
    assert_int_equal(crl_read_info(r)->number, NOW);
    assert_int_equal(crl_read_info(r)->entries, 5000);
    assert_true(slice_eq(crl_read_info(r)->issuer, buf_slice(&w.name)));
    assert_int_equal(crl_read_info(r)->authority_key_id.n, 20);
    assert_int_equal(crl_read_info(r)->tbs_len, w.draft.octets);
    crl_reader_free(r);
    buf_free(&crl);
    world_free(&w);
}

static void extensions_come_back(struct slice der, const struct crl_spec *spec)
{
    struct slice rest = der;
    const struct crl_input in = {.read = crl_memory_read, .arg = &rest, .size = der.n};
    const struct crl_info *i;
    struct crl_reader *r;
    struct crl_entry e;
    struct fault f;

    assert_int_equal(crl_read_begin(&in, &r, &f), 0);
    while (crl_read_entry(r, &e, NULL, &f) == 1)
        ;
    assert_int_equal(crl_read_end(r, &f), 0);
    i = crl_read_info(r);
    assert_true(i->delta && i->base == spec->base && i->number == spec->number);
    assert_true(slice_eq(i->idp, spec->idp));
    assert_true(slice_eq(i->freshest, spec->freshest));
    crl_reader_free(r);
}

static void openssl_finds(X509_CRL *x, int nid, int critical, const char *octets, size_t n)
{
    X509_EXTENSION *e = X509_CRL_get_ext(x, X509_CRL_get_ext_by_NID(x, nid, -1));
    const ASN1_OCTET_STRING *data;

    assert_non_null(e);
    assert_int_equal(X509_EXTENSION_get_critical(e) != 0, critical);
    data = X509_EXTENSION_get_data(e);
    assert_int_equal(ASN1_STRING_length(data), n);
    assert_memory_equal(ASN1_STRING_get0_data(data), octets, n);
}

#define IDP "\x30\x11\xa0\x0f\xa0\x0d\x86\x0bhttp://a/b/"
#define FRESHEST "\x30\x13\x30\x11\xa0\x0f\xa0\x0d\x86\x0bhttp://a/b/"

/* RFC 5280 5.2.4 to 5.2.6 */
static void deltas_and_parts_say_what_they_are(void **state)
{
    struct buf idp, freshest, crl;
    struct world w;
    X509_CRL *x;

    (void)state;
    buf_init(&idp, 1024);
    buf_init(&freshest, 1024);
    crl_idp_put(&idp, "http://a/b/");
    ext_points_put(&freshest, "http://a/b/");
    world_init(&w, 3);
    w.spec.idp = buf_slice(&idp);
    w.spec.freshest = buf_slice(&freshest);
    w.spec.delta = true;
    w.spec.base = 258;
    build(&w);
    sign(&w, &crl);
    x = openssl_reads(buf_slice(&crl));
    openssl_finds(x, NID_delta_crl, 1, "\x02\x02\x01\x02", 4);
    openssl_finds(x, NID_issuing_distribution_point, 1, IDP, sizeof(IDP) - 1);
    openssl_finds(x, NID_freshest_crl, 0, FRESHEST, sizeof(FRESHEST) - 1);
    X509_CRL_free(x);
    extensions_come_back(buf_slice(&crl), &w.spec);
    buf_free(&crl);
    buf_free(&idp);
    buf_free(&freshest);
    world_free(&w);
}

static void every_prefix_and_every_addition_is_refused(void **state)
{
    struct world w;
    struct buf crl;
    uint64_t n;

    (void)state;
    world_init(&w, 3);
    build(&w);
    sign(&w, &crl);
    assert_string_equal(read_all(buf_slice(&crl), false, &n), "");
    for (size_t cut = 0; cut < crl.n; cut++)
        assert_string_not_equal(read_all(slice_of(crl.p, cut), false, &n), "");
    crl.max++;
    buf_put_u8(&crl, 0);
    assert_string_not_equal(read_all(buf_slice(&crl), false, &n), "");
    buf_free(&crl);
    world_free(&w);
}

/* Whatever single octet is wrong: refused, or read as something else; never past the end. */
static void no_flipped_octet_leads_astray(void **state)
{
    struct world w;
    struct buf crl;
    uint64_t n;
    unsigned refused = 0;

    (void)state;
    world_init(&w, 4);
    build(&w);
    sign(&w, &crl);
    for (size_t i = 0; i < crl.n; i++)
        for (unsigned bit = 0; bit < 8; bit++) {
            uint8_t *copy = xmemdup(crl.p, crl.n); /* of its own, for AddressSanitizer */

            copy[i] ^= (uint8_t)(1u << bit);
            refused += read_all(slice_of(copy, crl.n), false, &n)[0] != '\0';
            assert_true(n <= 64);
            free(copy);
        }
    assert_true(refused > crl.n * 3);
    buf_free(&crl);
    world_free(&w);
}

static void hostile_lists_are_refused_by_rule(void **state)
{
    /* TBSCertLists after version, ecdsa-with-SHA256, an empty name and thisUpdate */
#define FRONT "020101300a06082a8648ce3d0403023000170d3236303130313030303030305a"
    static const struct {
        const char *len, *rest, *rule;
    } cases[] = {
        {"20", "", ""},
        {"22", "3000", "crl.der"},                 /* an empty list (5.1.2.6) */
        {"24", "30023000", "crl.entry"},           /* an empty entry */
        {"29", "300730050201010500", "crl.entry"}, /* a time that is none */
        {"36", "30143013020101170d3236303130313030303030305a", "crl.der"}, /* one octet too long */
        {"24", "a0023000", "crl.der"},                            /* no extension in extensions */
        {"30", "a00e300c300a0603551d1404030201ff", "crl.number"}, /* negative */
        {"31", "a00f300d300b0603551d630101ff040100", "crl.extension"}, /* critical and unknown */
        {"22", "0500", "crl.der"},
    };
    uint64_t n;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char hex[512];
        struct buf b;

        snprintf(hex, sizeof(hex), "30%s" FRONT "%s", cases[i].len, cases[i].rest);
        buf_init(&b, 512);
        test_hex(hex, &b);
        assert_int_equal(b.n, 2u + b.p[1]);
        assert_string_equal(read_all(buf_slice(&b), true, &n), cases[i].rule);
        buf_free(&b);
    }
}

/* ---- much of it ---- */

static int unordered(void *arg, struct crl_entry *out, size_t max, size_t *n, struct fault *f)
{
    uint64_t *calls = arg;

    (void)max;
    (void)f;
    *n = (*calls)++ < 2 ? 1 : 0;
    entry(7, &out[0]);
    return 0;
}

static void the_same_serial_twice_is_a_fault(void **state)
{
    struct world w;
    uint64_t calls = 0;
    struct fault f;

    (void)state;
    world_init(&w, 0);
    assert_int_not_equal(crl_build(w.draft.fd, &w.spec, unordered, &calls, &w.draft, &f), 0);
    assert_string_equal(f.rule, "crl.order");
    world_free(&w);
}

static size_t anonymous_kib(void)
{
    FILE *in = fopen("/proc/self/status", "r");
    char line[256];
    size_t kib = 0;

    assert_non_null(in);
    while (fgets(line, sizeof(line), in) != NULL)
        if (strncmp(line, "RssAnon:", 8) == 0)
            kib = strtoul(line + 8, NULL, 10);
    fclose(in);
    return kib;
}

static void a_hundred_thousand_entries_take_little_memory(void **state)
{
    size_t before = anonymous_kib();
    char path[] = "/tmp/cerca-crl.XXXXXX";
    struct crl_file file;
    struct crl_input in;
    struct crl_reader *r;
    struct crl_entry e;
    struct fault f;
    struct world w;
    int rc;

    (void)state;
    world_init(&w, 100000);
    close(w.draft.fd);
    w.draft.fd = mkstemp(path);
    assert_true(w.draft.fd >= 0);
    unlink(path);
    build(&w);
    file = (struct crl_file){w.draft.fd, w.draft.start};
    in = (struct crl_input){
        .read = crl_file_read, .arg = &file, .size = w.draft.octets, .draft = true};
    assert_int_equal(crl_read_begin(&in, &r, &f), 0);
    while ((rc = crl_read_entry(r, &e, NULL, &f)) == 1)
        ;
    assert_int_equal(rc, 0);
    assert_int_equal(crl_read_end(r, &f), 0);
    assert_int_equal(crl_read_info(r)->entries, 100000);
    crl_reader_free(r);
    assert_true(w.draft.octets > 4000000);
    assert_true(anonymous_kib() < before + 4096);
    world_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hundred_thousand_entries_take_little_memory),
        cmocka_unit_test(openssl_reads_what_is_written),
        cmocka_unit_test(serials_of_others_are_written_in_their_shortest_form),
        cmocka_unit_test(what_was_written_is_read_again),
        cmocka_unit_test(deltas_and_parts_say_what_they_are),
        cmocka_unit_test(every_prefix_and_every_addition_is_refused),
        cmocka_unit_test(no_flipped_octet_leads_astray),
        cmocka_unit_test(hostile_lists_are_refused_by_rule),
        cmocka_unit_test(the_same_serial_twice_is_a_fault),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
