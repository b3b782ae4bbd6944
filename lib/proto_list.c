/* Messages that tell what is recorded: lists, show, issuers, status. */
#include "lib/proto.h"

#include <string.h>

#include "lib/agentstate.h"
#include "lib/proto_import.h"

#define CERT_DER_MAX 40960

static void put_serial_option(struct buf *b, bool has, const uint8_t serial[SERIAL_LEN])
{
    wire_put_u8(b, has);
    if (has)
        wire_put_fixed(b, serial, SERIAL_LEN);
}

static bool get_serial_option(struct wire_in *w, uint8_t serial[SERIAL_LEN])
{
    bool has = wire_get_flag(w);

    if (has)
        wire_get_fixed(w, serial, SERIAL_LEN);
    return has;
}

/* Names of operators, tokens and clients have their kind in front: "operator:alice". */
bool requester_own(const char *requester)
{
    return strncmp(requester, "cerca-", 6) == 0;
}

void cert_info_put(struct buf *b, const struct cert_info *i)
{
    wire_put_fixed(b, i->serial, SERIAL_LEN);
    wire_put_u8(b, (uint8_t)i->source);
    wire_put_u64(b, i->number);
    wire_put_text(b, i->other_serial);
    wire_put_text(b, i->origin);
    wire_put_i64(b, i->last_seen);
    wire_put_u8(b, i->told);
    wire_put_u8(b, i->stranger);
    wire_put_text(b, i->issuer);
    wire_put_text(b, i->status);
    wire_put_text(b, i->profile);
    wire_put_text(b, i->owner);
    wire_put_text(b, i->requester);
    wire_put_text(b, i->subject);
    wire_put_text(b, i->sans);
    wire_put_i64(b, i->not_before);
    wire_put_i64(b, i->not_after);
    wire_put_i64(b, i->issued_at);
    wire_put_i64(b, i->revoked_at);
    wire_put_u8(b, i->reason);
    wire_put_fixed(b, i->fingerprint, sizeof(i->fingerprint));
    put_serial_option(b, i->has_replaces, i->replaces);
    put_serial_option(b, i->has_replaced_by, i->replaced_by);
    wire_put_text(b, i->key);
    wire_put_text(b, i->signature);
    wire_put_u8(b, i->followed);
    annotation_put(b, &i->annotation);
}

void cert_info_get(struct wire_in *w, struct cert_info *out)
{
    memset(out, 0, sizeof(*out));
    wire_get_fixed(w, out->serial, SERIAL_LEN);
    unsigned source = wire_get_u8(w);
    if (source > SOURCE_MAX)
        w->failed = true;
    out->source = (enum store_source)source;
    out->number = wire_get_u64(w);
    wire_get_text(w, out->other_serial, sizeof(out->other_serial));
    wire_get_text(w, out->origin, sizeof(out->origin));
    out->last_seen = wire_get_i64(w);
    out->told = wire_get_u8(w);
    if (out->told > IMPORT_TOLD_MAX)
        w->failed = true;
    out->stranger = wire_get_flag(w);
    wire_get_text(w, out->issuer, sizeof(out->issuer));
    wire_get_text(w, out->status, sizeof(out->status));
    wire_get_text(w, out->profile, sizeof(out->profile));
    wire_get_text(w, out->owner, sizeof(out->owner));
    wire_get_text(w, out->requester, sizeof(out->requester));
    wire_get_text(w, out->subject, sizeof(out->subject));
    wire_get_text(w, out->sans, sizeof(out->sans));
    out->not_before = wire_get_i64(w);
    out->not_after = wire_get_i64(w);
    out->issued_at = wire_get_i64(w);
    out->revoked_at = wire_get_i64(w);
    out->reason = wire_get_u8(w);
    wire_get_fixed(w, out->fingerprint, sizeof(out->fingerprint));
    out->has_replaces = get_serial_option(w, out->replaces);
    out->has_replaced_by = get_serial_option(w, out->replaced_by);
    wire_get_text(w, out->key, sizeof(out->key));
    wire_get_text(w, out->signature, sizeof(out->signature));
    out->followed = wire_get_flag(w);
    annotation_get(w, &out->annotation);
}

void list_request_put(struct buf *b, const struct list_request *r)
{
    wire_put_text(b, r->status);
    wire_put_i64(b, r->expires_before);
    wire_put_i64(b, r->issued_from);
    wire_put_i64(b, r->issued_before);
    wire_put_text(b, r->name);
    wire_put_text(b, r->owner);
    wire_put_text(b, r->requester);
    wire_put_text(b, r->profile);
    wire_put_text(b, r->issuer);
    wire_put_u8(b, r->has_key);
    wire_put_fixed(b, r->key, sizeof(r->key));
    wire_put_u8(b, r->sources);
    wire_put_u8(b, r->has_identity);
    wire_put_fixed(b, r->identity, sizeof(r->identity));
    annotation_filter_put(b, &r->annotation);
    wire_put_text(b, r->contains);
    wire_put_u32(b, r->limit);
    wire_put_bytes(b, r->cursor);
    if (r->installed_on[0] == '\0' && r->installed == 0)
        return;
    wire_put_text(b, r->installed_on);
    wire_put_u16(b, r->installed);
}

/* Not there in what was saved before these fields were, nor when nothing is asked by them. */
static void get_installed(struct wire_in *w, struct list_request *out)
{
    if (wire_in_done(w))
        return;
    wire_get_text(w, out->installed_on, sizeof(out->installed_on));
    out->installed = wire_get_u16(w);
    if ((out->installed & ~AGENT_STATES_ALL) != 0)
        w->failed = true;
}

int list_request_get(struct slice body, struct list_request *out)
{
    struct wire_in w;

    memset(out, 0, sizeof(*out));
    wire_in_init(&w, body);
    wire_get_text(&w, out->status, sizeof(out->status));
    out->expires_before = wire_get_i64(&w);
    out->issued_from = wire_get_i64(&w);
    out->issued_before = wire_get_i64(&w);
    wire_get_text(&w, out->name, sizeof(out->name));
    wire_get_text(&w, out->owner, sizeof(out->owner));
    wire_get_text(&w, out->requester, sizeof(out->requester));
    wire_get_text(&w, out->profile, sizeof(out->profile));
    wire_get_text(&w, out->issuer, sizeof(out->issuer));
    out->has_key = wire_get_flag(&w);
    wire_get_fixed(&w, out->key, sizeof(out->key));
    out->sources = wire_get_u8(&w);
    out->has_identity = wire_get_flag(&w);
    wire_get_fixed(&w, out->identity, sizeof(out->identity));
    annotation_filter_get(&w, &out->annotation);
    wire_get_text(&w, out->contains, sizeof(out->contains));
    out->limit = wire_get_u32(&w);
    out->cursor = wire_get_bytes(&w, LIST_CURSOR_MAX);
    get_installed(&w, out);
    if (!wire_in_done(&w) || out->limit == 0 || out->limit > LIST_LIMIT_MAX)
        return -1;
    return 0;
}

void list_page_put(struct buf *b, struct slice cursor, uint32_t n, struct slice rows)
{
    wire_put_bytes(b, cursor);
    wire_put_u32(b, n);
    buf_put_slice(b, rows);
}

int list_page_get(struct slice body, struct list_page *out)
{
    struct wire_in w;

    wire_in_init(&w, body);
    out->cursor = wire_get_bytes(&w, LIST_CURSOR_MAX);
    out->n = wire_get_count(&w, LIST_LIMIT_MAX, SERIAL_LEN);
    out->rows = w;
    return wire_failed(&w) ? -1 : 0;
}

void show_request_put(struct buf *b, const struct show_request *r)
{
    wire_put_text(b, r->selector);
}

int show_request_get(struct slice body, struct show_request *out)
{
    struct wire_in w;

    wire_in_init(&w, body);
    wire_get_text(&w, out->selector, sizeof(out->selector));
    return wire_in_done(&w) ? 0 : -1;
}

void shown_put(struct buf *b, const struct shown *s)
{
    cert_info_put(b, &s->info);
    wire_put_bytes(b, s->certificate);
    wire_put_bytes(b, s->chain);
}

void shown_get(struct wire_in *w, struct shown *out)
{
    cert_info_get(w, &out->info);
    out->certificate = wire_get_bytes(w, CERT_DER_MAX);
    out->chain = wire_get_bytes(w, FRAME_BODY_MAX);
}

void ca_info_put(struct buf *b, const struct ca_info *c)
{
    wire_put_text(b, c->name);
    wire_put_text(b, c->subject);
    wire_put_text(b, c->parent);
    wire_put_text(b, c->token);
    wire_put_text(b, c->key);
    wire_put_text(b, c->state);
    wire_put_u8(b, c->signs_leaves);
    wire_put_u8(b, c->signs_cas);
    wire_put_u32(b, c->generation);
    wire_put_text(b, c->successor);
    wire_put_i64(b, c->not_before);
    wire_put_i64(b, c->not_after);
    wire_put_fixed(b, c->fingerprint, sizeof(c->fingerprint));
    wire_put_bytes(b, c->certificate);
}

void ca_info_get(struct wire_in *w, struct ca_info *out)
{
    memset(out, 0, sizeof(*out));
    wire_get_text(w, out->name, sizeof(out->name));
    wire_get_text(w, out->subject, sizeof(out->subject));
    wire_get_text(w, out->parent, sizeof(out->parent));
    wire_get_text(w, out->token, sizeof(out->token));
    wire_get_text(w, out->key, sizeof(out->key));
    wire_get_text(w, out->state, sizeof(out->state));
    out->signs_leaves = wire_get_flag(w);
    out->signs_cas = wire_get_flag(w);
    out->generation = wire_get_u32(w);
    wire_get_text(w, out->successor, sizeof(out->successor));
    out->not_before = wire_get_i64(w);
    out->not_after = wire_get_i64(w);
    wire_get_fixed(w, out->fingerprint, sizeof(out->fingerprint));
    out->certificate = wire_get_bytes(w, CERT_DER_MAX);
}

void status_item_put(struct buf *b, const struct status_item *s)
{
    wire_put_text(b, s->name);
    wire_put_u8(b, s->ok);
    wire_put_text(b, s->state);
    wire_put_text(b, s->text);
    wire_put_u32(b, s->retry_after);
    wire_put_i64(b, s->by);
}

void status_item_get(struct wire_in *w, struct status_item *out)
{
    memset(out, 0, sizeof(*out));
    wire_get_text(w, out->name, sizeof(out->name));
    out->ok = wire_get_flag(w);
    wire_get_text(w, out->state, sizeof(out->state));
    wire_get_text(w, out->text, sizeof(out->text));
    out->retry_after = wire_get_u32(w);
    out->by = wire_get_i64(w);
}
