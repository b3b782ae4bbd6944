/*
 * The CRLs of one issuer: what each is called, where it is found, whose it is.
 *
 *   full           all that the issuer issued, no IssuingDistributionPoint: crl_url
 *   delta          what changed since a full one (RFC 5280 5.2.4): STEM/delta.crl
 *   shard-K-of-N   the K-th of N parts (5.2.5), K from 0 on: STEM/shard-K-of-N.crl
 *
 * STEM is crl_url without its ".crl". The part that a certificate is of follows from its serial
 * number and N, and its distribution point names both for ever: the parts of another N are other
 * lists at other places, so that changing N moves no certificate that was issued.
 */
#ifndef LIB_CRLNAME_H
#define LIB_CRLNAME_H

#include "lib/conf.h"
#include "lib/tbs.h"

#define CRL_SHARDS_MAX 256
#define CRL_NAME_MAX 24 /* "shard-255-of-256" and its NUL */
#define CRL_FILE_MAX 32
#define CRL_URL_MAX 8192

enum crl_kind { CRL_FULL = 0, CRL_DELTA = 1, CRL_SHARD = 2 };

struct crl_name {
    enum crl_kind kind;
    uint16_t shards, shard; /* of CRL_SHARD: N and K; else 0 */
};

struct crl_name crl_name_shard(uint16_t shards, uint16_t shard);
void crl_name_print(const struct crl_name *n, char out[CRL_NAME_MAX]);
/* Only what crl_name_print writes. */
bool crl_name_parse(const char *text, struct crl_name *out);

/* Which sequence its numbers are of (RFC 5280 5.2.3): a full one and its deltas share one. */
#define CRL_SCOPE_ALL 0
uint32_t crl_name_scope(const struct crl_name *n);
/* False: no scope of a part. */
bool crl_scope_shard(uint32_t scope, struct crl_name *out);

/* How long that STEM is. */
size_t crl_url_stem(const char *crl_url);
/* In the issuer's folder of the public view: "crl.der", "delta.der", "shard-3-of-8.der". */
void crl_name_file(const struct crl_name *n, char out[CRL_FILE_MAX]);
/* Appends the URL; `crl_url` is the issuer's. */
void crl_name_url(const struct crl_name *n, const char *crl_url, struct buf *out);

/* The part of N that a serial number is of. */
uint16_t crl_shard_of(const uint8_t serial[SERIAL_LEN], uint16_t shards);

/* IssuingDistributionPoint (5.2.5) with this name and nothing else, whole. */
void crl_idp_put(struct buf *b, const char *url);
/* The part of this issuer whose IssuingDistributionPoint this is; false: it is of none. */
bool crl_idp_shard(struct slice idp, const char *crl_url, struct crl_name *out);

/* What a certificate of this issuer says: where its CRL is, and the newest changes of it
 * (4.2.1.13, 4.2.1.15); empty: nothing. */
void crl_places_of(const struct conf_issuer *i, const uint8_t serial[SERIAL_LEN],
                   struct buf *crl_url, struct buf *freshest_url);

#endif
