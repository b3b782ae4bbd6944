/* Version, serial number, names as a whole, validity, unique identifiers (RFC 5280 4.1). */
#include "lib/der.h"
#include "lib/lint_cert.h"

#define UTC_TIME_END 2524608000 /* 2050-01-01T00:00:00Z */
#define SERIAL_MAX 20
#define SERIAL_SHORT 8
#define DAY 86400

static int version(const struct lint_cert *c, char why[LINT_WHY])
{
    if (c->version == 0)
        return lint_why(why, "the version is not 1, 2 or 3");
    if (c->has_extensions && c->version != 3)
        return lint_why(why, "there are extensions, so the version must be 3, not %u", c->version);
    return 0;
}

static int version_old(const struct lint_cert *c, char why[LINT_WHY])
{
    if (c->has_extensions || c->version == 3)
        return 0;
    return lint_why(why, "a certificate of version %u cannot say what it is for", c->version);
}

static int version_ours(const struct lint_cert *c, char why[LINT_WHY])
{
    return c->version == 3 ? 0 : lint_why(why, "the version is not 3");
}

static int serial_positive(const struct lint_cert *c, char why[LINT_WHY])
{
    bool zero = true;

    if (c->serial.n > 0 && (c->serial.p[0] & 0x80) != 0)
        return lint_why(why, "the serial number is negative");
    for (size_t i = 0; i < c->serial.n; i++)
        zero = zero && c->serial.p[i] == 0;
    return zero ? lint_why(why, "the serial number is zero") : 0;
}

/* A positive number of 20 octets whose first bit is set has 21 as an INTEGER: too long, too. */
static int serial_long(const struct lint_cert *c, char why[LINT_WHY])
{
    if (c->serial.n <= SERIAL_MAX)
        return 0;
    return lint_why(why, "the serial number has %zu octets, more than 20", c->serial.n);
}

static int serial_short(const struct lint_cert *c, char why[LINT_WHY])
{
    if (c->serial.n >= SERIAL_SHORT || lint_self_issued(c))
        return 0;
    return lint_why(why, "a serial number of %zu octets has no room for 64 random bits",
                    c->serial.n);
}

static int serial_ours(const struct lint_cert *c, char why[LINT_WHY])
{
    if (c->serial.n == SERIAL_LEN && (c->serial.p[0] & 0xc0) == 0x40)
        return 0;
    return lint_why(why, "the serial number is not 16 octets that start with the bits 01");
}

static int issuer(const struct lint_cert *c, char why[LINT_WHY])
{
    return name_empty(c->issuer) ? lint_why(why, "the issuer is empty") : 0;
}

static int subject_ca(const struct lint_cert *c, char why[LINT_WHY])
{
    if (!name_empty(c->subject))
        return 0;
    if (c->ca || (c->key_usage & KU_CRL_SIGN) != 0)
        return lint_why(why, "the subject of a CA is empty");
    return 0;
}

static int subject_empty(const struct lint_cert *c, char why[LINT_WHY])
{
    if (!name_empty(c->subject) || lint_critical(c, X_SAN))
        return 0;
    return lint_why(why, "the subject is empty and there is no critical subjectAltName");
}

static int validity_order(const struct lint_cert *c, char why[LINT_WHY])
{
    if (!c->not_before.good || !c->not_after.good || c->not_before.t < c->not_after.t)
        return 0;
    return lint_why(why, "notAfter is not behind notBefore");
}

static int validity_format(const struct lint_cert *c, char why[LINT_WHY])
{
    const struct lint_time *times[] = {&c->not_before, &c->not_after};

    for (size_t i = 0; i < 2; i++)
        if (!times[i]->good)
            return lint_why(why, "%s is not [YY]YYMMDDHHMMSSZ", i == 0 ? "notBefore" : "notAfter");
    return 0;
}

static int validity_type(const struct lint_cert *c, char why[LINT_WHY])
{
    const struct lint_time *times[] = {&c->not_before, &c->not_after};

    for (size_t i = 0; i < 2; i++)
        if (times[i]->good && (times[i]->tag == DER_UTC_TIME) != (times[i]->t < UTC_TIME_END))
            return lint_why(why, "UTCTime is for dates through 2049, GeneralizedTime from 2050");
    return 0;
}

/* Days, begun ones counted, both ends included; 0 when it cannot be said. */
static int64_t days(const struct lint_cert *c)
{
    if (!c->not_before.good || !c->not_after.good || c->not_after.t < c->not_before.t)
        return 0;
    return (c->not_after.t - c->not_before.t) / DAY + 1;
}

/* By the day from which it is good, as public CAs agreed on 2025-04-11 (ballot SC-081). */
static int64_t public_days(int64_t not_before)
{
    if (not_before < 1773532800) /* 2026-03-15 */
        return 398;
    if (not_before < 1805068800) /* 2027-03-15 */
        return 200;
    return not_before < 1868227200 ? 100 : 47; /* 2029-03-15 */
}

static int validity_server(const struct lint_cert *c, char why[LINT_WHY])
{
    int64_t most = public_days(c->not_before.t);

    if (!lint_server(c) || days(c) <= most || days(c) > 825)
        return 0;
    return lint_why(why, "a server's certificate for %lld days; public ones have at most %lld",
                    (long long)days(c), (long long)most);
}

static int validity_server_long(const struct lint_cert *c, char why[LINT_WHY])
{
    if (!lint_server(c) || days(c) <= 825)
        return 0;
    return lint_why(why, "a server's certificate for %lld days; some clients refuse more than 825",
                    (long long)days(c));
}

static int unique_id(const struct lint_cert *c, char why[LINT_WHY])
{
    return c->has_unique_id ? lint_why(why, "unique identifiers must not be generated") : 0;
}

static const struct lint_rule rules[] = {
    {"lint.version", "RFC 5280 4.1.2.1", LINT_ERROR, LINT_ALL, version},
    {"lint.version.old", "RFC 5280 4.1.2.1", LINT_WARNING, LINT_OTHERS, version_old},
    {"lint.version.ours", "RFC 5280 4.1.2.1", LINT_ERROR, LINT_OURS, version_ours},
    {"lint.serial.positive", "RFC 5280 4.1.2.2", LINT_ERROR, LINT_ALL, serial_positive},
    {"lint.serial.long", "RFC 5280 4.1.2.2", LINT_ERROR, LINT_ALL, serial_long},
    {"lint.serial.short", "CA/Browser Forum BR 7.1", LINT_NOTICE, LINT_OTHERS, serial_short},
    {"lint.serial.ours", "RFC 5280 4.1.2.2", LINT_ERROR, LINT_OURS, serial_ours},
    {"lint.issuer", "RFC 5280 4.1.2.4", LINT_ERROR, LINT_ALL, issuer},
    {"lint.subject.ca", "RFC 5280 4.1.2.6", LINT_ERROR, LINT_ALL, subject_ca},
    {"lint.subject.empty", "RFC 5280 4.1.2.6, 4.2.1.6", LINT_ERROR, LINT_ALL, subject_empty},
    {"lint.validity.order", "RFC 5280 4.1.2.5", LINT_ERROR, LINT_ALL, validity_order},
    {"lint.validity.format", "RFC 5280 4.1.2.5.1, 4.1.2.5.2", LINT_ERROR, LINT_ALL,
     validity_format},
    {"lint.validity.type", "RFC 5280 4.1.2.5", LINT_ERROR, LINT_ALL, validity_type},
    {"lint.validity.server", "CA/Browser Forum BR 6.3.2", LINT_NOTICE, LINT_OTHERS,
     validity_server},
    {"lint.validity.server.long", "CA/Browser Forum BR 6.3.2", LINT_WARNING, LINT_OTHERS,
     validity_server_long},
    {"lint.unique_id", "RFC 5280 4.1.2.8", LINT_ERROR, LINT_ALL, unique_id},
};

const struct lint_table lint_field_rules = {rules, sizeof(rules) / sizeof(rules[0])};
