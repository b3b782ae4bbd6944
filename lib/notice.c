#include "lib/notice.h"

#include <stdio.h>
#include <string.h>

#include "lib/utf8.h"

static const char *const kind_words[NOTICE_KINDS + 1] = {
    [NOTICE_RAISED] = "raised",       [NOTICE_REPEATED] = "repeated",
    [NOTICE_ESCALATED] = "escalated", [NOTICE_ACKNOWLEDGED] = "acknowledged",
    [NOTICE_RESOLVED] = "resolved",   [NOTICE_DIGEST] = "digest",
    [NOTICE_HEARTBEAT] = "heartbeat", [NOTICE_TEST] = "test",
};

static const char *const severity_words[] = {
    [SEVERITY_INFO] = "info", [SEVERITY_WARNING] = "warning", [SEVERITY_CRITICAL] = "critical"};

static bool kind_known(unsigned k)
{
    return k >= NOTICE_RAISED && k <= NOTICE_KINDS;
}

static bool severity_known(unsigned s)
{
    return s >= SEVERITY_INFO && s <= SEVERITY_CRITICAL;
}

const char *notice_kind_word(enum notice_kind k)
{
    return kind_known((unsigned)k) ? kind_words[k] : "unknown";
}

const char *severity_word(enum severity s)
{
    return severity_known((unsigned)s) ? severity_words[s] : "unknown";
}

bool severity_parse(const char *word, enum severity *out)
{
    for (unsigned s = SEVERITY_INFO; s <= SEVERITY_CRITICAL; s++) {
        if (strcmp(word, severity_words[s]) == 0) {
            *out = (enum severity)s;
            return true;
        }
    }
    return false;
}

void notice_set(char *field, size_t cap, const char *text)
{
    size_t n = strnlen(text, cap);

    if (n == cap) {
        n = cap - 1;
        while (n > 0 && ((uint8_t)text[n] & 0xc0) == 0x80)
            n--;
    }
    memcpy(field, text, n);
    memset(field + n, 0, cap - n);
    if (utf8_valid(slice_of(field, n)))
        return;
    for (size_t i = 0; i < n; i++)
        if ((uint8_t)field[i] >= 0x80)
            field[i] = '?';
}

void notice_fact(struct notice *n, const char *name, const char *value)
{
    struct notice_fact *f;

    if (value[0] == '\0' || n->n_facts >= NOTICE_FACTS_MAX)
        return;
    f = &n->fact[n->n_facts++];
    notice_set(f->name, sizeof(f->name), name);
    notice_set(f->value, sizeof(f->value), value);
}

void notice_put(struct buf *b, const struct notice *n)
{
    wire_put_u64(b, n->number);
    wire_put_text(b, n->id);
    wire_put_u8(b, (uint8_t)n->kind);
    wire_put_u8(b, (uint8_t)n->severity);
    wire_put_u8(b, n->has_key);
    wire_put_fixed(b, n->key, sizeof(n->key));
    wire_put_i64(b, n->time);
    wire_put_i64(b, n->first_seen);
    wire_put_i64(b, n->deadline);
    wire_put_text(b, n->rule);
    wire_put_text(b, n->subject);
    wire_put_text(b, n->owner);
    wire_put_text(b, n->contact);
    wire_put_text(b, n->summary);
    wire_put_text(b, n->text);
    wire_put_u32(b, n->n_facts);
    for (uint32_t i = 0; i < n->n_facts; i++) {
        wire_put_text(b, n->fact[i].name);
        wire_put_text(b, n->fact[i].value);
    }
}

void notice_get(struct wire_in *w, struct notice *out)
{
    uint8_t kind, severity;

    memset(out, 0, sizeof(*out));
    out->number = wire_get_u64(w);
    wire_get_text(w, out->id, sizeof(out->id));
    kind = wire_get_u8(w);
    severity = wire_get_u8(w);
    out->has_key = wire_get_flag(w);
    wire_get_fixed(w, out->key, sizeof(out->key));
    out->time = wire_get_i64(w);
    out->first_seen = wire_get_i64(w);
    out->deadline = wire_get_i64(w);
    wire_get_text(w, out->rule, sizeof(out->rule));
    wire_get_text(w, out->subject, sizeof(out->subject));
    wire_get_text(w, out->owner, sizeof(out->owner));
    wire_get_text(w, out->contact, sizeof(out->contact));
    wire_get_text(w, out->summary, sizeof(out->summary));
    wire_get_text(w, out->text, sizeof(out->text));
    out->n_facts = wire_get_count(w, NOTICE_FACTS_MAX, 8);
    for (uint32_t i = 0; i < out->n_facts && !wire_failed(w); i++) {
        wire_get_text(w, out->fact[i].name, sizeof(out->fact[i].name));
        wire_get_text(w, out->fact[i].value, sizeof(out->fact[i].value));
    }
    if (!kind_known(kind) || !severity_known(severity))
        w->failed = true;
    out->kind = (enum notice_kind)kind;
    out->severity = (enum severity)severity;
}
