/*
 * Short texts of people and strangers, by the first octet: names, patterns, PKCS#11 URIs, numbers,
 * PEM and base64, vkeys, targets of scans. What can be printed is read again as the same.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/conf/probe.h"
#include "agent/conf/window.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/constraints.h"
#include "lib/name.h"
#include "lib/note.h"
#include "lib/p11uri.h"
#include "lib/pem.h"
#include "lib/punycode.h"
#include "lib/san.h"
#include "lib/scantargets.h"
#include "lib/shellword.h"
#include "lib/subject.h"
#include "lib/text.h"
#include "lib/units.h"
#include "lib/utf8.h"
#include "tests/fuzz/fuzz.h"

#define ROOM ((size_t)1 << 18)

static void check_name(const char *text, struct buf *out)
{
    struct buf der, again;
    struct fault f;
    int rc;

    buf_init(&der, NAME_DER_MAX);
    buf_init(&again, NAME_DER_MAX);
    rc = name_parse(text, &der, &f);
    if (rc != 0) {
        fuzz_refused(rc, &f);
    } else {
        FUZZ_CHECK(name_check(buf_slice(&der), NULL, NULL, &f) == 0);
        name_print(buf_slice(&der), out);
        FUZZ_CHECK(name_parse(buf_cstr(out), &again, &f) == 0);
        FUZZ_CHECK(slice_eq(buf_slice(&der), buf_slice(&again)));
    }
    buf_free(&der);
    buf_free(&again);
}

static void check_san(const char *text, struct buf *out)
{
    struct san s, again;
    uint8_t arena[64];
    size_t used = 0;
    struct fault f;
    int rc = san_parse(text, &s, arena, sizeof(arena), &used, &f);

    if (rc == 0)
        rc = san_check(&s, &f);
    if (rc != 0) {
        fuzz_refused(rc, &f);
        return;
    }
    san_print(&s, out);
    if (s.kind == SAN_UPN)
        return; /* beyond ASCII it is shown, not written */
    FUZZ_CHECK(san_parse(buf_cstr(out), &again, arena, sizeof(arena), &used, &f) == 0);
    FUZZ_CHECK(san_equal(&s, &again));
}

static void check_uri(const char *text, struct buf *out)
{
    static struct p11uri u, again;
    struct buf twice;
    struct fault f;
    int rc = p11uri_parse(text, &u, &f);

    if (rc != 0) {
        fuzz_refused(rc, &f);
        return;
    }
    p11uri_print(&u, out);
    if (out->n > P11URI_MAX)
        return; /* all of its id is percent-encoded */
    FUZZ_CHECK(p11uri_parse(buf_cstr(out), &again, &f) == 0);
    /* Every attribute that is set in one is set in the other. */
    buf_init(&twice, P11URI_MAX);
    p11uri_print(&again, &twice);
    FUZZ_CHECK(slice_eq(buf_slice(out), buf_slice(&twice)));
    buf_free(&twice);
}

static void check_vkey(const char *text, struct buf *out)
{
    static struct note_key k, again;
    struct fault f;
    int rc = note_key_get(text, &k, &f);

    if (rc != 0) {
        fuzz_refused(rc, &f);
        return;
    }
    note_key_put(out, &k);
    FUZZ_CHECK(note_key_get(buf_cstr(out), &again, &f) == 0);
    FUZZ_CHECK(k.type == again.type && memcmp(k.id, again.id, 4) == 0);
}

static void check_pem(struct slice in, struct buf *out)
{
    static const char *const labels[] = {"CERTIFICATE", "CERTIFICATE REQUEST", NULL};
    struct buf text, again;
    struct slice rest = in;
    struct fault f;
    size_t label;

    buf_init(&text, ROOM);
    buf_init(&again, ROOM);
    while (pem_next(&rest, labels, &label, out, &f) == 0) {
        struct slice written;

        pem_put(&text, labels[label], buf_slice(out));
        written = buf_slice(&text);
        FUZZ_CHECK(pem_next(&written, labels, &label, &again, &f) == 0);
        FUZZ_CHECK(slice_eq(buf_slice(out), buf_slice(&again)));
        buf_reset(&text);
        buf_reset(&again);
        buf_reset(out);
    }
    buf_reset(out);
    if (base64_get(in, out) == 0 && !buf_failed(out)) {
        base64_put(&text, buf_slice(out), 0);
        FUZZ_CHECK(base64_get(buf_slice(&text), &again) == 0);
        FUZZ_CHECK(slice_eq(buf_slice(out), buf_slice(&again)));
    }
    buf_free(&text);
    buf_free(&again);
}

static void check_numbers(const char *text)
{
    char size[UNITS_TEXT_SIZE];
    uint64_t n, again;
    uint32_t count;
    int64_t t;

    if (units_parse_size(text, &n) == 0) {
        units_format_size(n, size);
        FUZZ_CHECK(units_parse_size(size, &again) == 0 && again == n);
    }
    (void)!units_parse_number(text, &n);
    (void)conf_limit(text, &count, &t);
    if (clock_parse(text, &t) == 0) {
        char time[CLOCK_TEXT_SIZE];
        int64_t same;

        clock_format(t, time);
        FUZZ_CHECK(clock_parse(time, &same) == 0 && same == t);
    }
}

static void check_targets(const char *text)
{
    struct scan_targets t;
    struct window w;
    struct probe p;
    struct fault f;

    scan_targets_init(&t);
    if (strchr(text, '/') != text) /* a path is read */
        (void)!scan_targets_add(&t, text, &f);
    (void)!scan_targets_ports(&t, text, &f);
    scan_targets_free(&t);
    (void)!probe_parse(text, &p, &f);
    if (window_parse(text, &w, &f) == 0)
        FUZZ_CHECK(window_next(&w, 1, 1800000000) >= 1800000000);
}

static void check_patterns(const char *text, struct buf *out)
{
    struct fault f;
    int rc;

    for (int kind = SAN_DNS; kind <= SAN_KIND_MAX; kind++)
        (void)!conf_check_pattern((enum san_kind)kind, text, &f);
    (void)conf_check_kind_pattern(text, &f);
    rc = constraint_parse(text, out, &f);
    if (rc != 0)
        fuzz_refused(rc, &f);
    (void)!subject_template_check(text, &f);
}

static void check_any(struct slice in, struct buf *out)
{
    uint32_t points[256];
    size_t n;

    if (punycode_decode(in, points, 256, &n) == 0)
        FUZZ_CHECK(n <= 256);
    text_safe(in, true, out);
    FUZZ_CHECK(utf8_valid(buf_slice(out)));
    buf_reset(out);
    text_cut(in, 20, out);
}

static void run(struct slice in)
{
    unsigned what = fuzz_octet(&in);
    char *text = fuzz_text(in);
    struct buf out;

    buf_init(&out, ROOM);
    switch (what % 9) {
    case 0:
        check_name(text, &out);
        break;
    case 1:
        check_san(text, &out);
        break;
    case 2:
        check_uri(text, &out);
        break;
    case 3:
        check_vkey(text, &out);
        break;
    case 4:
        check_pem(in, &out);
        break;
    case 5:
        check_numbers(text);
        break;
    case 6:
        check_targets(text);
        break;
    case 7:
        check_patterns(text, &out);
        break;
    default:
        check_any(in, &out);
        shellword_put(&out, text);
        break;
    }
    buf_free(&out);
    free(text);
}

const struct fuzz_target fuzz_target = {.form = FUZZ_OCTETS, .run = run};
