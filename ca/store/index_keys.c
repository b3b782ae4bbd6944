#include <string.h>

#include "ca/store/index.h"
#include "lib/anycert.h"
#include "lib/cert.h"

#define NAME_TEXT_MAX 256 /* as much of a filter as can be asked for */
#define NAME_CUT 200
#define FINGERPRINT_PART 8

const char *const index_name[X_COUNT] = {
    [X_EXPIRY] = "expiry",   [X_NAME] = "name",
    [X_OWNER] = "owner",     [X_REQUESTER] = "requester",
    [X_PROFILE] = "profile", [X_ISSUER] = "issuer",
    [X_STATUS] = "status",   [X_FINGERPRINT] = "fingerprint",
    [X_NAMES] = "names",     [X_IDENTITY] = "identity",
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

void index_line_key(const uint8_t id[16], int64_t not_after, const struct cert_ref *ref,
                    uint8_t out[INDEX_LINE_KEY])
{
    memcpy(out, id, 16);
    (void)index_expiry_prefix(not_after, out + 16);
    ref_put(ref, out + 24);
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

static void emit_each_name(const struct san_list *sans, struct slice subject,
                           const struct cert_ref *ref, index_each fn, void *arg)
{
    struct slice cn = name_common_name(subject);
    struct buf text;
    bool cn_is_san = false;
    buf_init(&text, 2 * SAN_VALUE_MAX);
    for (size_t i = 0; i < sans->n; i++) {
        struct slice name = san_text(&sans->item[i], &text);
        cn_is_san = cn_is_san || slice_eq(name, cn);
        emit_name(name, ref, fn, arg);
    }
    if (!cn_is_san)
        emit_name(cn, ref, fn, arg);
    buf_free(&text);
}

/* Of one of ours the strict reader is asked, of another whatever can be read. */
static void emit_names(const struct row_cert *row, const struct cert_ref *ref, index_each fn,
                       void *arg)
{
    union {
        struct cert ours;
        struct anycert any;
    } c;
    struct fault f;
    uint8_t names[SAN_IDENTITY], key[INDEX_LINE_KEY];
    fault_clear(&f);
    if (ref->issuer == STORE_FOREIGN) {
        if (anycert_parse_tbs(row->tbs, &c.any, &f) != 0)
            return;
        anycert_names_id(&c.any, names);
        emit_each_name(&c.any.sans, c.any.subject, ref, fn, arg);
    } else {
        if (tbs_parse(row->tbs, &c.ours, &f) != 0)
            return;
        names_id(&c.ours.sans, c.ours.subject, names);
        emit_each_name(&c.ours.sans, c.ours.subject, ref, fn, arg);
    }
    index_line_key(names, row->not_after, ref, key);
    fn(arg, X_NAMES, slice_of(key, sizeof(key)));
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
    emit_names(c, ref, fn, arg);
}

void index_finished_keys(const struct cert_view *v, const struct cert_ref *ref, index_each fn,
                         void *arg)
{
    uint8_t key[INDEX_LINE_KEY];
    if (v->has_sig && v->cert.tbs.n > 0) {
        index_line_key(v->cert.identity, v->cert.not_after, ref, key);
        fn(arg, X_IDENTITY, slice_of(key, sizeof(key)));
    }
    if (v->has_sig && v->sig.signature.n > 0) /* else lost in a restore */
        fn(arg, X_FINGERPRINT, index_fingerprint_key(v->sig.fingerprint, ref, key));
}

void index_state_keys(const struct cert_view *v, const struct cert_ref *ref, index_each fn,
                      void *arg)
{
    uint8_t key[1 + ROW_REF];
    index_finished_keys(v, ref, fn, arg);
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
