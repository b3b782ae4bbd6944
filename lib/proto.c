#include "lib/proto.h"

#include <string.h>

#define CERT_DER_MAX 40960
#define CHAIN_MAX 49152

/* Lists of names put and got the same way everywhere: kind, octets. */
static void san_list_wire_put(struct buf *b, const struct san_list *l)
{
    wire_put_u32(b, (uint32_t)l->n);
    for (size_t i = 0; i < l->n; i++) {
        wire_put_u8(b, (uint8_t)l->item[i].kind);
        wire_put_bytes(b, l->item[i].value);
    }
}

static void san_list_wire_get(struct wire_in *w, struct san_list *out)
{
    uint32_t n = wire_get_count(w, SAN_MAX, 5);

    out->n = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint8_t kind = wire_get_u8(w);

        if (kind < SAN_DNS || kind > SAN_KIND_MAX)
            w->failed = true;
        out->item[i].kind = (enum san_kind)kind;
        out->item[i].value = wire_get_bytes(w, SAN_VALUE_MAX);
        if (wire_failed(w))
            return;
        out->n = i + 1;
    }
}

static void put_optional(struct buf *b, bool has, const void *p, size_t n)
{
    wire_put_u8(b, has);
    if (has)
        wire_put_fixed(b, p, n);
}

static bool get_optional(struct wire_in *w, void *out, size_t n)
{
    bool has = wire_get_flag(w);

    memset(out, 0, n);
    if (has)
        wire_get_fixed(w, out, n);
    return has;
}

static int done(const struct wire_in *w)
{
    return wire_in_done(w) ? 0 : -1;
}

void fault_put(struct buf *b, const struct fault *f)
{
    wire_put_u8(b, (uint8_t)f->code);
    wire_put_u32(b, f->retry_after);
    wire_put_text(b, f->rule);
    wire_put_text(b, f->field);
    wire_put_text(b, f->value);
    wire_put_text(b, f->allowed);
    wire_put_text(b, f->text);
}

int fault_get(struct slice body, struct fault *out)
{
    struct wire_in w;
    uint8_t code;

    fault_clear(out);
    wire_in_init(&w, body);
    code = wire_get_u8(&w);
    out->retry_after = wire_get_u32(&w);
    wire_get_text(&w, out->rule, sizeof(out->rule));
    wire_get_text(&w, out->field, sizeof(out->field));
    wire_get_text(&w, out->value, sizeof(out->value));
    wire_get_text(&w, out->allowed, sizeof(out->allowed));
    wire_get_text(&w, out->text, sizeof(out->text));
    if (done(&w) != 0 || code == FAULT_NONE || code > FAULT_CODE_MAX) {
        fault_clear(out);
        return -1;
    }
    out->code = (enum fault_code)code;
    return 0;
}

void issue_request_put(struct buf *b, const struct issue_request *r)
{
    wire_put_bytes(b, r->token);
    wire_put_text(b, r->profile);
    wire_put_bytes(b, r->csr);
    san_list_wire_put(b, &r->sans);
    wire_put_text(b, r->subject);
    wire_put_text(b, r->owner);
    wire_put_i64(b, r->validity);
    wire_put_i64(b, r->not_after);
    put_optional(b, r->has_request_key, r->request_key, sizeof(r->request_key));
    put_optional(b, r->has_replaces, r->replaces, sizeof(r->replaces));
    wire_put_u8(b, r->dry_run);
}

int issue_request_get(struct slice body, struct issue_request *out)
{
    struct wire_in w;

    memset(out, 0, sizeof(*out));
    wire_in_init(&w, body);
    out->token = wire_get_bytes(&w, TOKEN_TEXT_MAX);
    wire_get_text(&w, out->profile, sizeof(out->profile));
    out->csr = wire_get_bytes(&w, CSR_MAX);
    san_list_wire_get(&w, &out->sans);
    wire_get_text(&w, out->subject, sizeof(out->subject));
    wire_get_text(&w, out->owner, sizeof(out->owner));
    out->validity = wire_get_i64(&w);
    out->not_after = wire_get_i64(&w);
    out->has_request_key = get_optional(&w, out->request_key, sizeof(out->request_key));
    out->has_replaces = get_optional(&w, out->replaces, sizeof(out->replaces));
    out->dry_run = wire_get_flag(&w);
    return done(&w);
}

bool issue_request_has_token(struct slice body)
{
    struct wire_in w;

    wire_in_init(&w, body);
    return wire_get_bytes(&w, TOKEN_TEXT_MAX).n > 0;
}

void issued_put(struct buf *b, const struct issued *i)
{
    wire_put_bytes(b, i->certificate);
    wire_put_bytes(b, i->chain);
    wire_put_u8(b, i->again);
}

int issued_get(struct slice body, struct issued *out)
{
    struct wire_in w;

    wire_in_init(&w, body);
    out->certificate = wire_get_bytes(&w, CERT_DER_MAX);
    out->chain = wire_get_bytes(&w, CHAIN_MAX);
    out->again = wire_get_flag(&w);
    return done(&w);
}

void check_progress_put(struct buf *b, const char *what, uint64_t part, uint64_t total)
{
    wire_put_text(b, what);
    wire_put_u64(b, part);
    wire_put_u64(b, total);
}

int check_progress_get(struct slice body, char what[64], uint64_t *part, uint64_t *total)
{
    struct wire_in w;

    wire_in_init(&w, body);
    wire_get_text(&w, what, 64);
    *part = wire_get_u64(&w);
    *total = wire_get_u64(&w);
    return done(&w);
}

void check_finding_put(struct buf *b, const char *rule, const char *text)
{
    wire_put_text(b, rule);
    wire_put_text(b, text);
}

int check_finding_get(struct slice body, char rule[64], char text[512])
{
    struct wire_in w;

    wire_in_init(&w, body);
    wire_get_text(&w, rule, 64);
    wire_get_text(&w, text, 512);
    return done(&w);
}

void check_done_put(struct buf *b, uint64_t findings)
{
    wire_put_u64(b, findings);
}

int check_done_get(struct slice body, uint64_t *findings)
{
    struct wire_in w;

    wire_in_init(&w, body);
    *findings = wire_get_u64(&w);
    return done(&w);
}
