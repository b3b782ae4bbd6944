#include "lib/http.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *origin_form(const char *target)
{
    const char *rest;
    size_t scheme = strncasecmp(target, "http://", 7) == 0    ? 7
                    : strncasecmp(target, "https://", 8) == 0 ? 8
                                                              : 0;

    if (scheme == 0)
        return target;
    rest = strchr(target + scheme, '/');
    return rest != NULL ? rest : "/";
}

int http_path(const char *target, char out[HTTP_PATH_MAX])
{
    const char *s = origin_form(target);
    size_t n = 0;

    out[0] = '\0';
    if (*s != '/')
        return -1;
    for (; *s != '\0' && *s != '?'; s++) {
        uint8_t c = (uint8_t)*s;

        if (c == '%') {
            const char hex[] = {s[1], s[1] != '\0' ? s[2] : '\0', '\0'};

            if (hex[1] == '\0' || hex_decode(hex, &c, 1) != 0)
                return -1;
            s += 2;
        }
        if (c < 0x20 || c == 0x7f || n == HTTP_PATH_MAX - 1)
            return -1;
        out[n++] = (char)c;
    }
    out[n] = '\0';
    return 0;
}

/* Weak comparison (RFC 9110 8.8.3.2) with each of a list (13.1.2). */
static bool lists_etag(const char *list, const char *etag)
{
    size_t n = strlen(etag);

    if (n == 0)
        return false;
    list += strspn(list, " \t,");
    if (*list == '*')
        return true;
    while (*list != '\0') {
        const char *end;

        if (strncmp(list, "W/", 2) == 0)
            list += 2;
        if (*list != '"' || (end = strchr(list + 1, '"')) == NULL)
            return false;
        if ((size_t)(end + 1 - list) == n && strncmp(list, etag, n) == 0)
            return true;
        list = end + 1 + strspn(end + 1, " \t,");
    }
    return false;
}

static bool not_modified(const struct http_validators *v, const struct http_conditions *c,
                         int64_t now)
{
    int64_t since;

    if (c->if_none_match != NULL)
        return lists_etag(c->if_none_match, v->etag);
    return c->if_modified_since != NULL && v->last_modified != 0 &&
           http_date_get(c->if_modified_since, now, &since) == 0 && v->last_modified <= since;
}

/* Is the rest of what the client has a part of this? By the strong ETag alone: seconds are too
 * coarse for files that are replaced (13.1.5). */
static bool same_as_before(const char *if_range, const struct http_validators *v)
{
    return if_range == NULL || (v->etag[0] == '"' && strcmp(if_range, v->etag) == 0);
}

static int number(const char **s, uint64_t *out)
{
    if (**s < '0' || **s > '9')
        return -1;
    *out = 0;
    for (; **s >= '0' && **s <= '9'; (*s)++)
        if (__builtin_mul_overflow(*out, 10, out) ||
            __builtin_add_overflow(*out, (uint64_t)(**s - '0'), out))
            return -1;
    return 0;
}

/* "bytes=FIRST-[LAST]" or "bytes=-COUNT" (14.1.2). What is malformed or asks for several is as if
 * it were not there. */
static enum http_verdict judge_range(const char *s, uint64_t size, uint64_t *first,
                                     uint64_t *length)
{
    uint64_t a = 0, b = UINT64_MAX;
    bool suffix;

    if (strncasecmp(s, "bytes=", 6) != 0)
        return HTTP_WHOLE;
    s += 6;
    suffix = *s == '-';
    if (!suffix && number(&s, &a) != 0)
        return HTTP_WHOLE;
    if (*s++ != '-' || ((suffix || *s != '\0') && number(&s, &b) != 0) || *s != '\0')
        return HTTP_WHOLE;
    if (suffix) {
        a = b < size ? size - b : 0;
        if (b == 0)
            return HTTP_NO_RANGE;
        b = UINT64_MAX;
    }
    if (b < a)
        return HTTP_WHOLE;
    if (a >= size)
        return HTTP_NO_RANGE;
    *first = a;
    *length = b >= size ? size - a : b - a + 1;
    return HTTP_PART;
}

enum http_verdict http_judge(const struct http_validators *v, const struct http_conditions *c,
                             int64_t now, uint64_t *first, uint64_t *length)
{
    *first = 0;
    *length = v->size;
    if (not_modified(v, c, now))
        return HTTP_NOT_MODIFIED;
    if (c->range != NULL && same_as_before(c->if_range, v))
        return judge_range(c->range, v->size, first, length);
    return HTTP_WHOLE;
}
