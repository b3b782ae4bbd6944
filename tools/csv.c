#include "tools/csv.h"

#include <string.h>

#include "lib/utf8.h"

#define RECORD_MAX (CSV_FIELDS_MAX * CSV_FIELD_MAX)

void csv_init(struct csv *c, struct slice text)
{
    *c = (struct csv){.rest = text, .next_line = 1};
    if (text.n >= 3 && memcmp(text.p, "\xef\xbb\xbf", 3) == 0)
        c->rest = slice_of(text.p + 3, text.n - 3);
    buf_init(&c->text, RECORD_MAX);
}

void csv_free(struct csv *c)
{
    buf_free(&c->text);
}

uint64_t csv_lines(struct slice text)
{
    uint64_t n = 0;

    for (size_t i = 0; i < text.n; i++)
        n += text.p[i] == '\n';
    return n + (text.n > 0 && text.p[text.n - 1] != '\n');
}

static int wrong(const struct csv *c, struct fault *f, const char *what)
{
    return fault_set(f, FAULT_MALFORMED, "csv", "line %llu: %s", (unsigned long long)c->line, what);
}

static bool at(const struct csv *c, char octet)
{
    return c->rest.n > 0 && c->rest.p[0] == (uint8_t)octet;
}

/* LF, CRLF, or what is left of one at the end. A CR alone is an octet like others, of a field. */
static bool at_line_end(const struct csv *c)
{
    return at(c, '\n') || (at(c, '\r') && (c->rest.n == 1 || c->rest.p[1] == '\n'));
}

static void skip(struct csv *c)
{
    if (at(c, '\n'))
        c->next_line++;
    c->rest = slice_of(c->rest.p + 1, c->rest.n - 1);
}

static void skip_spaces(struct csv *c)
{
    while (at(c, ' ') || at(c, '\t'))
        skip(c);
}

/* Two quotes inside are one; a line may end inside. */
static int quoted(struct csv *c, struct fault *f)
{
    skip(c);
    for (;;) {
        if (c->rest.n == 0)
            return wrong(c, f, "a quoted field does not end");
        if (at(c, '"')) {
            skip(c);
            if (!at(c, '"'))
                break;
        }
        buf_put(&c->text, c->rest.p, 1);
        skip(c);
    }
    skip_spaces(c);
    if (c->rest.n > 0 && !at(c, ',') && !at_line_end(c))
        return wrong(c, f, "something stands behind a quoted field");
    return 0;
}

static int plain(struct csv *c, struct fault *f)
{
    size_t start = c->text.n;

    while (c->rest.n > 0 && !at(c, ',') && !at_line_end(c)) {
        if (at(c, '"'))
            return wrong(c, f, "a quote stands inside a field that does not begin with one");
        buf_put(&c->text, c->rest.p, 1);
        skip(c);
    }
    while (c->text.n > start && (c->text.p[c->text.n - 1] == ' '))
        c->text.n--;
    return 0;
}

static int check_field(const struct csv *c, size_t start, struct fault *f)
{
    struct slice s = slice_of(c->text.p + start, c->text.n - start);

    if (buf_failed(&c->text) || s.n >= CSV_FIELD_MAX)
        return wrong(c, f, "a field is too long");
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < 0x20 || s.p[i] == 0x7f)
            return wrong(c, f, "a field has a control character or a line end in it");
    return utf8_valid(s) ? 0 : wrong(c, f, "a field is not UTF-8");
}

static int one_field(struct csv *c, size_t *start, struct fault *f)
{
    int rc;

    *start = c->text.n;
    skip_spaces(c);
    rc = at(c, '"') ? quoted(c, f) : plain(c, f);
    if (rc == 0 && c->text.p != NULL)
        rc = check_field(c, *start, f);
    buf_put(&c->text, "", 1);
    return rc;
}

static void end_line(struct csv *c)
{
    if (at(c, '\r'))
        skip(c);
    if (at(c, '\n'))
        skip(c);
}

static void skip_empty_lines(struct csv *c)
{
    while (at_line_end(c))
        skip(c);
}

int csv_next(struct csv *c, struct fault *f)
{
    size_t start[CSV_FIELDS_MAX] = {0};
    int rc = 0;

    skip_empty_lines(c);
    buf_reset(&c->text);
    c->n = 0;
    c->line = c->next_line;
    if (c->rest.n == 0)
        return 1;
    for (;;) {
        if (c->n == CSV_FIELDS_MAX)
            return wrong(c, f, "too many fields");
        rc = one_field(c, &start[c->n], f);
        if (rc != 0)
            return rc;
        c->n++;
        if (!at(c, ','))
            break;
        skip(c);
    }
    end_line(c);
    for (size_t i = 0; i < c->n; i++)
        c->field[i] = (const char *)c->text.p + start[i];
    return 0;
}
