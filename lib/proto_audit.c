#include "lib/proto_audit.h"

#include <string.h>

#include "lib/merkle.h"

#define SALT_LEN 16
#define RECORD_MAX 2048
#define KEYS_MAX 4096

static int done(const struct wire_in *w)
{
    return wire_in_done(w) ? 0 : -1;
}

void checkpoint_request_put(struct buf *b, const struct checkpoint_request *r)
{
    wire_put_text(b, r->origin);
    wire_put_fixed(b, r->generation, sizeof(r->generation));
    wire_put_u64(b, r->size);
    wire_put_fixed(b, r->root, sizeof(r->root));
}

int checkpoint_request_get(struct slice body, struct checkpoint_request *out)
{
    struct wire_in w;

    memset(out, 0, sizeof(*out));
    wire_in_init(&w, body);
    wire_get_text(&w, out->origin, sizeof(out->origin));
    wire_get_fixed(&w, out->generation, sizeof(out->generation));
    out->size = wire_get_u64(&w);
    wire_get_fixed(&w, out->root, sizeof(out->root));
    return done(&w);
}

void checkpointed_put(struct buf *b, const struct checkpointed *c)
{
    wire_put_u64(b, c->size);
    wire_put_i64(b, c->time);
    wire_put_bytes(b, c->note);
    wire_put_bytes(b, c->keys);
}

void checkpointed_get(struct wire_in *w, struct checkpointed *out)
{
    memset(out, 0, sizeof(*out));
    out->size = wire_get_u64(w);
    out->time = wire_get_i64(w);
    out->note = wire_get_bytes(w, NOTE_MAX);
    out->keys = wire_get_bytes(w, KEYS_MAX);
}

void audit_read_put(struct buf *b, const struct audit_read *r)
{
    wire_put_i64(b, r->log);
    wire_put_u64(b, r->from);
    wire_put_u8(b, r->backwards);
    wire_put_u32(b, r->limit);
    wire_put_i64(b, r->since);
    wire_put_i64(b, r->until);
    wire_put_text(b, r->actor);
    wire_put_text(b, r->action);
    wire_put_text(b, r->rule);
    wire_put_u8(b, r->has_serial);
    wire_put_u8(b, r->around);
    wire_put_fixed(b, r->serial, sizeof(r->serial));
    wire_put_u8(b, r->generic);
}

int audit_read_get(struct slice body, struct audit_read *out)
{
    struct wire_in w;

    memset(out, 0, sizeof(*out));
    wire_in_init(&w, body);
    out->log = wire_get_i64(&w);
    out->from = wire_get_u64(&w);
    out->backwards = wire_get_flag(&w);
    out->limit = wire_get_u32(&w);
    out->since = wire_get_i64(&w);
    out->until = wire_get_i64(&w);
    wire_get_text(&w, out->actor, sizeof(out->actor));
    wire_get_text(&w, out->action, sizeof(out->action));
    wire_get_text(&w, out->rule, sizeof(out->rule));
    out->has_serial = wire_get_flag(&w);
    out->around = wire_get_flag(&w);
    wire_get_fixed(&w, out->serial, sizeof(out->serial));
    out->generic = wire_get_flag(&w);
    if (done(&w) != 0 || out->limit == 0 || out->limit > AUDIT_LIMIT_MAX)
        return -1;
    return 0;
}

void audit_page_put(struct buf *b, const struct audit_page *p, struct slice leaves)
{
    wire_put_u8(b, p->more);
    wire_put_u64(b, p->next);
    wire_put_u64(b, p->size);
    wire_put_u32(b, p->n);
    buf_put_slice(b, leaves);
}

int audit_page_get(struct slice body, struct audit_page *out)
{
    struct wire_in w;

    memset(out, 0, sizeof(*out));
    wire_in_init(&w, body);
    out->more = wire_get_flag(&w);
    out->next = wire_get_u64(&w);
    out->size = wire_get_u64(&w);
    out->n = wire_get_count(&w, AUDIT_LIMIT_MAX, 16);
    out->leaves = w;
    return wire_failed(&w) ? -1 : 0;
}

void audit_leaf_put(struct buf *b, const struct audit_leaf *l)
{
    wire_put_u64(b, l->index);
    wire_put_bytes(b, l->salt);
    wire_put_bytes(b, l->record);
}

void audit_leaf_get(struct wire_in *w, struct audit_leaf *out)
{
    out->index = wire_get_u64(w);
    out->salt = wire_get_bytes(w, SALT_LEN);
    out->record = wire_get_bytes(w, RECORD_MAX);
    if (out->salt.n != SALT_LEN && (out->salt.n != 0 || out->record.n != 32))
        w->failed = true;
}

bool audit_leaf_pruned(const struct audit_leaf *l)
{
    return l->salt.n == 0;
}

void audit_leaf_hash(const struct audit_leaf *l, uint8_t out[32])
{
    if (audit_leaf_pruned(l))
        merkle_leaf_of(l->record.p, out);
    else
        merkle_leaf(l->salt, l->record, out);
}

void tile_request_put(struct buf *b, const struct tile *t)
{
    wire_put_u8(b, (uint8_t)t->level);
    wire_put_u64(b, t->n);
    wire_put_u16(b, (uint16_t)t->width);
}

int tile_request_get(struct slice body, struct tile *out)
{
    struct wire_in w;

    wire_in_init(&w, body);
    out->level = wire_get_u8(&w);
    out->n = wire_get_u64(&w);
    out->width = wire_get_u16(&w);
    return wire_in_done(&w) && out->level < TILE_LEVELS && out->width >= 1 &&
                   out->width <= TILE_WIDTH
               ? 0
               : -1;
}
