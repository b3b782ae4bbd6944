/* An issuer, a leaf and a delegate of its, and OpenSSL's OCSP as the oracle. */
#ifndef TESTS_UNIT_OCSP_HELP_H
#define TESTS_UNIT_OCSP_HELP_H

#include <openssl/ocsp.h>
#include <openssl/x509v3.h>
/* OpenSSL's numbers for key usage are not ours. */
#undef KU_DIGITAL_SIGNATURE
#undef KU_KEY_ENCIPHERMENT
#undef KU_DATA_ENCIPHERMENT
#undef KU_KEY_AGREEMENT
#undef KU_KEY_CERT_SIGN
#undef KU_CRL_SIGN

#include "lib/ocsp.h"
#include "lib/tbs.h"

#define TEST_NOW (INT64_C(1795255200) + 3600) /* an hour after the drafts' notBefore */

struct ocsp_place {
    enum key_type issuer_key, delegate_key;
    struct buf issuer, leaf, delegate; /* certificates */
    X509 *issuer_x, *leaf_x;
};

void ocsp_place_make(struct ocsp_place *p, enum key_type issuer, enum key_type delegate);
void ocsp_place_free(struct ocsp_place *p);
/* A certificate of the issuer's for the delegate's key, changed before it is signed; in place of
 * what `out`, zeros or a buffer, holds. */
void ocsp_place_delegate(const struct ocsp_place *p, void (*change)(struct tbs_spec *),
                         struct buf *out);
X509 *ocsp_x509(struct slice der);
void ocsp_request_der(OCSP_REQUEST *r, struct buf *out);
/* A request for serials of the issuer by one hash, with a nonce of so many octets (0: none). */
void ocsp_place_request(const struct ocsp_place *p, const EVP_MD *md,
                        const uint8_t (*serial)[SERIAL_LEN], size_t n, size_t nonce,
                        struct buf *out);
/* What OpenSSL makes of an answer: it verifies up to the issuer at TEST_NOW, and has this one
 * certificate at this place in it. */
struct ocsp_seen {
    int status, reason;                           /* V_OCSP_CERTSTATUS_* */
    int64_t revoked_at, this_update, next_update; /* 0: none */
    int64_t archive_cutoff;
    struct buf nonce; /* made by the caller */
};
OCSP_BASICRESP *ocsp_verified(const struct ocsp_place *p, struct slice answer);
void ocsp_look(const struct ocsp_place *p, struct slice answer, size_t at, struct ocsp_seen *out);

#endif
