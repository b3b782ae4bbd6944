#include "ca/audit/audit.h"

#include <stdio.h>
#include <string.h>

#include "lib/utf8.h"
#include "lib/wire.h"

/* One octet, so that a later layout can live in the same log. */
enum { RECORD_VERSION = 1 };

/* Which of the optional fields follow, in this order. A field that is not set
 * costs nothing: most records are issuances, and there are millions of them. */
enum {
    HAS_ACTOR = 1 << 0,
    HAS_ORIGIN = 1 << 1,
    HAS_PROFILE = 1 << 2,
    HAS_SERIAL = 1 << 3,
    HAS_FAULT = 1 << 4,
    HAS_RULE = 1 << 5,
    HAS_FIELD = 1 << 6,
    HAS_VALUE = 1 << 7,
    HAS_DETAIL = 1 << 8,
    HAS_ALL = (1 << 9) - 1,
};

static const char *const action_names[] = {
    [AUDIT_START] = "start",
    [AUDIT_INTENT] = "intent",
    [AUDIT_FINISH] = "finish",
    [AUDIT_ABANDON] = "abandon",
    [AUDIT_REFUSE] = "refuse",
    [AUDIT_REVOKE] = "revoke",
    [AUDIT_DROP] = "drop",
    [AUDIT_CHECKPOINT] = "checkpoint",
    [AUDIT_BACKUP] = "backup",
    [AUDIT_RESTORE] = "restore",
    [AUDIT_OPEN] = "open",
    [AUDIT_CA_INSTALL] = "ca-install",
    [AUDIT_CRL] = "crl",
    [AUDIT_TOKEN_CREATE] = "token-create",
    [AUDIT_TOKEN_REVOKE] = "token-revoke",
    [AUDIT_REQUEST] = "request",
    [AUDIT_APPROVE] = "approve",
    [AUDIT_DENY] = "deny",
    [AUDIT_HOLD] = "hold",
    [AUDIT_RELEASE] = "release",
    [AUDIT_KEY_BLOCK] = "key-block",
    [AUDIT_IDENTITY_BLOCK] = "identity-block",
    [AUDIT_PRUNE] = "prune",
    [AUDIT_CA_RETIRE] = "ca-retire",
    [AUDIT_CLOSE] = "close",
    [AUDIT_IDENTITY_UNBLOCK] = "identity-unblock",
    [AUDIT_ALERT] = "alert",
    [AUDIT_EXCEPTION] = "exception",
    [AUDIT_FOREIGN] = "foreign-add",
    [AUDIT_ANNOTATE] = "annotate",
    [AUDIT_STRANGER] = "stranger",
    [AUDIT_FILTER] = "filter",
    [AUDIT_NOTIFY] = "notify",
    [AUDIT_CAMPAIGN] = "campaign",
    [AUDIT_REPORT] = "report",
    [AUDIT_SCAN] = "scan",
};

static bool action_known(unsigned a)
{
    return a >= AUDIT_START && a <= AUDIT_ACTION_MAX && action_names[a] != NULL;
}

const char *audit_action_name(enum audit_action a)
{
    return action_known((unsigned)a) ? action_names[a] : "unknown";
}

/* What is recorded must be readable for ever, whatever a requester sent: text
 * that is not UTF-8 (cut inside a character, say) keeps its ASCII only. */
static void put_text(struct buf *b, const char *field, size_t cap)
{
    char text[256];
    bool ascii = true;
    size_t n = strnlen(field, cap - 1);

    memcpy(text, field, n);
    text[n] = '\0';
    for (size_t i = 0; i < n; i++)
        ascii = ascii && (uint8_t)text[i] < 0x80;
    if (!ascii && !utf8_valid(slice_of(text, n))) {
        for (size_t i = 0; i < n; i++)
            if ((uint8_t)text[i] >= 0x80)
                text[i] = '?';
    }
    wire_put_text(b, text);
}

static uint16_t present(const struct audit_event *e)
{
    unsigned has = 0;

    has |= e->actor[0] ? HAS_ACTOR : 0;
    has |= e->origin[0] ? HAS_ORIGIN : 0;
    has |= e->profile[0] ? HAS_PROFILE : 0;
    has |= e->has_serial ? HAS_SERIAL : 0;
    has |= e->fault_code ? HAS_FAULT : 0;
    has |= e->rule[0] ? HAS_RULE : 0;
    has |= e->field[0] ? HAS_FIELD : 0;
    has |= e->value[0] ? HAS_VALUE : 0;
    has |= e->detail[0] ? HAS_DETAIL : 0;
    return (uint16_t)has;
}

void audit_put(struct buf *b, const struct audit_event *e)
{
    uint16_t has = present(e);

    wire_put_u8(b, RECORD_VERSION);
    wire_put_u8(b, (uint8_t)e->action);
    wire_put_i64(b, e->time);
    wire_put_fixed(b, e->generation, sizeof e->generation);
    wire_put_u16(b, has);
    if (has & HAS_ACTOR)
        put_text(b, e->actor, sizeof e->actor);
    if (has & HAS_ORIGIN)
        put_text(b, e->origin, sizeof e->origin);
    if (has & HAS_PROFILE)
        put_text(b, e->profile, sizeof e->profile);
    if (has & HAS_SERIAL) {
        wire_put_fixed(b, e->serial, sizeof e->serial);
        wire_put_u16(b, e->issuer);
    }
    if (has & HAS_FAULT)
        wire_put_u8(b, e->fault_code);
    if (has & HAS_RULE)
        put_text(b, e->rule, sizeof e->rule);
    if (has & HAS_FIELD)
        put_text(b, e->field, sizeof e->field);
    if (has & HAS_VALUE)
        put_text(b, e->value, sizeof e->value);
    if (has & HAS_DETAIL)
        put_text(b, e->detail, sizeof e->detail);
}

static void get_fields(struct wire_in *w, uint16_t has, struct audit_event *e)
{
    if (has & HAS_ACTOR)
        wire_get_text(w, e->actor, sizeof e->actor);
    if (has & HAS_ORIGIN)
        wire_get_text(w, e->origin, sizeof e->origin);
    if (has & HAS_PROFILE)
        wire_get_text(w, e->profile, sizeof e->profile);
    if (has & HAS_SERIAL) {
        e->has_serial = true;
        wire_get_fixed(w, e->serial, sizeof e->serial);
        e->issuer = wire_get_u16(w);
    }
    if (has & HAS_FAULT)
        e->fault_code = wire_get_u8(w);
    if (has & HAS_RULE)
        wire_get_text(w, e->rule, sizeof e->rule);
    if (has & HAS_FIELD)
        wire_get_text(w, e->field, sizeof e->field);
    if (has & HAS_VALUE)
        wire_get_text(w, e->value, sizeof e->value);
    if (has & HAS_DETAIL)
        wire_get_text(w, e->detail, sizeof e->detail);
}

int audit_get(struct slice record, struct audit_event *out)
{
    struct wire_in w;
    uint8_t version, action;
    uint16_t has;

    memset(out, 0, sizeof *out);
    wire_in_init(&w, record);
    version = wire_get_u8(&w);
    action = wire_get_u8(&w);
    out->time = wire_get_i64(&w);
    wire_get_fixed(&w, out->generation, sizeof out->generation);
    has = wire_get_u16(&w);
    get_fields(&w, has, out);
    /* One event has one encoding: a flag whose field turns out empty is refused. */
    if (wire_in_done(&w) && version == RECORD_VERSION && action_known(action) &&
        !(has & ~HAS_ALL) && present(out) == has && out->fault_code <= FAULT_CODE_MAX) {
        out->action = (enum audit_action)action;
        return 0;
    }
    memset(out, 0, sizeof *out);
    return -FAULT_MALFORMED;
}

void audit_set_fault(struct audit_event *e, const struct fault *f)
{
    e->action = AUDIT_REFUSE;
    e->fault_code = (uint8_t)f->code;
    snprintf(e->rule, sizeof e->rule, "%s", f->rule);
    snprintf(e->field, sizeof e->field, "%s", f->field);
    snprintf(e->value, sizeof e->value, "%s", f->value);
    if (e->detail[0] == '\0')
        snprintf(e->detail, sizeof e->detail, "%s", f->text);
}
