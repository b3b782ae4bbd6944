#include "ca/enroll/device.h"

#include <stdio.h>
#include <string.h>

#include "lib/name.h"

struct search {
    enum name_attr attr;
    char *out;
    unsigned found;
    bool fits;
};

static int look(void *arg, enum name_attr attr, struct slice oid, struct slice utf8,
                struct fault *f)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    struct search *s = arg;

    (void)oid, (void)f;
    if (attr != s->attr)
        return 0;
    s->found++;
    if (utf8.n == 0 || utf8.n > 64)
        return 0;
    memcpy(s->out, utf8.p, utf8.n);
    s->out[utf8.n] = '\0';
    s->fits = strspn(s->out, allowed) == utf8.n;
    return 0;
}

static int deny(const char *template, struct fault *f)
{
    (void)fault_refuse(f, "est.device.name", "certificate", slice_str(template),
                       "a subject with that, once, of letters, digits, - and _");
    f->code = FAULT_DENIED;
    return -FAULT_DENIED;
}

/* Moves *at behind what stands in braces. */
static int put_value(const char **at, struct slice subject, struct buf *out)
{
    static const struct {
        const char *name;
        enum name_attr attr;
    } known[] = {{"{cn}", ATTR_CN}, {"{serialNumber}", ATTR_SERIAL_NUMBER}};
    struct fault ignored;
    char value[65] = "";

    fault_clear(&ignored);
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        struct search s = {.attr = known[i].attr, .out = value};
        size_t n = strlen(known[i].name);

        if (strncmp(*at, known[i].name, n) != 0)
            continue;
        *at += n;
        if (name_check(subject, look, &s, &ignored) != 0 || s.found != 1 || !s.fits)
            return -1;
        buf_put_str(out, value);
        return 0;
    }
    return -1;
}

int device_expand(const char *template, struct slice subject, char out[DEVICE_NAME_SIZE])
{
    struct buf b;
    int rc = 0;

    buf_init(&b, DEVICE_NAME_SIZE - 1);
    for (const char *at = template; *at != '\0' && rc == 0;) {
        if (*at == '{')
            rc = put_value(&at, subject, &b);
        else
            buf_put_u8(&b, (uint8_t)*at++);
    }
    if (buf_failed(&b))
        rc = -1;
    (void)snprintf(out, DEVICE_NAME_SIZE, "%s", buf_cstr(&b));
    buf_free(&b);
    return rc;
}

int device_names(const struct conf_est *label, struct slice subject,
                 char room[EST_DEVICE_NAMES_MAX][DEVICE_NAME_SIZE], struct san_list *out,
                 struct fault *f)
{
    uint8_t arena[16];
    size_t used = 0;

    for (size_t i = 0; i < label->n_device_names && i < EST_DEVICE_NAMES_MAX; i++) {
        struct san s;

        if (device_expand(label->device_names[i], subject, room[i]) != 0)
            return deny(label->device_names[i], f);
        if (san_parse(room[i], &s, arena, sizeof(arena), &used, f) != 0 || s.kind == SAN_IP ||
            san_check(&s, f) != 0)
            return deny(label->device_names[i], f);
        if (san_list_add(out, &s, f) != 0)
            return -(int)f->code;
    }
    return 0;
}
