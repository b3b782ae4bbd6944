#include "est/body.h"

#include <string.h>
#include <strings.h>

#include "lib/der.h"
#include "lib/pem.h"

#define COLUMNS 64

static int too_large(struct fault *f, size_t max)
{
    return fault_set(f, FAULT_TOO_LARGE, "est.body.size",
                     "the body may have %zu octets once decoded", max);
}

static int get_pem(struct slice body, const char *const *labels, struct buf *out, struct fault *f)
{
    int rc = pem_next(&body, labels, NULL, out, f);

    if (rc < 0 && buf_failed(out))
        return too_large(f, out->max);
    return rc == 1 ? fault_set(f, FAULT_MALFORMED, "est.body.base64",
                               "the body is PEM, but of nothing that is wanted here")
                   : rc;
}

/* Base64 of a SEQUENCE begins with "M", so its tag is no digit of that. */
int est_body_get(struct slice body, const char *const *labels, struct buf *out, struct fault *f)
{
    static const char begin[] = "-----BEGIN ";

    buf_reset(out);
    if (body.n > 0 && body.p[0] == DER_SEQUENCE) {
        buf_put_slice(out, body);
        return buf_failed(out) ? too_large(f, out->max) : 0;
    }
    if (body.n > 0 && memmem(body.p, body.n, begin, sizeof(begin) - 1) != NULL)
        return get_pem(body, labels, out, f);
    if (base64_get(body, out) != 0)
        return buf_failed(out) ? too_large(f, out->max)
                               : fault_set(f, FAULT_MALFORMED, "est.body.base64",
                                           "the body is neither base64 nor DER");
    return out->n > 0 ? 0 : fault_set(f, FAULT_MALFORMED, "est.body.empty", "the body is empty");
}

void est_body_put(struct buf *out, struct slice der)
{
    base64_put(out, der, COLUMNS);
}

bool est_type_is(const char *field, const char *type)
{
    size_t n = strlen(type);

    if (field == NULL)
        return false;
    field += strspn(field, " \t");
    if (strncasecmp(field, type, n) != 0)
        return false;
    field += n;
    field += strspn(field, " \t");
    return *field == '\0' || *field == ';';
}
