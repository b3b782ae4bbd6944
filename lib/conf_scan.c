/*
 * What libconfig 1.5 would do in silence or at a cost is refused before it
 * sees the text: it drops "\x00" from a string, follows @include to any file
 * (one file is sealed once, so a second one would escape the seal), takes a
 * comment without its end for the rest of the file, leaks the memory of a
 * string without its end, and goes as deep as the text asks.
 */
#include "lib/conf_schema.h"

#include <string.h>
#include <strings.h>

#include "lib/utf8.h"

#define DEPTH_MAX 8

enum state { PLAIN, STRING, LINE_COMMENT, BLOCK_COMMENT };

struct scan {
    enum state state;
    unsigned depth;
    size_t start; /* of the string or comment that is open */
};

static int scan_plain(struct scan *s, const char *p, struct fault *f)
{
    if (*p == '"')
        s->state = STRING;
    else if (*p == '#' || strncmp(p, "//", 2) == 0)
        s->state = LINE_COMMENT;
    else if (strncmp(p, "/*", 2) == 0)
        s->state = BLOCK_COMMENT;
    else if (*p == '@')
        return fault_set(f, FAULT_CONFIG, "conf.include",
                         "@include is refused: the configuration is one file");
    else if (strchr("({[", *p) != NULL && ++s->depth > DEPTH_MAX)
        return fault_set(f, FAULT_CONFIG, "conf.syntax", "nested deeper than %d", DEPTH_MAX);
    else if (strchr(")}]", *p) != NULL && s->depth > 0)
        s->depth--;
    return 0;
}

/* How many characters are consumed together. */
static size_t scan_width(const struct scan *s, enum state before, const char *p)
{
    if (s->state != before && (s->state == BLOCK_COMMENT || before == BLOCK_COMMENT))
        return 2;
    return s->state == STRING && before == STRING && *p == '\\' && p[1] != '\0' ? 2 : 1;
}

static int scan_one(struct scan *s, const char *p, struct fault *f)
{
    switch (s->state) {
    case PLAIN:
        return scan_plain(s, p, f);
    case STRING:
        if (strncasecmp(p, "\\x00", 4) == 0)
            return fault_set(f, FAULT_CONFIG, "conf.syntax", "NUL in a string");
        if (*p == '"')
            s->state = PLAIN;
        return 0;
    case LINE_COMMENT:
        if (*p == '\n')
            s->state = PLAIN;
        return 0;
    case BLOCK_COMMENT:
        if (strncmp(p, "*/", 2) == 0)
            s->state = PLAIN;
        return 0;
    }
    return 0;
}

static unsigned line_of(struct slice text, size_t at)
{
    unsigned line = 1;

    for (size_t i = 0; i < at && i < text.n; i++)
        line += text.p[i] == '\n';
    return line;
}

static size_t bad_octet(struct slice text)
{
    size_t start = 0;

    for (size_t i = 0; i <= text.n; i++) {
        if (i < text.n && text.p[i] != '\n')
            continue;
        if (!utf8_valid(slice_of(text.p + start, i - start)))
            return start;
        start = i + 1;
    }
    return text.n;
}

int conf_scan(struct slice text, unsigned *line, struct fault *f)
{
    struct scan s = {PLAIN, 0, 0};
    const char *p = (const char *)text.p;
    const uint8_t *nul = memchr(text.p, 0, text.n);
    int rc = 0;

    *line = 1;
    if (nul != NULL) {
        *line = line_of(text, (size_t)(nul - text.p));
        return fault_set(f, FAULT_CONFIG, "conf.syntax", "NUL in the text");
    }
    if (bad_octet(text) < text.n) {
        *line = line_of(text, bad_octet(text));
        return fault_set(f, FAULT_CONFIG, "conf.syntax", "not UTF-8");
    }
    for (size_t i = 0; i < text.n;) {
        enum state before = s.state;

        rc = scan_one(&s, p + i, f);
        if (rc < 0) {
            *line = line_of(text, i);
            break;
        }
        if (before == PLAIN)
            s.start = i;
        i += scan_width(&s, before, p + i);
    }
    if (rc == 0 && (s.state == STRING || s.state == BLOCK_COMMENT)) {
        *line = line_of(text, s.start);
        rc = fault_set(f, FAULT_CONFIG, "conf.syntax", "%s without its end",
                       s.state == STRING ? "a text" : "a comment");
    }
    return rc;
}
