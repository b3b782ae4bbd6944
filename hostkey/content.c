#include "hostkey/content.h"

#include <stdlib.h>
#include <string.h>

#include "lib/csr.h"

#define BLANKS 64
static const char context[] = "TLS 1.3, client CertificateVerify"; /* its NUL is the zero octet */

/* The hash is of the cipher suite: SHA-256 or SHA-384 (RFC 8446 B.4). */
static bool is_certificate_verify(struct slice s)
{
    if (s.n != BLANKS + sizeof(context) + 32 && s.n != BLANKS + sizeof(context) + 48)
        return false;
    for (size_t i = 0; i < BLANKS; i++)
        if (s.p[i] != 0x20)
            return false;
    return memcmp(s.p + BLANKS, context, sizeof(context)) == 0;
}

static int check_request(struct slice content, const struct spki *key, struct fault *f)
{
    struct csr *csr = xcalloc(1, sizeof(*csr));
    int rc = csr_parse_info(content, csr, f);

    if (rc != 0)
        rc = fault_set(f, FAULT_DENIED, "hostkey.content",
                       "neither a certification request nor a TLS 1.3 client's handshake");
    else if (!slice_eq(csr->key.der, key->der))
        rc = fault_set(f, FAULT_DENIED, "hostkey.content",
                       "the certification request is for another key than this one");
    free(csr);
    return rc;
}

int content_check(struct slice content, const struct spki *key, enum sig_alg alg, struct fault *f)
{
    bool tls = is_certificate_verify(content);

    if (alg == SIG_NONE || alg == SIG_ED25519 || !sig_alg_fits(alg, key->type) ||
        (tls && key->type == KEY_RSA && alg < SIG_RSA_PSS_SHA256))
        return fault_set(f, FAULT_DENIED, "hostkey.algorithm", "%s is not for this",
                         sig_alg_name(alg));
    return tls ? 0 : check_request(content, key, f);
}
