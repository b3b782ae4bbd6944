#include "lib/fault.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void fault_clear(struct fault *f)
{
    memset(f, 0, sizeof(*f));
}

/* Copies what fits: a fault that is cut is still worth more than none. */
static void copy_cut(char *out, size_t cap, const char *s)
{
    size_t n = s == NULL ? 0 : strnlen(s, cap - 1);

    if (n > 0)
        memcpy(out, s, n);
    out[n] = 0;
}

/* Printable ASCII as it is, everything else as \xNN, never half of an escape. */
static void copy_printable(char *out, size_t cap, struct slice s)
{
    size_t at = 0;

    for (size_t i = 0; i < s.n; i++) {
        bool plain = s.p[i] >= 0x20 && s.p[i] < 0x7f && s.p[i] != '\\';
        size_t need = plain ? 1 : 4;

        if (at + need >= cap)
            break;
        if (plain)
            out[at] = (char)s.p[i];
        else
            (void)snprintf(out + at, cap - at, "\\x%02x", s.p[i]);
        at += need;
    }
    out[at] = 0;
}

static int set_text(struct fault *f, enum fault_code code, const char *rule, const char *fmt,
                    va_list ap)
{
    fault_clear(f);
    f->code = code;
    copy_cut(f->rule, sizeof(f->rule), rule);
    (void)vsnprintf(f->text, sizeof(f->text), fmt, ap);
    return -(int)code;
}

int fault_set(struct fault *f, enum fault_code code, const char *rule, const char *fmt, ...)
{
    va_list ap;
    int rc;

    va_start(ap, fmt);
    rc = set_text(f, code, rule, fmt, ap);
    va_end(ap);
    return rc;
}

int fault_rename(struct fault *f, const char *rule)
{
    copy_cut(f->rule, sizeof(f->rule), rule);
    return -(int)f->code;
}

int fault_unavailable(struct fault *f, uint32_t retry_after, const char *rule, const char *fmt, ...)
{
    va_list ap;
    int rc;

    va_start(ap, fmt);
    rc = set_text(f, FAULT_UNAVAILABLE, rule, fmt, ap);
    va_end(ap);
    f->retry_after = retry_after;
    return rc;
}

int fault_refuse(struct fault *f, const char *rule, const char *field, struct slice value,
                 const char *allowed)
{
    fault_clear(f);
    f->code = FAULT_POLICY;
    copy_cut(f->rule, sizeof(f->rule), rule);
    copy_cut(f->field, sizeof(f->field), field);
    copy_printable(f->value, sizeof(f->value), value);
    copy_cut(f->allowed, sizeof(f->allowed), allowed);
    if (f->value[0] != 0)
        (void)snprintf(f->text, sizeof(f->text), "%s \"%s\" is not allowed", f->field, f->value);
    else
        (void)snprintf(f->text, sizeof(f->text), "%s should be %.180s", f->field, f->allowed);
    return -FAULT_POLICY;
}

const char *fault_code_name(enum fault_code code)
{
    static const char *const names[] = {
        [FAULT_NONE] = "ok",
        [FAULT_MALFORMED] = "malformed",
        [FAULT_POLICY] = "refused",
        [FAULT_DENIED] = "denied",
        [FAULT_NOT_FOUND] = "not-found",
        [FAULT_CONFLICT] = "conflict",
        [FAULT_UNAVAILABLE] = "unavailable",
        [FAULT_FULL] = "full",
        [FAULT_INTERNAL] = "internal",
        [FAULT_CONFIG] = "config",
        [FAULT_TOO_LARGE] = "too-large",
        [FAULT_PENDING] = "pending",
    };

    return (unsigned)code <= FAULT_CODE_MAX ? names[code] : "unknown";
}

bool fault_retryable(const struct fault *f)
{
    return f->code == FAULT_UNAVAILABLE || f->code == FAULT_FULL;
}

static void print_part(struct buf *out, const char **sep, const char *name, const char *value)
{
    if (value[0] == 0)
        return;
    buf_printf(out, "%s%s %s", *sep, name, value);
    *sep = "; ";
}

void fault_print(const struct fault *f, struct buf *out)
{
    const char *sep = " (";

    buf_put_str(out, f->text[0] != 0 ? f->text : fault_code_name(f->code));
    print_part(out, &sep, "rule", f->rule);
    print_part(out, &sep, "field", f->field);
    print_part(out, &sep, "value", f->value);
    print_part(out, &sep, "allowed:", f->allowed);
    if (sep[0] == ';')
        buf_put_str(out, ")");
    if (f->retry_after > 0)
        buf_printf(out, ", retry after %u s", f->retry_after);
}
