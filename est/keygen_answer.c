#include <string.h>
#include <strings.h>

#include "est/body.h"
#include "est/certs.h"
#include "est/keygen.h"
#include "lib/der.h"
#include "lib/oid.h"

#define BOUNDARY_MAX 70 /* RFC 2046 5.1.1 */
#define KEY_TYPE "application/pkcs8"
#define SEALED_TYPE CERTS_TYPE "; smime-type=server-generated-key"

static void put_part(struct buf *out, const char *type, struct slice der)
{
    buf_printf(out,
               "--" KEYGEN_BOUNDARY "\r\nContent-Type: %s\r\n"
               "Content-Transfer-Encoding: base64\r\n\r\n",
               type);
    est_body_put(out, der);
    buf_put_str(out, "\r\n");
}

void keygen_answer_put(struct buf *out, struct slice key, bool sealed, struct slice certs)
{
    put_part(out, sealed ? SEALED_TYPE : KEY_TYPE, key);
    put_part(out, CERTS_TYPE_FULL, certs);
    buf_put_str(out, "--" KEYGEN_BOUNDARY "--\r\n");
}

/* ---- reading ---- */

static int no_type(struct fault *f)
{
    return fault_set(f, FAULT_MALFORMED, "est.keygen.type",
                     "the answer is not multipart/mixed with a boundary");
}

static int bad_part(struct fault *f, const char *what)
{
    return fault_set(f, FAULT_MALFORMED, "est.keygen.part", "the answer has %s", what);
}

/* The parameter "boundary" (RFC 2046 5.1.1), quoted or not; `out` gets it behind two hyphens. */
static int boundary_of(const char *type, char out[BOUNDARY_MAX + 3], struct fault *f)
{
    const char *p;
    size_t n;

    if (!est_type_is(type, KEYGEN_TYPE) || (p = strcasestr(type, "boundary=")) == NULL)
        return no_type(f);
    p += strlen("boundary=");
    n = *p == '"' ? strcspn(++p, "\"") : strcspn(p, "; \t");
    if (n == 0 || n > BOUNDARY_MAX)
        return no_type(f);
    memcpy(out, "--", 2);
    memcpy(out + 2, p, n);
    out[2 + n] = '\0';
    return 0;
}

static struct slice from(struct slice s, size_t at)
{
    return slice_of(s.p + at, s.n - at);
}

/* The next line without its end. */
static struct slice cut_line(struct slice *text)
{
    const uint8_t *end = text->n == 0 ? NULL : memchr(text->p, '\n', text->n);
    struct slice line = end == NULL ? *text : slice_of(text->p, (size_t)(end - text->p));

    *text = from(*text, end == NULL ? text->n : line.n + 1);
    if (line.n > 0 && line.p[line.n - 1] == '\r')
        line.n--;
    return line;
}

static bool begins(struct slice line, const char *with)
{
    return line.n >= strlen(with) && memcmp(line.p, with, strlen(with)) == 0;
}

/* Up to the next line that begins with the boundary; *last: the one that ends all parts. -1: there
 * is none. */
static int cut_part(struct slice *text, const char *boundary, struct slice *part, bool *last)
{
    const uint8_t *begin = text->p;

    while (text->n > 0) {
        const uint8_t *at = text->p;
        struct slice line = cut_line(text);

        if (!begins(line, boundary))
            continue;
        *part = slice_of(begin, (size_t)(at - begin));
        *last = begins(from(line, strlen(boundary)), "--");
        return 0;
    }
    return -1;
}

/* The Content-Type of a part as a C string; *part is its body afterwards. */
static void cut_headers(struct slice *part, struct buf *type)
{
    static const char name[] = "content-type:";
    struct slice line;

    buf_reset(type);
    while (part->n > 0) {
        line = cut_line(part);
        if (line.n == 0)
            return;
        if (line.n >= sizeof(name) - 1 &&
            strncasecmp((const char *)line.p, name, sizeof(name) - 1) == 0)
            buf_put_slice(type, from(line, sizeof(name) - 1));
    }
}

/* What a message in CMS is for is told by its own type: not every server sends smime-type. */
static bool is_sealed(struct slice der)
{
    struct slice info, type;

    return der_get(&der, DER_SEQUENCE, &info) == 0 && der_get_oid(&info, &type) == 0 &&
           slice_eq(type, oid_cms_enveloped_data);
}

static int take_part(struct slice part, struct buf *key, bool *sealed, struct buf *certs,
                     struct fault *f)
{
    static const char *const key_labels[] = {"PRIVATE KEY", NULL};
    static const char *const cms_labels[] = {"PKCS7", "CMS", NULL};
    struct buf type, der;
    bool plain, enveloped;
    int rc = 0;

    buf_init(&type, 1024);
    buf_init(&der, KEYGEN_BODY_MAX);
    cut_headers(&part, &type);
    plain = est_type_is(buf_cstr(&type), KEY_TYPE);
    if (!plain && !est_type_is(buf_cstr(&type), CERTS_TYPE))
        goto out; /* RFC 2046 5.1.3: what is not known is passed over */
    rc = est_body_get(part, plain ? key_labels : cms_labels, &der, f);
    if (rc != 0)
        goto out;
    enveloped = !plain && is_sealed(buf_slice(&der));
    if ((plain || enveloped ? key : certs)->n > 0) {
        rc = bad_part(f, "a part twice");
        goto out;
    }
    buf_put_slice(plain || enveloped ? key : certs, buf_slice(&der));
    *sealed = *sealed || enveloped;
out:
    buf_free(&der);
    buf_free(&type);
    return rc;
}

static int take_parts(struct slice text, const char *boundary, struct buf *key, bool *sealed,
                      struct buf *certs, struct fault *f)
{
    struct slice part;
    bool last = false;
    int rc = 0;

    if (cut_part(&text, boundary, &part, &last) != 0)
        return bad_part(f, "no part");
    while (rc == 0 && !last)
        rc = cut_part(&text, boundary, &part, &last) == 0 ? take_part(part, key, sealed, certs, f)
                                                          : bad_part(f, "a part without end");
    if (rc == 0 && (key->n == 0 || certs->n == 0))
        rc = bad_part(f, key->n == 0 ? "no key" : "no certificate");
    if (rc == 0 && (buf_failed(key) || buf_failed(certs)))
        rc = fault_set(f, FAULT_TOO_LARGE, "est.body.size", "a part of the answer is too large");
    return rc;
}

int keygen_answer_get(const char *content_type, struct slice body, struct buf *key, bool *sealed,
                      struct buf *certs, struct fault *f)
{
    char boundary[BOUNDARY_MAX + 3];
    int rc = boundary_of(content_type, boundary, f);

    *sealed = false;
    buf_reset(key);
    buf_reset(certs);
    if (rc == 0)
        rc = take_parts(body, boundary, key, sealed, certs, f);
    if (rc != 0) {
        buf_free(key); /* wiped */
        buf_reset(certs);
    }
    return rc;
}
