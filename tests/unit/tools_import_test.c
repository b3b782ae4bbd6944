/* What `cerca import` reads of hostile files: lines of an index, files of any form, damaged by the
 * ten thousand. What comes out of them is told to the sink, and nothing is read past the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "est/certs.h"
#include "lib/der.h"
#include "lib/pem.h"
#include "tests/unit/anycert_help.h"
#include "tests/unit/damage.h"
#include "tools/import.h"
#include "tools/importindex.h"

#define ROUNDS 3000

/* --- the index ------------------------------------------------------------------------ */

static FILE *text_file(struct slice text)
{
    FILE *f = tmpfile();

    assert_non_null(f);
    assert_int_equal(fwrite(text.p, 1, text.n, f), text.n);
    rewind(f);
    return f;
}

static void lines_of_an_index_are_read(void **state)
{
    static const char text[] =
        "V\t271121192212Z\t\t01\tunknown\t/CN=a\n"
        "R\t271121192212Z\t261121192213Z,keyCompromise\t0AbC\tunknown\t/CN=b\\\tc\r\n"
        "\n# a comment\n"
        "R\t20510101000000Z\t261121192213Z,holdInstruction,holdInstructionReject\t-03\tunknown\t/\n"
        "R\t271121192212Z\t20510101000000Z\tFF\tunknown\t/CN=d\n"
        "E\t210101000000Z\t\t04\tunknown\t/CN=e";
    static const struct {
        uint64_t line;
        const char *serial, *subject;
        struct import_status status;
    } rows[] = {
        {1, "01", "/CN=a", {IMPORT_VALID, 0, 0}},
        {2, "0ABC", "/CN=b\tc", {IMPORT_REVOKED, 1, 1795288933}},
        {5, "-03", "/", {IMPORT_REVOKED, 6, 1795288933}},
        {6, "FF", "/CN=d", {IMPORT_REVOKED, 0, 2556144000}},
        {7, "04", "/CN=e", {IMPORT_EXPIRED, 0, 0}},
    };
    FILE *file = text_file(slice_str(text));
    struct index_reader r;
    struct index_entry e;
    struct fault f;

    (void)state;
    index_begin(&r, file);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        fault_clear(&f);
        assert_int_equal(index_next(&r, &e, &f), 0);
        assert_int_equal(e.line, rows[i].line);
        assert_string_equal(e.serial, rows[i].serial);
        assert_string_equal(e.subject, rows[i].subject);
        assert_int_equal(e.status.told, rows[i].status.told);
        assert_int_equal(e.status.reason, rows[i].status.reason);
        assert_true(e.status.time == rows[i].status.time);
    }
    assert_int_equal(index_next(&r, &e, &f), 1);
    index_end(&r);
    (void)fclose(file);
    assert_true(index_same_serial("00ab", "AB"));
    assert_true(index_same_serial("0", "00"));
    assert_false(index_same_serial("-ab", "AB"));
    assert_false(index_same_serial("ab", "abc"));
}

static void broken_lines_are_refused_and_the_next_is_read(void **state)
{
    static const struct {
        const char *line, *rule;
    } rows[] = {
        {"V\t271121192212Z\t\t01\tunknown", "index.line"},
        {"V\t271121192212Z\t\t01\tunknown\t/CN=a\tmore", "index.line"},
        {"X\t271121192212Z\t\t01\tunknown\t/CN=a", "index.status"},
        {"V\tsoon\t\t01\tunknown\t/CN=a", "index.time"},
        {"R\t271121192212Z\t\t01\tunknown\t/CN=a", "index.time"},
        {"R\t271121192212Z\t261121192213Z,boredom\t01\tunknown\t/CN=a", "index.reason"},
        {"V\t271121192212Z\t\t../../etc/passwd\tunknown\t/CN=a", "index.serial"},
        {"V\t271121192212Z\t\t\tunknown\t/CN=a", "index.serial"},
        {"no tabs", "index.line"},
    };
    struct buf text;
    struct index_reader r;
    struct index_entry e;
    struct fault f;
    FILE *file;

    (void)state;
    buf_init(&text, 1 << 20);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        buf_printf(&text, "%s\n", rows[i].line);
    for (size_t i = 0; i < INDEX_LINE_MAX + 5; i++)
        buf_put_u8(&text, 'x');
    buf_put(&text, "\nV\0\n", 4);
    buf_put_str(&text, "V\t271121192212Z\t\t0b\tunknown\t/CN=last");
    file = text_file(buf_slice(&text));
    index_begin(&r, file);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) + 2; i++) {
        fault_clear(&f);
        assert_true(index_next(&r, &e, &f) < 0);
        assert_int_equal(e.line, i + 1);
        assert_string_equal(f.rule,
                            i < sizeof(rows) / sizeof(rows[0]) ? rows[i].rule : "index.line");
    }
    assert_int_equal(index_next(&r, &e, &f), 0);
    assert_string_equal(e.serial, "0B");
    assert_int_equal(index_next(&r, &e, &f), 1);
    index_end(&r);
    (void)fclose(file);
    buf_free(&text);
}

/* --- files ------------------------------------------------------------------------------ */

struct told {
    size_t certificates, refused, skipped;
    uint64_t line;
    struct slice wanted; /* what each certificate should be, octet for octet; empty: any */
};

static int take_certificate(void *arg, const struct import_place *at, struct slice der,
                            const struct import_status *status)
{
    struct told *t = arg;

    assert_int_equal(status->told, IMPORT_VALID);
    t->certificates++;
    t->line = at->line;
    if (t->wanted.n > 0)
        assert_true(slice_eq(der, t->wanted));
    return 0;
}

static int take_refused(void *arg, const struct import_place *at, const struct fault *f)
{
    assert_true(f->code != FAULT_NONE && f->rule[0] != 0 && f->text[0] != 0);
    ((struct told *)arg)->refused++;
    ((struct told *)arg)->line = at->line;
    return 0;
}

static int take_skipped(void *arg, const char *file, const char *why)
{
    assert_true(file[0] != 0 && why[0] != 0);
    ((struct told *)arg)->skipped++;
    return 0;
}

static void read_text(struct slice text, const char *name, bool named, struct slice wanted,
                      struct told *t)
{
    static const struct import_status status = {.told = IMPORT_VALID};
    struct import_reader r = {.sink = {t, take_certificate, take_refused, take_skipped},
                              .password_file = "/dev/null"};
    FILE *file = text_file(text);

    *t = (struct told){.wanted = wanted};
    assert_int_equal(import_file(&r, fileno(file), name, named, &status), 0);
    (void)fclose(file);
}

static void make(struct buf *der)
{
    const struct any_parts p = {.version = NULL};

    buf_init(der, DAMAGE_MAX);
    any_make(&p, der);
}

static void forms_are_told_by_their_octets(void **state)
{
    struct buf der, b;
    struct slice one;
    struct told t = {0};

    (void)state;
    make(&der);
    one = buf_slice(&der);
    buf_init(&b, (size_t)32 << 20);
    read_text(one, "x.bin", false, one, &t);
    assert_true(t.certificates == 1 && t.refused == 0 && t.skipped == 0);
    buf_put_slice(&b, one);
    buf_put_slice(&b, one);
    read_text(buf_slice(&b), "x", false, one, &t);
    assert_int_equal(t.certificates, 2);
    buf_put(&b, one.p, one.n - 1); /* cut off behind two good ones */
    read_text(buf_slice(&b), "x", false, one, &t);
    assert_true(t.certificates == 2 && t.refused == 1);
    buf_reset(&b);
    certs_put(&b, &one, 1);
    read_text(buf_slice(&b), "x", false, one, &t);
    assert_true(t.certificates == 1 && t.refused == 0);
    read_text(slice_of(one.p, one.n - 1), "x.crt", false, one, &t);
    assert_true(t.certificates == 0 && t.refused == 1);
    read_text(slice_of(one.p, one.n - 1), "x.bin", false, one, &t);
    assert_true(t.certificates == 0 && t.refused == 0 && t.skipped == 1);
    read_text(slice_str("0x text that begins as DER does"), "x", true, one, &t);
    assert_true(t.certificates == 0 && t.refused == 1);
    /* text that begins as DER does, with a block in it; 64 KiB and more in front of another */
    buf_reset(&b);
    buf_put_str(&b, "0\n-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
    pem_put(&b, "CERTIFICATE", one);
    for (size_t i = 0; i < 200000; i++)
        buf_put_str(&b, "-- \n");
    pem_put(&b, "TRUSTED CERTIFICATE", one);
    read_text(buf_slice(&b), "x", false, one, &t);
    assert_true(t.certificates == 2 && t.refused == 0);
    buf_reset(&b);
    buf_put_str(&b, "\n\n\n");
    pem_put(&b, "CERTIFICATE", one);
    read_text(buf_slice(&b), "x", false, one, &t);
    assert_int_equal(t.line, 4);
    buf_free(&b);
    buf_free(&der);
}

/* --- manifests -------------------------------------------------------------------------- */

#define HEAD "apiVersion: v1\nkind: Secret\n"

static void put_base64(struct buf *b, struct slice one)
{
    struct buf pem;

    buf_init(&pem, DAMAGE_MAX);
    pem_put(&pem, "CERTIFICATE", one);
    base64_put(b, buf_slice(&pem), 0);
    buf_free(&pem);
}

/* Two documents of YAML, the second a list, with keys and what is no Secret between. */
static void put_manifests(struct buf *b, struct slice one)
{
    buf_put_str(b, "# exported\napiVersion: v1\ndata:\n  tls.key: c2VjcmV0\n  tls.crt: ");
    put_base64(b, one);
    buf_put_str(b, "\nkind: Secret\ntype: kubernetes.io/tls\n---\napiVersion: v1\nkind: List\n"
                   "items:\n- {kind: ConfigMap, data: {tls.crt: AAAA}}\n"
                   "- {kind: Secret, metadata: {data: {tls.crt: AAAA}}, data: {tls.crt: ''}}\n"
                   "- kind: Secret\n  stringData:\n    tls.crt: \"");
    buf_put_str(b, "-----BEGIN CERTIFICATE-----\\n");
    base64_put(b, one, 0);
    buf_put_str(b, "\\n-----END CERTIFICATE-----\\n\"\n  data: {tls.crt: 'not this'}\n");
}

static void manifests_are_read(void **state)
{
    struct buf der, b;
    struct slice one;
    struct told t = {0};

    (void)state;
    make(&der);
    one = buf_slice(&der);
    buf_init(&b, (size_t)32 << 20);
    put_manifests(&b, one);
    read_text(buf_slice(&b), "x", false, one, &t);
    assert_true(t.certificates == 2 && t.refused == 0 && t.line == 16);
    buf_reset(&b);
    buf_put_str(&b, "{\"apiVersion\": \"v1\", \"items\": [\n{\"data\": {\"tls.crt\": \"");
    put_base64(&b, one);
    buf_put_str(&b, "\", \"tls.key\": \"AAAA\"}, \"kind\": \"Secret\"}], \"kind\": \"List\"}\n");
    read_text(buf_slice(&b), "x.json", true, one, &t);
    assert_true(t.certificates == 1 && t.refused == 0 && t.line == 2);
    /* text that only has the words, with a block in it */
    buf_reset(&b);
    buf_put_str(&b, "the apiVersion of a Secret: *\n{\n");
    pem_put(&b, "CERTIFICATE", one);
    read_text(buf_slice(&b), "x.txt", false, one, &t);
    assert_true(t.certificates == 1 && t.refused == 0);
    buf_free(&b);
    buf_free(&der);
}

static void hostile_manifests_are_refused_by_their_line(void **state)
{
    static const struct {
        const char *text;
        uint64_t line;
    } rows[] = {
        {HEAD "data: {tls.crt: '*'}\n", 3},
        {"\xef\xbb\xbf" HEAD "data: {tls.crt: '*'}\n", 3},
        {HEAD "data:\n  tls.crt: aGVsbG8=\n", 4}, /* no certificate in it */
        {HEAD "stringData: {tls.crt: hello}\n", 3},
        {HEAD "a: &a [x]\nb: [*a, *a]\n", 4},
        {HEAD "? [a]\n: b\n", 3},
        {HEAD "? {a: b}\n: b\n", 3},
        {HEAD "a: [\n", 4},
        {HEAD "a: {{ .Values.x }}\n", 3}, /* a template */
        {HEAD "a: \"\\ud83d\"\n", 3},
        {HEAD "a: \x01\n", 0}, /* no character of YAML: of the file as a whole */
    };
    struct buf b;
    struct told t = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        read_text(slice_str(rows[i].text), "x.yaml", false, SLICE_NONE, &t);
        assert_true(t.certificates == 0 && t.refused == 1);
        assert_true(t.line == rows[i].line);
    }
    buf_init(&b, (size_t)32 << 20);
    buf_put_str(&b, HEAD "a: ");
    for (size_t i = 0; i < 1 << 20; i++)
        buf_put_u8(&b, '[');
    read_text(buf_slice(&b), "x.yml", false, SLICE_NONE, &t);
    assert_true(t.certificates == 0 && t.refused == 1 && t.line == 3);
    buf_reset(&b);
    buf_put_str(&b, HEAD "...\n");
    for (size_t i = 0; i < 1 << 18; i++)
        buf_printf(&b, "%%TAG !a%zu! tag:\n", i);
    buf_put_str(&b, "--- x\n");
    read_text(buf_slice(&b), "x.yml", false, SLICE_NONE, &t);
    assert_true(t.certificates == 0 && t.refused == 1);
    while (b.n <= IMPORT_FILE_MAX)
        buf_put_str(&b, "# Secret of a long file\n");
    read_text(buf_slice(&b), "x.yml", false, SLICE_NONE, &t);
    assert_true(t.certificates == 0 && t.refused == 1);
    buf_free(&b);
}

/* Wherever the pieces in which a file is read end. */
static void a_block_may_begin_anywhere(void **state)
{
    struct buf der, b;
    struct told t = {0};
    size_t block;

    (void)state;
    make(&der);
    buf_init(&b, 1 << 20);
    pem_put(&b, "CERTIFICATE", buf_slice(&der));
    block = b.n;
    for (size_t shift = 0; shift < 80; shift++) {
        buf_reset(&b);
        while (b.n < 65536 - 70 + shift - block)
            buf_put_u8(&b, '\n');
        pem_put(&b, "CERTIFICATE", buf_slice(&der));
        pem_put(&b, "CERTIFICATE", buf_slice(&der));
        read_text(buf_slice(&b), "x", false, buf_slice(&der), &t);
        assert_true(t.certificates == 2 && t.refused == 0);
    }
    buf_free(&b);
    buf_free(&der);
}

/* Whatever is damaged is a certificate, refused, or nothing. */
static void damaged_files_never_pass_the_end(void **state)
{
    struct buf der, pem, p7, kube;
    struct slice one;
    struct told t = {0};

    (void)state;
    damage_seed(0x1eaf);
    make(&der);
    one = buf_slice(&der);
    buf_init(&pem, DAMAGE_MAX);
    buf_init(&p7, DAMAGE_MAX);
    pem_put(&pem, "CERTIFICATE", one);
    pem_put(&pem, "CERTIFICATE", one);
    certs_put(&p7, &one, 1);
    buf_init(&kube, DAMAGE_MAX);
    put_manifests(&kube, one);
    for (int i = 0; i < ROUNDS; i++) {
        const struct slice from[] = {one, buf_slice(&pem), buf_slice(&p7), buf_slice(&kube)};

        for (size_t k = 0; k < 4; k++) {
            struct slice bad = damaged(from[k]);

            read_text(bad, "x.pem", i % 2 == 0, SLICE_NONE, &t);
            assert_true(t.certificates + t.refused + t.skipped > 0);
            free((void *)(uintptr_t)bad.p);
        }
    }
    buf_free(&kube);
    buf_free(&p7);
    buf_free(&pem);
    buf_free(&der);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_of_an_index_are_read),
        cmocka_unit_test(broken_lines_are_refused_and_the_next_is_read),
        cmocka_unit_test(forms_are_told_by_their_octets),
        cmocka_unit_test(manifests_are_read),
        cmocka_unit_test(hostile_manifests_are_refused_by_their_line),
        cmocka_unit_test(a_block_may_begin_anywhere),
        cmocka_unit_test(damaged_files_never_pass_the_end),
    };

    return cmocka_run_group_tests_name("tools_import", tests, NULL, NULL);
}
