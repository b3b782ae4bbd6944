#include "ca/store/row_codec.h"

#include <string.h>

#include "lib/wire.h"

#define ROW_VERSION 1
#define STATE_VERSION 2
#define FLAG_REQUEST_KEY 1u
#define FLAG_REPLACES 2u

void ref_put(const struct cert_ref *ref, uint8_t out[ROW_REF])
{
    memcpy(out, ref->serial, SERIAL_LEN);
    out[SERIAL_LEN] = (uint8_t)(ref->issuer >> 8);
    out[SERIAL_LEN + 1] = (uint8_t)(ref->issuer & 0xff);
}

void ref_get(const uint8_t in[ROW_REF], struct cert_ref *out)
{
    memcpy(out->serial, in, SERIAL_LEN);
    out->issuer = (uint16_t)((in[SERIAL_LEN] << 8) | in[SERIAL_LEN + 1]);
}

uint64_t serial_tick(const uint8_t serial[SERIAL_LEN])
{
    uint64_t v = 0;
    for (size_t i = 0; i < 6; i++)
        v = (v << 8) | serial[i];
    return v & 0x3fffffffffffULL;
}

void number_put(uint64_t v, uint8_t out[8])
{
    for (size_t i = 8; i-- > 0; v >>= 8)
        out[i] = (uint8_t)(v & 0xff);
}

uint64_t number_get(const uint8_t in[8])
{
    uint64_t v = 0;
    for (size_t i = 0; i < 8; i++)
        v = (v << 8) | in[i];
    return v;
}

static void put_ref(struct buf *b, const struct cert_ref *ref)
{
    wire_put_fixed(b, ref->serial, SERIAL_LEN);
    wire_put_u16(b, ref->issuer);
}

static void get_ref(struct wire_in *w, struct cert_ref *ref)
{
    wire_get_fixed(w, ref->serial, SERIAL_LEN);
    ref->issuer = wire_get_u16(w);
}

static void put_name(struct buf *b, const char *s)
{
    size_t n = s ? strlen(s) : 0;
    if (n >= STORE_NAME_MAX) {
        b->failed = true;
        return;
    }
    wire_put_u8(b, (uint8_t)n);
    wire_put_fixed(b, s, n);
}

static void get_name(struct wire_in *w, char out[STORE_NAME_MAX])
{
    size_t n = wire_get_u8(w);
    if (n >= STORE_NAME_MAX) {
        w->failed = true;
        n = 0;
    }
    wire_get_fixed(w, out, n);
    out[wire_failed(w) ? 0 : n] = 0;
}

static void version_put(struct buf *b)
{
    wire_put_u8(b, ROW_VERSION);
}

static void version_get(struct wire_in *w, struct slice s)
{
    wire_in_init(w, s);
    if (wire_get_u8(w) != ROW_VERSION)
        w->failed = true;
}

/* The last field of a record needs no length. */
static struct slice get_rest(struct wire_in *w)
{
    struct slice rest = w->rest;
    if (wire_failed(w))
        return SLICE_NONE;
    w->rest = slice_of(rest.p + rest.n, 0);
    return rest;
}

static int done(const struct wire_in *w)
{
    return wire_in_done(w) ? 0 : -1;
}

void row_cert_put(struct buf *b, const struct store_intent *i, int64_t created, uint64_t change)
{
    version_put(b);
    wire_put_u8(b, (uint8_t)((i->has_request_key ? FLAG_REQUEST_KEY : 0) |
                             (i->has_replaces ? FLAG_REPLACES : 0)));
    wire_put_u8(b, (uint8_t)i->alg);
    wire_put_i64(b, created);
    wire_put_i64(b, i->not_before);
    wire_put_i64(b, i->not_after);
    wire_put_u64(b, change);
    wire_put_fixed(b, i->spki_hash, sizeof(i->spki_hash));
    wire_put_fixed(b, i->identity, sizeof(i->identity));
    wire_put_fixed(b, i->generation, sizeof(i->generation));
    if (i->has_request_key) {
        wire_put_fixed(b, i->request_key, sizeof(i->request_key));
        wire_put_fixed(b, i->content, sizeof(i->content));
    }
    if (i->has_replaces)
        put_ref(b, &i->replaces);
    put_name(b, i->profile);
    put_name(b, i->requester);
    put_name(b, i->owner);
    wire_put_fixed(b, i->tbs.p, i->tbs.n);
}

int row_cert_get(struct slice s, struct row_cert *out)
{
    struct wire_in w;
    memset(out, 0, sizeof(*out));
    version_get(&w, s);
    unsigned flags = wire_get_u8(&w);
    out->alg = (enum sig_alg)wire_get_u8(&w);
    out->created = wire_get_i64(&w);
    out->not_before = wire_get_i64(&w);
    out->not_after = wire_get_i64(&w);
    out->change = wire_get_u64(&w);
    wire_get_fixed(&w, out->spki_hash, sizeof(out->spki_hash));
    wire_get_fixed(&w, out->identity, sizeof(out->identity));
    wire_get_fixed(&w, out->generation, sizeof(out->generation));
    out->has_request_key = (flags & FLAG_REQUEST_KEY) != 0;
    out->has_replaces = (flags & FLAG_REPLACES) != 0;
    if (out->has_request_key) {
        wire_get_fixed(&w, out->request_key, sizeof(out->request_key));
        wire_get_fixed(&w, out->content, sizeof(out->content));
    }
    if (out->has_replaces)
        get_ref(&w, &out->replaces);
    get_name(&w, out->profile);
    get_name(&w, out->requester);
    get_name(&w, out->owner);
    out->tbs = get_rest(&w);
    if ((flags & ~(FLAG_REQUEST_KEY | FLAG_REPLACES)) != 0 || out->alg > SIG_ALG_MAX)
        return -1;
    return done(&w);
}

void row_sig_put(struct buf *b, const struct row_sig *r)
{
    version_put(b);
    wire_put_i64(b, r->finished);
    wire_put_u64(b, r->change);
    wire_put_fixed(b, r->fingerprint, sizeof(r->fingerprint));
    wire_put_fixed(b, r->signature.p, r->signature.n);
}

int row_sig_get(struct slice s, struct row_sig *out)
{
    struct wire_in w;
    memset(out, 0, sizeof(*out));
    version_get(&w, s);
    out->finished = wire_get_i64(&w);
    out->change = wire_get_u64(&w);
    wire_get_fixed(&w, out->fingerprint, sizeof(out->fingerprint));
    out->signature = get_rest(&w);
    return done(&w);
}

void row_status_put(struct buf *b, const struct row_status *r)
{
    version_put(b);
    wire_put_u8(b, (uint8_t)r->state);
    wire_put_u8(b, r->reason);
    wire_put_i64(b, r->time);
    wire_put_u64(b, r->change);
    wire_put_i64(b, r->invalidity);
    wire_put_i64(b, r->not_after);
}

int row_status_get(struct slice s, struct row_status *out)
{
    struct wire_in w;
    memset(out, 0, sizeof(*out));
    version_get(&w, s);
    out->state = (enum cert_state)wire_get_u8(&w);
    out->reason = wire_get_u8(&w);
    out->time = wire_get_i64(&w);
    out->change = wire_get_u64(&w);
    if (w.rest.n > 0)
        out->invalidity = wire_get_i64(&w);
    if (w.rest.n > 0)
        out->not_after = wire_get_i64(&w);
    if (out->state < CERT_GOOD || out->state > CERT_ABANDONED)
        return -1;
    return done(&w);
}

void row_open_put(struct buf *b, const struct row_open *r)
{
    version_put(b);
    wire_put_u8(b, r->has_replaces ? FLAG_REPLACES : 0);
    wire_put_i64(b, r->created);
    wire_put_i64(b, r->not_after);
}

int row_open_get(struct slice s, struct row_open *out)
{
    struct wire_in w;
    memset(out, 0, sizeof(*out));
    version_get(&w, s);
    out->has_replaces = wire_get_u8(&w) == FLAG_REPLACES;
    out->created = wire_get_i64(&w);
    out->not_after = wire_get_i64(&w);
    return done(&w);
}

void row_foreign_put(struct buf *b, const struct row_foreign *r)
{
    version_put(b);
    wire_put_u8(b, (uint8_t)r->source);
    wire_put_i64(b, r->created);
    wire_put_i64(b, r->not_before);
    wire_put_i64(b, r->not_after);
    wire_put_u64(b, r->change);
    wire_put_fixed(b, r->fingerprint, sizeof(r->fingerprint));
    wire_put_fixed(b, r->spki_hash, sizeof(r->spki_hash));
    wire_put_fixed(b, r->identity, sizeof(r->identity));
    put_name(b, r->by);
    import_status_put(b, &r->told);
    wire_put_u64(b, r->told_change);
    wire_put_u8(b, r->stranger);
    wire_put_bytes(b, r->origin);
    wire_put_fixed(b, r->der.p, r->der.n);
}

int row_foreign_get(struct slice s, struct row_foreign *out)
{
    struct wire_in w;
    memset(out, 0, sizeof(*out));
    version_get(&w, s);
    out->source = (enum store_source)wire_get_u8(&w);
    out->created = wire_get_i64(&w);
    out->not_before = wire_get_i64(&w);
    out->not_after = wire_get_i64(&w);
    out->change = wire_get_u64(&w);
    wire_get_fixed(&w, out->fingerprint, sizeof(out->fingerprint));
    wire_get_fixed(&w, out->spki_hash, sizeof(out->spki_hash));
    wire_get_fixed(&w, out->identity, sizeof(out->identity));
    get_name(&w, out->by);
    import_status_get(&w, &out->told);
    out->told_change = wire_get_u64(&w);
    out->stranger = wire_get_flag(&w);
    out->origin = wire_get_bytes(&w, STORE_ORIGIN_MAX - 1);
    out->der = get_rest(&w);
    if (out->source != SOURCE_IMPORTED && out->source != SOURCE_SCANNED)
        return -1;
    return done(&w);
}

void row_seen_put(struct buf *b, const struct row_seen *r)
{
    wire_put_u64(b, r->number);
    wire_put_i64(b, r->time);
}

int row_seen_get(struct slice s, struct row_seen *out)
{
    struct wire_in w;
    wire_in_init(&w, s);
    out->number = wire_get_u64(&w);
    out->time = wire_get_i64(&w);
    return done(&w);
}

void row_change_put(struct buf *b, const struct store_change *c)
{
    version_put(b);
    put_ref(b, &c->ref);
    wire_put_u8(b, (uint8_t)c->state);
    wire_put_u8(b, c->reason);
    wire_put_i64(b, c->time);
    wire_put_i64(b, c->not_after);
}

int row_change_get(struct slice s, struct store_change *out)
{
    struct wire_in w;
    version_get(&w, s);
    get_ref(&w, &out->ref);
    out->state = (enum cert_state)wire_get_u8(&w);
    out->reason = wire_get_u8(&w);
    out->time = wire_get_i64(&w);
    out->not_after = wire_get_i64(&w);
    if (out->state < CERT_OPEN || out->state > CERT_ABANDONED)
        return -1;
    return done(&w);
}

void row_ref_put(struct buf *b, const struct cert_ref *ref)
{
    version_put(b);
    put_ref(b, ref);
}

int row_ref_get(struct slice s, struct cert_ref *out)
{
    struct wire_in w;
    version_get(&w, s);
    get_ref(&w, out);
    return done(&w);
}

void row_state_put(struct buf *b, const struct row_state *r)
{
    wire_put_u8(b, STATE_VERSION);
    wire_put_u64(b, r->change);
    wire_put_u64(b, r->tick);
    wire_put_i64(b, r->last_commit);
    merkle_put(b, &r->audit);
}

int row_state_get(struct slice s, struct row_state *out)
{
    struct wire_in w;
    wire_in_init(&w, s);
    if (wire_get_u8(&w) != STATE_VERSION)
        return -1;
    out->change = wire_get_u64(&w);
    out->tick = wire_get_u64(&w);
    out->last_commit = wire_get_i64(&w);
    if (wire_failed(&w))
        return -1;
    return merkle_get(w.rest, &out->audit);
}

static void restore_put(struct buf *b, const struct store_restore *r)
{
    wire_put_i64(b, r->time);
    wire_put_i64(b, r->copied);
    wire_put_u64(b, r->change);
    wire_put_u64(b, r->audit_size);
    wire_put_fixed(b, r->audit_root, sizeof(r->audit_root));
    wire_put_u64(b, r->checkpoint);
    wire_put_u32(b, r->lost);
    wire_put_u32(b, r->revoked);
    wire_put_u32(b, r->held);
    wire_put_u32(b, r->signatures);
    wire_put_u32(b, r->kept_held);
}

static void restore_get(struct wire_in *w, struct store_restore *r)
{
    r->time = wire_get_i64(w);
    r->copied = wire_get_i64(w);
    r->change = wire_get_u64(w);
    r->audit_size = wire_get_u64(w);
    wire_get_fixed(w, r->audit_root, sizeof(r->audit_root));
    r->checkpoint = wire_get_u64(w);
    r->lost = wire_get_u32(w);
    r->revoked = wire_get_u32(w);
    r->held = wire_get_u32(w);
    r->signatures = wire_get_u32(w);
    r->kept_held = wire_get_u32(w);
}

void row_gate_put(struct buf *b, const struct store_gate *g)
{
    version_put(b);
    wire_put_u8(b, g->closed);
    wire_put_u8(b, g->restored);
    wire_put_i64(b, g->since);
    wire_put_text(b, g->reason);
    wire_put_i64(b, g->restored_at);
    wire_put_i64(b, g->audit_log);
    wire_put_u32(b, g->n_restores);
    for (size_t i = 0; i < g->n_restores; i++)
        restore_put(b, &g->restore[i]);
    wire_put_u32(b, g->n_skips);
    for (size_t i = 0; i < g->n_skips; i++) {
        wire_put_u64(b, g->skip[i].from);
        wire_put_u64(b, g->skip[i].to);
    }
    if (g->has_restored_by)
        wire_put_u32(b, g->restored_by);
}

int row_gate_get(struct slice s, struct store_gate *out)
{
    struct wire_in w;
    memset(out, 0, sizeof(*out));
    version_get(&w, s);
    out->closed = wire_get_flag(&w);
    out->restored = wire_get_flag(&w);
    out->since = wire_get_i64(&w);
    wire_get_text(&w, out->reason, sizeof(out->reason));
    out->restored_at = wire_get_i64(&w);
    out->audit_log = wire_get_i64(&w);
    out->n_restores = (uint16_t)wire_get_count(&w, STORE_RESTORES_MAX, 40);
    for (size_t i = 0; i < out->n_restores; i++)
        restore_get(&w, &out->restore[i]);
    out->n_skips = (uint16_t)wire_get_count(&w, STORE_RESTORES_MAX, 16);
    for (size_t i = 0; i < out->n_skips; i++) {
        out->skip[i].from = wire_get_u64(&w);
        out->skip[i].to = wire_get_u64(&w);
    }
    out->has_restored_by = w.rest.n > 0;
    if (out->has_restored_by)
        out->restored_by = wire_get_u32(&w);
    return done(&w);
}

void row_crl_put(struct buf *b, const struct store_crl *c)
{
    version_put(b);
    wire_put_u64(b, c->number);
    wire_put_u64(b, c->published);
    wire_put_u64(b, c->change);
    wire_put_i64(b, c->this_update);
    wire_put_i64(b, c->next_update);
    wire_put_i64(b, c->scheduled);
    wire_put_u64(b, c->entries);
    wire_put_u64(b, c->octets);
    if (c->base != 0) {
        wire_put_u64(b, c->base);
        wire_put_u64(b, c->base_change);
    }
}

int row_crl_get(struct slice s, struct store_crl *out)
{
    struct wire_in w;

    version_get(&w, s);
    out->number = wire_get_u64(&w);
    out->published = wire_get_u64(&w);
    out->change = wire_get_u64(&w);
    out->this_update = wire_get_i64(&w);
    out->next_update = wire_get_i64(&w);
    out->scheduled = wire_get_i64(&w);
    out->entries = wire_get_u64(&w);
    out->octets = wire_get_u64(&w);
    out->base = w.rest.n > 0 ? wire_get_u64(&w) : 0;
    out->base_change = w.rest.n > 0 ? wire_get_u64(&w) : 0;
    return done(&w);
}

void row_issuer_put(struct buf *b, const char *name, const uint8_t spki_hash[32],
                    struct slice certificate)
{
    version_put(b);
    wire_put_fixed(b, spki_hash, 32);
    put_name(b, name);
    wire_put_fixed(b, certificate.p, certificate.n);
}

int row_issuer_get(struct slice s, struct store_issuer *out)
{
    struct wire_in w;
    buf_reset(&out->bytes);
    buf_put_slice(&out->bytes, s);
    if (buf_failed(&out->bytes))
        return -1;
    version_get(&w, buf_slice(&out->bytes));
    wire_get_fixed(&w, out->spki_hash, sizeof(out->spki_hash));
    get_name(&w, out->name);
    out->certificate = get_rest(&w);
    return done(&w);
}
