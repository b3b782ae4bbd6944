#include "tests/unit/signer_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/der.h"
#include "lib/name.h"
#include "lib/oid.h"

int scene_setup(void **state)
{
    struct scene *s = xcalloc(1, sizeof(*s));
    struct fault f;
    struct buf spki;

    s->place = place_new(NULL, NULL, place_two_issuers);
    assert_int_equal(guard_new(s->place->conf, &s->guard, &f), 0);
    s->root = &s->guard.issuer[0];
    s->issuing = &s->guard.issuer[1];
    buf_init(&spki, CERT_MAX);
    new_spki(&spki);
    assert_int_equal(guard_set_key(s->root, buf_slice(&spki), 1, &f), 0);
    new_spki(&spki);
    assert_int_equal(guard_set_key(s->issuing, buf_slice(&spki), 2, &f), 0);
    buf_free(&spki);
    draft_init(&s->d, s->issuing->conf, s->issuing->key_id);
    buf_init(&s->bent, TBS_MAX);
    *state = s;
    return 0;
}

int scene_teardown(void **state)
{
    struct scene *s = *state;

    buf_free(&s->bent);
    draft_free(&s->d);
    guard_free(&s->guard);
    place_free(s->place);
    free(s);
    return 0;
}

const char *verdict(struct scene *s, const struct guard_issuer *by, struct slice tbs)
{
    static struct fault f;
    static struct cert c;

    fault_clear(&f);
    if (tbs_parse(tbs, &c, &f) == 0 && guard_check(&s->guard, by, &c, clock_now(), &f) == 0)
        assert_int_equal(f.code, FAULT_NONE);
    return f.rule;
}

void is_signed(struct scene *s, const struct guard_issuer *by)
{
    assert_string_equal(verdict(s, by, draft_tbs(&s->d)), "");
}

void is_refused(struct scene *s, const struct guard_issuer *by, const char *rule)
{
    assert_string_equal(verdict(s, by, draft_tbs(&s->d)), rule);
}

static void put_extension(struct buf *b, struct slice oid, struct slice critical,
                          struct slice value)
{
    struct der_mark m = der_open(b, DER_SEQUENCE);

    der_put_oid(b, oid);
    buf_put_slice(b, critical);
    der_put(b, DER_OCTET_STRING, value);
    der_close(b, m);
}

const struct slice is_critical = {(const uint8_t *)"\x01\x01\xff", 3};

struct slice bend(struct scene *s, struct slice between, struct slice oid, bool twice,
                  struct slice critical, struct slice value)
{
    struct slice tbs = draft_tbs(&s->d), in = tbs, seq, fields, tagged, list;
    struct cert_extension e;
    struct der_mark whole, tag, inner;

    assert_int_equal(der_get(&in, DER_SEQUENCE, &seq), 0);
    fields = seq;
    while (!der_peek(seq, DER_CONTEXT_CONSTRUCTED(3)))
        assert_int_equal(der_get_any(&seq, NULL, NULL, NULL), 0);
    fields.n -= seq.n;
    assert_int_equal(der_get(&seq, DER_CONTEXT_CONSTRUCTED(3), &tagged), 0);
    assert_int_equal(der_get(&tagged, DER_SEQUENCE, &list), 0);
    buf_reset(&s->bent);
    whole = der_open(&s->bent, DER_SEQUENCE);
    buf_put_slice(&s->bent, fields);
    buf_put_slice(&s->bent, between);
    tag = der_open(&s->bent, DER_CONTEXT_CONSTRUCTED(3));
    inner = der_open(&s->bent, DER_SEQUENCE);
    while (!der_end(list)) {
        assert_int_equal(ext_get(&list, &e), 0);
        if (twice || !slice_eq(e.oid, oid))
            put_extension(&s->bent, e.oid, e.critical ? is_critical : SLICE_NONE, e.value);
    }
    if (oid.n > 0)
        put_extension(&s->bent, oid, critical, value);
    der_close(&s->bent, inner);
    der_close(&s->bent, tag);
    der_close(&s->bent, whole);
    assert_false(buf_failed(&s->bent));
    return buf_slice(&s->bent);
}

void bent_is_refused(struct scene *s, struct slice oid, struct slice critical, struct slice value,
                     const char *rule)
{
    struct slice tbs = bend(s, SLICE_NONE, oid, false, critical, value);

    assert_string_equal(verdict(s, s->issuing, tbs), rule);
}

struct slice value_of(struct scene *s, struct slice oid)
{
    static struct cert c;
    struct fault f;

    assert_int_equal(tbs_parse(draft_tbs(&s->d), &c, &f), 0);
    assert_non_null(cert_find(&c, oid));
    return cert_find(&c, oid)->value;
}

void make_ca(struct scene *s)
{
    struct fault f;

    buf_reset(&s->d.issuer);
    buf_reset(&s->d.subject);
    buf_reset(&s->d.spki);
    assert_int_equal(name_parse(s->root->conf->subject, &s->d.issuer, &f), 0);
    assert_int_equal(name_parse(s->issuing->conf->subject, &s->d.subject, &f), 0);
    buf_put_slice(&s->d.spki, buf_slice(&s->issuing->spki));
    memcpy(s->d.spec.subject_key_id, s->issuing->key_id, 20);
    memcpy(s->d.spec.authority_key_id, s->root->key_id, 20);
    s->d.spec.ca = true;
    s->d.spec.path_len = 0;
    s->d.spec.key_usage = KU_KEY_CERT_SIGN | KU_CRL_SIGN;
    s->d.spec.eku = 0;
    s->d.spec.sans = NULL;
    s->d.spec.ocsp_url = s->d.spec.crl_url = NULL;
    s->d.spec.not_after = s->d.spec.not_before + 365 * DAY;
}

void rename_subject(struct scene *s, uint8_t tag, const char *cn)
{
    struct der_mark name, rdn, pair;

    buf_reset(&s->d.subject);
    name = der_open(&s->d.subject, DER_SEQUENCE);
    rdn = der_open(&s->d.subject, DER_SET);
    pair = der_open(&s->d.subject, DER_SEQUENCE);
    der_put_oid(&s->d.subject, BYTES("\x55\x04\x03"));
    der_put(&s->d.subject, tag, slice_str(cn));
    der_close(&s->d.subject, pair);
    der_close(&s->d.subject, rdn);
    der_close(&s->d.subject, name);
}
