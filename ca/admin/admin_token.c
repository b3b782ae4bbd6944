/* Tokens: making, listing and revoking them, and issuing for whoever brings one. */
#include "ca/admin/admin_inner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ca/door/token.h"
#include "lib/clock.h"
#include "lib/ext.h"
#include "lib/log.h"
#include "lib/name.h"

#define LIFE_MAX ((int64_t)366 * 86400)

/* A change on its way to the store. */
struct change {
    struct ask *ask;
    struct store_op op;
    struct store_token token;
    uint8_t secret[TOKEN_SECRET];
};

static int malformed(struct fault *f)
{
    return fault_set(f, FAULT_MALFORMED, "request.body", "the request is malformed");
}

/* ---- checking what is asked for ---- */

static int check_profile(const struct ask *q, const char *name, struct fault *f)
{
    const struct conf *conf = q->client->admin->parts.conf;
    const struct conf_profile *p = conf_profile(conf, name);

    if (conf_profile_is_off(conf, name))
        return fault_set(f, FAULT_POLICY, "profile.off", "%s", conf->profile_off);
    if (p == NULL)
        return fault_refuse(f, "profile.unknown", "profile", slice_str(name),
                            "a profile of the configuration");
    if (q->client->who.role >= p->role)
        return 0;
    (void)fault_refuse(f, "requester.role", "requester", slice_str(q->client->who.name),
                       conf_role_name(p->role));
    f->code = FAULT_DENIED;
    return -FAULT_DENIED;
}

static int check_pattern(const char *pattern, struct fault *f)
{
    return conf_check_kind_pattern(pattern, f) == 0 ? 0 : fault_rename(f, "token.pattern");
}

static int check_sid(const char *sid, struct fault *f)
{
    if (sid[0] == '\0' || ext_sid_valid(slice_str(sid)))
        return 0;
    return fault_refuse(f, "token.sid", "sid", slice_str(sid), "S-1- and decimal numbers");
}

static int check_upn(const char *upn, struct fault *f)
{
    struct san name = {SAN_UPN, slice_str(upn)};

    return upn[0] == '\0' || san_check(&name, f) == 0 ? 0 : fault_rename(f, "token.upn");
}

static int check_subject(const char *subject, struct fault *f)
{
    struct buf der;
    int rc = 0;

    buf_init(&der, NAME_DER_MAX);
    if (subject[0] != '\0')
        rc = name_parse(subject, &der, f);
    buf_free(&der);
    return rc;
}

static int check_request(const struct ask *q, const struct token_request *r, struct fault *f)
{
    if (check_profile(q, r->profile, f) != 0)
        return -(int)f->code;
    for (uint32_t i = 0; i < r->names.n; i++)
        if (check_pattern(r->names.item[i], f) != 0)
            return -(int)f->code;
    if (r->names.n == 0 && r->upn[0] == '\0' && r->subject[0] == '\0')
        return fault_refuse(f, "token.pattern", "name", SLICE_NONE,
                            "at least one pattern, a UPN or a subject");
    if (r->uses < 1 || r->uses > TOKEN_USES_MAX)
        return fault_set(f, FAULT_POLICY, "token.uses", "uses must be from 1 to %d",
                         TOKEN_USES_MAX);
    if (r->life < 1 || r->life > LIFE_MAX)
        return fault_set(f, FAULT_POLICY, "token.life", "a token lives for 1s to 366d");
    if (check_sid(r->sid, f) != 0 || check_upn(r->upn, f) != 0 || check_subject(r->subject, f) != 0)
        return -(int)f->code;
    return 0;
}

/* ---- changing ---- */

static struct change *change_new(struct ask *q, enum token_verb verb, enum audit_action action,
                                 void (*done)(struct store_op *op))
{
    struct change *c = xcalloc(1, sizeof(*c));
    const struct requester *who = &q->client->who;
    struct audit_event *e = &c->op.audit;

    c->ask = q;
    c->token.verb = verb;
    c->op.kind = STORE_TOKEN;
    c->op.time = clock_now();
    c->op.token = &c->token;
    c->op.done = done;
    c->op.arg = c;
    e->action = action;
    e->time = c->op.time;
    memcpy(e->generation, q->client->admin->parts.conf->generation, sizeof(e->generation));
    snprintf(e->actor, sizeof(e->actor), "%s", who->name);
    snprintf(e->origin, sizeof(e->origin), "%s", who->origin);
    return c;
}

static void change_free(struct change *c)
{
    explicit_bzero(c, sizeof(*c));
    free(c);
}

static void answer_created(struct ask *q, uint64_t id, int64_t expires, const char *text)
{
    struct token_created out = {id, expires, slice_str(text)};

    token_created_put(&q->out, &out);
    ask_answer(q, MSG_TOKEN_CREATED, buf_slice(&q->out));
}

static void created(void *arg)
{
    struct change *c = arg;
    const struct token_info *t = &c->token.row.info;
    char text[TOKEN_TEXT_MAX];

    if (c->op.result != 0) {
        ask_fail(c->ask, &c->op.fault);
    } else {
        token_text(t->id, c->secret, text);
        answer_created(c->ask, t->id, t->expires, text);
        explicit_bzero(text, sizeof(text));
    }
    change_free(c);
}

static void create_done(struct store_op *op)
{
    struct change *c = op->arg;

    loop_post(c->ask->client->admin->parts.loop, created, c);
}

static void fill_info(const struct token_request *r, const struct change *c, const char *by,
                      struct token_info *out)
{
    memcpy(out->profile, r->profile, sizeof(out->profile));
    out->names = r->names;
    out->uses = r->uses;
    out->expires = c->op.time + r->life;
    memcpy(out->owner, r->owner, sizeof(out->owner));
    memcpy(out->sid, r->sid, sizeof(out->sid));
    memcpy(out->upn, r->upn, sizeof(out->upn));
    memcpy(out->subject, r->subject, sizeof(out->subject));
    snprintf(out->created_by, sizeof(out->created_by), "%s", by);
}

static void describe(const struct token_info *t, struct audit_event *e)
{
    struct buf b;

    snprintf(e->profile, sizeof(e->profile), "%s", t->profile);
    buf_init(&b, TOKEN_PATTERNS_MAX * TOKEN_PATTERN_MAX + 1024);
    buf_printf(&b, "uses=%u", t->uses);
    if (t->sid[0] != '\0')
        buf_printf(&b, " sid=%s", t->sid);
    if (t->upn[0] != '\0')
        buf_printf(&b, " upn=%s", t->upn);
    for (uint32_t i = 0; i < t->names.n; i++)
        buf_printf(&b, " %s", t->names.item[i]);
    snprintf(e->detail, sizeof(e->detail), "%s", buf_cstr(&b));
    buf_free(&b);
}

void create_token(struct ask *q)
{
    struct token_request *r = xcalloc(1, sizeof(*r));
    struct change *c;

    if (token_request_get(buf_slice(&q->in), r) != 0) {
        (void)malformed(&q->fault);
        ask_fail(q, &q->fault);
    } else if (check_request(q, r, &q->fault) != 0) {
        door_record_refusal(q->client->admin->parts.door, &q->client->who, &q->fault);
        ask_fail(q, &q->fault);
    } else if (r->dry_run) {
        answer_created(q, 0, clock_now() + r->life, "");
    } else {
        c = change_new(q, TOKEN_CREATE, AUDIT_TOKEN_CREATE, create_done);
        fill_info(r, c, q->client->who.name, &c->token.row.info);
        random_bytes(c->secret, sizeof(c->secret));
        sha256(slice_of(c->secret, sizeof(c->secret)), c->token.row.hash);
        describe(&c->token.row.info, &c->op.audit);
        store_submit(q->client->admin->parts.store, &c->op);
    }
    free(r);
}

/* ---- telling ---- */

static void put_token(struct buf *out, const struct token_row *t, int64_t restored_at)
{
    struct token_info info = t->info;
    struct fault f;

    fault_clear(&f);
    snprintf(info.state, sizeof(info.state), "usable");
    if (token_usable(t, restored_at, clock_now(), &f) != 0)
        snprintf(info.state, sizeof(info.state), "%.15s", f.rule + strlen("token."));
    token_info_put(out, &info);
}

static void revoked(void *arg)
{
    struct change *c = arg;
    struct ask *q = c->ask;

    if (c->op.result != 0) {
        ask_fail(q, &c->op.fault);
    } else {
        put_token(&q->out, &c->token.row, 0);
        ask_answer(q, MSG_TOKEN_REVOKED, buf_slice(&q->out));
    }
    change_free(c);
}

static void revoke_done(struct store_op *op)
{
    struct change *c = op->arg;

    loop_post(c->ask->client->admin->parts.loop, revoked, c);
}

void revoke_token(struct ask *q)
{
    struct change *c;
    uint64_t id;

    if (token_choice_get(buf_slice(&q->in), &id) != 0) {
        (void)malformed(&q->fault);
        ask_fail(q, &q->fault);
        return;
    }
    c = change_new(q, TOKEN_REVOKE, AUDIT_TOKEN_REVOKE, revoke_done);
    c->token.row.info.id = id;
    snprintf(c->token.row.info.revoked_by, sizeof(c->token.row.info.revoked_by), "%s",
             q->client->who.name);
    store_submit(q->client->admin->parts.store, &c->op);
}

struct page {
    struct token_query query;
    int64_t restored_at;
    struct buf rows;
    uint32_t n;
    bool more;
};

static int add_token(void *arg, const struct token_row *t)
{
    struct page *p = arg;
    struct fault ignored;

    fault_clear(&ignored);
    if (!p->query.all && token_usable(t, p->restored_at, clock_now(), &ignored) != 0)
        return 0;
    /* A token with many patterns fills a page by itself. */
    p->more = p->n == TOKEN_PAGE_MAX || p->rows.n > FRAME_BODY_MAX / 2;
    if (p->more)
        return 1;
    put_token(&p->rows, t, p->restored_at);
    p->n++;
    return 0;
}

static void read_tokens(struct ask *q)
{
    struct store *s = q->client->admin->parts.store;
    struct page p = {.n = 0};
    struct store_gate gate;

    if (token_query_get(buf_slice(&q->in), &p.query) != 0) {
        (void)malformed(&q->fault);
        return;
    }
    buf_init(&p.rows, FRAME_BODY_MAX);
    if (store_gate(s, &gate, &q->fault) == 0) {
        p.restored_at = gate.restored_at;
        if (store_tokens(s, p.query.after, add_token, &p, &q->fault) == 0) {
            wire_put_u8(&q->out, p.more);
            wire_put_u32(&q->out, p.n);
            buf_put_slice(&q->out, buf_slice(&p.rows));
        }
    }
    buf_free(&p.rows);
}

void list_tokens(struct ask *q)
{
    ask_read(q, MSG_TOKEN_LISTED, read_tokens);
}

/* ---- issuing ---- */

static void token_reply(void *arg, const struct issued *issued, const struct fault *f)
{
    struct ask *q = arg;

    if (f != NULL) {
        if (strcmp(f->rule, "token.unknown") == 0)
            slow_failed(q->client->admin->slow, q->client->who.uid);
        ask_fail(q, f);
        return;
    }
    issued_put(&q->out, issued);
    ask_answer(q, MSG_ISSUED, buf_slice(&q->out));
}

bool token_issue(struct ask *q)
{
    uint32_t wait = slow_wait(q->client->admin->slow, q->client->who.uid);

    if (!issue_request_has_token(buf_slice(&q->in)))
        return false;
    if (wait > 0) {
        (void)fault_unavailable(&q->fault, wait, "token.slow",
                                "too many unknown tokens from this user; retry after %u s", wait);
        ask_fail(q, &q->fault);
        return true;
    }
    door_issue(q->client->admin->parts.door, &q->client->who, buf_slice(&q->in), token_reply, q);
    return true;
}
