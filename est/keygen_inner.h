/* What sealing and opening share. */
#ifndef EST_KEYGEN_INNER_H
#define EST_KEYGEN_INNER_H

#include <openssl/x509.h>

#include "est/keygen.h"

/* NULL: not one. */
X509 *keygen_read_x509(struct slice der);
EVP_PKEY *keygen_read_key(struct slice der);

#endif
