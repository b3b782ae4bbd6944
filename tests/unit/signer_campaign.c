#include "tests/unit/signer_campaign.h"

#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cert.h"
#include "token/ckr.h"

#define VENDOR_VALUE 0x80000451ul /* CKR_VENDOR_DEFINED and something */
#define NOBODYS_VALUE 0x00007fedul

bool campaign_full(void)
{
    const char *how = getenv("CERCA_CAMPAIGN");

    return how != NULL && strcmp(how, "full") == 0;
}

size_t campaign_values(CK_RV out[CAMPAIGN_VALUES_MAX])
{
    size_t n = 0;

    if (ckr_count() + 2 > CAMPAIGN_VALUES_MAX)
        abort();
    for (size_t i = 1; i < ckr_count(); i++)
        out[n++] = ckr_at(i);
    out[n++] = VENDOR_VALUE;
    out[n++] = NOBODYS_VALUE;
    return n;
}

bool campaign_right(struct slice certificate, struct slice tbs, EVP_PKEY *key)
{
    const uint8_t *at = certificate.p;
    struct fault f;
    struct cert k;
    X509 *x;
    bool right;

    if (cert_parse(certificate, &k, &f) != 0 || !slice_eq(k.tbs, tbs))
        return false;
    x = d2i_X509(NULL, &at, (long)certificate.n);
    right = x != NULL && X509_verify(x, key) == 1;
    X509_free(x);
    return right;
}
