#include "client/csrfile.h"

#include <string.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "lib/csr.h"
#include "lib/file.h"
#include "lib/pem.h"

#define FILE_OCTETS_MAX (4 * CSR_MAX) /* PEM and the text that openssl req -text puts around it */

static int wrong(struct fault *f, const char *path, const char *is)
{
    return fault_set(f, FAULT_MALFORMED, "csr.file", "%s %s", path, is);
}

static bool is_certificate(struct slice der)
{
    const uint8_t *p = der.p;
    X509 *x = d2i_X509(NULL, &p, (long)der.n);

    X509_free(x);
    return x != NULL;
}

static bool is_private_key(struct slice der)
{
    const uint8_t *p = der.p;
    EVP_PKEY *key = d2i_AutoPrivateKey(NULL, &p, (long)der.n);

    EVP_PKEY_free(key);
    return key != NULL;
}

static int from_der(const char *path, struct slice file, struct buf *der, struct fault *f)
{
    if (is_certificate(file))
        return wrong(f, path, "is a certificate, not a certification request (CSR)");
    if (is_private_key(file))
        return wrong(f, path, "is a private key, not a certification request; it was not sent");
    buf_reset(der);
    der->max = CSR_MAX;
    buf_put_slice(der, file);
    if (buf_failed(der))
        return fault_set(f, FAULT_TOO_LARGE, "csr.size", "%s holds more than %d octets", path,
                         CSR_MAX);
    return 0;
}

/* No block with a request's label: what is it instead? */
static int explain_pem(const char *path, struct slice file, struct fault *f)
{
    if (memmem(file.p, file.n, "PRIVATE KEY-----", 16) != NULL)
        return wrong(f, path,
                     "holds a private key and no certification request; it was not sent "
                     "(openssl req -new -key FILE makes a request)");
    if (memmem(file.p, file.n, "-----BEGIN CERTIFICATE-----", 27) != NULL)
        return wrong(f, path, "holds a certificate, not a certification request (CSR)");
    return wrong(f, path, "holds no certification request (neither PEM nor DER)");
}

static int from_pem(const char *path, struct slice file, struct buf *der, struct fault *f)
{
    static const char *const labels[] = {"CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST", NULL};
    int rc;

    buf_reset(der);
    der->max = CSR_MAX;
    rc = pem_next(&file, labels, NULL, der, f);
    return rc > 0 ? explain_pem(path, file, f) : rc;
}

int csrfile_read(const char *path, struct buf *der, struct fault *f)
{
    const char *shown = strcmp(path, "-") == 0 ? "standard input" : path;
    struct buf file = {0};
    struct slice text;
    int rc = file_read(path, FILE_OCTETS_MAX, &file, f);

    text = buf_slice(&file);
    if (rc == 0 && text.n == 0)
        rc = wrong(f, shown, "is empty");
    else if (rc == 0 && text.p[0] == 0x30 && memmem(text.p, text.n, "-----BEGIN", 10) == NULL)
        rc = from_der(shown, text, der, f);
    else if (rc == 0)
        rc = from_pem(shown, text, der, f);
    buf_free(&file);
    return rc;
}
