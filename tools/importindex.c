#include "tools/importindex.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/der.h"

#define FIELDS 6

void index_begin(struct index_reader *r, FILE *file)
{
    *r = (struct index_reader){.file = file};
}

void index_end(struct index_reader *r)
{
    free(r->text);
    *r = (struct index_reader){.file = NULL};
}

static int bad(struct fault *f, const char *rule, const char *what)
{
    return fault_set(f, FAULT_MALFORMED, rule, "a line of the index: %s", what);
}

/* Splits in place and takes backslashes out; how many fields there are, FIELDS + 1 for too many. */
static size_t split(char *text, char *field[FIELDS])
{
    char *to = text;
    size_t n = 0;

    field[n++] = to;
    for (const char *from = text;; from++) {
        if (*from == '\\' && from[1] == '\t')
            from++;
        else if (*from == '\t' && n == FIELDS)
            return n + 1;
        else if (*from == '\t') {
            *to++ = 0;
            field[n++] = to;
            continue;
        }
        *to = *from;
        if (*from == 0)
            return n;
        to++;
    }
}

/* UTCTime or GeneralizedTime as text, told apart by its length as openssl ca does. */
static int parse_time(const char *text, int64_t *out)
{
    struct slice element;
    struct buf der;
    size_t n = strlen(text);
    bool odd;
    int rc;

    buf_init(&der, 64);
    der_put(&der, n > 13 ? DER_GENERALIZED_TIME : DER_UTC_TIME, slice_str(text));
    element = buf_slice(&der);
    rc = buf_failed(&der) ? -1 : der_get_any_time(&element, out, &odd);
    buf_free(&der);
    return rc;
}

/* RFC 5280 5.3.1, as openssl ca writes them; three of them go on with details of their own. */
static const struct {
    const char *name;
    uint8_t reason;
} reasons[] = {
    {"unspecified", 0},     {"keyCompromise", 1},
    {"CACompromise", 2},    {"affiliationChanged", 3},
    {"superseded", 4},      {"cessationOfOperation", 5},
    {"certificateHold", 6}, {"removeFromCRL", 8},
    {"holdInstruction", 6}, {"keyTime", 1},
    {"CAkeyTime", 2},
};

static int parse_reason(const char *text, uint8_t *out)
{
    size_t n = strcspn(text, ",");

    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (strlen(reasons[i].name) != n || strncasecmp(text, reasons[i].name, n) != 0)
            continue;
        *out = reasons[i].reason;
        return 0;
    }
    return -1;
}

/* "time", "time,reason" or "time,reason,detail". */
static int parse_revocation(char *text, struct import_status *out, struct fault *f)
{
    char *comma = strchr(text, ',');

    if (comma != NULL)
        *comma = 0;
    if (parse_time(text, &out->time) != 0)
        return bad(f, "index.time", "the time of revocation");
    if (comma != NULL && parse_reason(comma + 1, &out->reason) != 0)
        return bad(f, "index.reason", "the reason of revocation");
    return 0;
}

static int parse_status(char *const field[FIELDS], struct import_status *out, struct fault *f)
{
    int64_t expiry;

    *out = (struct import_status){.told = IMPORT_NOT_TOLD};
    if (parse_time(field[1], &expiry) != 0)
        return bad(f, "index.time", "the time of expiry");
    if (strcmp(field[0], "R") == 0) {
        out->told = IMPORT_REVOKED;
        return parse_revocation(field[2], out, f);
    }
    if (strcmp(field[0], "V") != 0 && strcmp(field[0], "E") != 0)
        return bad(f, "index.status", "the status is none of V, R and E");
    out->told = field[0][0] == 'V' ? IMPORT_VALID : IMPORT_EXPIRED;
    return 0;
}

static int parse_serial(const char *text, struct index_entry *out, struct fault *f)
{
    const char *digits = text + (text[0] == '-');
    size_t n = strlen(digits);

    if (n == 0 || n > 2 * INDEX_SERIAL_MAX || strspn(digits, "0123456789abcdefABCDEF") != n)
        return bad(f, "index.serial", "the serial number is not hexadecimal");
    for (size_t i = 0; i <= strlen(text); i++)
        out->serial[i] = (char)toupper((unsigned char)text[i]);
    return 0;
}

static int parse(char *text, struct index_entry *out, struct fault *f)
{
    char *field[FIELDS];
    int rc;

    if (split(text, field) != FIELDS)
        return bad(f, "index.line", "it has not six fields with tabs between");
    (void)snprintf(out->subject, sizeof(out->subject), "%s", field[5]);
    rc = parse_serial(field[3], out, f);
    return rc == 0 ? parse_status(field, &out->status, f) : rc;
}

/* One line of at most INDEX_LINE_MAX octets; longer ones are read to their end. 1 at the end. */
static int read_line(struct index_reader *r, bool *fits)
{
    size_t n = 0;
    int c;

    if (r->text == NULL)
        r->text = xcalloc(1, INDEX_LINE_MAX + 1);
    *fits = true;
    while ((c = getc_unlocked(r->file)) != EOF && c != '\n') {
        *fits = *fits && n < INDEX_LINE_MAX && c != 0;
        if (*fits)
            r->text[n++] = (char)c;
    }
    if (c == EOF && n == 0 && *fits)
        return 1;
    if (n > 0 && r->text[n - 1] == '\r')
        n--;
    r->text[n] = 0;
    r->line++;
    return 0;
}

int index_next(struct index_reader *r, struct index_entry *out, struct fault *f)
{
    bool fits;

    *out = (struct index_entry){.line = 0};
    do {
        if (read_line(r, &fits) != 0)
            return 1;
        out->line = r->line;
        if (!fits)
            return bad(f, "index.line", "it is too long, or has a NUL in it");
    } while (r->text[0] == 0 || r->text[0] == '#');
    return parse(r->text, out, f);
}

bool index_same_serial(const char *a, const char *b)
{
    if ((a[0] == '-') != (b[0] == '-'))
        return false;
    a += a[0] == '-';
    b += b[0] == '-';
    a += strspn(a, "0");
    b += strspn(b, "0");
    return strcasecmp(a, b) == 0;
}
