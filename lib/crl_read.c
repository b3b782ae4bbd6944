#include "lib/crl.h"

#include <stdlib.h>
#include <string.h>

#include "lib/der.h"
#include "lib/ext.h"
#include "lib/oid.h"

#define WINDOW ((size_t)256 * 1024)
#define ELEMENT_MAX 32768 /* of anything that is no list */
#define EXTENSIONS_MAX 32
#define SURROUND_KEEP (2 * ELEMENT_MAX) /* what is kept of the head, and of the tail */

struct crl_reader {
    struct crl_input in;
    struct crl_info info;
    uint64_t taken;    /* octets read from the input */
    uint64_t at;       /* position of window[from] in the input */
    size_t from, have; /* window[from ... have) is read and not yet parsed */
    uint64_t tbs_end, list_end;
    struct buf head, tail, signature;
    bool in_entries;
    uint8_t window[WINDOW];
};

static int broken(struct fault *f, const char *what)
{
    return fault_set(f, FAULT_MALFORMED, "crl.der", "the CRL is malformed: %s", what);
}

/* --- the window --------------------------------------------------------------------- */

static int fill(struct crl_reader *r, size_t want, struct fault *f)
{
    while (r->have - r->from < want && r->taken < r->in.size) {
        uint64_t left = r->in.size - r->taken;
        int64_t n;

        if (WINDOW - r->from < want || r->have == WINDOW) {
            memmove(r->window, r->window + r->from, r->have - r->from);
            r->have -= r->from;
            r->from = 0;
        }
        n = r->in.read(r->in.arg, r->window + r->have,
                       left < WINDOW - r->have ? (size_t)left : WINDOW - r->have);
        if (n <= 0)
            return fault_set(f, FAULT_MALFORMED, "crl.read", "the CRL cannot be read to its end");
        if (r->in.tap != NULL)
            r->in.tap(r->in.tap_arg, slice_of(r->window + r->have, (size_t)n));
        r->have += (size_t)n;
        r->taken += (uint64_t)n;
    }
    return 0;
}

static struct slice seen(const struct crl_reader *r)
{
    return slice_of(r->window + r->from, r->have - r->from);
}

static void skip(struct crl_reader *r, size_t n)
{
    r->from += n;
    r->at += n;
}

/* One whole element before `end`; good until the next fill. */
static int element(struct crl_reader *r, uint64_t end, struct slice *whole, struct fault *f)
{
    size_t header, len;
    uint8_t tag;

    *whole = SLICE_NONE;
    if (r->have - r->from < ELEMENT_MAX && fill(r, ELEMENT_MAX, f) != 0)
        return -(int)f->code;
    if (der_header(seen(r), &tag, &header, &len) != 0 || len > ELEMENT_MAX - header ||
        header + len > end - r->at || header + len > r->have - r->from)
        return broken(f, "an element is too long or ends early");
    *whole = slice_of(r->window + r->from, header + len);
    skip(r, header + len);
    return 0;
}

/* The header of a list that may be longer than the window; *list_end lies before `end`. */
static int enter(struct crl_reader *r, uint8_t want, uint64_t end, uint64_t *list_end,
                 struct fault *f)
{
    size_t header, len;
    uint8_t tag;

    *list_end = 0;
    if (fill(r, 16, f) != 0)
        return -(int)f->code;
    if (der_header(seen(r), &tag, &header, &len) != 0 || tag != want || header > end - r->at ||
        len > end - r->at - header)
        return broken(f, "a list ends behind what it is part of");
    skip(r, header);
    *list_end = r->at + len;
    return 0;
}

static bool next_is(struct crl_reader *r, uint64_t end, uint8_t tag, struct fault *f)
{
    return r->at < end && fill(r, 2, f) == 0 && der_peek(seen(r), tag);
}

/* --- in front of the entries (RFC 5280 5.1) ----------------------------------------------- */

/* Everything that was parsed since, kept. */
static int keep(struct buf *in, struct slice part, struct fault *f)
{
    buf_put_slice(in, part);
    return buf_failed(in) ? fault_set(f, FAULT_TOO_LARGE, "crl.size", "the CRL's head is too large")
                          : 0;
}

static int get_time(struct crl_reader *r, int64_t *out, struct fault *f)
{
    struct slice whole;

    if (element(r, r->tbs_end, &whole, f) != 0 || keep(&r->head, whole, f) != 0)
        return -(int)f->code;
    if (der_get_time(&whole, out) != 0)
        return fault_set(f, FAULT_MALFORMED, "crl.time", "the CRL's times are malformed");
    return 0;
}

static int get_version(struct crl_reader *r, struct fault *f)
{
    struct slice whole;
    uint64_t version;

    if (element(r, r->tbs_end, &whole, f) != 0 || keep(&r->head, whole, f) != 0)
        return -(int)f->code;
    if (der_get_u64(&whole, &version) != 0 || version != 1)
        return fault_set(f, FAULT_MALFORMED, "crl.version", "the CRL is not of version 2");
    return 0;
}

static int get_algorithm(struct crl_reader *r, struct fault *f)
{
    struct slice whole;

    if (element(r, r->tbs_end, &whole, f) != 0 || keep(&r->head, whole, f) != 0)
        return -(int)f->code;
    if (sig_alg_get(&whole, &r->info.alg) != 0)
        return fault_set(f, FAULT_MALFORMED, "crl.algorithm",
                         "the CRL's signature algorithm is not supported");
    return 0;
}

/* Where the issuer's name stands in `head`: its address may still change. */
static int get_issuer(struct crl_reader *r, size_t *at, size_t *n, struct fault *f)
{
    struct slice whole;

    *at = r->head.n;
    *n = 0;
    if (element(r, r->tbs_end, &whole, f) != 0 || keep(&r->head, whole, f) != 0)
        return -(int)f->code;
    *n = whole.n;
    return der_peek(whole, DER_SEQUENCE) ? 0 : broken(f, "its issuer is no name");
}

static int get_list(struct crl_reader *r, struct fault *f)
{
    uint64_t before = r->at;

    r->list_end = r->at;
    if (!next_is(r, r->tbs_end, DER_SEQUENCE, f))
        return 0;
    if (enter(r, DER_SEQUENCE, r->tbs_end, &r->list_end, f) != 0)
        return -(int)f->code;
    /* 5.1.2.6: no revoked certificates, no list */
    if (r->list_end == r->at)
        return broken(f, "its list of entries is there and empty");
    r->info.entries_len = r->list_end - r->at;
    return keep(&r->head, slice_of(r->window + r->from - (r->at - before), r->at - before), f);
}

static int get_head(struct crl_reader *r, struct fault *f)
{
    uint64_t end = r->in.size, header;
    size_t name_at, name_len;

    if (!r->in.draft && (enter(r, DER_SEQUENCE, end, &end, f) != 0 || end != r->in.size))
        return broken(f, "its length is not that of the file");
    r->info.tbs_at = r->at;
    if (enter(r, DER_SEQUENCE, end, &r->tbs_end, f) != 0 ||
        (r->in.draft && r->tbs_end != r->in.size))
        return broken(f, "its length is not that of the file");
    r->info.tbs_len = r->tbs_end - r->info.tbs_at;
    header = r->at - r->info.tbs_at;
    buf_put(&r->head, r->window + r->from - header, header);
    if (get_version(r, f) != 0 || get_algorithm(r, f) != 0 ||
        get_issuer(r, &name_at, &name_len, f) != 0 || get_time(r, &r->info.this_update, f) != 0)
        return -(int)f->code;
    if ((next_is(r, r->tbs_end, DER_UTC_TIME, f) ||
         next_is(r, r->tbs_end, DER_GENERALIZED_TIME, f)) &&
        get_time(r, &r->info.next_update, f) != 0)
        return -(int)f->code;
    if (get_list(r, f) != 0)
        return -(int)f->code;
    r->info.head = buf_slice(&r->head);
    r->info.issuer = slice_of(r->head.p + name_at, name_len);
    return 0;
}

/* --- entries (5.3) -------------------------------------------------------------------- */

static int get_reason(struct slice value, struct crl_entry *e)
{
    struct slice v;

    if (der_get(&value, DER_ENUMERATED, &v) != 0 || !der_end(value) || v.n != 1 ||
        crl_reason_name(v.p[0]) == NULL)
        return -1;
    e->reason = v.p[0];
    return 0;
}

static int get_invalidity(struct slice value, struct crl_entry *e)
{
    if (!der_peek(value, DER_GENERALIZED_TIME) || der_get_time(&value, &e->invalidity) != 0)
        return -1;
    return der_end(value) ? 0 : -1;
}

static int get_entry_extensions(struct slice seq, struct crl_entry *e)
{
    struct cert_extension x;
    bool reason = false, invalidity = false;

    if (der_end(seq))
        return -1;
    while (!der_end(seq)) {
        bool *seen_before = NULL;
        int rc = 0;

        if (ext_get(&seq, &x) != 0)
            return -1;
        if (slice_eq(x.oid, oid_crl_reason)) {
            seen_before = &reason;
            rc = get_reason(x.value, e);
        } else if (slice_eq(x.oid, oid_invalidity_date)) {
            seen_before = &invalidity;
            rc = get_invalidity(x.value, e);
        } else if (x.critical) { /* certificateIssuer is (5.3.3) */
            return -1;
        }
        if (rc != 0 || (seen_before != NULL && *seen_before))
            return -1;
        if (seen_before != NULL)
            *seen_before = true;
    }
    return 0;
}

/* Nearly always: then one look is enough. */
static bool only_reason(struct slice extensions, struct crl_entry *e)
{
    if (extensions.n != CRL_REASON_FRONT + 1 ||
        memcmp(extensions.p, crl_reason_front, CRL_REASON_FRONT) != 0 ||
        crl_reason_name(extensions.p[CRL_REASON_FRONT]) == NULL)
        return false;
    e->reason = extensions.p[CRL_REASON_FRONT];
    return true;
}

static int entry_get(struct slice whole, struct crl_entry *out)
{
    struct slice seq, serial, extensions;

    memset(out, 0, sizeof(*out));
    if (der_get(&whole, DER_SEQUENCE, &seq) != 0 || der_get_unsigned(&seq, &serial) != 0 ||
        serial.n > CRL_SERIAL_MAX || der_get_time(&seq, &out->revoked) != 0)
        return -1;
    out->serial_len = (uint8_t)serial.n;
    memcpy(out->serial, serial.p, serial.n);
    if (der_end(seq) || only_reason(seq, out))
        return 0;
    if (der_get(&seq, DER_SEQUENCE, &extensions) != 0 || !der_end(seq))
        return -1;
    return get_entry_extensions(extensions, out);
}

int crl_read_entry(struct crl_reader *r, struct crl_entry *out, struct slice *octets,
                   struct fault *f)
{
    struct slice whole;

    memset(out, 0, sizeof(*out));
    if (octets != NULL)
        *octets = SLICE_NONE;
    if (r->at == r->list_end)
        return 0;
    if (element(r, r->list_end, &whole, f) != 0)
        return -(int)f->code;
    r->info.entries++;
    if (entry_get(whole, out) != 0)
        return fault_set(f, FAULT_MALFORMED, "crl.entry", "entry %llu of the CRL is malformed",
                         (unsigned long long)r->info.entries);
    if (octets != NULL)
        *octets = whole;
    return 1;
}

/* --- behind the entries (5.2) ------------------------------------------------------------ */

static int get_number(struct slice value, uint64_t *out, struct fault *f)
{
    if (der_get_u64(&value, out) != 0 || !der_end(value))
        return fault_set(f, FAULT_MALFORMED, "crl.number",
                         "the CRL's number is malformed or past 64 bits");
    return 0;
}

/* 4.2.1.1: keyIdentifier is the first field, if it is there. */
static int get_authority(struct slice value, struct crl_info *i)
{
    struct slice seq;

    if (der_get(&value, DER_SEQUENCE, &seq) != 0 || !der_end(value))
        return -1;
    if (der_peek(seq, DER_CONTEXT(0)) && der_get(&seq, DER_CONTEXT(0), &i->authority_key_id) != 0)
        return -1;
    return 0;
}

static int take_extension(struct crl_info *i, const struct cert_extension *x, struct fault *f)
{
    if (slice_eq(x->oid, oid_crl_number)) {
        i->has_number = true;
        return get_number(x->value, &i->number, f);
    }
    if (slice_eq(x->oid, oid_delta_crl_indicator)) {
        i->delta = true;
        return get_number(x->value, &i->base, f);
    }
    if (slice_eq(x->oid, oid_issuing_distribution_point))
        i->idp = x->value;
    else if (slice_eq(x->oid, oid_freshest_crl))
        i->freshest = x->value;
    else if (slice_eq(x->oid, oid_authority_key_id) && get_authority(x->value, i) == 0)
        return 0;
    else if (slice_eq(x->oid, oid_authority_key_id) || x->critical)
        return fault_set(f, FAULT_MALFORMED, "crl.extension",
                         "an extension of the CRL is malformed, or critical and not known");
    return 0;
}

static int get_extensions(struct crl_info *i, struct fault *f)
{
    struct cert_extension list[EXTENSIONS_MAX];
    struct slice at = i->tail, tagged, seq;
    size_t n = 0;

    if (der_end(at))
        return 0;
    if (der_get(&at, DER_CONTEXT_CONSTRUCTED(0), &tagged) != 0 || !der_end(at) ||
        der_get(&tagged, DER_SEQUENCE, &seq) != 0 || !der_end(tagged) || der_end(seq))
        return broken(f, "its extensions");
    for (; !der_end(seq); n++) {
        if (n == EXTENSIONS_MAX || ext_get(&seq, &list[n]) != 0 || ext_seen(list, n, list[n].oid))
            return broken(f, "its extensions");
        if (take_extension(i, &list[n], f) != 0)
            return -(int)f->code;
    }
    return 0;
}

static int get_signature(struct crl_reader *r, struct fault *f)
{
    struct slice whole, bits;
    enum sig_alg outer;

    if (element(r, r->in.size, &whole, f) != 0)
        return -(int)f->code;
    /* 5.1.1.2 */
    if (sig_alg_get(&whole, &outer) != 0 || outer != r->info.alg)
        return fault_set(f, FAULT_MALFORMED, "crl.algorithm",
                         "the CRL names two signature algorithms");
    if (element(r, r->in.size, &whole, f) != 0)
        return -(int)f->code;
    if (der_get_bit_octets(&whole, &bits) != 0 || r->at != r->in.size)
        return broken(f, "its signature");
    buf_put_slice(&r->signature, bits);
    r->info.signature = buf_slice(&r->signature);
    return buf_failed(&r->signature) ? broken(f, "its signature") : 0;
}

int crl_read_end(struct crl_reader *r, struct fault *f)
{
    struct slice whole;

    if (r->at != r->list_end)
        return fault_set(f, FAULT_INTERNAL, "crl.entry", "there are more entries");
    if (r->at < r->tbs_end) {
        if (element(r, r->tbs_end, &whole, f) != 0 || keep(&r->tail, whole, f) != 0)
            return -(int)f->code;
    }
    if (r->at != r->tbs_end)
        return broken(f, "something follows its extensions");
    r->info.tail = buf_slice(&r->tail);
    if (get_extensions(&r->info, f) != 0)
        return -(int)f->code;
    return r->in.draft ? 0 : get_signature(r, f);
}

/* --- begin and end ------------------------------------------------------------------------ */

int crl_read_begin(const struct crl_input *in, struct crl_reader **out, struct fault *f)
{
    struct crl_reader *r = xcalloc(1, sizeof(*r));

    *out = NULL;
    fault_clear(f);
    r->in = *in;
    buf_init(&r->head, SURROUND_KEEP);
    buf_init(&r->tail, SURROUND_KEEP);
    buf_init(&r->signature, SIGNATURE_MAX);
    if (get_head(r, f) != 0) {
        crl_reader_free(r);
        return -(int)f->code;
    }
    *out = r;
    return 0;
}

void crl_reader_free(struct crl_reader *r)
{
    if (r == NULL)
        return;
    buf_free(&r->head);
    buf_free(&r->tail);
    buf_free(&r->signature);
    free(r);
}

const struct crl_info *crl_read_info(const struct crl_reader *r)
{
    return &r->info;
}
