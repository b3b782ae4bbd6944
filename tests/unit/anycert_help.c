#include "tests/unit/anycert_help.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/der.h"
#include "lib/ext.h"
#include "lib/oid.h"

#define ALG "300a06082a8648ce3d040302"
#define SPKI                                                                                       \
    "3059301306072a8648ce3d020106082a8648ce3d03010703420004"                                       \
    "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"                             \
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
#define REST "a31a301830160603551d11040f300d820b612e6578616d706c652e78"

static void put_hex(struct buf *out, const char *hex, const char *usual)
{
    const char *text = hex != NULL ? hex : usual;
    uint8_t *p = buf_grow(out, strlen(text) / 2);

    if (p == NULL || hex_decode(text, p, strlen(text) / 2) != 0)
        abort();
}

void any_make(const struct any_parts *p, struct buf *out)
{
    struct der_mark cert = der_open(out, DER_SEQUENCE), tbs = der_open(out, DER_SEQUENCE);

    put_hex(out, p->version, "a003020102");
    put_hex(out, p->serial, "02012a");
    put_hex(out, p->alg, ALG);
    put_hex(out, p->issuer, "300c310a300806035504030c0169");
    put_hex(out, p->validity, "301e170d3236303130313030303030305a170d3237303130313030303030305a");
    put_hex(out, p->subject, "300c310a300806035504030c0173");
    put_hex(out, p->spki, SPKI);
    put_hex(out, p->rest, REST);
    der_close(out, tbs);
    put_hex(out, p->outer != NULL ? p->outer : p->alg, ALG);
    put_hex(out, "03030030aa", NULL);
    der_close(out, cert);
}

char *any_many_names(unsigned n)
{
    struct buf b;
    struct der_mark tagged, list, names;
    struct ext_mark ext;
    char name[32], *hex;

    buf_init(&b, 65536);
    tagged = der_open(&b, DER_CONTEXT_CONSTRUCTED(3));
    list = der_open(&b, DER_SEQUENCE);
    ext = ext_open(&b, oid_subject_alt_name, false);
    names = der_open(&b, DER_SEQUENCE);
    for (unsigned i = 0; i < n; i++) {
        (void)snprintf(name, sizeof(name), "h%u.example", i);
        der_put(&b, DER_CONTEXT(2), slice_str(name));
    }
    der_close(&b, names);
    ext_close(&b, ext);
    der_close(&b, list);
    der_close(&b, tagged);
    hex = xcalloc(b.n * 2 + 1, 1);
    hex_encode(buf_slice(&b), hex);
    buf_free(&b);
    return hex;
}
