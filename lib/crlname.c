#include "lib/crlname.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/ext.h"

struct crl_name crl_name_shard(uint16_t shards, uint16_t shard)
{
    return (struct crl_name){.kind = CRL_SHARD, .shards = shards, .shard = shard};
}

void crl_name_print(const struct crl_name *n, char out[CRL_NAME_MAX])
{
    if (n->kind == CRL_SHARD)
        (void)snprintf(out, CRL_NAME_MAX, "shard-%u-of-%u", n->shard, n->shards);
    else
        (void)snprintf(out, CRL_NAME_MAX, "%s", n->kind == CRL_DELTA ? "delta" : "full");
}

static bool in_bounds(unsigned long shards, unsigned long shard)
{
    return shards >= 1 && shards <= CRL_SHARDS_MAX && shard < shards;
}

/* What is parsed is written again and compared: so there is one spelling. */
bool crl_name_parse(const char *text, struct crl_name *out)
{
    unsigned long shard, shards = 0;
    char again[CRL_NAME_MAX], *end;

    memset(out, 0, sizeof(*out));
    if (strcmp(text, "full") == 0)
        return true;
    if (strcmp(text, "delta") == 0) {
        out->kind = CRL_DELTA;
        return true;
    }
    if (strlen(text) >= CRL_NAME_MAX || strncmp(text, "shard-", 6) != 0)
        return false;
    shard = strtoul(text + 6, &end, 10);
    if (strncmp(end, "-of-", 4) == 0)
        shards = strtoul(end + 4, NULL, 10);
    if (!in_bounds(shards, shard))
        return false;
    *out = crl_name_shard((uint16_t)shards, (uint16_t)shard);
    crl_name_print(out, again);
    return strcmp(again, text) == 0;
}

uint32_t crl_name_scope(const struct crl_name *n)
{
    return n->kind == CRL_SHARD ? (uint32_t)n->shards << 16 | n->shard : CRL_SCOPE_ALL;
}

bool crl_scope_shard(uint32_t scope, struct crl_name *out)
{
    *out = crl_name_shard((uint16_t)(scope >> 16), (uint16_t)scope);
    return in_bounds(out->shards, out->shard);
}

void crl_name_file(const struct crl_name *n, char out[CRL_FILE_MAX])
{
    char name[CRL_NAME_MAX];

    crl_name_print(n, name);
    (void)snprintf(out, CRL_FILE_MAX, "%s.der", n->kind == CRL_FULL ? "crl" : name);
}

size_t crl_url_stem(const char *crl_url)
{
    size_t n = strlen(crl_url);

    return n > 4 && strcasecmp(crl_url + n - 4, ".crl") == 0 ? n - 4 : n;
}

void crl_name_url(const struct crl_name *n, const char *crl_url, struct buf *out)
{
    char name[CRL_NAME_MAX];

    if (n->kind == CRL_FULL) {
        buf_put_str(out, crl_url);
        return;
    }
    crl_name_print(n, name);
    buf_put(out, crl_url, crl_url_stem(crl_url));
    buf_printf(out, "/%s.crl", name);
}

/* Its end is random (ca/door/serial.h). */
uint16_t crl_shard_of(const uint8_t serial[SERIAL_LEN], uint16_t shards)
{
    uint32_t v = 0;

    for (size_t i = SERIAL_LEN - 4; i < SERIAL_LEN; i++)
        v = v << 8 | serial[i];
    return shards == 0 ? 0 : (uint16_t)(v % shards);
}

void crl_idp_put(struct buf *b, const char *url)
{
    struct der_mark seq = der_open(b, DER_SEQUENCE);

    ext_point_name_put(b, url);
    der_close(b, seq);
}

/* The URI in it; empty: it is made otherwise. */
static struct slice only_uri(struct slice idp)
{
    struct slice seq, name, full, uri;

    if (der_get(&idp, DER_SEQUENCE, &seq) != 0 || !der_end(idp) ||
        der_get(&seq, DER_CONTEXT_CONSTRUCTED(0), &name) != 0 || !der_end(seq) ||
        der_get(&name, DER_CONTEXT_CONSTRUCTED(0), &full) != 0 || !der_end(name) ||
        der_get(&full, DER_CONTEXT(6), &uri) != 0 || !der_end(full))
        return SLICE_NONE;
    return uri;
}

/* The name at the end of the URI is what the whole must then be equal to. */
bool crl_idp_shard(struct slice idp, const char *crl_url, struct crl_name *out)
{
    struct slice uri = only_uri(idp);
    char name[CRL_NAME_MAX];
    struct buf again;
    size_t at = uri.n;
    bool same;

    memset(out, 0, sizeof(*out));
    while (at > 0 && uri.p[at - 1] != '/')
        at--;
    if (uri.n - at <= 4 || uri.n - at - 4 >= sizeof(name))
        return false;
    memcpy(name, uri.p + at, uri.n - at - 4);
    name[uri.n - at - 4] = '\0';
    if (!crl_name_parse(name, out) || out->kind != CRL_SHARD)
        return false;
    buf_init(&again, CRL_URL_MAX);
    crl_name_url(out, crl_url, &again);
    same = slice_eq(buf_slice(&again), uri);
    buf_free(&again);
    return same;
}

void crl_places_of(const struct conf_issuer *i, const uint8_t serial[SERIAL_LEN],
                   struct buf *crl_url, struct buf *freshest_url)
{
    const struct crl_name full = {.kind = CRL_FULL}, delta = {.kind = CRL_DELTA};
    const struct crl_name shard =
        crl_name_shard((uint16_t)i->crl_shards, crl_shard_of(serial, (uint16_t)i->crl_shards));

    crl_name_url(i->crl_shards > 0 ? &shard : &full, i->crl_url, crl_url);
    /* A delta goes with the full one: of a part there is none (RFC 5280 5.2.4: the same scope). */
    if (i->crl_delta > 0 && i->crl_shards == 0)
        crl_name_url(&delta, i->crl_url, freshest_url);
}
