/* Object identifiers: the contents octets of their DER, named after the standards that define
 * them. */
#ifndef LIB_OID_H
#define LIB_OID_H

#include "lib/buf.h"

/* Keys and signatures: RFC 8017, RFC 5480, RFC 8410, FIPS 180-4. */
extern const struct slice oid_rsa_encryption;
extern const struct slice oid_rsassa_pss;
extern const struct slice oid_mgf1;
extern const struct slice oid_ec_public_key;
extern const struct slice oid_p256;
extern const struct slice oid_p384;
extern const struct slice oid_p521;
extern const struct slice oid_ed25519;
extern const struct slice oid_sha1;
extern const struct slice oid_sha256;
extern const struct slice oid_sha384;
extern const struct slice oid_sha512;

/* Cryptographic messages: RFC 5652 4, 5.1. */
extern const struct slice oid_cms_data;
extern const struct slice oid_cms_signed_data;
extern const struct slice oid_cms_enveloped_data;
extern const struct slice oid_asymmetric_keys; /* id-ct-KP-aKeyPackage, RFC 5958 2 */

/* Request attributes: RFC 2985 5.4, and the one that Microsoft clients used before it. */
extern const struct slice oid_challenge_password;
extern const struct slice oid_extension_request;
extern const struct slice oid_ms_extension_request;

/* ... that EST clients ask and link with: RFC 6402 2.8, RFC 7030 4.4.1, RFC 8551 2.5.2. */
extern const struct slice oid_change_subject_name;
extern const struct slice oid_decrypt_key_id;
extern const struct slice oid_asymm_decrypt_key_id;
extern const struct slice oid_smime_capabilities;
/* ... and that EST servers answer with: RFC 9908 3.4. */
extern const struct slice oid_request_template;
extern const struct slice oid_extension_template;

/* Extensions: RFC 5280 4.2. */
extern const struct slice oid_subject_key_id;
extern const struct slice oid_key_usage;
extern const struct slice oid_subject_alt_name;
extern const struct slice oid_basic_constraints;
extern const struct slice oid_name_constraints;
extern const struct slice oid_crl_distribution_points;
extern const struct slice oid_authority_key_id;
extern const struct slice oid_ext_key_usage;
extern const struct slice oid_authority_info_access;
extern const struct slice oid_no_rev_avail;  /* RFC 9608 */
extern const struct slice oid_tls_feature;   /* RFC 7633 */
extern const struct slice oid_ocsp_no_check; /* RFC 6960 4.2.2.2.1 */

/* OCSP: RFC 6960 4.2.1, 4.4. */
extern const struct slice oid_ocsp_basic;
extern const struct slice oid_ocsp_nonce;
extern const struct slice oid_ocsp_acceptable;
extern const struct slice oid_ocsp_archive_cutoff;
extern const struct slice oid_ocsp_preferred_algs;

/* Identities in Microsoft directories: the extension with a security identifier ([MS-WCCE]
 * 2.2.2.7.7.4), the identifier in it, and the user principal name as a subjectAltName. */
extern const struct slice oid_ms_ca_security;
extern const struct slice oid_ms_object_sid;
extern const struct slice oid_ms_upn;

/* CRLs and their entries: RFC 5280 5.2, 5.3. */
extern const struct slice oid_crl_number;
extern const struct slice oid_crl_reason;
extern const struct slice oid_invalidity_date;
extern const struct slice oid_delta_crl_indicator;
extern const struct slice oid_issuing_distribution_point;
extern const struct slice oid_freshest_crl; /* 4.2.1.15, 5.2.6 */

/* Access methods: RFC 5280 4.2.2.1. */
extern const struct slice oid_ad_ocsp;
extern const struct slice oid_ad_ca_issuers;

/* Dotted decimal, "2.5.29.17". `oid` was checked by der_get_oid; arcs past 64 bits fail the
 * buffer. */
void oid_print(struct slice oid, struct buf *out);

#endif
