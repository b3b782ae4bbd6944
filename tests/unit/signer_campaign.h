/* What the campaigns against a real cerca-signer have in common: the values that a module may
 * return, and whether what the signer gave out is right. */
#ifndef TESTS_UNIT_SIGNER_CAMPAIGN_H
#define TESTS_UNIT_SIGNER_CAMPAIGN_H

#include <openssl/evp.h>
#include <p11-kit/pkcs11.h>

#include "lib/buf.h"

#define CAMPAIGN_VALUES_MAX 128

/* CERCA_CAMPAIGN=full: each value at each call, not a part of them. */
bool campaign_full(void);
/* Each return value of PKCS #11 but CKR_OK, one of a vendor's and one of nobody's; how many. */
size_t campaign_values(CK_RV out[CAMPAIGN_VALUES_MAX]);
/* Is that a certificate of exactly this draft, whose signature this key verifies? */
bool campaign_right(struct slice certificate, struct slice tbs, EVP_PKEY *key);

#endif
