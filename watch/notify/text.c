#include "watch/notify/text.h"

#include <stdio.h>
#include <string.h>

#include "lib/clock.h"

/* Octets of the character that begins with this one; text is valid UTF-8. */
static size_t length_of(uint8_t first)
{
    if (first < 0x80)
        return 1;
    if (first < 0xe0)
        return 2;
    return first < 0xf0 ? 3 : 4;
}

static uint32_t character(const uint8_t *p, size_t n)
{
    uint32_t c = n == 1 ? p[0] : p[0] & (0x7fU >> n);

    for (size_t i = 1; i < n; i++)
        c = c << 6 | (p[i] & 0x3fU);
    return c;
}

/* Controls (C0, DEL, C1), the ends of lines and paragraphs, and what turns text around or hides it
 * (Unicode TR36, TR9). */
static bool is_unsafe(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x061c || (c >= 0x200b && c <= 0x200f) ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
           (c >= 0xfff9 && c <= 0xfffb) || (c >= 0xe0000 && c <= 0xe007f);
}

void text_clean(struct buf *out, const char *text, bool lines, size_t max)
{
    const uint8_t *p = (const uint8_t *)text;
    size_t put = 0;

    while (*p != '\0') {
        size_t n = strnlen((const char *)p, length_of(*p));

        if (put + n > max) {
            buf_put_str(out, "...");
            return;
        }
        if (*p == '\t' || (*p == '\n' && !lines))
            buf_put_u8(out, ' ');
        else if (is_unsafe(character(p, n)) && *p != '\n')
            buf_put_u8(out, '?');
        else
            buf_put(out, p, n);
        put += n;
        p += n;
    }
}

/* ---- in one line ---- */

static const char *lead(const struct notice *n)
{
    switch (n->kind) {
    case NOTICE_RAISED:
        return severity_word(n->severity);
    case NOTICE_REPEATED:
        return n->severity == SEVERITY_CRITICAL ? "still critical" : "still there";
    default:
        return notice_kind_word(n->kind);
    }
}

void text_title(const struct notice *n, char out[TEXT_TITLE_SIZE])
{
    struct buf b;

    buf_init(&b, 1024);
    text_clean(&b, n->summary, false, 250);
    (void)snprintf(out, TEXT_TITLE_SIZE, "%s: %.260s", lead(n), buf_cstr(&b));
    buf_free(&b);
}

/* ---- facts ---- */

static void add(struct notice_fact *out, size_t *n, const char *name, const char *value)
{
    struct buf b;

    if (value[0] == '\0' || *n >= TEXT_FACTS_MAX)
        return;
    memset(&out[*n], 0, sizeof(out[*n]));
    buf_init(&b, 1024);
    text_clean(&b, name, false, sizeof(out->name) - 4);
    notice_set(out[*n].name, sizeof(out->name), buf_cstr(&b));
    buf_reset(&b);
    text_clean(&b, value, false, sizeof(out->value) - 4);
    notice_set(out[*n].value, sizeof(out->value), buf_cstr(&b));
    buf_free(&b);
    ++*n;
}

static void add_time(struct notice_fact *out, size_t *n, const char *name, int64_t t)
{
    char text[CLOCK_TEXT_SIZE];

    if (t == 0)
        return;
    clock_format(t, text);
    add(out, n, name, text);
}

size_t text_facts(const struct notice *n, struct notice_fact out[TEXT_FACTS_MAX])
{
    size_t count = 0;

    add(out, &count, "subject", n->subject);
    add(out, &count, "owner", n->owner);
    add(out, &count, "severity", severity_word(n->severity));
    add(out, &count, "rule", n->rule);
    add_time(out, &count, "since", n->first_seen);
    add_time(out, &count, "deadline", n->deadline);
    add_time(out, &count, "time", n->time);
    for (uint32_t i = 0; i < n->n_facts; i++)
        add(out, &count, n->fact[i].name, n->fact[i].value);
    return count;
}

/* ---- whole ---- */

void text_body(const struct notice *n, const char *source, struct buf *out)
{
    struct notice_fact fact[TEXT_FACTS_MAX];
    size_t count = text_facts(n, fact);

    text_clean(out, n->summary, false, sizeof(n->summary));
    buf_put_str(out, "\n\n");
    if (n->text[0] != '\0') {
        text_clean(out, n->text, true, sizeof(n->text));
        buf_put_str(out, "\n\n");
    }
    for (size_t i = 0; i < count; i++)
        buf_printf(out, "%s: %s\n", fact[i].name, fact[i].value);
    buf_printf(out, "\nTold by Cerca at %s, %s %s\n", source, notice_kind_word(n->kind), n->id);
}

void text_key(const struct notice *n, char out[NOTICE_ID_SIZE])
{
    if (n->has_key)
        hex_encode(slice_of(n->key, sizeof(n->key)), out);
    else
        memcpy(out, n->id, NOTICE_ID_SIZE);
}
