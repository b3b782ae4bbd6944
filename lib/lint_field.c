/* Checks of the basic fields (RFC 5280 4.1). */
#include "lib/der.h"
#include "lib/lint_check.h"
#include "lib/oid.h"

#define RSA_BITS_LEAST 2048
#define UTC_TIME_END 2524608000 /* 2050-01-01T00:00:00Z */

int lint_version(const struct cert *c, char why[LINT_WHY])
{
    return c->version == 3 ? 0 : lint_why(why, "the version is %u, not 3", c->version);
}

/* At most 20 octets and positive; ours have exactly 16 and start with the bits 01. */
int lint_serial(const struct cert *c, char why[LINT_WHY])
{
    if (c->serial.n == SERIAL_LEN && (c->serial.p[0] & 0xc0) == 0x40)
        return 0;
    return lint_why(why, "the serial number is not 16 octets that start with the bits 01");
}

int lint_signature(const struct cert *c, char why[LINT_WHY])
{
    if (c->tbs_alg != SIG_NONE && c->alg == c->tbs_alg)
        return 0;
    return lint_why(why, "the signature algorithms are %s inside and %s outside",
                    sig_alg_name(c->tbs_alg), sig_alg_name(c->alg));
}

int lint_issuer(const struct cert *c, char why[LINT_WHY])
{
    return name_empty(c->issuer) ? lint_why(why, "the issuer is empty") : 0;
}

int lint_validity_order(const struct cert *c, char why[LINT_WHY])
{
    return c->not_before < c->not_after ? 0 : lint_why(why, "notAfter is not behind notBefore");
}

int lint_validity_encoding(const struct cert *c, char why[LINT_WHY])
{
    struct slice in = c->validity;
    int64_t t;

    while (!der_end(in)) {
        bool utc = der_peek(in, DER_UTC_TIME);

        if (der_get_time(&in, &t) < 0 || utc != (t < UTC_TIME_END))
            return lint_why(why, "UTCTime is for dates through 2049, GeneralizedTime from 2050");
    }
    return 0;
}

/* Empty only when a critical subjectAltName carries the identity, and never for a CA. */
int lint_subject(const struct cert *c, char why[LINT_WHY])
{
    const struct cert_extension *san = cert_find(c, oid_subject_alt_name);

    if (!name_empty(c->subject))
        return 0;
    if (c->ca)
        return lint_why(why, "a CA's subject is empty");
    if (san == NULL || !san->critical)
        return lint_why(why, "the subject is empty and there is no critical subjectAltName");
    return 0;
}

/* New names are in PrintableString or UTF8String, DC and emailAddress in IA5String. */
int lint_subject_strings(const struct cert *c, char why[LINT_WHY])
{
    struct slice der = c->subject, seq, set, ava, oid;
    uint8_t tag;

    if (der_get(&der, DER_SEQUENCE, &seq) < 0)
        return lint_why(why, "no subject");
    while (der_get(&seq, DER_SET, &set) == 0)
        while (der_get(&set, DER_SEQUENCE, &ava) == 0)
            if (der_get_oid(&ava, &oid) < 0 || der_get_any(&ava, &tag, NULL, NULL) < 0 ||
                (tag != DER_UTF8_STRING && tag != DER_PRINTABLE_STRING && tag != DER_IA5_STRING))
                return lint_why(why, "the subject has a TeletexString or BMPString in it");
    return 0;
}

int lint_key_size(const struct cert *c, char why[LINT_WHY])
{
    if (c->key.type == KEY_NONE)
        return lint_why(why, "no public key");
    if (c->key.type == KEY_RSA && c->key.bits < RSA_BITS_LEAST)
        return lint_why(why, "an RSA key of %u bits", c->key.bits);
    return 0;
}

int lint_unique_id(const struct cert *c, char why[LINT_WHY])
{
    return c->has_unique_id ? lint_why(why, "unique identifiers must not be generated") : 0;
}
