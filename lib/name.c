#include "lib/name.h"

#include <string.h>

#include "lib/der.h"
#include "lib/name_attr.h"
#include "lib/utf8.h"

static int bad(struct fault *f, const char *rule, const char *what)
{
    return fault_set(f, FAULT_MALFORMED, rule, "distinguished name: %s", what);
}

/* Only code points up to U+FFFF come here. */
static void put_code_point(struct name_text *t, uint32_t c)
{
    if (c < 0x80) {
        t->octets[t->n++] = (uint8_t)c;
        return;
    }
    if (c < 0x800) {
        t->octets[t->n++] = (uint8_t)(0xc0 | c >> 6);
    } else {
        t->octets[t->n++] = (uint8_t)(0xe0 | c >> 12);
        t->octets[t->n++] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
    }
    t->octets[t->n++] = (uint8_t)(0x80 | (c & 0x3f));
}

/* X.690 8.23.9: two octets a character. Surrogates are no characters. */
static int from_bmp(struct slice v, struct name_text *t)
{
    if (v.n % 2 != 0)
        return -1;
    for (size_t i = 0; i < v.n; i += 2) {
        uint32_t c = (uint32_t)v.p[i] << 8 | v.p[i + 1];

        if (c >= 0xd800 && c <= 0xdfff)
            return -1;
        put_code_point(t, c);
    }
    return 0;
}

/* TeletexString means ISO 8859-1 to everybody who still writes it. */
static void from_latin1(struct slice v, struct name_text *t)
{
    for (size_t i = 0; i < v.n; i++)
        put_code_point(t, v.p[i]);
}

/* X.680 41.4. */
static bool printable_string(struct slice v)
{
    for (size_t i = 0; i < v.n; i++) {
        uint8_t c = v.p[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              (c != 0 && strchr(" '()+,-./:=?", c) != NULL)))
            return false;
    }
    return true;
}

static bool ascii(struct slice v)
{
    for (size_t i = 0; i < v.n; i++)
        if (v.p[i] >= 0x80)
            return false;
    return true;
}

int name_value_utf8(const struct name_attr_row *row, uint8_t tag, struct slice v,
                    struct name_text *t, struct slice *utf8)
{
    t->n = 0;
    *utf8 = v;
    if (v.n > NAME_DER_MAX)
        return -1;
    switch (tag) {
    case DER_UTF8_STRING:
        return utf8_valid(v) ? 0 : -1;
    case DER_PRINTABLE_STRING:
        return printable_string(v) ? 0 : -1;
    case DER_IA5_STRING:
        return row->ia5 && ascii(v) ? 0 : -1;
    case DER_TELETEX_STRING:
        from_latin1(v, t);
        break;
    case DER_BMP_STRING:
        if (from_bmp(v, t) < 0)
            return -1;
        break;
    default:
        return -1;
    }
    *utf8 = slice_of(t->octets, t->n);
    return 0;
}

/* Counts characters of valid UTF-8; 0 when one is a control character (C0, DEL, C1). */
static size_t count_plain(struct slice utf8)
{
    size_t n = 0;

    for (size_t i = 0; i < utf8.n; i++) {
        uint8_t c = utf8.p[i];

        if (c < 0x20 || c == 0x7f || (c == 0xc2 && utf8.p[i + 1] < 0xa0))
            return 0;
        if ((c & 0xc0) != 0x80)
            n++;
    }
    return n;
}

static int check_value(const struct name_attr_row *row, struct slice utf8, struct fault *f)
{
    size_t n = count_plain(utf8);

    if (n == 0)
        return bad(f, "name.value", "a value is empty or has a control character");
    if (n > row->max || n < row->min) {
        (void)fault_refuse(f, "name.length", row->name, utf8,
                           "the bounds of RFC 5280 appendix A: CN, O, OU 64; C 2; ST, L 128");
        f->code = FAULT_MALFORMED;
        return -FAULT_MALFORMED;
    }
    return 0;
}

static int walk_attribute(struct slice in, name_each each, void *arg, struct fault *f)
{
    const struct name_attr_row *row;
    struct slice oid, v, utf8;
    struct name_text t;
    uint8_t tag;
    int rc;

    if (der_get_oid(&in, &oid) < 0 || der_get_any(&in, &tag, &v, NULL) < 0 || !der_end(in))
        return bad(f, "name.der", "not an AttributeTypeAndValue");
    row = name_attr_by_oid(oid);
    if (name_value_utf8(row, tag, v, &t, &utf8) < 0)
        return bad(f, "name.string", "a value has a wrong string type or wrong characters in it");
    rc = check_value(row, utf8, f);
    if (rc == 0 && each != NULL)
        rc = each(arg, row->attr, oid, utf8, f);
    return rc;
}

/* X.690 11.6: the elements of a SET OF are in ascending order. */
static int walk_rdn(struct slice set, name_each each, void *arg, struct fault *f)
{
    struct slice last = SLICE_NONE, whole, seq;
    int rc = 0;

    if (der_end(set))
        return bad(f, "name.der", "an empty RDN");
    while (rc == 0 && !der_end(set)) {
        if (der_get_any(&set, NULL, &seq, &whole) < 0 || whole.p[0] != DER_SEQUENCE)
            return bad(f, "name.der", "not an RDN");
        if (last.n > 0 && slice_cmp(last, whole) >= 0)
            return bad(f, "name.der", "an RDN that is not in order");
        last = whole;
        rc = walk_attribute(seq, each, arg, f);
    }
    return rc;
}

int name_check(struct slice der, name_each each, void *arg, struct fault *f)
{
    struct slice seq, set;
    int rc = 0;

    if (der.n > NAME_DER_MAX)
        return fault_set(f, FAULT_TOO_LARGE, "name.size",
                         "a distinguished name may have %d octets, this one has %zu", NAME_DER_MAX,
                         der.n);
    if (der_get(&der, DER_SEQUENCE, &seq) < 0 || !der_end(der))
        return bad(f, "name.der", "not a Name");
    while (rc == 0 && !der_end(seq)) {
        if (der_get(&seq, DER_SET, &set) < 0)
            return bad(f, "name.der", "not an RDN");
        rc = walk_rdn(set, each, arg, f);
    }
    return rc;
}

bool name_empty(struct slice der)
{
    return der.n == 2 && der.p[0] == DER_SEQUENCE && der.p[1] == 0;
}

struct slice name_common_name(struct slice der)
{
    struct slice seq, set, ava, oid, v, found = SLICE_NONE;
    uint8_t tag;

    if (der_get(&der, DER_SEQUENCE, &seq) < 0)
        return SLICE_NONE;
    while (der_get(&seq, DER_SET, &set) == 0)
        while (der_get(&set, DER_SEQUENCE, &ava) == 0)
            if (der_get_oid(&ava, &oid) == 0 && name_attr_by_oid(oid)->attr == ATTR_CN &&
                der_get_any(&ava, &tag, &v, NULL) == 0)
                found = tag == DER_UTF8_STRING || tag == DER_PRINTABLE_STRING ? v : SLICE_NONE;
    return found;
}
