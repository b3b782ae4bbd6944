#include "tests/bench/help/est_client.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/x509v3.h>

#include "est/body.h"
#include "est/certs.h"
#include "lib/cert.h"
#include "lib/file.h"
#include "lib/pem.h"

#define MAKERS 2 /* threads */
#define HTTP_MAX 8192
#define SPKI_MAX 256
#define FILE_MAX ((size_t)256 << 20)

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "clients of EST: %s\n", what);
    exit(1);
}

/* --- requests --------------------------------------------------------------------------------- */

/* The names that its certificate has; else one of its own. */
static X509_EXTENSION *names(const struct est_client *c, const char *name)
{
    char value[EST_CLIENT_NAME_SIZE + 8];
    int at = c->cert == NULL ? -1 : X509_get_ext_by_NID(c->cert, NID_subject_alt_name, -1);

    if (at >= 0)
        return X509_EXTENSION_dup(X509_get_ext(c->cert, at));
    (void)snprintf(value, sizeof(value), "DNS:%s", name);
    return X509V3_EXT_nconf_nid(NULL, NULL, NID_subject_alt_name, value);
}

static void put_csr(const struct est_client *c, const char *name, struct buf *out)
{
    X509_REQ *req = X509_REQ_new();
    STACK_OF(X509_EXTENSION) *extensions = sk_X509_EXTENSION_new_null();
    X509_EXTENSION *san = names(c, name);
    unsigned char *der = NULL;
    int n;

    if (req == NULL || extensions == NULL || san == NULL ||
        sk_X509_EXTENSION_push(extensions, san) <= 0 || X509_REQ_set_version(req, 0) != 1 ||
        X509_REQ_add_extensions(req, extensions) != 1 ||
        (c->cert != NULL && X509_REQ_set_subject_name(req, X509_get_subject_name(c->cert)) != 1) ||
        X509_REQ_set_pubkey(req, c->next) != 1 || X509_REQ_sign(req, c->next, EVP_sha256()) <= 0)
        die("cannot make a request");
    n = i2d_X509_REQ(req, &der);
    if (n <= 0)
        die("cannot encode a request");
    base64_put(out, slice_of(der, (size_t)n), 64);
    OPENSSL_free(der);
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    X509_REQ_free(req);
}

static void put_credentials(const char *token, struct buf *out)
{
    struct buf plain;

    buf_init(&plain, 512);
    buf_printf(&plain, "x:%s", token);
    buf_put_str(out, "Authorization: Basic ");
    base64_put(out, buf_slice(&plain), 0);
    buf_put_str(out, "\r\n");
    buf_free(&plain);
}

static void make_key(struct est_client *c)
{
    unsigned char *der = NULL;
    int n;

    c->next = EVP_EC_gen("P-256");
    n = c->next == NULL ? 0 : i2d_PUBKEY(c->next, &der);
    if (n <= 0)
        die("cannot make a key");
    buf_init(&c->spki, SPKI_MAX);
    buf_put(&c->spki, der, (size_t)n);
    OPENSSL_free(der);
}

static void make(struct est_client *c, const struct est_asks *a, size_t i)
{
    char name[EST_CLIENT_NAME_SIZE];
    struct buf body;

    buf_init(&c->http, HTTP_MAX);
    if (a->gets) {
        buf_printf(&c->http, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", a->path);
        return;
    }
    (void)snprintf(name, sizeof(name), "h%zu-%llx.bench.example", i, (unsigned long long)a->salt);
    make_key(c);
    buf_init(&body, HTTP_MAX);
    put_csr(c, name, &body);
    buf_printf(&c->http, "POST %s HTTP/1.1\r\nHost: localhost\r\n", a->path);
    if (a->token != NULL)
        put_credentials(a->token, &c->http);
    buf_printf(&c->http, "Content-Type: application/pkcs10\r\nContent-Length: %zu\r\n\r\n", body.n);
    buf_put_slice(&c->http, buf_slice(&body));
    if (buf_failed(&body) || buf_failed(&c->http))
        die("a request is too long");
    buf_free(&body);
}

struct maker {
    pthread_t thread;
    struct est_client *c;
    const struct est_asks *asks;
    size_t first, n; /* and every MAKERS-th behind it */
};

static void *make_some(void *arg)
{
    const struct maker *m = arg;

    for (size_t i = m->first; i < m->n; i += MAKERS)
        make(&m->c[i], m->asks, i);
    return NULL;
}

void est_clients_make(struct est_client *c, size_t n, const struct est_asks *a)
{
    struct maker maker[MAKERS] = {0};

    for (size_t i = 0; i < MAKERS; i++) {
        maker[i].c = c;
        maker[i].asks = a;
        maker[i].first = i;
        maker[i].n = n;
        if (pthread_create(&maker[i].thread, NULL, make_some, &maker[i]) != 0)
            die("cannot start a thread");
    }
    for (size_t i = 0; i < MAKERS; i++)
        (void)pthread_join(maker[i].thread, NULL);
}

/* --- answers ---------------------------------------------------------------------------------- */

bool est_client_take(const struct est_client *c, struct slice body, uint8_t serial[SERIAL_LEN],
                     struct buf *out)
{
    struct buf der;
    struct certs certs;
    struct cert cert;
    struct fault f;
    bool right;

    fault_clear(&f);
    buf_init(&der, CERT_MAX);
    right = est_body_get(body, NULL, &der, &f) == 0 && certs_get(&der, &certs, &f) == 0 &&
            cert_parse(certs.cert[0], &cert, &f) == 0 && cert.serial.n == SERIAL_LEN &&
            memmem(cert.tbs.p, cert.tbs.n, c->spki.p, c->spki.n) != NULL;
    if (right) {
        memcpy(serial, cert.serial.p, SERIAL_LEN);
        buf_put_slice(out, cert.der);
    }
    buf_free(&der);
    return right;
}

bool certificate_verifies(X509_STORE *roots, struct slice certificate)
{
    X509_STORE_CTX *v = X509_STORE_CTX_new();
    const unsigned char *p = certificate.p;
    X509 *x = d2i_X509(NULL, &p, (long)certificate.n);
    bool right = v != NULL && x != NULL && X509_STORE_CTX_init(v, roots, x, NULL) == 1 &&
                 X509_verify_cert(v) == 1;

    X509_STORE_CTX_free(v);
    X509_free(x);
    return right;
}

/* --- kept ones -------------------------------------------------------------------------------- */

static void put_one(struct buf *out, const void *der, size_t n)
{
    uint32_t length = (uint32_t)n;

    buf_put(out, &length, sizeof(length));
    buf_put(out, der, n);
}

void est_client_write(const struct est_client *c, struct slice certificate, struct buf *out)
{
    unsigned char *der = NULL;
    int n = i2d_PrivateKey(c->next, &der);

    if (n <= 0)
        die("cannot write a key");
    put_one(out, der, (size_t)n);
    put_one(out, certificate.p, certificate.n);
    OPENSSL_clear_free(der, (size_t)n);
}

static struct slice take_one(struct slice *in)
{
    struct slice s;
    uint32_t n;

    if (in->n < sizeof(n))
        die("the file has too few clients");
    memcpy(&n, in->p, sizeof(n));
    s = slice_of(in->p + sizeof(n), n);
    if (in->n - sizeof(n) < n)
        die("the file is cut off");
    *in = slice_of(s.p + n, in->n - sizeof(n) - n);
    return s;
}

struct est_client *est_clients_read(const char *path, size_t first, size_t n)
{
    struct est_client *c = xcalloc(n, sizeof(*c));
    struct buf file;
    struct slice in;
    struct fault f;

    fault_clear(&f);
    buf_init(&file, FILE_MAX);
    if (file_read(path, FILE_MAX, &file, &f) != 0)
        die(f.text);
    in = buf_slice(&file);
    for (size_t i = 0; i < first + n; i++) {
        struct slice key = take_one(&in), cert = take_one(&in);
        const unsigned char *k = key.p, *x = cert.p;

        if (i < first)
            continue;
        c[i - first].key = d2i_AutoPrivateKey(NULL, &k, (long)key.n);
        c[i - first].cert = d2i_X509(NULL, &x, (long)cert.n);
        if (c[i - first].key == NULL || c[i - first].cert == NULL)
            die("a key or certificate of the file is malformed");
    }
    buf_free(&file);
    return c;
}

void est_clients_free(struct est_client *c, size_t n)
{
    for (size_t i = 0; c != NULL && i < n; i++) {
        EVP_PKEY_free(c[i].key);
        EVP_PKEY_free(c[i].next);
        X509_free(c[i].cert);
        buf_free(&c[i].spki);
        buf_free(&c[i].http);
    }
    free(c);
}
