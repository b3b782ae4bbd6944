/* X.509 extensions (RFC 5280 4.1.2.9, 4.2), as requests and certificates share them. */
#ifndef LIB_EXT_H
#define LIB_EXT_H

#include "lib/der.h"

struct cert_extension {
    struct slice oid;
    bool critical;
    struct slice value; /* contents of the OCTET STRING */
};

/* One Extension. `critical` FALSE written out is accepted although X.690 11.5 wants it left
 * out: real encoders do it, and it means the same. */
int ext_get(struct slice *in, struct cert_extension *out) WARN_UNUSED;
/* Writes an Extension around whatever is put in between. */
struct ext_mark {
    struct der_mark extension, octets;
};
struct ext_mark ext_open(struct buf *b, struct slice oid, bool critical);
void ext_close(struct buf *b, struct ext_mark m);
/* Is this OID among the first n? */
bool ext_seen(const struct cert_extension *list, size_t n, struct slice oid);

/* Values of extensions, whole; -1 when malformed. */
int ext_basic_constraints(struct slice value, bool *ca, int *path_len) WARN_UNUSED;
int ext_key_usage(struct slice value, uint16_t *out) WARN_UNUSED;    /* KU_* */
int ext_key_purposes(struct slice value, uint32_t *out) WARN_UNUSED; /* EKU_* */

/* One AccessDescription of authorityInfoAccess or subjectInfoAccess (RFC 5280 4.2.2.1), with the
 * tag of the GeneralName. False at the end, and at what is none, which stays in the list. */
#define EXT_ACCESS_URI 0x86
bool ext_access_next(struct slice *list, struct slice *method, uint8_t *tag, struct slice *place);
/* The first http or https URI at which authorityInfoAccess says that OCSP is; empty: none. */
struct slice ext_ocsp_url(struct slice value);

/* TLS features (RFC 7633): is status_request among them? */
#define EXT_STATUS_REQUEST 5
int ext_must_staple(struct slice value, bool *out) WARN_UNUSED;
/* The security identifier in Microsoft's extension, as text; empty when there is another name in
 * it. */
int ext_ms_sid(struct slice value, struct slice *out) WARN_UNUSED;
/* "S-1-5-21-...": [MS-DTYP] 2.4.2.1 in decimal, at most EXT_SID_MAX octets. */
#define EXT_SID_MAX 187
bool ext_sid_valid(struct slice sid);

/* DistributionPointName (4.2.1.13) with one URI, tagged [0], as it stands in a DistributionPoint
 * and in an IssuingDistributionPoint. */
void ext_point_name_put(struct buf *b, const char *url);
/* CRLDistributionPoints with that alone: the value of cRLDistributionPoints and of freshestCRL. */
void ext_points_put(struct buf *b, const char *url);

/* The OID of one EKU_* bit; SLICE_NONE when it has none. */
struct slice ext_purpose_oid(uint32_t bit);
/* The value of extKeyUsage; a purpose without an OID fails the buffer. */
void ext_key_purposes_put(struct buf *b, uint32_t eku);

#endif
