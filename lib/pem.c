#include "lib/pem.h"

#include <string.h>

#include "lib/der.h"

#define PEM_COLUMNS 64 /* RFC 7468 section 2 */

static struct slice from(struct slice s, size_t at)
{
    return slice_of(s.p + at, s.n - at);
}

/* Moves *text behind the next `mark`; gives what was in front of it. */
static int cut_at(struct slice *text, const char *mark, struct slice *before)
{
    size_t n = strlen(mark);
    const uint8_t *p = text->n == 0 ? NULL : memmem(text->p, text->n, mark, n);

    if (p == NULL)
        return -1;
    *before = slice_of(text->p, (size_t)(p - text->p));
    *text = from(*text, before->n + n);
    return 0;
}

static bool wanted(struct slice label, const char *const *labels, size_t *which)
{
    for (size_t i = 0; labels[i] != NULL; i++) {
        if (slice_is(label, labels[i])) {
            *which = i;
            return true;
        }
    }
    return false;
}

/* The base64 text up to the END line, which must name the same label. */
static int read_body(struct slice *text, struct slice label, struct buf *out, struct fault *f)
{
    struct slice body, end;

    if (cut_at(text, "-----END ", &body) < 0 || cut_at(text, "-----", &end) < 0)
        return fault_set(f, FAULT_MALFORMED, "pem.end", "a PEM block has no end");
    if (!slice_eq(label, end))
        return fault_set(f, FAULT_MALFORMED, "pem.end", "a PEM block ends with another label");
    if (base64_get(body, out) == 0)
        return 0;
    if (buf_failed(out))
        return fault_set(f, FAULT_TOO_LARGE, "pem.size", "a PEM block is too large");
    return fault_set(f, FAULT_MALFORMED, "pem.base64", "a PEM block is not base64");
}

int pem_next(struct slice *text, const char *const *labels, size_t *label, struct buf *out,
             struct fault *f)
{
    struct slice before, name, at = *text;
    size_t which = 0;

    buf_reset(out);
    while (cut_at(&at, "-----BEGIN ", &before) == 0) {
        struct slice body = at;

        /* A label that runs on is no label: the text between blocks may say anything. */
        if (cut_at(&body, "-----", &name) < 0 || !wanted(name, labels, &which))
            continue;
        if (label != NULL)
            *label = which;
        *text = body;
        return read_body(text, name, out, f);
    }
    return 1;
}

void pem_put(struct buf *b, const char *label, struct slice der)
{
    buf_printf(b, "-----BEGIN %s-----\n", label);
    base64_put(b, der, PEM_COLUMNS);
    buf_printf(b, "-----END %s-----\n", label);
}

int pem_or_der(struct slice file, const char *const *labels, struct buf *out, struct fault *f)
{
    struct slice in = file;
    uint8_t tag;
    int rc;

    buf_reset(out);
    if (der_get_any(&in, &tag, NULL, NULL) == 0 && tag == DER_SEQUENCE && der_end(in)) {
        buf_put_slice(out, file);
        return buf_failed(out) ? fault_set(f, FAULT_TOO_LARGE, "pem.size", "the file is too large")
                               : 0;
    }
    rc = pem_next(&file, labels, NULL, out, f);
    if (rc == 1)
        return fault_set(f, FAULT_MALFORMED, "pem.none", "neither DER nor a PEM block \"%s\"",
                         labels[0]);
    return rc;
}
