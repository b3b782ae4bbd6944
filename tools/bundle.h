/* Certificates to trust, in the containers that other programs read. */
#ifndef TOOLS_BUNDLE_H
#define TOOLS_BUNDLE_H

#include "lib/fault.h"
#include "lib/proto.h"

struct bundle {
    size_t n;
    struct {
        char name[64]; /* alias in a truststore */
        struct slice der;
    } item[CA_MAX];
};

/* A degenerate SignedData: certificates and nothing signed (RFC 5652 5.1). */
void bundle_p7b(const struct bundle *b, struct buf *out);
/* A truststore for Java 8 and later: PKCS#12 whose certificates have Oracle's attribute
 * trustedKeyUsage, without which Java takes them for somebody's chain and trusts none. */
int bundle_truststore(const struct bundle *b, const char *password, struct buf *out,
                      struct fault *f) WARN_UNUSED;

#endif
