#include "lib/annotation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/utf8.h"

#define TAGS_MAX 64

static const char *const criticalities[] = {"", "low", "medium", "high", "critical"};
static const char *const methods[] = {"", "agent", "est", "acme", "manual"};
static const char *const sources[] = {"issued", "imported", "scanned"};
static const char *const fields[ANNOTATION_FIELDS] = {
    "owner",  "contact", "application", "environment", "purpose", "criticality",
    "method", "note",    "tags",        "reviewed",    "retired"};

static int find(const char *const *list, size_t n, const char *text)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i], text) == 0)
            return (int)i;
    return -1;
}

const char *source_name(enum store_source s)
{
    return (unsigned)s <= SOURCE_MAX ? sources[s] : "";
}

int source_parse(const char *text, enum store_source *out)
{
    int i = find(sources, sizeof(sources) / sizeof(sources[0]), text);
    *out = i < 0 ? SOURCE_ISSUED : (enum store_source)i;
    return i < 0 ? -1 : 0;
}

const char *criticality_name(enum criticality c)
{
    return (unsigned)c <= CRITICALITY_CRITICAL ? criticalities[c] : "";
}

const char *method_name(enum renewal_method m)
{
    return (unsigned)m <= METHOD_MANUAL ? methods[m] : "";
}

int criticality_parse(const char *text, enum criticality *out)
{
    int i = find(criticalities, sizeof(criticalities) / sizeof(criticalities[0]), text);
    *out = i < 0 ? CRITICALITY_NONE : (enum criticality)i;
    return i < 0 ? -1 : 0;
}

int method_parse(const char *text, enum renewal_method *out)
{
    int i = find(methods, sizeof(methods) / sizeof(methods[0]), text);
    *out = i < 0 ? METHOD_NONE : (enum renewal_method)i;
    return i < 0 ? -1 : 0;
}

const char *annotation_field_name(unsigned bit)
{
    for (unsigned i = 0; i < ANNOTATION_FIELDS; i++)
        if (bit == 1u << i)
            return fields[i];
    return "";
}

unsigned annotation_field_parse(const char *name)
{
    int i = find(fields, ANNOTATION_FIELDS, name);
    return i < 0 ? 0 : 1u << i;
}

/* ---- fields ---- */

/* Where the text of a field is, and how many octets it may have with its NUL. NULL: it is none. */
static char *text_of(struct annotation *a, unsigned bit, size_t *max)
{
    switch (bit) {
    case ANNOTATION_OWNER:
        *max = sizeof(a->owner);
        return a->owner;
    case ANNOTATION_CONTACT:
        *max = sizeof(a->contact);
        return a->contact;
    case ANNOTATION_APPLICATION:
        *max = sizeof(a->application);
        return a->application;
    case ANNOTATION_ENVIRONMENT:
        *max = sizeof(a->environment);
        return a->environment;
    case ANNOTATION_PURPOSE:
        *max = sizeof(a->purpose);
        return a->purpose;
    case ANNOTATION_NOTE:
        *max = sizeof(a->note);
        return a->note;
    case ANNOTATION_TAGS:
        *max = sizeof(a->tags);
        return a->tags;
    default:
        *max = 0;
        return NULL;
    }
}

/* Those that are no text. */
static int64_t number_of(const struct annotation *a, unsigned bit)
{
    switch (bit) {
    case ANNOTATION_CRITICALITY:
        return (int64_t)a->criticality;
    case ANNOTATION_METHOD:
        return (int64_t)a->method;
    case ANNOTATION_REVIEWED:
        return a->reviewed;
    case ANNOTATION_RETIRED:
        return a->retired;
    default:
        return 0;
    }
}

static void number_set(struct annotation *a, unsigned bit, int64_t v)
{
    if (bit == ANNOTATION_CRITICALITY)
        a->criticality = (enum criticality)v;
    else if (bit == ANNOTATION_METHOD)
        a->method = (enum renewal_method)v;
    else if (bit == ANNOTATION_REVIEWED)
        a->reviewed = v;
    else if (bit == ANNOTATION_RETIRED)
        a->retired = v;
}

static const char *text_read(const struct annotation *a, unsigned bit)
{
    size_t max;
    return text_of((struct annotation *)(uintptr_t)a, bit, &max);
}

unsigned annotation_set_fields(const struct annotation *a)
{
    unsigned set = 0;
    for (unsigned bit = 1; bit <= ANNOTATION_ALL; bit <<= 1) {
        const char *text = text_read(a, bit);
        if (text ? text[0] != 0 : number_of(a, bit) != 0)
            set |= bit;
    }
    return set;
}

unsigned annotation_merge(struct annotation *a, const struct annotation *from, unsigned mask)
{
    unsigned changed = 0;
    for (unsigned bit = 1; bit <= ANNOTATION_ALL; bit <<= 1) {
        size_t max;
        char *text = text_of(a, bit, &max);
        if ((mask & bit) == 0)
            continue;
        if (text) {
            const char *want = text_read(from, bit);
            changed |= strcmp(text, want) != 0 ? bit : 0;
            memcpy(text, want, max);
        } else {
            changed |= number_of(a, bit) != number_of(from, bit) ? bit : 0;
            number_set(a, bit, number_of(from, bit));
        }
    }
    return changed;
}

/* ---- what they may hold ---- */

static int refuse(struct fault *f, const char *rule, unsigned bit, const char *value,
                  const char *allowed)
{
    (void)fault_refuse(f, rule, annotation_field_name(bit), slice_str(value), allowed);
    f->code = FAULT_MALFORMED;
    return -FAULT_MALFORMED;
}

static bool plain(const char *text)
{
    for (const char *p = text; *p; p++)
        if ((uint8_t)*p < 0x20 || *p == 0x7f)
            return false;
    return utf8_valid(slice_str(text));
}

static bool tag_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != 0 && strchr("._:/=-@+", c) != NULL);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Splits at commas and spaces around them; -1: too many, or a character that no tag has. */
static int tags_split(char *text, char *tag[TAGS_MAX], size_t *n)
{
    *n = 0;
    for (char *p = text; *p;) {
        while (*p == ',' || *p == ' ')
            *p++ = 0;
        if (!*p)
            break;
        if (*n == TAGS_MAX)
            return -1;
        tag[(*n)++] = p;
        while (tag_char(*p))
            p++;
        if (*p != 0 && *p != ',' && *p != ' ')
            return -1;
    }
    return 0;
}

static int tags_sort(struct annotation *a, struct fault *f)
{
    char copy[ANNOTATION_TAGS_MAX], *tag[TAGS_MAX], *at = a->tags;
    size_t n;
    memcpy(copy, a->tags, sizeof(copy));
    if (tags_split(copy, tag, &n) != 0)
        return refuse(f, "annotation.tags", ANNOTATION_TAGS, a->tags,
                      "64 tags at most, of letters, digits and . _ : / = - @ +, commas between");
    qsort(tag, n, sizeof(tag[0]), by_text);
    memset(a->tags, 0, sizeof(a->tags));
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && strcmp(tag[i], tag[i - 1]) == 0)
            continue;
        if (at != a->tags)
            *at++ = ',';
        size_t len = strlen(tag[i]);
        memcpy(at, tag[i], len);
        at += len;
    }
    return 0;
}

int annotation_check(struct annotation *a, struct fault *f)
{
    for (unsigned bit = 1; bit <= ANNOTATION_ALL; bit <<= 1) {
        const char *text = text_read(a, bit);
        if (text && !plain(text))
            return refuse(f, "annotation.text", bit, text, "UTF-8 without control characters");
        if (!text && number_of(a, bit) < 0)
            return refuse(f, "annotation.time", bit, "", "a time since 1970");
    }
    return tags_sort(a, f);
}

/* Behind the others; false: there is no room. */
static bool tag_append(struct annotation *a, const char *tag)
{
    size_t n = strlen(a->tags), len = strlen(tag);
    if (n + 1 + len >= sizeof(a->tags))
        return false;
    if (n > 0)
        a->tags[n++] = ',';
    memcpy(a->tags + n, tag, len + 1);
    return true;
}

static int tags_add(struct annotation *a, const char *tags, struct fault *f)
{
    char copy[ANNOTATION_TAGS_MAX], *tag[TAGS_MAX];
    struct fault why;
    bool room = true;
    size_t n;
    (void)snprintf(copy, sizeof(copy), "%s", tags);
    room = tags_split(copy, tag, &n) == 0;
    for (size_t i = 0; i < n && room; i++)
        room = annotation_has_tag(a, tag[i]) || tag_append(a, tag[i]);
    if (room && tags_sort(a, &why) == 0)
        return 0;
    return fault_set(f, FAULT_TOO_LARGE, "annotation.tags",
                     "with those that are there it would have more than %d tags, or than %d octets",
                     TAGS_MAX, ANNOTATION_TAGS_MAX - 1);
}

int annotation_add(struct annotation *a, const struct annotation *from, unsigned *changed,
                   struct fault *f)
{
    struct annotation more = *a;
    *changed = 0;
    if (more.owner[0] == 0)
        memcpy(more.owner, from->owner, sizeof(more.owner));
    if (tags_add(&more, from->tags, f) != 0)
        return -(int)f->code;
    *changed = annotation_merge(a, &more, ANNOTATION_OWNER | ANNOTATION_TAGS);
    return 0;
}

bool annotation_has_tag(const struct annotation *a, const char *tag)
{
    size_t n = strlen(tag);
    for (const char *p = a->tags; *p && n > 0;) {
        size_t len = strcspn(p, ",");
        if (len == n && memcmp(p, tag, n) == 0)
            return true;
        p += len + (p[len] == ',');
    }
    return false;
}

/* ---- as people write them ---- */

void annotation_print(const struct annotation *a, unsigned bit, char out[ANNOTATION_VALUE_MAX])
{
    const char *text = text_read(a, bit);
    out[0] = 0;
    if (bit == ANNOTATION_CRITICALITY)
        text = criticality_name(a->criticality);
    else if (bit == ANNOTATION_METHOD)
        text = method_name(a->method);
    if (text)
        (void)snprintf(out, ANNOTATION_VALUE_MAX, "%s", text);
    else if (number_of(a, bit) != 0)
        clock_format(number_of(a, bit), out);
}

static int parse_time(struct annotation *a, unsigned bit, const char *value, struct fault *f)
{
    int64_t time = 0;
    if (strcmp(value, "now") == 0)
        time = clock_now();
    else if (value[0] != 0 && (clock_parse(value, &time) != 0 || time <= 0))
        return refuse(f, "annotation.value", bit, value, "now, or a time such as 2027-01-31");
    number_set(a, bit, time);
    return 0;
}

int annotation_parse(struct annotation *a, unsigned bit, const char *value, struct fault *f)
{
    size_t max, n = strlen(value);
    char *text = text_of(a, bit, &max);
    if (bit == ANNOTATION_CRITICALITY)
        return criticality_parse(value, &a->criticality) == 0
                   ? 0
                   : refuse(f, "annotation.value", bit, value, "low, medium, high or critical");
    if (bit == ANNOTATION_METHOD)
        return method_parse(value, &a->method) == 0
                   ? 0
                   : refuse(f, "annotation.value", bit, value, "agent, est, acme or manual");
    if (!text)
        return parse_time(a, bit, value, f);
    if (n >= max)
        return refuse(f, "annotation.value", bit, value, "a shorter text");
    memset(text, 0, max);
    memcpy(text, value, n);
    return 0;
}

/* ---- octets ---- */

static void field_put(struct buf *b, const struct annotation *a, unsigned bit)
{
    const char *text = text_read(a, bit);
    if (text)
        wire_put_text(b, text);
    else
        wire_put_i64(b, number_of(a, bit));
}

static bool number_fits(unsigned bit, int64_t v)
{
    if (bit == ANNOTATION_CRITICALITY)
        return v >= 0 && v <= CRITICALITY_CRITICAL;
    return bit != ANNOTATION_METHOD || (v >= 0 && v <= METHOD_MANUAL);
}

static void field_get(struct wire_in *w, struct annotation *out, unsigned bit)
{
    size_t max;
    char *text = text_of(out, bit, &max);
    int64_t v = text ? 0 : wire_get_i64(w);

    if (text)
        wire_get_text(w, text, max);
    else if (number_fits(bit, v))
        number_set(out, bit, v);
    else
        w->failed = true;
}

void annotation_put(struct buf *b, const struct annotation *a)
{
    annotation_put_some(b, a, ANNOTATION_ALL);
    wire_put_i64(b, a->updated);
    wire_put_text(b, a->updated_by);
}

void annotation_get(struct wire_in *w, struct annotation *out)
{
    unsigned mask;
    annotation_get_some(w, out, &mask);
    out->updated = wire_get_i64(w);
    wire_get_text(w, out->updated_by, sizeof(out->updated_by));
    if (mask != ANNOTATION_ALL)
        w->failed = true;
}

void annotation_put_some(struct buf *b, const struct annotation *a, unsigned mask)
{
    wire_put_fixed(b, a->identity, sizeof(a->identity));
    wire_put_u16(b, (uint16_t)mask);
    for (unsigned bit = 1; bit <= ANNOTATION_ALL; bit <<= 1)
        if ((mask & bit) != 0)
            field_put(b, a, bit);
}

void annotation_get_some(struct wire_in *w, struct annotation *out, unsigned *mask)
{
    memset(out, 0, sizeof(*out));
    wire_get_fixed(w, out->identity, sizeof(out->identity));
    *mask = wire_get_u16(w);
    if ((*mask & ~ANNOTATION_ALL) != 0)
        w->failed = true;
    for (unsigned bit = 1; bit <= ANNOTATION_ALL && !wire_failed(w); bit <<= 1)
        if ((*mask & bit) != 0)
            field_get(w, out, bit);
}

/* ---- what lists ask for ---- */

bool annotation_filter_asks(const struct annotation_filter *q)
{
    return q->contact[0] || q->application[0] || q->environment[0] || q->tag[0] ||
           q->criticality != CRITICALITY_NONE || q->method != METHOD_NONE;
}

static bool text_matches(const char *have, const char *want)
{
    return want[0] == 0 || strcmp(have, want) == 0;
}

bool annotation_matches(const struct annotation *a, const struct annotation_filter *q)
{
    return text_matches(a->contact, q->contact) && text_matches(a->application, q->application) &&
           text_matches(a->environment, q->environment) &&
           (q->tag[0] == 0 || annotation_has_tag(a, q->tag)) &&
           (q->criticality == CRITICALITY_NONE || a->criticality == q->criticality) &&
           (q->method == METHOD_NONE || a->method == q->method);
}

void annotation_filter_put(struct buf *b, const struct annotation_filter *q)
{
    wire_put_text(b, q->contact);
    wire_put_text(b, q->application);
    wire_put_text(b, q->environment);
    wire_put_text(b, q->tag);
    wire_put_u8(b, (uint8_t)q->criticality);
    wire_put_u8(b, (uint8_t)q->method);
}

void annotation_filter_get(struct wire_in *w, struct annotation_filter *out)
{
    memset(out, 0, sizeof(*out));
    wire_get_text(w, out->contact, sizeof(out->contact));
    wire_get_text(w, out->application, sizeof(out->application));
    wire_get_text(w, out->environment, sizeof(out->environment));
    wire_get_text(w, out->tag, sizeof(out->tag));
    unsigned criticality = wire_get_u8(w), method = wire_get_u8(w);
    if (criticality > CRITICALITY_CRITICAL || method > METHOD_MANUAL) {
        w->failed = true;
        return;
    }
    out->criticality = (enum criticality)criticality;
    out->method = (enum renewal_method)method;
}
