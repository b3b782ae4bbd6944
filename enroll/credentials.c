#include "enroll/credentials.h"

#include <string.h>
#include <strings.h>

#include "lib/pem.h"
#include "lib/utf8.h"

static int malformed(struct fault *f)
{
    (void)fault_refuse(f, "est.authorization", "Authorization", SLICE_NONE,
                       "Basic with base64 of user:password, or Bearer with a token");
    f->code = FAULT_DENIED;
    return -FAULT_DENIED;
}

/* The value behind a scheme and its blanks; NULL: it is another scheme. */
static const char *behind(const char *field, const char *scheme)
{
    size_t n = strlen(scheme);

    if (strncasecmp(field, scheme, n) != 0 || field[n] != ' ')
        return NULL;
    return field + n + strspn(field + n, " ");
}

static bool is_text(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < 0x20 || s.p[i] == 0x7f)
            return false;
    return utf8_valid(s);
}

static int split(struct slice pair, struct credentials *out, struct fault *f)
{
    const uint8_t *colon = pair.n == 0 ? NULL : memchr(pair.p, ':', pair.n);
    size_t n = colon == NULL ? 0 : (size_t)(colon - pair.p);

    if (colon == NULL || n >= sizeof(out->user) || !is_text(pair))
        return malformed(f);
    memcpy(out->user, pair.p, n);
    buf_put(&out->secret, colon + 1, pair.n - n - 1);
    return 0;
}

static int get_basic(const char *value, struct credentials *out, struct fault *f)
{
    struct buf pair;
    int rc;

    buf_init(&pair, CREDENTIALS_USER_SIZE + CREDENTIALS_SECRET_MAX);
    rc = base64_get(slice_str(value), &pair) == 0 ? split(buf_slice(&pair), out, f) : malformed(f);
    buf_free(&pair);
    return rc;
}

int credentials_get(const char *field, struct credentials *out, struct fault *f)
{
    const char *value;
    int rc = 0;

    *out = (struct credentials){.there = field != NULL};
    buf_init(&out->secret, CREDENTIALS_SECRET_MAX);
    if (field == NULL)
        return 0;
    if ((value = behind(field, "Basic")) != NULL)
        rc = get_basic(value, out, f);
    else if ((value = behind(field, "Bearer")) != NULL)
        buf_put_str(&out->secret, value);
    else
        rc = malformed(f);
    if (rc == 0 && (buf_failed(&out->secret) || out->secret.n == 0))
        rc = malformed(f);
    return rc;
}

void credentials_free(struct credentials *c)
{
    buf_free(&c->secret);
    explicit_bzero(c->user, sizeof(c->user));
}
