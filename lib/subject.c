#include "lib/subject.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/der.h"
#include "lib/name_attr.h"

#define RULE "subject.template"

enum source { FIXED, ATTRIBUTE, NAME, UNKNOWN };

/* What a value of the template takes its text from. */
static enum source source_of(struct slice value, enum name_attr *attr, enum san_kind *kind)
{
    struct slice inner;

    if (value.n < 2 || value.p[0] != '{' || value.p[value.n - 1] != '}')
        return value.n > 0 && (memchr(value.p, '{', value.n) != NULL ||
                               memchr(value.p, '}', value.n) != NULL)
                   ? UNKNOWN
                   : FIXED;
    inner = slice_of(value.p + 1, value.n - 2);
    for (unsigned k = SAN_DNS; k <= SAN_KIND_MAX; k++) {
        if (!slice_is(inner, san_kind_name((enum san_kind)k)) || k == SAN_IP || k == SAN_URI)
            continue;
        *kind = (enum san_kind)k;
        return NAME;
    }
    if (name_attr_by_name(inner) == NULL || name_attr_by_name(inner)->attr == ATTR_EMAIL)
        return UNKNOWN;
    *attr = name_attr_by_name(inner)->attr;
    return ATTRIBUTE;
}

static int check_pair(void *arg, const struct name_attr_row *row, struct slice value,
                      struct fault *f)
{
    enum name_attr attr;
    enum san_kind kind;

    (void)arg;
    /* RFC 5280 4.1.2.6: mail addresses belong into the SAN. */
    if (row->attr == ATTR_EMAIL)
        return fault_set(f, FAULT_CONFIG, RULE, "emailAddress belongs into the alternative names");
    if (source_of(value, &attr, &kind) == UNKNOWN)
        return fault_set(
            f, FAULT_CONFIG, RULE,
            "%s must be a fixed text, or one of {cn}, {o}, {ou}, {c}, {st}, {l}, {dc}, "
            "{uid}, {serialNumber}, {dns}, {email} and {upn}",
            row->name);
    return 0;
}

int subject_template_check(const char *text, struct fault *f)
{
    return name_text_each(text, check_pair, NULL, f);
}

/* ---- making ---- */

struct making {
    struct slice asked;
    const struct san_list *sans;
    struct buf *out;
    uint32_t copied; /* bit (1 << ATTR_*): the template has its placeholder */
    const char *text;
};

struct copying {
    enum name_attr attr; /* of what was asked */
    const struct name_attr_row *row;
    struct buf *out;
};

static int copy_value(void *arg, enum name_attr attr, struct slice oid, struct slice utf8,
                      struct fault *f)
{
    const struct copying *c = arg;

    (void)oid;
    (void)f;
    if (attr == c->attr)
        name_put_rdn(c->out, c->row, utf8);
    return 0;
}

static int make_pair(void *arg, const struct name_attr_row *row, struct slice value,
                     struct fault *f)
{
    struct making *m = arg;
    struct copying c = {.row = row, .out = m->out};
    enum san_kind kind;

    switch (source_of(value, &c.attr, &kind)) {
    case ATTRIBUTE:
        m->copied |= 1u << c.attr;
        return name_check(m->asked, copy_value, &c, f);
    case NAME:
        for (size_t i = 0; i < m->sans->n; i++) {
            if (m->sans->item[i].kind != kind)
                continue;
            name_put_rdn(m->out, row, m->sans->item[i].value);
            break;
        }
        return 0;
    default:
        name_put_rdn(m->out, row, value);
        return 0;
    }
}

struct search {
    enum name_attr attr;
    struct slice utf8;
    bool found;
};

static int match(void *arg, enum name_attr attr, struct slice oid, struct slice utf8,
                 struct fault *f)
{
    struct search *s = arg;

    (void)oid;
    (void)f;
    s->found = s->found || (attr == s->attr && slice_eq(utf8, s->utf8));
    return 0;
}

static int check_kept(void *arg, enum name_attr attr, struct slice oid, struct slice utf8,
                      struct fault *f)
{
    const struct making *m = arg;
    struct search s = {attr, utf8, false};
    char field[64];
    int rc;

    if ((m->copied & 1u << attr) != 0)
        return 0;
    rc = name_check(buf_slice(m->out), match, &s, f);
    if (rc != 0 || s.found)
        return rc;
    (void)snprintf(field, sizeof(field), "subject.%s", name_attr_by_oid(oid)->name);
    return fault_refuse(f, RULE, field, utf8, m->text);
}

int subject_make(const char *text, struct slice asked, const struct san_list *sans, bool drop,
                 struct buf *out, struct fault *f)
{
    struct making m = {.asked = asked, .sans = sans, .out = out, .text = text};
    struct der_mark mark = der_open(out, DER_SEQUENCE);
    int rc = name_text_each(text, make_pair, &m, f);

    if (rc != 0)
        return rc;
    der_close(out, mark);
    if (buf_failed(out))
        return fault_set(f, FAULT_TOO_LARGE, "name.size", "the name is too long");
    rc = name_check(buf_slice(out), NULL, NULL, f);
    return rc != 0 || drop ? rc : name_check(asked, check_kept, &m, f);
}
