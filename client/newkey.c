#include "client/newkey.h"

#include <openssl/evp.h>

#include "est/request.h"
#include "client/signkey.h"

static int request(EVP_PKEY *key, struct slice subject, struct buf *csr, struct fault *f)
{
    struct est_request r = {.subject = subject};
    struct buf spki, info;
    int rc;

    buf_init(&spki, 4096);
    buf_init(&info, CSR_MAX);
    rc = signkey_public(key, &spki, f);
    r.spki = buf_slice(&spki);
    est_request_put(&info, &r);
    if (rc == 0 && buf_failed(&info))
        rc = fault_set(f, FAULT_TOO_LARGE, "csr.size", "the certification request is too large");
    if (rc == 0)
        rc = signkey_request(key, buf_slice(&info), csr, f);
    buf_free(&info);
    buf_free(&spki);
    return rc;
}

int newkey_make(const char *type, struct slice subject, struct buf *pem, struct buf *csr,
                struct fault *f)
{
    EVP_PKEY *key;
    int rc = signkey_make(type, &key, f);

    if (rc == 0)
        rc = signkey_pem(key, pem, f);
    if (rc == 0)
        rc = request(key, subject, csr, f);
    EVP_PKEY_free(key);
    return rc;
}

int newkey_request(const char *path, struct slice subject, struct buf *csr, struct fault *f)
{
    EVP_PKEY *key;
    int rc = signkey_read(path, &key, f);

    if (rc == 0)
        rc = request(key, subject, csr, f);
    EVP_PKEY_free(key);
    return rc;
}
