/*
 * TBSCertificate (RFC 5280 4.1), written for issuing. What is written here is
 * exactly what is linted, recorded, signed and released.
 */
#ifndef LIB_TBS_H
#define LIB_TBS_H

#include "lib/key.h"
#include "lib/san.h"

#define SERIAL_LEN 16 /* always: leading bits 01, so that DER is minimal and positive */
#define TBS_MAX 32768 /* octets */

/* Key usage bits (RFC 5280 4.2.1.3), bit 0 is the most significant of the first octet. */
#define KU_DIGITAL_SIGNATURE (1u << 0)
#define KU_CONTENT_COMMITMENT (1u << 1)
#define KU_KEY_ENCIPHERMENT (1u << 2)
#define KU_DATA_ENCIPHERMENT (1u << 3)
#define KU_KEY_AGREEMENT (1u << 4)
#define KU_KEY_CERT_SIGN (1u << 5)
#define KU_CRL_SIGN (1u << 6)

/* Extended key usages (RFC 5280 4.2.1.12), a set of bits. */
#define EKU_SERVER_AUTH (1u << 0)
#define EKU_CLIENT_AUTH (1u << 1)
#define EKU_CODE_SIGNING (1u << 2)
#define EKU_EMAIL_PROTECTION (1u << 3)
#define EKU_TIME_STAMPING (1u << 4)
#define EKU_OCSP_SIGNING (1u << 5)
#define EKU_IPSEC_IKE (1u << 6)              /* RFC 4945 5.1.3.12 */
#define EKU_IPSEC_IKE_INTERMEDIATE (1u << 7) /* what IKE clients wanted before that */
#define EKU_EAP_OVER_LAN (1u << 8)           /* RFC 4334 */
#define EKU_MS_SMARTCARD_LOGIN (1u << 9)
#define EKU_PKINIT_CLIENT (1u << 10)    /* RFC 4556 3.2.2 */
#define EKU_PKINIT_KDC (1u << 11)       /* RFC 4556 3.2.4 */
#define EKU_DOCUMENT_SIGNING (1u << 12) /* RFC 9336 */
#define EKU_CM_KGA (1u << 13)           /* RFC 9480 2.2: makes keys for others */
#define EKU_OTHER (1u << 31)            /* when read: some other purpose is there too */

struct tbs_spec {
    uint8_t serial[SERIAL_LEN];
    enum sig_alg alg;     /* of the issuer's signature */
    struct slice issuer;  /* Name, whole DER */
    struct slice subject; /* Name, whole DER; may be empty when sans is not */
    int64_t not_before;
    int64_t not_after; /* inclusive (RFC 5280 4.1.2.5) */
    struct slice spki; /* whole DER */
    uint8_t subject_key_id[20];
    bool has_authority_key_id;
    uint8_t authority_key_id[20];
    uint16_t key_usage; /* KU_*; the extension is critical */
    uint32_t eku;       /* EKU_*; 0: no extension */
    bool eku_critical;
    bool ca;                     /* basicConstraints, critical when CA; absent for leaves */
    int path_len;                /* with ca; -1: none */
    struct slice constraints;    /* with ca: NameConstraints, whole; SLICE_NONE: none */
    const struct san_list *sans; /* NULL or empty: none; critical when the subject is empty */
    const char *ocsp_url;        /* AIA and CRL distribution point; NULL or "": none */
    const char *issuer_url;
    const char *crl_url;
    const char *freshest_url; /* of a delta CRL: freshestCRL */
    bool must_staple;         /* RFC 7633: TLS feature status_request */
    bool no_rev_avail;        /* RFC 9608; no OCSP or CRL address is written then */
    bool ocsp_no_check;       /* RFC 6960 4.2.2.2.1; the same */
    struct slice sid;         /* Microsoft security identifier, "S-1-5-..."; empty: none */
};

/* Appends the TBSCertificate. Errors stick to the buffer. */
void tbs_put(struct buf *b, const struct tbs_spec *spec);
/* Appends the CertificationRequestInfo (RFC 2986 4.1) of a CA: subject, spki, and as an
 * extensionRequest (RFC 2985 5.4.2) its basicConstraints, nameConstraints and keyUsage. */
void csr_info_put(struct buf *b, const struct tbs_spec *spec);
/* Appends Certificate ::= SEQUENCE { tbs, AlgorithmIdentifier, BIT STRING }. */
void cert_assemble(struct buf *b, struct slice tbs, enum sig_alg alg, struct slice signature);

#endif
