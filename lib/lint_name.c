/* Distinguished names, issuer and subject alike (RFC 5280 4.1.2.4, 4.1.2.6, appendix A). */
#include <string.h>

#include "lib/der.h"
#include "lib/lint_cert.h"
#include "lib/name_attr.h"
#include "lib/utf8.h"

#define DC_LABEL_MAX 63

static const char *side(const struct lint_attr *a)
{
    return a->of_subject ? "subject" : "issuer";
}

/* Asks one question of every attribute; the first that answers "yes" is the finding. */
static int none(const struct lint_cert *c, char why[LINT_WHY],
                bool (*wrong)(const struct lint_attr *a), const char *what)
{
    for (size_t i = 0; i < c->n_attrs; i++)
        if (wrong(&c->attr[i]))
            return lint_why(why, "%s of the %s: %s", c->attr[i].row->name, side(&c->attr[i]), what);
    return 0;
}

static int well_formed(const struct lint_cert *c, char why[LINT_WHY])
{
    return c->name_broken == NULL ? 0 : lint_why(why, "%s", c->name_broken);
}

static bool is_text(uint8_t tag)
{
    return tag == DER_UTF8_STRING || tag == DER_PRINTABLE_STRING || tag == DER_TELETEX_STRING ||
           tag == DER_BMP_STRING || tag == DER_UNIVERSAL_STRING;
}

/* Attributes that are a DirectoryString: those of X.520 that have names here, but for C and
 * serialNumber, which have one type. */
static bool is_directory_string(const struct lint_attr *a)
{
    switch (a->row->attr) {
    case ATTR_CN:
    case ATTR_O:
    case ATTR_OU:
    case ATTR_ST:
    case ATTR_L:
    case ATTR_UID:
        return true;
    default:
        return false;
    }
}

static bool wrong_type(const struct lint_attr *a)
{
    return is_directory_string(a) && !is_text(a->tag);
}

static int string_type(const struct lint_cert *c, char why[LINT_WHY])
{
    return none(c, why, wrong_type, "not one of the string types of DirectoryString");
}

static bool old_type(const struct lint_attr *a)
{
    return a->of_subject && (a->tag == DER_TELETEX_STRING || a->tag == DER_BMP_STRING ||
                             a->tag == DER_UNIVERSAL_STRING);
}

static int string_old(const struct lint_cert *c, char why[LINT_WHY])
{
    return none(c, why, old_type, "new names are in PrintableString or UTF8String");
}

static int string_ours(const struct lint_cert *c, char why[LINT_WHY])
{
    return string_old(c, why);
}

/* X.680 41.4. */
static bool not_printable(const struct lint_attr *a)
{
    if (a->tag != DER_PRINTABLE_STRING)
        return false;
    for (size_t i = 0; i < a->value.n; i++) {
        uint8_t ch = a->value.p[i];

        if (!((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') ||
              (ch != 0 && strchr(" '()+,-./:=?", ch) != NULL)))
            return true;
    }
    return false;
}

static int printable(const struct lint_cert *c, char why[LINT_WHY])
{
    return none(c, why, not_printable, "a character that PrintableString does not have");
}

static bool not_utf8(const struct lint_attr *a)
{
    return a->tag == DER_UTF8_STRING && !utf8_valid(a->value);
}

static int utf8(const struct lint_cert *c, char why[LINT_WHY])
{
    return none(c, why, not_utf8, "a UTF8String that is not UTF-8");
}

static bool not_ascii(const struct lint_attr *a)
{
    if (a->tag != DER_IA5_STRING)
        return false;
    for (size_t i = 0; i < a->value.n; i++)
        if (a->value.p[i] >= 0x80)
            return true;
    return false;
}

static int ia5(const struct lint_cert *c, char why[LINT_WHY])
{
    return none(c, why, not_ascii, "an IA5String with octets beyond ASCII");
}

static bool is_letter(uint8_t ch)
{
    return (ch >= 'A' && ch <= 'Z') || (ch >= 'a' && ch <= 'z');
}

static bool bad_country(const struct lint_attr *a)
{
    return a->row->attr == ATTR_C && (a->tag != DER_PRINTABLE_STRING || a->value.n != 2 ||
                                      !is_letter(a->value.p[0]) || !is_letter(a->value.p[1]));
}

static int country(const struct lint_cert *c, char why[LINT_WHY])
{
    return none(c, why, bad_country, "not two letters in a PrintableString");
}

static bool small_country(const struct lint_attr *a)
{
    return a->row->attr == ATTR_C && a->value.n == 2 &&
           ((a->value.p[0] | a->value.p[1]) & 0x20) != 0;
}

static int country_case(const struct lint_cert *c, char why[LINT_WHY])
{
    return none(c, why, small_country, "country codes are in capitals (ISO 3166)");
}

static bool bad_serial_number(const struct lint_attr *a)
{
    return a->row->attr == ATTR_SERIAL_NUMBER && a->tag != DER_PRINTABLE_STRING;
}

static int serial_number(const struct lint_cert *c, char why[LINT_WHY])
{
    return none(c, why, bad_serial_number, "not a PrintableString");
}

static bool bad_qualifier(const struct lint_attr *a)
{
    return slice_is(a->oid, "\x55\x04\x2e") && a->tag != DER_PRINTABLE_STRING;
}

static int dn_qualifier(const struct lint_cert *c, char why[LINT_WHY])
{
    return none(c, why, bad_qualifier, "a dnQualifier that is not a PrintableString");
}

static bool bad_dc(const struct lint_attr *a)
{
    return a->row->attr == ATTR_DC &&
           (a->tag != DER_IA5_STRING || a->value.n == 0 || a->value.n > DC_LABEL_MAX ||
            memchr(a->value.p, '.', a->value.n) != NULL);
}

static int domain_component(const struct lint_cert *c, char why[LINT_WHY])
{
    return none(c, why, bad_dc, "not one label of a DNS name in an IA5String");
}

static bool bad_email(const struct lint_attr *a)
{
    return a->row->attr == ATTR_EMAIL && a->tag != DER_IA5_STRING;
}

static int email(const struct lint_cert *c, char why[LINT_WHY])
{
    return none(c, why, bad_email, "not an IA5String");
}

static bool email_in_subject(const struct lint_attr *a)
{
    return a->of_subject && a->row->attr == ATTR_EMAIL;
}

static int email_place(const struct lint_cert *c, char why[LINT_WHY])
{
    return none(c, why, email_in_subject, "mail addresses belong into subjectAltName");
}

/* Characters, by the type: of UTF-8 those octets that begin one. */
static size_t characters(const struct lint_attr *a)
{
    size_t n = 0;

    if (a->tag == DER_BMP_STRING)
        return a->value.n / 2;
    if (a->tag == DER_UNIVERSAL_STRING)
        return a->value.n / 4;
    if (a->tag != DER_UTF8_STRING)
        return a->value.n;
    for (size_t i = 0; i < a->value.n; i++)
        n += (a->value.p[i] & 0xc0) != 0x80;
    return n;
}

static bool too_long(const struct lint_attr *a)
{
    return a->row->attr != ATTR_OTHER && a->row->attr != ATTR_C && characters(a) > a->row->max;
}

static int length(const struct lint_cert *c, char why[LINT_WHY])
{
    return none(c, why, too_long, "more characters than its upper bound");
}

static bool empty(const struct lint_attr *a)
{
    return a->value.n == 0;
}

static int not_empty(const struct lint_cert *c, char why[LINT_WHY])
{
    return none(c, why, empty, "it is empty");
}

/* In the wide types every character has zero octets. */
static bool has_control(const struct lint_attr *a)
{
    if (a->tag == DER_BMP_STRING || a->tag == DER_UNIVERSAL_STRING)
        return false;
    for (size_t i = 0; i < a->value.n; i++)
        if (a->value.p[i] < 0x20 || a->value.p[i] == 0x7f)
            return true;
    return false;
}

static int control(const struct lint_cert *c, char why[LINT_WHY])
{
    return none(c, why, has_control, "a control character in it");
}

static bool has_edge_space(const struct lint_attr *a)
{
    size_t n = a->value.n;

    return n > 0 && is_text(a->tag) && a->tag != DER_BMP_STRING && a->tag != DER_UNIVERSAL_STRING &&
           (a->value.p[0] == ' ' || a->value.p[n - 1] == ' ');
}

static int space(const struct lint_cert *c, char why[LINT_WHY])
{
    return none(c, why, has_edge_space, "white space around it");
}

/* Only neighbours and equals: OU and DC may well be there several times. */
static int twice(const struct lint_cert *c, char why[LINT_WHY])
{
    for (size_t i = 1; i < c->n_attrs; i++)
        for (size_t k = 0; k < i; k++) {
            const struct lint_attr *a = &c->attr[i], *b = &c->attr[k];

            if (a->of_subject == b->of_subject && a->row->attr != ATTR_DC &&
                slice_eq(a->oid, b->oid) &&
                (a->row->attr == ATTR_C || slice_eq(a->value, b->value)))
                return lint_why(why, "%s of the %s is there twice", a->row->name, side(a));
        }
    return 0;
}

static int multi_valued(const struct lint_cert *c, char why[LINT_WHY])
{
    for (size_t i = 1; i < c->n_attrs; i++)
        if (c->attr[i].of_subject == c->attr[i - 1].of_subject &&
            c->attr[i].rdn == c->attr[i - 1].rdn)
            return lint_why(why,
                            "an RDN of the %s has several attributes; programs order them"
                            " differently",
                            side(&c->attr[i]));
    return 0;
}

static const struct lint_rule rules[] = {
    {"lint.name.der", "RFC 5280 4.1.2.4", LINT_ERROR, LINT_ALL, well_formed},
    {"lint.name.type", "RFC 5280 4.1.2.4", LINT_ERROR, LINT_ALL, string_type},
    {"lint.name.type.old", "RFC 5280 4.1.2.6", LINT_WARNING, LINT_OTHERS, string_old},
    {"lint.name.type.ours", "RFC 5280 4.1.2.6", LINT_ERROR, LINT_OURS, string_ours},
    {"lint.name.printable", "RFC 5280 A.1; X.680 41.4", LINT_ERROR, LINT_ALL, printable},
    {"lint.name.utf8", "RFC 5280 4.1.2.4; RFC 3629 3", LINT_ERROR, LINT_ALL, utf8},
    {"lint.name.ia5", "X.680 41", LINT_ERROR, LINT_ALL, ia5},
    {"lint.name.country", "RFC 5280 A.1", LINT_ERROR, LINT_ALL, country},
    {"lint.name.country.case", "X.520 6.3.1", LINT_WARNING, LINT_OTHERS, country_case},
    {"lint.name.serial_number", "RFC 5280 A.1", LINT_ERROR, LINT_ALL, serial_number},
    {"lint.name.dn_qualifier", "RFC 5280 A.1", LINT_ERROR, LINT_ALL, dn_qualifier},
    {"lint.name.dc", "RFC 5280 4.1.2.4; RFC 4519 2.4", LINT_ERROR, LINT_ALL, domain_component},
    {"lint.name.email", "RFC 5280 A.1", LINT_ERROR, LINT_ALL, email},
    {"lint.name.email.place", "RFC 5280 4.1.2.6", LINT_NOTICE, LINT_OTHERS, email_place},
    {"lint.name.length", "RFC 5280 A.1, upper bounds", LINT_ERROR, LINT_ALL, length},
    {"lint.name.empty", "RFC 5280 A.1", LINT_ERROR, LINT_ALL, not_empty},
    {"lint.name.control", "RFC 5280 7.1; CVE-2009-2408", LINT_ERROR, LINT_ALL, control},
    {"lint.name.space", "RFC 5280 7.1; RFC 4518 2.6.1", LINT_WARNING, LINT_OTHERS, space},
    {"lint.name.twice", "X.501 9.3", LINT_WARNING, LINT_OTHERS, twice},
    {"lint.name.multi", "RFC 5280 4.1.2.4", LINT_NOTICE, LINT_OTHERS, multi_valued},
};

const struct lint_table lint_name_rules = {rules, sizeof(rules) / sizeof(rules[0])};
