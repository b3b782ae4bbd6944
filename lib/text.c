#include <string.h>

#include "lib/text.h"

#include "lib/utf8.h"

/* Octets of the UTF-8 character at the start of s; 1 when it is none. */
static size_t char_len(struct slice s)
{
    size_t n = 1;

    if (s.p[0] >= 0xf0)
        n = 4;
    else if (s.p[0] >= 0xe0)
        n = 3;
    else if (s.p[0] >= 0xc0)
        n = 2;
    return n <= s.n && utf8_valid(slice_of(s.p, n)) ? n : 1;
}

static uint32_t code_point(const uint8_t *p, size_t n)
{
    uint32_t c = n == 1 ? p[0] : (uint32_t)p[0] & (0xffu >> (n + 1));

    for (size_t i = 1; i < n; i++)
        c = c << 6 | (p[i] & 0x3fu);
    return c;
}

static bool harmless(uint32_t c)
{
    if (c < 0x20 || (c >= 0x7f && c < 0xa0))
        return false;
    if (c == 0x200e || c == 0x200f || c == 0x061c || c == 0xfeff)
        return false;
    return !(c >= 0x2028 && c <= 0x202e) && !(c >= 0x2066 && c <= 0x2069);
}

void text_safe(struct slice s, bool keep_lines, struct buf *out)
{
    while (s.n > 0) {
        size_t n = char_len(s);
        bool valid = n > 1 || s.p[0] < 0x80;

        if (valid && (harmless(code_point(s.p, n)) || (keep_lines && s.p[0] == '\n')))
            buf_put(out, s.p, n);
        else
            for (size_t i = 0; i < n; i++)
                buf_printf(out, "\\x%02x", s.p[i]);
        s = slice_of(s.p + n, s.n - n);
    }
}

size_t text_width(struct slice s)
{
    size_t width = 0;

    for (size_t i = 0; i < s.n; i++)
        width += (s.p[i] & 0xc0) != 0x80;
    return width;
}

void text_cut(struct slice s, size_t width, struct buf *out)
{
    size_t keep = width > 3 ? width - 3 : 0;
    size_t at = 0;

    if (text_width(s) <= width) {
        buf_put_slice(out, s);
        return;
    }
    for (size_t n = 0; at < s.n; at++) {
        n += (s.p[at] & 0xc0) != 0x80;
        if (n > keep)
            break;
    }
    buf_put(out, s.p, at);
    buf_put_str(out, "...");
}

void text_hex_colons(const uint8_t *p, size_t n, struct buf *out)
{
    for (size_t i = 0; i < n; i++)
        buf_printf(out, "%s%02x", i > 0 ? ":" : "", p[i]);
}

bool text_next_line(struct slice *text, char *out, size_t cap)
{
    const uint8_t *end = text->n == 0 ? NULL : memchr(text->p, '\n', text->n);
    size_t n = end == NULL ? text->n : (size_t)(end - text->p);

    if (text->n == 0 || n >= cap)
        return false;
    memcpy(out, text->p, n);
    out[n] = '\0';
    n += end != NULL;
    *text = slice_of(text->p + n, text->n - n);
    return true;
}
