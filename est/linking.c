#include "est/linking.h"

#include <string.h>

#include "lib/der.h"
#include "lib/oid.h"
#include "lib/pem.h"

#define UNIQUE_LEN 12 /* RFC 5246 7.4.9 */

enum link link_check(const struct csr *c, struct slice binding)
{
    struct buf given;
    enum link result;

    if (c->challenge_password.n == 0)
        return LINK_ABSENT;
    buf_init(&given, BINDING_MAX);
    if (base64_get(c->challenge_password, &given) != 0)
        result = LINK_OTHER;
    else if (binding.n > 0 && slice_eq_secret(buf_slice(&given), binding))
        result = LINK_RIGHT;
    else if (given.n == binding.n || given.n == UNIQUE_LEN || given.n == BINDING_EXPORTER_LEN)
        result = LINK_WRONG;
    else
        result = LINK_OTHER;
    buf_free(&given);
    return result;
}

void link_put(struct buf *out, struct slice binding)
{
    base64_put(out, binding, 0);
}

static int malformed(struct fault *f)
{
    return fault_set(f, FAULT_MALFORMED, "est.change.der", "a malformed ChangeSubjectName");
}

/* Both members are a SEQUENCE without a tag of their own: that of a Name has SETs in it, that of
 * GeneralNames what has a context tag, and is never empty. */
static bool is_name(struct slice whole)
{
    struct slice in = whole, contents;

    return der_get(&in, DER_SEQUENCE, &contents) == 0 &&
           (der_end(contents) || der_peek(contents, DER_SET));
}

static int read_sans(struct slice whole, struct name_change *out, struct fault *f)
{
    int rc = san_list_get(whole, &out->sans, f);

    for (size_t i = 0; rc == 0 && i < out->sans.n; i++)
        rc = san_check(&out->sans.item[i], f);
    out->has_sans = rc == 0;
    return rc;
}

static int read_change(struct slice seq, struct name_change *out, struct fault *f)
{
    struct slice whole;
    int rc = 0;

    if (der_end(seq) || der_get_whole(&seq, DER_SEQUENCE, &whole) != 0)
        return malformed(f);
    if (is_name(whole)) {
        out->has_subject = true;
        out->subject = whole;
        rc = name_check(whole, NULL, NULL, f);
        if (rc != 0 || der_end(seq))
            return rc;
        if (der_get_whole(&seq, DER_SEQUENCE, &whole) != 0)
            return malformed(f);
    }
    return der_end(seq) ? read_sans(whole, out, f) : malformed(f);
}

int name_change_get(const struct csr *c, struct name_change *out, bool *there, struct fault *f)
{
    const struct csr_attribute *a = csr_find(c, oid_change_subject_name);
    struct slice in, seq;
    int rc;

    memset(out, 0, sizeof(*out));
    *there = a != NULL;
    if (a == NULL)
        return 0;
    in = a->values;
    if (der_get(&in, DER_SEQUENCE, &seq) != 0 || !der_end(in))
        rc = malformed(f);
    else
        rc = read_change(seq, out, f);
    if (rc != 0)
        memset(out, 0, sizeof(*out));
    return rc;
}

void name_change_put(struct buf *out, const struct name_change *n)
{
    struct der_mark seq = der_open(out, DER_SEQUENCE);

    if (n->has_subject)
        buf_put_slice(out, n->subject);
    if (n->has_sans)
        san_list_put(out, &n->sans);
    der_close(out, seq);
}
