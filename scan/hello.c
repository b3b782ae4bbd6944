#include "scan/hello.h"

#include <string.h>

#include "lib/wire.h"

#define HANDSHAKE 22
#define CLIENT_HELLO 1
#define REASONABLE 512 /* octets: see pad */

/* Writes a length of `octets` octets later, over what was left for it. */
static size_t leave(struct buf *b, size_t octets)
{
    size_t at = b->n;

    for (size_t i = 0; i < octets; i++)
        buf_put_u8(b, 0);
    return at;
}

static void fill(struct buf *b, size_t at, size_t octets)
{
    size_t n = b->n - at - octets;

    if (buf_failed(b))
        return;
    for (size_t i = octets; i > 0; i--, n >>= 8)
        b->p[at + i - 1] = (uint8_t)n;
}

static void put_list16(struct buf *b, const uint16_t *v, size_t n)
{
    size_t at = leave(b, 2);

    for (size_t i = 0; i < n; i++)
        wire_put_u16(b, v[i]);
    fill(b, at, 2);
}

static void extension16(struct buf *b, uint16_t type, const uint16_t *v, size_t n)
{
    size_t at;

    wire_put_u16(b, type);
    at = leave(b, 2);
    put_list16(b, v, n);
    fill(b, at, 2);
}

static void put_sni(struct buf *b, const char *name) /* RFC 6066 3 */
{
    size_t at, list;

    wire_put_u16(b, 0);
    at = leave(b, 2);
    list = leave(b, 2);
    buf_put_u8(b, 0);
    wire_put_u16(b, (uint16_t)strlen(name));
    buf_put_str(b, name);
    fill(b, list, 2);
    fill(b, at, 2);
}

static void put_octets(struct buf *b, uint16_t type, const char *octets, size_t n)
{
    wire_put_u16(b, type);
    wire_put_u16(b, (uint16_t)n);
    buf_put(b, octets, n);
}

static void put_extensions(struct buf *b, const struct hello *h)
{
    static const uint16_t groups[] = {0x001d, 0x0017, 0x0018, 0x0019, 0x001e,
                                      0x0100, 0x0101, 0x0102, 0x0016, 0x0015};
    /* ECDSA, RSA-PSS, EdDSA, RSA, then SHA-1 and DSA for who has nothing else. */
    static const uint16_t signatures[] = {0x0403, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806,
                                          0x0809, 0x080a, 0x080b, 0x0807, 0x0808, 0x0401,
                                          0x0501, 0x0601, 0x0203, 0x0201, 0x0402, 0x0202};

    if (h->sni[0] != 0)
        put_sni(b, h->sni);
    extension16(b, 10, groups, sizeof(groups) / sizeof(groups[0]));
    put_octets(b, 11, "\x01\x00", 2); /* ec_point_formats: uncompressed */
    if (h->version >= TLS_1_2)
        extension16(b, 13, signatures, sizeof(signatures) / sizeof(signatures[0]));
    if (h->version == TLS_1_3) {
        put_octets(b, 43, "\x02\x03\x04", 3); /* supported_versions */
        put_octets(b, 51, "\x00\x00", 2);     /* key_share: none yet */
    } else {
        put_octets(b, 23, "", 0);         /* extended_master_secret */
        put_octets(b, 0xff01, "\x00", 1); /* renegotiation_info */
    }
}

/* Some middle boxes hang when a ClientHello has 256 to 511 octets (RFC 7685). */
static void pad(struct buf *b, size_t message)
{
    size_t n = b->n - message;

    if (n <= 255 || n >= REASONABLE)
        return;
    wire_put_u16(b, 21);
    n = n + 4 < REASONABLE ? REASONABLE - n - 4 : 0;
    wire_put_u16(b, (uint16_t)n);
    (void)leave(b, n);
}

void hello_put(struct buf *b, const struct hello *h)
{
    size_t record, message, at;

    buf_put_u8(b, HANDSHAKE);
    wire_put_u16(b, 0x0301); /* RFC 8446 5.1: for who looks at nothing else */
    record = leave(b, 2);
    buf_put_u8(b, CLIENT_HELLO);
    message = leave(b, 3);
    wire_put_u16(b, h->version == TLS_1_3 ? 0x0303 : tls_version_wire(h->version));
    buf_put(b, h->random, sizeof(h->random));
    if (h->version == TLS_1_3) { /* middlebox compatibility: RFC 8446 D.4 */
        buf_put_u8(b, sizeof(h->random));
        buf_put(b, h->random, sizeof(h->random));
    } else {
        buf_put_u8(b, 0);
    }
    put_list16(b, h->suites, h->n_suites);
    buf_put(b, "\x01\x00", 2); /* no compression */
    at = leave(b, 2);
    put_extensions(b, h);
    pad(b, message - 1);
    fill(b, at, 2);
    fill(b, message, 3);
    fill(b, record, 2);
}
