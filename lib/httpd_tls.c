#include "lib/httpd_tls.h"

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <stdlib.h>

#include "lib/der.h"
#include "lib/httpd_inner.h"
#include "lib/pem.h"

#define PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:-SHA1"

#define RSA_MAX 1024       /* octets of a modulus */
#define RSA_EXPONENT_MAX 8 /* ... and of an exponent */

/* Shared by the connections that began with it. */
struct httpd_certificate {
    gnutls_certificate_credentials_t credentials;
    unsigned refs; /* under the lock */
};

/* The library wants one at its start; connections get theirs in `begin`. */
static int no_certificate(gnutls_session_t session, const struct gnutls_cert_retr_st *info,
                          gnutls_pcert_st **chain, unsigned *n, gnutls_ocsp_data_st **ocsp,
                          unsigned *n_ocsp, gnutls_privkey_t *key, unsigned *flags)
{
    (void)session, (void)info, (void)chain, (void)n, (void)ocsp, (void)n_ocsp, (void)key;
    (void)flags;
    return -1;
}

static struct MHD_OptionItem options[] = {
    {MHD_OPTION_HTTPS_PRIORITIES, 0, NULL},
    {MHD_OPTION_HTTPS_CERT_CALLBACK2, 0, NULL},
    {MHD_OPTION_END, 0, NULL},
};

static void release(struct httpd_tls *t, struct httpd_certificate *c)
{
    bool last;

    if (c == NULL)
        return;
    pthread_mutex_lock(&t->lock);
    last = --c->refs == 0;
    pthread_mutex_unlock(&t->lock);
    if (!last)
        return;
    gnutls_certificate_free_credentials(c->credentials);
    free(c);
}

static gnutls_session_t session_of(struct MHD_Connection *c)
{
    return MHD_get_connection_info(c, MHD_CONNECTION_INFO_GNUTLS_SESSION)->tls_session;
}

/* ---- certificates of clients ---- */

/* Octets of a number without its zeros in front. */
static unsigned length_of(const gnutls_datum_t *d)
{
    unsigned zeros = 0;

    while (zeros < d->size && d->data[zeros] == 0)
        zeros++;
    return d->size - zeros;
}

static bool cheap_rsa(gnutls_x509_crt_t x)
{
    gnutls_datum_t m = {NULL, 0}, e = {NULL, 0};
    bool cheap = gnutls_x509_crt_get_pk_rsa_raw(x, &m, &e) == 0 && length_of(&m) <= RSA_MAX &&
                 length_of(&e) <= RSA_EXPONENT_MAX;

    gnutls_free(m.data);
    gnutls_free(e.data);
    return cheap;
}

/* Before the client's signature is verified with its key, which nobody vouches for: what that costs
 * is the key's to say, for RSA minutes. Other kinds have few sizes, or are none of ours. */
static bool is_cheap(const gnutls_datum_t *der)
{
    gnutls_x509_crt_t x;
    bool cheap = false;

    if (gnutls_x509_crt_init(&x) != 0)
        return false;
    if (gnutls_x509_crt_import(x, der, GNUTLS_X509_FMT_DER) == 0)
        switch (gnutls_x509_crt_get_pk_algorithm(x, NULL)) {
        case GNUTLS_PK_RSA:
        case GNUTLS_PK_RSA_PSS:
            cheap = cheap_rsa(x);
            break;
        case GNUTLS_PK_ECDSA:
        case GNUTLS_PK_EDDSA_ED25519:
        case GNUTLS_PK_EDDSA_ED448:
            cheap = true;
            break;
        default:
            break;
        }
    gnutls_x509_crt_deinit(x);
    return cheap;
}

/* A gnutls_handshake_hook_func at CertificateVerify, when the certificates are there; less than 0
 * ends the handshake. (GnuTLS's own verify function comes too late in TLS 1.2.) */
static int check_peer(gnutls_session_t session, unsigned type, unsigned when, unsigned incoming,
                      const gnutls_datum_t *message)
{
    unsigned n = 0;
    const gnutls_datum_t *chain = gnutls_certificate_get_peers(session, &n);

    (void)type, (void)when, (void)incoming, (void)message;
    return n == 0 || is_cheap(&chain[0]) ? 0 : GNUTLS_E_UNSUPPORTED_CERTIFICATE_TYPE;
}

/* ---- connections ---- */

/* No names of CAs are sent: any certificate may come (RFC 8446 4.2.4, RFC 5246 7.4.4). */
static void *begin(struct httpd_tls *t, struct MHD_Connection *c)
{
    gnutls_session_t session = session_of(c);
    struct httpd_certificate *now;

    pthread_mutex_lock(&t->lock);
    now = t->now;
    if (now != NULL)
        now->refs++;
    pthread_mutex_unlock(&t->lock);
    if (now != NULL)
        (void)gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, now->credentials);
    gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUEST);
    gnutls_handshake_set_hook_function(session, GNUTLS_HANDSHAKE_CERTIFICATE_VERIFY,
                                       GNUTLS_HOOK_BOTH, check_peer);
    return now;
}

static void end(struct httpd_tls *t, void *kept)
{
    release(t, kept);
}

struct httpd_tls *httpd_tls_new(void)
{
    struct httpd_tls *t = xcalloc(1, sizeof *t);

    /* Pointers that the initialiser cannot have. */
    options[0].ptr_value = (void *)(uintptr_t)PRIORITIES;
    options[1].ptr_value = (void *)(uintptr_t)no_certificate;
    t->options = options;
    t->begin = begin;
    t->end = end;
    pthread_mutex_init(&t->lock, NULL);
    return t;
}

void httpd_tls_free(struct httpd_tls *t)
{
    if (t == NULL)
        return;
    release(t, t->now);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

/* ---- our own certificate ---- */

static int load(struct httpd_certificate *c, struct buf *key, struct buf *chain)
{
    const gnutls_datum_t k = {key->p, (unsigned)key->n}, s = {chain->p, (unsigned)chain->n};

    if (gnutls_certificate_allocate_credentials(&c->credentials) != 0)
        return -1;
    if (gnutls_certificate_set_x509_key_mem2(c->credentials, &s, &k, GNUTLS_X509_FMT_PEM, NULL,
                                             0) == 0)
        return 0;
    gnutls_certificate_free_credentials(c->credentials);
    return -1;
}

static void put_chain(struct slice chain, struct buf *out)
{
    struct slice one;

    while (der_get_whole(&chain, DER_SEQUENCE, &one) == 0)
        pem_put(out, "CERTIFICATE", one);
}

int httpd_tls_show(struct httpd_tls *t, struct slice key, struct slice chain, struct fault *f)
{
    struct httpd_certificate *c = xcalloc(1, sizeof *c), *old;
    struct buf key_pem, chain_pem;
    int rc;

    buf_init(&key_pem, 65536);
    buf_init(&chain_pem, 262144);
    pem_put(&key_pem, "PRIVATE KEY", key);
    put_chain(chain, &chain_pem);
    rc = load(c, &key_pem, &chain_pem);
    buf_free(&key_pem);
    buf_free(&chain_pem);
    if (rc != 0) {
        free(c);
        return fault_set(f, FAULT_INTERNAL, "tls.certificate",
                         "GnuTLS refuses the key or certificate");
    }
    c->refs = 1;
    pthread_mutex_lock(&t->lock);
    old = t->now;
    t->now = c;
    pthread_mutex_unlock(&t->lock);
    release(t, old);
    return 0;
}

void http_request_peer(const struct http_request *r, struct buf *out)
{
    const struct http_wait *q = r->connection;
    unsigned n = 0;
    const gnutls_datum_t *c = gnutls_certificate_get_peers(session_of(q->connection), &n);
    size_t all = 0;

    for (unsigned i = 0; c != NULL && i < n; i++)
        all += c[i].size;
    for (unsigned i = 0; all <= HTTPD_PEER_CHAIN_MAX && c != NULL && i < n; i++)
        buf_put(out, c[i].data, c[i].size);
}

void http_request_binding(const struct http_request *r, struct buf *out)
{
    const struct http_wait *q = r->connection;
    gnutls_session_t session = session_of(q->connection);
    gnutls_channel_binding_t kind = GNUTLS_CB_TLS_EXPORTER;
    gnutls_datum_t binding = {NULL, 0};

    if (gnutls_protocol_get_version(session) < GNUTLS_TLS1_3) {
        if (gnutls_session_ext_master_secret_status(session) == 0)
            return;
        kind = GNUTLS_CB_TLS_UNIQUE;
    }
    if (gnutls_session_channel_binding(session, kind, &binding) == 0)
        buf_put(out, binding.data, binding.size);
    gnutls_free(binding.data);
}
