#include "ca/store/installation_rows.h"

#include <string.h>

#include "lib/wire.h"

#define ROW_VERSION 1

static void key_add(struct row_key *k, const void *p, size_t n)
{
    if (n > sizeof(k->at) - k->n)
        n = sizeof(k->at) - k->n; /* names are bounded where they are read */
    memcpy(k->at + k->n, p, n);
    k->n += n;
}

void installation_key(const uint8_t reporter[IDENTITY_LEN], enum installation_part part,
                      struct slice name, struct row_key *out)
{
    uint8_t octet = (uint8_t)part;

    out->n = 0;
    key_add(out, reporter, IDENTITY_LEN);
    key_add(out, &octet, 1);
    if (name.n > 0)
        key_add(out, name.p, name.n);
}

void found_name(const char *path, uint8_t out[IDENTITY_LEN])
{
    uint8_t hash[32];

    sha256(slice_str(path), hash);
    memcpy(out, hash, IDENTITY_LEN);
}

void place_key(const uint8_t identity[IDENTITY_LEN], enum place_kind kind, struct slice where,
               struct row_key *out)
{
    uint8_t octet = (uint8_t)kind;

    out->n = 0;
    key_add(out, identity, IDENTITY_LEN);
    key_add(out, &octet, 1);
    key_add(out, where.p, where.n);
}

void place_where(const uint8_t reporter[IDENTITY_LEN], struct slice name, struct row_key *out)
{
    out->n = 0;
    key_add(out, reporter, IDENTITY_LEN);
    key_add(out, name.p, name.n);
}

static void row_begin(struct wire_in *w, struct slice row)
{
    wire_in_init(w, row);
    if (wire_get_u8(w) != ROW_VERSION)
        w->failed = true;
}

void row_place_put(struct buf *b, const struct row_place *p)
{
    uint8_t ref[ROW_REF];

    ref_put(&p->ref, ref);
    wire_put_fixed(b, p->fingerprint, sizeof(p->fingerprint));
    wire_put_fixed(b, ref, sizeof(ref));
}

int row_place_get(struct slice row, struct row_place *out)
{
    uint8_t ref[ROW_REF];
    struct wire_in w;

    wire_in_init(&w, row);
    wire_get_fixed(&w, out->fingerprint, sizeof(out->fingerprint));
    wire_get_fixed(&w, ref, sizeof(ref));
    ref_get(ref, &out->ref);
    return wire_in_done(&w) ? 0 : MDB_CORRUPTED;
}

void row_reporter_put(struct buf *b, const struct reporter *r)
{
    wire_put_u8(b, ROW_VERSION);
    wire_put_text(b, r->name);
    wire_put_text(b, r->host);
    wire_put_text(b, r->version);
    wire_put_text(b, r->address);
    wire_put_u32(b, r->interval);
    wire_put_i64(b, r->first);
    wire_put_i64(b, r->last);
    wire_put_u32(b, r->entries);
    wire_put_u32(b, r->found);
}

int row_reporter_get(struct slice key, struct slice row, struct reporter *out)
{
    struct wire_in w;

    memset(out, 0, sizeof(*out));
    row_begin(&w, row);
    wire_get_text(&w, out->name, sizeof(out->name));
    wire_get_text(&w, out->host, sizeof(out->host));
    wire_get_text(&w, out->version, sizeof(out->version));
    wire_get_text(&w, out->address, sizeof(out->address));
    out->interval = wire_get_u32(&w);
    out->first = wire_get_i64(&w);
    out->last = wire_get_i64(&w);
    out->entries = wire_get_u32(&w);
    out->found = wire_get_u32(&w);
    if (key.n != IDENTITY_LEN + 1 || !wire_in_done(&w))
        return MDB_CORRUPTED;
    memcpy(out->identity, key.p, IDENTITY_LEN);
    return 0;
}

void row_installed_put(struct buf *b, const struct installed *i)
{
    wire_put_u8(b, ROW_VERSION);
    wire_put_i64(b, i->reported);
    wire_put_u8(b, i->has_identity);
    wire_put_fixed(b, i->identity, sizeof(i->identity));
    agent_entry_put(b, &i->entry);
}

int row_installed_get(struct slice row, struct installed *out)
{
    struct wire_in w;

    row_begin(&w, row);
    out->reported = wire_get_i64(&w);
    out->has_identity = wire_get_flag(&w);
    wire_get_fixed(&w, out->identity, sizeof(out->identity));
    agent_entry_get(&w, &out->entry);
    return wire_in_done(&w) ? 0 : MDB_CORRUPTED;
}

void row_found_put(struct buf *b, const struct found_file *f)
{
    wire_put_u8(b, ROW_VERSION);
    wire_put_i64(b, f->seen);
    wire_put_text(b, f->path);
    wire_put_fixed(b, f->fingerprint, sizeof(f->fingerprint));
    wire_put_fixed(b, f->identity, sizeof(f->identity));
}

int row_found_get(struct slice row, struct found_file *out)
{
    struct wire_in w;

    row_begin(&w, row);
    out->seen = wire_get_i64(&w);
    wire_get_text(&w, out->path, sizeof(out->path));
    wire_get_fixed(&w, out->fingerprint, sizeof(out->fingerprint));
    wire_get_fixed(&w, out->identity, sizeof(out->identity));
    return wire_in_done(&w) ? 0 : MDB_CORRUPTED;
}
