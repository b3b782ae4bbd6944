#include <string.h>

#include "ca/store/index.h"
#include "lib/cert.h"

#define NAME_TEXT_MAX 256 /* as much of a filter as can be asked for */
#define NAME_CUT 200
#define FINGERPRINT_PART 8

const char *const index_name[X_COUNT] = {
    [X_EXPIRY] = "expiry",   [X_NAME] = "name",
    [X_OWNER] = "owner",     [X_REQUESTER] = "requester",
    [X_PROFILE] = "profile", [X_ISSUER] = "issuer",
    [X_STATUS] = "status",   [X_FINGERPRINT] = "fingerprint",
    [X_META] = "meta",
};

size_t index_expiry_prefix(int64_t not_after, uint8_t out[8])
{
    number_put((uint64_t)not_after ^ (1ULL << 63), out);
    return 8;
}

int64_t index_expiry_of(const uint8_t key[8])
{
    return (int64_t)(number_get(key) ^ (1ULL << 63));
}

size_t index_text_prefix(const char *text, uint8_t out[INDEX_KEY_MAX])
{
    size_t n = strnlen(text, STORE_NAME_MAX - 1);
    memcpy(out, text, n);
    out[n] = 0;
    return n + 1;
}

static bool dns_like(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = s.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !(c >= '0' && c <= '9') && !strchr("-_.*", c))
            return false;
    }
    return s.n > 0 && s.n < NAME_TEXT_MAX;
}

/* "host.example.com" as "com.example.host", lower case. */
static size_t reverse_labels(struct slice s, uint8_t *out)
{
    size_t n = 0, end = s.n;
    while (end > 0) {
        size_t start = end;
        while (start > 0 && s.p[start - 1] != '.')
            start--;
        for (size_t i = start; i < end; i++)
            out[n++] = (uint8_t)(s.p[i] >= 'A' && s.p[i] <= 'Z' ? s.p[i] + 32 : s.p[i]);
        if (start > 0)
            out[n++] = '.';
        end = start > 0 ? start - 1 : 0;
    }
    return n;
}

size_t index_name_prefix(struct slice text, uint8_t out[INDEX_KEY_MAX])
{
    size_t n = 1;
    if (dns_like(text)) {
        out[0] = 'd';
        n += reverse_labels(text, out + n);
    } else if (text.n < NAME_TEXT_MAX) {
        out[0] = 'o';
        memcpy(out + n, text.p, text.n);
        n += text.n;
    } else {
        out[0] = 'o';
        memcpy(out + n, text.p, NAME_CUT);
        sha256(text, out + n + NAME_CUT);
        n += NAME_CUT + 32;
    }
    out[n] = 0;
    return n + 1;
}

size_t index_below_prefix(struct slice domain, uint8_t out[INDEX_KEY_MAX])
{
    size_t n = index_name_prefix(domain, out);
    out[n - 1] = '.';
    return n;
}

static void emit(uint8_t *key, size_t n, enum index_dbi d, const struct cert_ref *ref,
                 index_each fn, void *arg)
{
    ref_put(ref, key + n);
    fn(arg, d, slice_of(key, n + ROW_REF));
}

static void emit_text(const char *text, enum index_dbi d, const struct cert_ref *ref, index_each fn,
                      void *arg)
{
    uint8_t key[INDEX_KEY_MAX];
    if (text[0] != 0)
        emit(key, index_text_prefix(text, key), d, ref, fn, arg);
}

static void emit_name(struct slice text, const struct cert_ref *ref, index_each fn, void *arg)
{
    uint8_t key[INDEX_KEY_MAX];
    if (text.n > 0)
        emit(key, index_name_prefix(text, key), X_NAME, ref, fn, arg);
}

/* A SAN's text without its kind. */
static struct slice san_text(const struct san *san, struct buf *b)
{
    if (san->kind != SAN_IP)
        return san->value;
    buf_reset(b);
    san_print(san, b);
    struct slice s = buf_slice(b);
    const uint8_t *colon = s.n ? memchr(s.p, ':', s.n) : NULL;
    return colon ? slice_of(colon + 1, s.n - (size_t)(colon + 1 - s.p)) : s;
}

static void emit_names(struct slice tbs, const struct cert_ref *ref, index_each fn, void *arg)
{
    struct cert c;
    struct fault f;
    struct buf text;
    fault_clear(&f);
    if (tbs_parse(tbs, &c, &f) != 0)
        return;
    buf_init(&text, 2 * SAN_VALUE_MAX);
    struct slice cn = name_common_name(c.subject);
    bool cn_is_san = false;
    for (size_t i = 0; i < c.sans.n; i++) {
        struct slice name = san_text(&c.sans.item[i], &text);
        cn_is_san = cn_is_san || slice_eq(name, cn);
        emit_name(name, ref, fn, arg);
    }
    if (!cn_is_san)
        emit_name(cn, ref, fn, arg);
    buf_free(&text);
}

void index_cert_keys(const struct row_cert *c, const struct cert_ref *ref, index_each fn, void *arg)
{
    uint8_t key[INDEX_KEY_MAX];
    emit(key, index_expiry_prefix(c->not_after, key), X_EXPIRY, ref, fn, arg);
    emit_text(c->owner, X_OWNER, ref, fn, arg);
    emit_text(c->requester, X_REQUESTER, ref, fn, arg);
    emit_text(c->profile, X_PROFILE, ref, fn, arg);
    key[0] = (uint8_t)(ref->issuer >> 8);
    key[1] = (uint8_t)(ref->issuer & 0xff);
    emit(key, 2, X_ISSUER, ref, fn, arg);
    emit_names(c->tbs, ref, fn, arg);
}

void index_state_keys(const struct cert_view *v, const struct cert_ref *ref, index_each fn,
                      void *arg)
{
    uint8_t key[FINGERPRINT_PART + ROW_REF];
    if (v->has_sig && v->sig.signature.n > 0) /* else lost in a restore */
        fn(arg, X_FINGERPRINT, index_fingerprint_key(v->sig.fingerprint, ref, key));
    if (v->has_status && v->state != CERT_GOOD)
        fn(arg, X_STATUS,
           index_status_key(v->state == CERT_HELD ? INDEX_HELD : INDEX_REVOKED, ref, key));
}

struct slice index_fingerprint_key(const uint8_t fingerprint[32], const struct cert_ref *ref,
                                   uint8_t out[FINGERPRINT_PART + ROW_REF])
{
    memcpy(out, fingerprint, FINGERPRINT_PART);
    ref_put(ref, out + FINGERPRINT_PART);
    return slice_of(out, FINGERPRINT_PART + ROW_REF);
}

struct slice index_status_key(uint8_t status, const struct cert_ref *ref, uint8_t out[1 + ROW_REF])
{
    out[0] = status;
    ref_put(ref, out + 1);
    return slice_of(out, 1 + ROW_REF);
}
