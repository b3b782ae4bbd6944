/* The messages about the inventory: everything comes back as it was put, nothing else is accepted.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/frame.h"
#include "lib/proto_inventory.h"

static void set_text(char *to, size_t size, char fill)
{
    memset(to, fill, size - 1);
    to[size - 1] = '\0';
}

static void annotation_make(struct annotation *a)
{
    memset(a, 0, sizeof(*a));
    memset(a->identity, 0xa5, sizeof(a->identity));
    set_text(a->owner, sizeof(a->owner), 'o');
    set_text(a->contact, sizeof(a->contact), 'c');
    set_text(a->application, sizeof(a->application), 'a');
    set_text(a->environment, sizeof(a->environment), 'e');
    set_text(a->purpose, sizeof(a->purpose), 'p');
    a->criticality = CRITICALITY_CRITICAL;
    a->method = METHOD_MANUAL;
    set_text(a->note, sizeof(a->note), 'n');
    set_text(a->tags, sizeof(a->tags), 't');
    a->reviewed = 1767225600;
    a->retired = 1767225601;
}

static void same(const struct annotation *a, const struct annotation *b)
{
    assert_memory_equal(a->identity, b->identity, sizeof(a->identity));
    assert_string_equal(a->owner, b->owner);
    assert_string_equal(a->contact, b->contact);
    assert_string_equal(a->application, b->application);
    assert_string_equal(a->environment, b->environment);
    assert_string_equal(a->purpose, b->purpose);
    assert_string_equal(a->note, b->note);
    assert_string_equal(a->tags, b->tags);
    assert_true(a->criticality == b->criticality && a->method == b->method);
    assert_true(a->reviewed == b->reviewed && a->retired == b->retired);
}

/* No beginning of it is one, nor is it with something behind. */
#define NOTHING_ELSE(b, get, into)                                                                 \
    do {                                                                                           \
        for (size_t cut = 0; cut < (b)->n; cut++)                                                  \
            assert_int_equal(get(slice_of((b)->p, cut), into), -1);                                \
        wire_put_u8(b, 0);                                                                         \
        assert_int_equal(get(buf_slice(b), into), -1);                                             \
    } while (0)

static void what_is_written_comes_back_at_its_longest(void **state)
{
    struct annotate_item item[2];
    struct annotate_request r = {.dry_run = true, .n = 2, .item = item}, out;
    struct buf b;
    (void)state;

    annotation_make(&item[0].annotation);
    item[0].mask = ANNOTATION_ALL;
    memset(&item[1], 0, sizeof(item[1]));
    item[1].mask = ANNOTATION_OWNER | ANNOTATION_RETIRED; /* unset */
    buf_init(&b, FRAME_BODY_MAX);
    annotate_request_put(&b, &r);
    assert_false(buf_failed(&b));
    assert_true(b.n <= 5 + (size_t)2 * ANNOTATE_ITEM_MAX);
    assert_int_equal(annotate_request_get(buf_slice(&b), &out), 0);
    assert_true(out.dry_run && out.n == 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(out.item[i].mask, item[i].mask);
        same(&out.item[i].annotation, &item[i].annotation);
    }
    free(out.item);
    NOTHING_ELSE(&b, annotate_request_get, &out);
    assert_null(out.item);
    buf_free(&b);
}

static void only_the_fields_of_the_mask_travel(void **state)
{
    struct annotate_item item;
    struct annotate_request r = {.n = 1, .item = &item}, out;
    struct buf b;
    (void)state;

    for (unsigned bit = 1; bit <= ANNOTATION_ALL; bit <<= 1) {
        annotation_make(&item.annotation);
        item.mask = bit;
        buf_init(&b, FRAME_BODY_MAX);
        annotate_request_put(&b, &r);
        assert_int_equal(annotate_request_get(buf_slice(&b), &out), 0);
        assert_int_equal(out.item[0].mask, bit);
        assert_int_equal(annotation_set_fields(&out.item[0].annotation), bit);
        free(out.item);
        buf_free(&b);
    }
}

/* As a hostile peer would write them: flag, count, and behind them an item of `mask`. */
static int read_odd(uint8_t dry_run, uint32_t count, uint16_t mask)
{
    static const uint8_t identity[ANNOTATION_IDENTITY];
    struct annotate_request out;
    struct buf b;
    int rc;

    buf_init(&b, FRAME_BODY_MAX);
    wire_put_u8(&b, dry_run);
    wire_put_u32(&b, count);
    buf_put(&b, identity, sizeof(identity));
    wire_put_u16(&b, mask);
    rc = annotate_request_get(buf_slice(&b), &out);
    buf_free(&b);
    if (rc == 0)
        free(out.item);
    return rc;
}

/* A number is read whole before it is one of few: 2^32 is not 0. */
static int read_number(uint16_t mask, int64_t v)
{
    static const uint8_t identity[ANNOTATION_IDENTITY];
    struct annotate_request out;
    struct buf b;
    int rc;

    buf_init(&b, FRAME_BODY_MAX);
    wire_put_u8(&b, 0);
    wire_put_u32(&b, 1);
    buf_put(&b, identity, sizeof(identity));
    wire_put_u16(&b, mask);
    wire_put_i64(&b, v);
    rc = annotate_request_get(buf_slice(&b), &out);
    buf_free(&b);
    if (rc == 0)
        free(out.item);
    return rc;
}

static void numbers_out_of_range_are_refused(void **state)
{
    static const uint16_t masks[] = {ANNOTATION_CRITICALITY, ANNOTATION_METHOD};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(read_number(masks[i], 1), 0);
        assert_int_equal(read_number(masks[i], -1), -1);
        assert_int_equal(read_number(masks[i], 100), -1);
        assert_int_equal(read_number(masks[i], INT64_C(1) << 32), -1);
    }
    assert_int_equal(read_number(ANNOTATION_REVIEWED, INT64_MAX), 0);
}

static void odd_requests_are_refused(void **state)
{
    (void)state;
    assert_int_equal(read_odd(0, 1, 0), 0);
    assert_int_equal(read_odd(2, 1, 0), -1);                /* no flag */
    assert_int_equal(read_odd(0, 0, 0), -1);                /* nothing */
    assert_int_equal(read_odd(0, ANNOTATE_MAX + 1, 0), -1); /* too many */
    assert_int_equal(read_odd(0, UINT32_MAX, 0), -1);
    assert_int_equal(read_odd(0, 1, ANNOTATION_ALL + 1), -1);     /* a field that is none */
    assert_int_equal(read_odd(0, 1, ANNOTATION_CRITICALITY), -1); /* and nothing behind it */
}

static void outcomes_come_back(void **state)
{
    struct annotate_outcome o = {.code = FAULT_DENIED, .change = ANNOTATION_ALL}, out;
    struct wire_in w;
    struct buf b;
    (void)state;

    set_text(o.rule, sizeof(o.rule), 'r');
    set_text(o.field, sizeof(o.field), 'f');
    set_text(o.text, sizeof(o.text), 't');
    buf_init(&b, 4096);
    annotate_outcome_put(&b, &o);
    wire_in_init(&w, buf_slice(&b));
    annotate_outcome_get(&w, &out);
    assert_true(wire_in_done(&w));
    assert_true(out.code == o.code && out.change == o.change);
    assert_string_equal(out.rule, o.rule);
    assert_string_equal(out.field, o.field);
    assert_string_equal(out.text, o.text);
    b.p[0] = FAULT_CODE_MAX + 1;
    wire_in_init(&w, buf_slice(&b));
    annotate_outcome_get(&w, &out);
    assert_true(wire_failed(&w));
    b.p[0] = 0;
    b.p[1] = 0xff; /* fields that are none */
    wire_in_init(&w, buf_slice(&b));
    annotate_outcome_get(&w, &out);
    assert_true(wire_failed(&w));
    buf_free(&b);
}

/* ---- filters ---- */

static void filter_make(struct saved_filter *f)
{
    memset(f, 0, sizeof(*f));
    set_text(f->name, sizeof(f->name), 'n');
    set_text(f->by, sizeof(f->by), 'b');
    f->time = 1767225600;
    f->expires_within = 86400;
    f->request.limit = 1;
    set_text(f->request.owner, sizeof(f->request.owner), 'o');
    f->request.annotation.criticality = CRITICALITY_HIGH;
}

static bool filter_reads(const struct saved_filter *f, struct saved_filter *out)
{
    struct wire_in w;
    struct buf b;
    bool done;

    buf_init(&b, FRAME_BODY_MAX);
    saved_filter_put(&b, f);
    assert_false(buf_failed(&b));
    wire_in_init(&w, buf_slice(&b));
    saved_filter_get(&w, out);
    done = wire_in_done(&w);
    for (size_t cut = 0; done && cut < b.n; cut++) {
        struct saved_filter part;

        wire_in_init(&w, slice_of(b.p, cut));
        saved_filter_get(&w, &part);
        assert_true(wire_failed(&w));
    }
    buf_free(&b);
    return done;
}

static void a_filter_comes_back(void **state)
{
    struct saved_filter f, out;
    (void)state;

    filter_make(&f);
    assert_true(filter_reads(&f, &out));
    assert_string_equal(out.name, f.name);
    assert_string_equal(out.by, f.by);
    assert_true(!out.remove && out.time == f.time && out.expires_within == f.expires_within);
    assert_string_equal(out.request.owner, f.request.owner);
    assert_int_equal(out.request.annotation.criticality, CRITICALITY_HIGH);
    assert_true(out.request.installed == 0 && out.request.installed_on[0] == '\0');
    f.remove = true;
    assert_true(filter_reads(&f, &out) && out.remove);
    f.request.installed = 1u << STATE_STUCK | 1u << STATE_REMOVED;
    set_text(f.request.installed_on, sizeof(f.request.installed_on), 'h');
    assert_true(filter_reads(&f, &out) && out.request.installed == f.request.installed);
    assert_string_equal(out.request.installed_on, f.request.installed_on);
}

static void odd_filters_are_refused(void **state)
{
    static const char *const names[] = {"", "-x", "a b", "a/b", "a\n", "\xc3\xbc"};
    struct saved_filter f, out;
    (void)state;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        filter_make(&f);
        (void)snprintf(f.name, sizeof(f.name), "%s", names[i]);
        assert_false(filter_name_valid(f.name));
        assert_false(filter_reads(&f, &out));
    }
    filter_make(&f);
    f.expires_within = -1;
    assert_false(filter_reads(&f, &out));
    filter_make(&f);
    f.request.cursor = slice_str("elsewhere"); /* a filter begins at the beginning */
    assert_false(filter_reads(&f, &out));
    filter_make(&f);
    f.request.limit = LIST_LIMIT_MAX + 1;
    assert_false(filter_reads(&f, &out));
    filter_make(&f);
    f.request.installed = 1; /* no state has this bit */
    assert_false(filter_reads(&f, &out));
}

static void a_query_for_filters_comes_back(void **state)
{
    struct filter_query q = {.name = "prod", .one = true}, out;
    struct buf b;
    (void)state;

    buf_init(&b, 4096);
    filter_query_put(&b, &q);
    assert_int_equal(filter_query_get(buf_slice(&b), &out), 0);
    assert_string_equal(out.name, "prod");
    assert_true(out.one);
    NOTHING_ELSE(&b, filter_query_get, &out);
    buf_reset(&b);
    wire_put_text(&b, "prod");
    wire_put_u8(&b, 2);
    assert_int_equal(filter_query_get(buf_slice(&b), &out), -1);
    buf_free(&b);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_comes_back_at_its_longest),
        cmocka_unit_test(only_the_fields_of_the_mask_travel),
        cmocka_unit_test(numbers_out_of_range_are_refused),
        cmocka_unit_test(odd_requests_are_refused),
        cmocka_unit_test(outcomes_come_back),
        cmocka_unit_test(a_filter_comes_back),
        cmocka_unit_test(odd_filters_are_refused),
        cmocka_unit_test(a_query_for_filters_comes_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
