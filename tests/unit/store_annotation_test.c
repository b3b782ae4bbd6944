/* Annotations of identities, and lists by them, on real files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ca/store/inventory.h"
#include "tests/unit/store_help.h"

static int setup(void **state)
{
    struct fixture *x = calloc(1, sizeof(*x));
    fixture_open(x, false);
    *state = x;
    return 0;
}

static int teardown(void **state)
{
    fixture_remove(*state);
    free(*state);
    return 0;
}

static int annotate(struct fixture *x, struct store_annotate *n, enum store_outcome *outcome)
{
    struct store_op op = {.kind = STORE_ANNOTATE, .annotate = n, .time = TEST_NOW};
    op.audit.action = AUDIT_ANNOTATE;
    op.audit.time = TEST_NOW;
    int rc = store_do(x->s, &op);
    x->f = op.fault;
    *outcome = op.outcome;
    return rc;
}

static void annotations_are_set_and_unset_by_field_and_each_change_has_a_number(void **state)
{
    struct fixture *x = *state;
    struct store_annotate n = {.mask = ANNOTATION_OWNER | ANNOTATION_TAGS};
    struct annotation a;
    struct store_stats st;
    struct store_change change[4];
    enum store_outcome outcome;
    size_t changes;
    bool known;
    memset(n.row.identity, 7, 16);
    (void)snprintf(n.row.owner, sizeof(n.row.owner), "team-web");
    (void)snprintf(n.row.tags, sizeof(n.row.tags), "pci, dmz,pci");
    (void)snprintf(n.row.note, sizeof(n.row.note), "not asked for");
    (void)snprintf(n.row.updated_by, sizeof(n.row.updated_by), "operator:alice");
    assert_int_equal(annotation_check(&n.row, &x->f), 0);
    assert_int_equal(annotate(x, &n, &outcome), 0);
    assert_int_equal(outcome, STORE_DONE);
    assert_int_equal(n.changed, ANNOTATION_OWNER | ANNOTATION_TAGS);
    assert_int_equal(annotate(x, &n, &outcome), 0);
    assert_int_equal(outcome, STORE_SAME);
    assert_int_equal(store_annotation(x->s, n.row.identity, &a, &known, &x->f), 0);
    assert_true(known);
    assert_string_equal(a.owner, "team-web");
    assert_string_equal(a.tags, "dmz,pci");
    assert_string_equal(a.note, "");
    assert_string_equal(a.updated_by, "operator:alice");
    assert_int_equal(a.updated, TEST_NOW);
    assert_true(annotation_has_tag(&a, "pci") && !annotation_has_tag(&a, "pc"));
    assert_int_equal(store_changes_since(x->s, 0, change, 4, &changes, &x->f), 0);
    assert_int_equal(changes, 1);
    assert_int_equal(change[0].ref.issuer, STORE_ANNOTATED);
    assert_memory_equal(change[0].ref.serial, n.row.identity, 16);
    assert_clean(x);
    memset(n.row.owner, 0, sizeof(n.row.owner));
    memset(n.row.tags, 0, sizeof(n.row.tags));
    assert_int_equal(annotate(x, &n, &outcome), 0);
    assert_int_equal(store_annotation(x->s, n.row.identity, &a, &known, &x->f), 0);
    assert_false(known);
    assert_int_equal(store_stats(x->s, &st, &x->f), 0);
    assert_int_equal(st.annotations, 0);
    assert_int_equal(st.change, 2);
    assert_int_equal(st.audit_size, 2);
    assert_clean(x);
}

static void what_no_annotation_may_hold_is_refused_by_field(void **state)
{
    struct fixture *x = *state;
    struct annotation a = {.owner = "a\x1b[31m"};
    assert_int_equal(annotation_check(&a, &x->f), -FAULT_MALFORMED);
    assert_string_equal(x->f.rule, "annotation.text");
    assert_string_equal(x->f.field, "owner");
    a = (struct annotation){.note = "\xc3("};
    assert_int_equal(annotation_check(&a, &x->f), -FAULT_MALFORMED);
    assert_string_equal(x->f.field, "note");
    a = (struct annotation){.tags = "a;b"};
    assert_int_equal(annotation_check(&a, &x->f), -FAULT_MALFORMED);
    assert_string_equal(x->f.rule, "annotation.tags");
    a = (struct annotation){.contact = "Zoë <zoe@example.com>", .tags = ",b=1, a,"};
    assert_int_equal(annotation_check(&a, &x->f), 0);
    assert_string_equal(a.tags, "a,b=1");
    for (unsigned bit = 1; bit <= ANNOTATION_ALL; bit <<= 1)
        assert_int_equal(annotation_field_parse(annotation_field_name(bit)), bit);
}

static void values_are_written_as_they_are_read(void **state)
{
    static const struct {
        unsigned bit;
        const char *value, *again;
    } value[] = {
        {ANNOTATION_OWNER, "team-web", "team-web"},
        {ANNOTATION_CRITICALITY, "high", "high"},
        {ANNOTATION_METHOD, "acme", "acme"},
        {ANNOTATION_REVIEWED, "2027-01-31", "2027-01-31T00:00:00Z"},
        {ANNOTATION_RETIRED, "", ""},
        {ANNOTATION_NOTE, "", ""},
    };
    struct fixture *x = *state;
    struct annotation a = {.retired = 5}, back;
    char text[ANNOTATION_VALUE_MAX], longer[ANNOTATION_NAME_MAX + 1];
    struct wire_in w;
    struct buf b;
    unsigned mask = 0, got;
    for (size_t i = 0; i < sizeof(value) / sizeof(value[0]); i++) {
        assert_int_equal(annotation_parse(&a, value[i].bit, value[i].value, &x->f), 0);
        annotation_print(&a, value[i].bit, text);
        assert_string_equal(text, value[i].again);
        mask |= value[i].bit;
    }
    buf_init(&b, 65536);
    annotation_put_some(&b, &a, mask);
    wire_in_init(&w, buf_slice(&b));
    annotation_get_some(&w, &back, &got);
    assert_true(wire_in_done(&w));
    assert_int_equal(got, mask);
    assert_memory_equal(&a, &back, sizeof(a));
    for (size_t n = 0; n < b.n; n++) {
        wire_in_init(&w, slice_of(b.p, n));
        annotation_get_some(&w, &back, &got);
        assert_false(wire_in_done(&w));
    }
    buf_free(&b);
    memset(longer, 'x', sizeof(longer));
    longer[ANNOTATION_NAME_MAX] = 0;
    assert_int_equal(annotation_parse(&a, ANNOTATION_OWNER, longer, &x->f), -FAULT_MALFORMED);
    assert_int_equal(annotation_parse(&a, ANNOTATION_METHOD, "magic", &x->f), -FAULT_MALFORMED);
    assert_string_equal(x->f.rule, "annotation.value");
    assert_int_equal(annotation_parse(&a, ANNOTATION_REVIEWED, "soon", &x->f), -FAULT_MALFORMED);
}

/* ---- lists ---- */

#define ROWS 60

/* By i: its own owner, its identity (three certificates have one), whether it is annotated. */
static const char *own_owner(int i)
{
    return i % 2 ? "web" : "db";
}

static bool annotated(int i)
{
    return i / 3 % 2 == 0;
}

static const char *annotated_owner(int i)
{
    return annotated(i) && i / 3 % 3 == 0 ? "web" : "";
}

static const char *environment(int i)
{
    return annotated(i) ? (i / 3 % 4 == 0 ? "prod" : "test") : "";
}

static void fill(struct fixture *x)
{
    for (int i = 0; i < ROWS; i++) {
        struct request r;
        request_init(&r, x, "host.example.com");
        r.op.intent.owner = own_owner(i);
        memset(r.op.intent.identity, i / 3 + 1, 16);
        issue(x, &r);
        request_free(&r);
        if (i % 3 != 0 || !annotated(i))
            continue;
        struct store_annotate n = {.mask = ANNOTATION_OWNER | ANNOTATION_ENVIRONMENT};
        enum store_outcome outcome;
        memset(n.row.identity, i / 3 + 1, 16);
        (void)snprintf(n.row.owner, sizeof(n.row.owner), "%s", annotated_owner(i));
        (void)snprintf(n.row.environment, sizeof(n.row.environment), "%s", environment(i));
        assert_int_equal(annotate(x, &n, &outcome), 0);
    }
}

static int count_each(void *arg, const struct cert_row *row)
{
    (void)row;
    ++*(size_t *)arg;
    return 0;
}

static size_t listed(struct fixture *x, const struct store_filter *q, size_t limit)
{
    struct store_cursor at = {.n = 0};
    size_t n = 0;
    do {
        assert_int_equal(store_list(x->s, q, limit, &at, count_each, &n, &x->f), 0);
    } while (at.n != 0);
    return n;
}

static void lists_go_by_annotations_and_by_the_owner_in_force(void **state)
{
    struct fixture *x = *state;
    struct store_filter web = {.now = TEST_NOW, .owner = "web"};
    struct store_filter prod = {.now = TEST_NOW, .annotation.environment = "prod"};
    struct store_filter both = {.now = TEST_NOW, .owner = "web", .annotation.environment = "test"};
    struct store_filter none = {.now = TEST_NOW, .annotation.tag = "none"};
    size_t owned = 0, in_prod = 0, in_both = 0;
    fill(x);
    for (int i = 0; i < ROWS; i++) {
        const char *owner = annotated_owner(i)[0] ? annotated_owner(i) : own_owner(i);
        owned += strcmp(owner, "web") == 0;
        in_prod += strcmp(environment(i), "prod") == 0;
        in_both += strcmp(owner, "web") == 0 && strcmp(environment(i), "test") == 0;
    }
    assert_true(owned > 0 && in_prod > 0 && in_both > 0 && owned < ROWS);
    for (size_t limit = 1; limit <= ROWS + 1; limit += 6) {
        assert_int_equal(listed(x, &web, limit), owned);
        assert_int_equal(listed(x, &prod, limit), in_prod);
        assert_int_equal(listed(x, &both, limit), in_both);
        assert_int_equal(listed(x, &none, limit), 0);
    }
    assert_clean(x);
}

static void a_cursor_of_another_list_is_refused(void **state)
{
    struct fixture *x = *state;
    struct store_filter prod = {.now = TEST_NOW, .annotation.environment = "prod"};
    struct store_filter any = {.now = TEST_NOW};
    struct store_cursor at = {.n = 0};
    size_t n = 0;
    fill(x);
    assert_int_equal(store_list(x->s, &prod, 2, &at, count_each, &n, &x->f), 0);
    assert_true(at.n > 0);
    assert_int_equal(store_list(x->s, &any, 2, &at, count_each, &n, &x->f), -FAULT_MALFORMED);
    at.n--;
    assert_int_equal(store_list(x->s, &prod, 2, &at, count_each, &n, &x->f), -FAULT_MALFORMED);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(annotations_are_set_and_unset_by_field_and_each_change_has_a_number),
        T(what_no_annotation_may_hold_is_refused_by_field),
        T(values_are_written_as_they_are_read),
        T(lists_go_by_annotations_and_by_the_owner_in_force),
        T(a_cursor_of_another_list_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
