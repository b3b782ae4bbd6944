/* What becomes of messages with certificates that others issued: several at once, with notes about
 * them, in a store that is full or damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ca/inventory/import.h"
#include "ca/store/inventory.h"
#include "ca/store/store_lmdb.h"
#include "lib/anycert.h"
#include "tests/unit/store_help.h"
#include "tests/unit/x509_help.h"

#define WORKERS 4
#define AT_ONCE_MAX 16
#define CERTS_MAX 4
#define DERS(...) ((const struct buf *[CERTS_MAX + 1]){__VA_ARGS__})

struct answer {
    struct scene *scene;
    unsigned times;
    struct fault f;
    struct import_outcome out[CERTS_MAX];
};

struct scene {
    struct fixture x;
    struct loop *loop;
    struct workers *workers;
    struct authorities authorities;
    struct conf conf;
    struct importer *m;
    unsigned left; /* answers that have not come */
    struct answer answer[AT_ONCE_MAX];
};

static int setup(void **state)
{
    struct scene *s = calloc(1, sizeof(*s));

    assert_non_null(s);
    fixture_open(&s->x, false);
    s->loop = loop_new();
    s->workers = workers_new(WORKERS);
    assert_int_equal(pthread_rwlock_init(&s->authorities.lock, NULL), 0);
    s->m = importer_new(&(struct importer_parts){.loop = s->loop,
                                                 .store = s->x.s,
                                                 .authorities = &s->authorities,
                                                 .workers = s->workers,
                                                 .conf = &s->conf});
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    struct scene *s = *state;

    workers_free(s->workers);
    importer_free(s->m);
    loop_free(s->loop);
    (void)pthread_rwlock_destroy(&s->authorities.lock);
    fixture_remove(&s->x);
    free(s);
    return 0;
}

/* ---- messages ---- */

static void answered(void *arg, const struct import_outcome *out, const struct fault *f)
{
    struct answer *a = arg;

    a->times++;
    a->f = *f;
    memcpy(a->out, out, sizeof(a->out));
    if (--a->scene->left == 0)
        loop_stop(a->scene->loop);
}

/* `der`: up to CERTS_MAX, then NULL. The message is the importer's own from then on. */
static void submit(struct scene *s, unsigned i, const struct import_request *wanted,
                   const struct buf *const *der)
{
    struct import_request *r = xmemdup(wanted, sizeof(*wanted));
    struct buf body;

    buf_init(&body, (size_t)1 << 20);
    for (r->n = 0; r->n < CERTS_MAX && der[r->n] != NULL; r->n++)
        buf_put_slice(&body, buf_slice(der[r->n]));
    for (size_t k = 0, at = 0; k < r->n; at += der[k++]->n)
        r->item[k].der = slice_of(body.p + at, der[k]->n);
    s->answer[i] = (struct answer){.scene = s};
    s->left++;
    importer_submit(s->m, r, &body, "operator:alice", "test", answered, &s->answer[i]);
    assert_int_equal(body.n, 0);
}

static void wait_all(struct scene *s, unsigned n)
{
    loop_run(s->loop);
    assert_int_equal(s->left, 0);
    for (unsigned i = 0; i < n; i++)
        assert_int_equal(s->answer[i].times, 1);
}

/* One message, alone. */
static const struct answer *take(struct scene *s, const char *owner, const char *tags,
                                 const struct buf *const *der)
{
    struct import_request *r = xcalloc(1, sizeof(*r));

    (void)snprintf(r->owner, sizeof(r->owner), "%s", owner);
    (void)snprintf(r->tags, sizeof(r->tags), "%s", tags);
    submit(s, 0, r, der);
    wait_all(s, 1);
    free(r);
    return &s->answer[0];
}

static void note_of(struct scene *s, const struct buf *der, struct annotation *out)
{
    uint8_t identity[IDENTITY_LEN];
    struct anycert c;
    bool known;

    assert_int_equal(anycert_parse(buf_slice(der), &c, &s->x.f), 0);
    anycert_names_id(&c, identity);
    assert_int_equal(store_annotation(s->x.s, identity, out, &known, &s->x.f), 0);
}

static void assert_tags(struct scene *s, const struct buf *der, const char *tags)
{
    struct annotation a;

    note_of(s, der, &a);
    assert_string_equal(a.tags, tags);
}

/* "PREFIX00,PREFIX01,..." of n tags of 8 octets each. */
static void many_tags(char prefix, unsigned n, char out[IMPORT_TAGS_MAX])
{
    size_t at = 0;

    out[0] = '\0';
    for (unsigned i = 0; i < n; i++)
        at += (size_t)snprintf(out + at, IMPORT_TAGS_MAX - at, "%s%c%07u", i > 0 ? "," : "", prefix,
                               i);
}

static uint64_t audit_size(struct scene *s)
{
    struct store_stats st;

    assert_int_equal(store_stats(s->x.s, &st, &s->x.f), 0);
    return st.audit_size;
}

/* ---- notes ---- */

static void tags_that_are_there_take_no_room_again(void **state)
{
    char tags[IMPORT_TAGS_MAX], others[IMPORT_TAGS_MAX];
    struct scene *s = *state;
    struct buf der;
    uint64_t size;

    foreign_make(&s->x, "a.example", TEST_NOW + 100, &der);
    many_tags('t', 40, tags);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(take(s, "web", tags, DERS(&der))->f.code, 0);
        assert_int_equal(s->answer[0].out[0].became, i == 0 ? IMPORT_NEW : IMPORT_KNOWN);
        assert_tags(s, &der, tags);
        size = audit_size(s);
    }
    /* 40 and 24 are 64, 65 are more than there may be. */
    many_tags('u', 25, others);
    assert_int_equal(take(s, "", others, DERS(&der))->f.code, FAULT_TOO_LARGE);
    assert_string_equal(s->answer[0].f.rule, "annotation.tags");
    assert_tags(s, &der, tags);
    assert_true(audit_size(s) > size); /* the refusal */
    /* So many octets are more than there may be, too. */
    (void)snprintf(others, sizeof(others), "%0200d", 7);
    assert_int_equal(take(s, "", others, DERS(&der))->f.code, FAULT_TOO_LARGE);
    assert_tags(s, &der, tags);
    assert_clean(&s->x);
    buf_free(&der);
}

static void messages_at_once_lose_no_note(void **state)
{
    struct scene *s = *state;
    struct import_request *r = xcalloc(1, sizeof(*r));
    struct annotation a;
    struct buf der[2];
    char tag[16];

    foreign_make(&s->x, "a.example", TEST_NOW + 100, &der[0]);
    foreign_make(&s->x, "a.example", TEST_NOW + 200, &der[1]);
    for (unsigned i = 0; i < AT_ONCE_MAX; i++) {
        (void)snprintf(r->tags, sizeof(r->tags), "both,t%02u", i);
        (void)snprintf(r->owner, sizeof(r->owner), "owner%u", i);
        submit(s, i, r, DERS(&der[i % 2], &der[1 - i % 2]));
    }
    wait_all(s, AT_ONCE_MAX);
    note_of(s, &der[0], &a);
    for (unsigned i = 0; i < AT_ONCE_MAX; i++) {
        assert_int_equal(s->answer[i].f.code, FAULT_NONE);
        (void)snprintf(tag, sizeof(tag), "t%02u", i);
        assert_true(annotation_has_tag(&a, tag));
    }
    assert_true(strncmp(a.owner, "owner", 5) == 0);
    assert_string_equal(a.updated_by, "operator:alice");
    assert_clean(&s->x);
    for (int i = 0; i < 2; i++)
        buf_free(&der[i]);
    free(r);
}

static void an_owner_who_is_there_stays(void **state)
{
    struct scene *s = *state;
    struct annotation a;
    struct buf der;

    foreign_make(&s->x, "a.example", TEST_NOW + 100, &der);
    assert_int_equal(take(s, "first", "", DERS(&der))->f.code, 0);
    assert_int_equal(take(s, "second", "x", DERS(&der))->f.code, 0);
    note_of(s, &der, &a);
    assert_string_equal(a.owner, "first");
    assert_string_equal(a.tags, "x");
    buf_free(&der);
}

/* What was issued here is not written about; what others issued under the same names is, wherever
 * in the message it stands. */
static void one_of_ours_takes_no_note_from_another(void **state)
{
    struct scene *s = *state;
    struct cert_row row;
    struct request r;
    struct buf ours, foreign;

    request_init(&r, &s->x, "a.example");
    issue(&s->x, &r);
    must_get(&s->x, &r.op.ref, &row);
    buf_init(&ours, CERT_MAX);
    assert_int_equal(cert_row_der(&row, &ours), 0);
    foreign_make(&s->x, "a.example", TEST_NOW + 100, &foreign);
    assert_int_equal(take(s, "", "x", DERS(&ours))->f.code, 0);
    assert_int_equal(s->answer[0].out[0].became, IMPORT_ISSUED);
    assert_int_equal(s->answer[0].out[0].number, 0);
    assert_tags(s, &ours, "");
    assert_int_equal(take(s, "", "x", DERS(&ours, &foreign))->f.code, 0);
    assert_int_equal(s->answer[0].out[1].became, IMPORT_NEW);
    assert_tags(s, &foreign, "x");
    cert_row_free(&row);
    request_free(&r);
    buf_free(&ours);
    buf_free(&foreign);
}

static void notes_that_are_none_are_refused_before_anything_is_done(void **state)
{
    struct scene *s = *state;
    uint64_t size = audit_size(s);
    struct buf der;

    foreign_make(&s->x, "a.example", TEST_NOW + 100, &der);
    assert_int_equal(take(s, "", "a;b", DERS(&der))->f.code, FAULT_MALFORMED);
    assert_string_equal(s->answer[0].f.rule, "annotation.tags");
    assert_int_equal(take(s, "a\x1b[31m", "", DERS(&der))->f.code, FAULT_MALFORMED);
    assert_int_equal(audit_size(s), size);
    buf_free(&der);
}

/* ---- certificates ---- */

static void what_is_no_certificate_is_refused_alone(void **state)
{
    struct scene *s = *state;
    struct buf der, bad;
    const struct answer *a;

    foreign_make(&s->x, "a.example", TEST_NOW + 100, &der);
    buf_init(&bad, 16);
    buf_put_str(&bad, "no DER");
    a = take(s, "", "", DERS(&bad, &der, &bad));
    assert_int_equal(a->f.code, FAULT_NONE);
    assert_int_equal(a->out[0].became, IMPORT_REFUSED);
    assert_true(a->out[0].rule[0] != '\0' && a->out[0].text[0] != '\0');
    assert_int_equal(a->out[1].became, IMPORT_NEW);
    assert_int_equal(a->out[2].became, IMPORT_REFUSED);
    a = take(s, "web", "", DERS(&bad));
    assert_int_equal(a->f.code, FAULT_NONE);
    assert_int_equal(a->out[0].became, IMPORT_REFUSED);
    buf_free(&der);
    buf_free(&bad);
}

static void a_dry_run_says_what_would_be_and_records_nothing(void **state)
{
    struct scene *s = *state;
    struct import_request *r = xcalloc(1, sizeof(*r));
    struct buf known, fresh;
    uint64_t size;

    foreign_make(&s->x, "a.example", TEST_NOW + 100, &known);
    foreign_make(&s->x, "b.example", TEST_NOW + 100, &fresh);
    (void)take(s, "", "", DERS(&known));
    size = audit_size(s);
    r->dry_run = true;
    (void)snprintf(r->tags, sizeof(r->tags), "x");
    submit(s, 0, r, DERS(&known, &fresh));
    wait_all(s, 1);
    assert_int_equal(s->answer[0].f.code, FAULT_NONE);
    assert_int_equal(s->answer[0].out[0].became, IMPORT_KNOWN);
    assert_int_equal(s->answer[0].out[1].became, IMPORT_NEW);
    assert_int_equal(audit_size(s), size);
    assert_tags(s, &known, "");
    buf_free(&known);
    buf_free(&fresh);
    free(r);
}

/* ---- a store in trouble ---- */

static void a_full_store_refuses_whole_messages_and_takes_the_next_when_there_is_room(void **state)
{
    struct scene *s = *state;
    struct import_request *r = xcalloc(1, sizeof(*r));
    struct buf der;

    foreign_make(&s->x, "a.example", TEST_NOW + 100, &der);
    s->x.s->opt.quota = 1;
    s->x.s->space_checked = 0; /* looked at with the next operation */
    (void)snprintf(r->tags, sizeof(r->tags), "x");
    for (unsigned i = 0; i < 4; i++)
        submit(s, i, r, DERS(&der));
    wait_all(s, 4);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(s->answer[i].f.code, FAULT_FULL);
        assert_int_equal(s->answer[i].out[0].became, 0);
    }
    s->x.s->opt.quota = 1ULL << 40;
    assert_int_equal(take(s, "", "x", DERS(&der))->f.code, 0);
    assert_int_equal(s->answer[0].out[0].became, IMPORT_NEW);
    assert_tags(s, &der, "x");
    assert_clean(&s->x);
    buf_free(&der);
    free(r);
}

/* What the store has of one certificate cannot be read: the message is refused, and nothing of it
 * is there; the next one goes through. */
static void a_damaged_row_fails_its_message_and_no_other(void **state)
{
    struct scene *s = *state;
    uint8_t fingerprint[32];
    struct buf bad, good;
    MDB_val k, v;
    MDB_txn *t;

    foreign_make(&s->x, "a.example", TEST_NOW + 100, &bad);
    foreign_make(&s->x, "b.example", TEST_NOW + 100, &good);
    (void)take(s, "", "", DERS(&bad));
    cert_fingerprint(buf_slice(&bad), fingerprint);
    assert_int_equal(mdb_txn_begin(s->x.s->env, NULL, 0, &t), 0);
    k = val_of(fingerprint, ROW_SEEN);
    v = val_of("x", 1);
    assert_int_equal(mdb_put(t, s->x.s->dbi[D_SEEN], &k, &v, 0), 0);
    assert_int_equal(mdb_txn_commit(t), 0);
    assert_int_equal(take(s, "web", "x", DERS(&good, &bad))->f.code, FAULT_INTERNAL);
    assert_tags(s, &good, "");
    assert_int_equal(take(s, "web", "x", DERS(&good))->f.code, 0);
    assert_int_equal(s->answer[0].out[0].became, IMPORT_NEW);
    assert_tags(s, &good, "x");
    buf_free(&bad);
    buf_free(&good);
}

static void a_note_that_cannot_be_read_is_not_written_over(void **state)
{
    struct scene *s = *state;
    uint8_t identity[IDENTITY_LEN];
    struct anycert c;
    struct buf der;
    MDB_val k, v;
    MDB_txn *t;

    foreign_make(&s->x, "a.example", TEST_NOW + 100, &der);
    assert_int_equal(anycert_parse(buf_slice(&der), &c, &s->x.f), 0);
    anycert_names_id(&c, identity);
    assert_int_equal(mdb_txn_begin(s->x.s->env, NULL, 0, &t), 0);
    k = val_of(identity, IDENTITY_LEN);
    v = val_of("x", 1);
    assert_int_equal(mdb_put(t, s->x.s->dbi[D_IDENTITY], &k, &v, 0), 0);
    assert_int_equal(mdb_txn_commit(t), 0);
    assert_int_equal(take(s, "web", "", DERS(&der))->f.code, FAULT_INTERNAL);
    assert_int_equal(mdb_txn_begin(s->x.s->env, NULL, MDB_RDONLY, &t), 0);
    assert_int_equal(mdb_get(t, s->x.s->dbi[D_IDENTITY], &k, &v), 0);
    assert_int_equal(v.mv_size, 1);
    mdb_txn_abort(t);
    buf_free(&der);
}

/* ---- strangers ---- */

/* An issuer of ours whose key is here. */
static void add_issuer(struct scene *s, struct authority *a)
{
    struct tbs_spec spec;

    test_draft_ca(&spec, KEY_P256);
    *a = (struct authority){.link = (struct signer_link *)a, .number = s->x.issuer};
    buf_init(&a->certificate, CERT_MAX);
    test_issue(&spec, KEY_P256, &a->certificate);
    assert_int_equal(cert_parse(buf_slice(&a->certificate), &a->parsed, &s->x.f), 0);
    s->authorities.item = a;
    s->authorities.n = 1;
}

static void whoever_uses_an_issuers_key_elsewhere_is_found(void **state)
{
    struct scene *s = *state;
    struct authority a;
    struct tbs_spec spec;
    struct buf stranger, forged;
    struct anycert c;

    add_issuer(s, &a);
    test_draft(&spec, KEY_P384, KEY_P256);
    spec.issuer = a.parsed.subject;
    buf_init(&stranger, CERT_MAX);
    buf_init(&forged, CERT_MAX);
    test_issue(&spec, KEY_P256, &stranger);
    spec.serial[SERIAL_LEN - 1] ^= 1;
    test_issue(&spec, KEY_P256, &forged);
    forged.p[forged.n - 1] ^= 1; /* its signature */
    assert_int_equal(anycert_parse(buf_slice(&forged), &c, &s->x.f), 0);
    assert_int_equal(take(s, "", "", DERS(&forged, &stranger, &a.certificate))->f.code, 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(s->answer[0].out[i].became, IMPORT_NEW);
        assert_int_equal(s->answer[0].out[i].stranger, i == 1);
    }
    a.link = NULL; /* of a key that is kept elsewhere nobody here can know */
    (void)take(s, "", "", DERS(&stranger));
    assert_false(s->answer[0].out[0].stranger);
    buf_free(&stranger);
    buf_free(&forged);
    buf_free(&a.certificate);
}

#define SCENE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(tags_that_are_there_take_no_room_again),
        SCENE(messages_at_once_lose_no_note),
        SCENE(an_owner_who_is_there_stays),
        SCENE(one_of_ours_takes_no_note_from_another),
        SCENE(notes_that_are_none_are_refused_before_anything_is_done),
        SCENE(what_is_no_certificate_is_refused_alone),
        SCENE(a_dry_run_says_what_would_be_and_records_nothing),
        SCENE(a_full_store_refuses_whole_messages_and_takes_the_next_when_there_is_room),
        SCENE(a_damaged_row_fails_its_message_and_no_other),
        SCENE(a_note_that_cannot_be_read_is_not_written_over),
        SCENE(whoever_uses_an_issuers_key_elsewhere_is_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
