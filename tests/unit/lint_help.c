#include "tests/unit/lint_help.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/der.h"

/* The base point of P-256: a point on the curve if there ever was one. */
#define POINT                                                                                      \
    "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"                           \
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
#define KEY_ID "00112233445566778899aabbccddeeff00112233"

static const struct lint_sample server = {
    .version = "a0{02{02}}",
    .serial = "02{4102030405060708090a0b0c0d0e0f10}",
    .alg = "30{06{2a8648ce3d040302}}",
    .issuer = NAME(CN("0c{'Example Issuing'}")),
    .validity = "30{17{'261121000000Z'}17{'270221000000Z'}}",
    .subject = NAME(CN("0c{'a.example.test'}")),
    .spki = "30{30{06{2a8648ce3d0201}06{2a8648ce3d030107}}03{00" POINT "}}",
    .uid = "",
    .signature = "03{00<64s>}",
};

static const char *const server_exts[] = {
    EXT(SKI, "04{" KEY_ID "}"),
    EXT(AKI, "30{80{ff112233445566778899aabbccddeeff00112233}}"),
    CRITICAL(KU, "03{0780}"),
    EXT(EKU, "30{06{" KP("01") "}}"),
    EXT(SAN, "30{82{'a.example.test'}}"),
    EXT(AIA, "30{30{06{" OCSP "}86{'http://ca.example.test/ocsp'}}}"),
    EXT(CRLDP, "30{30{a0{a0{86{'http://ca.example.test/crl'}}}}}"),
    NULL,
};

static const char *const root_exts[] = {
    EXT(SKI, "04{" KEY_ID "}"),
    CRITICAL(KU, "03{0106}"),
    CRITICAL(BC, "30{01{ff}02{01}}"),
    NULL,
};

/* --- text to DER -------------------------------------------------------------------- */

static uint8_t nibble(char c)
{
    assert_true(isxdigit((unsigned char)c));
    return (uint8_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}

static const char *items(const char *p, struct buf *out);

static const char *repeat(const char *p, struct buf *out)
{
    char *end;
    unsigned long n = strtoul(p + 1, &end, 10);

    while (n-- > 0)
        buf_put_u8(out, (uint8_t)*end);
    assert_int_equal(end[1], '>');
    return end + 2;
}

static const char *octet(const char *p, struct buf *out)
{
    uint8_t v = (uint8_t)(nibble(p[0]) << 4 | nibble(p[1]));
    struct der_mark m;

    if (p[2] != '{') {
        buf_put_u8(out, v);
        return p + 2;
    }
    m = der_open(out, v);
    p = items(p + 3, out);
    assert_int_equal(*p, '}');
    der_close(out, m);
    return p + 1;
}

static const char *items(const char *p, struct buf *out)
{
    while (*p != 0 && *p != '}') {
        if (*p == ' ') {
            p++;
        } else if (*p == '\'') {
            for (p++; *p != '\''; p++)
                buf_put_u8(out, (uint8_t)*p);
            p++;
        } else {
            p = *p == '<' ? repeat(p, out) : octet(p, out);
        }
    }
    return p;
}

void lint_assemble(const char *text, struct buf *out)
{
    assert_int_equal(*items(text, out), 0);
    assert_false(buf_failed(out));
}

/* --- samples ------------------------------------------------------------------------ */

static const char * or (const char *given, const char *usual)
{
    return given != NULL ? given : usual;
}

/* The hexadecimal OID of an Extension in text: behind "30{06{". */
static bool same_oid(const char *ext, const char *oid, size_t n)
{
    return strlen(ext) > 6 + n && strncmp(ext + 6, oid, n) == 0 && ext[6 + n] == '}';
}

static bool replaced(const struct lint_sample *s, const char *ext)
{
    const char *oid = ext + 6;
    size_t n = strcspn(oid, "}");

    for (const char *d = s->drop; d != NULL && *d != 0; d += strspn(d, " ")) {
        size_t len = strcspn(d, " ");

        if (len == n && strncmp(d, oid, n) == 0)
            return true;
        d += len;
    }
    for (size_t i = 0; i < 3; i++)
        if (s->ext[i] != NULL && same_oid(s->ext[i], oid, n))
            return true;
    return false;
}

static void put_extensions(const struct lint_sample *s, struct buf *out)
{
    struct der_mark tag, list;

    if (s->exts != NULL) {
        lint_assemble(s->exts, out);
        return;
    }
    tag = der_open(out, DER_CONTEXT_CONSTRUCTED(3));
    list = der_open(out, DER_SEQUENCE);
    for (const char *const *e = s->ca ? root_exts : server_exts; *e != NULL; e++)
        if (!replaced(s, *e))
            lint_assemble(*e, out);
    for (size_t i = 0; i < 3; i++)
        lint_assemble(or (s->ext[i], ""), out);
    lint_assemble(or (s->more, ""), out);
    der_close(out, list);
    der_close(out, tag);
}

static void put_tbs(const struct lint_sample *s, struct buf *out)
{
    struct der_mark m = der_open(out, DER_SEQUENCE);

    lint_assemble(or (s->version, server.version), out);
    lint_assemble(or (s->serial, server.serial), out);
    lint_assemble(or (s->alg, server.alg), out);
    lint_assemble(or (s->issuer, server.issuer), out);
    lint_assemble(or (s->validity, server.validity), out);
    lint_assemble(or (s->subject, s->ca ? server.issuer : server.subject), out);
    lint_assemble(or (s->spki, server.spki), out);
    lint_assemble(or (s->uid, server.uid), out);
    put_extensions(s, out);
    der_close(out, m);
}

void lint_sample_der(const struct lint_sample *s, bool draft, struct buf *out)
{
    struct der_mark m;

    buf_reset(out);
    if (s->whole != NULL) {
        lint_assemble(s->whole, out);
    } else if (draft) {
        put_tbs(s, out);
    } else {
        m = der_open(out, DER_SEQUENCE);
        put_tbs(s, out);
        lint_assemble(or (s->outer, or (s->alg, server.alg)), out);
        lint_assemble(or (s->signature, server.signature), out);
        der_close(out, m);
    }
    lint_assemble(or (s->tail, ""), out);
    assert_false(buf_failed(out));
}
