#include "scan/handshake.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "scan/answer.h"

#define A_STEP 65536 /* octets read before others have their turn */

/* Whatever OpenSSL has, with certificates: a server that picks one without would show none. */
#define CIPHERS "ALL:eNULL:!aNULL:!PSK:!SRP:@SECLEVEL=0"

#define NO_MEMORY "out of memory"

struct handshakes {
    SSL_CTX *ctx;
    BIO_METHOD *method;
};

struct handshake {
    SSL *ssl;
    int fd;
    size_t octets, step_octets;
    enum scan_outcome broken; /* seen below TLS; 0: nothing */
    enum scan_outcome outcome;
    const char *detail;
    bool has_alert, has_chosen;
    bool has_signed; /* the last message has a signature by the server's key ... */
    bool proved;     /* ... which was right, since OpenSSL has read on */
    uint8_t alert;
    enum tls_version version;
    uint16_t suite;
    enum served_fault served_fault;
    struct served served;
};

/* --- the socket -------------------------------------------------------------- */

static int read_socket(BIO *b, char *out, int n)
{
    struct handshake *h = BIO_get_data(b);
    ssize_t got;

    BIO_clear_retry_flags(b);
    if (h->octets >= HANDSHAKE_OCTETS) {
        h->broken = SCAN_TOO_LARGE;
        return -1;
    }
    if (h->step_octets >= A_STEP) {
        BIO_set_retry_read(b);
        return -1;
    }
    got = recv(h->fd, out, (size_t)n, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        BIO_set_retry_read(b);
        return -1;
    }
    if (got <= 0) {
        h->broken = got == 0 ? SCAN_CLOSED : SCAN_RESET;
        return (int)got;
    }
    if (h->octets == 0 && ((uint8_t)out[0] < 20 || (uint8_t)out[0] > 24)) {
        h->broken = SCAN_NO_TLS;
        return -1;
    }
    h->octets += (size_t)got;
    h->step_octets += (size_t)got;
    return (int)got;
}

static int write_socket(BIO *b, const char *p, int n)
{
    struct handshake *h = BIO_get_data(b);
    ssize_t sent;

    BIO_clear_retry_flags(b);
    sent = send(h->fd, p, (size_t)n, MSG_NOSIGNAL);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR))
        BIO_set_retry_write(b);
    return (int)sent; /* a peer that is gone is seen by reading: an alert may lie there */
}

static long control(BIO *b, int what, long n, void *p)
{
    (void)b, (void)n, (void)p;
    return what == BIO_CTRL_FLUSH;
}

/* --- what the server shows ---------------------------------------------------- */

static void take_hello(struct handshake *h, struct slice message)
{
    uint16_t version, suite;

    if (answer_read_hello(slice_of(message.p + 4, message.n - 4), &version, &suite) != 0 ||
        version < 0x0301 || version > 0x0304)
        return;
    h->has_chosen = true;
    h->version = (enum tls_version)(version - 0x0301);
    h->suite = suite;
}

static void note_proof(struct handshake *h, uint8_t type)
{
    h->proved = h->proved || h->has_signed;
    h->has_signed = type == SSL3_MT_SERVER_KEY_EXCHANGE || type == SSL3_MT_CERTIFICATE_VERIFY;
}

static void on_message(int sent, int version, int type, const void *p, size_t n, SSL *ssl,
                       void *arg)
{
    struct handshake *h = arg;
    struct slice message = slice_of(p, n);
    (void)version, (void)ssl;

    if (sent)
        return;
    if (type == SSL3_RT_ALERT && n == 2 && message.p[0] == SSL3_AL_FATAL) {
        h->has_alert = true;
        h->alert = message.p[1];
    } else if (type == SSL3_RT_HANDSHAKE && n >= 4) {
        note_proof(h, message.p[0]);
        if (message.p[0] == SSL3_MT_SERVER_HELLO)
            take_hello(h, message);
        else if (h->served_fault == SERVED_OK)
            h->served_fault = served_take(&h->served, message, h->version);
    }
}

/* --- all of them --------------------------------------------------------------- */

static int set_up(SSL_CTX *ctx)
{
    SSL_CTX_set_security_level(ctx, 0);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_max_cert_list(ctx, SCAN_CHAIN_OCTETS + SCAN_OCSP_MAX);
    (void)SSL_CTX_set_options(ctx, SSL_OP_LEGACY_SERVER_CONNECT | SSL_OP_IGNORE_UNEXPECTED_EOF |
                                       SSL_OP_NO_TICKET);
    SSL_CTX_set_msg_callback(ctx, on_message);
    return SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION) == 1 &&
                   SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) == 1 &&
                   SSL_CTX_set_cipher_list(ctx, CIPHERS) == 1 &&
                   SSL_CTX_set_tlsext_status_type(ctx, TLSEXT_STATUSTYPE_ocsp) == 1
               ? 0
               : -1;
}

int handshakes_new(struct handshakes **out, struct fault *f)
{
    struct handshakes *h = xcalloc(1, sizeof(*h));

    *out = NULL;
    h->ctx = SSL_CTX_new(TLS_client_method());
    h->method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "cerca scan");
    if (h->ctx == NULL || h->method == NULL || set_up(h->ctx) != 0 ||
        BIO_meth_set_read(h->method, read_socket) != 1 ||
        BIO_meth_set_write(h->method, write_socket) != 1 ||
        BIO_meth_set_ctrl(h->method, control) != 1) {
        handshakes_free(h);
        ERR_clear_error();
        return fault_set(f, FAULT_INTERNAL, "scan.openssl", "OpenSSL cannot be set up");
    }
    *out = h;
    return 0;
}

void handshakes_free(struct handshakes *h)
{
    if (h == NULL)
        return;
    SSL_CTX_free(h->ctx);
    BIO_meth_free(h->method);
    free(h);
}

/* --- one ------------------------------------------------------------------------ */

struct handshake *handshake_new(struct handshakes *all, int fd, const char *sni)
{
    struct handshake *h = xcalloc(1, sizeof(*h));
    BIO *b = BIO_new(all->method);

    h->fd = fd;
    h->detail = "";
    served_init(&h->served);
    h->ssl = SSL_new(all->ctx);
    if (h->ssl == NULL || b == NULL ||
        (sni[0] != 0 && SSL_set_tlsext_host_name(h->ssl, sni) != 1)) {
        BIO_free(b);
        ERR_clear_error();
        h->broken = SCAN_FAILED;
        h->detail = NO_MEMORY;
        return h;
    }
    BIO_set_data(b, h);
    BIO_set_init(b, 1);
    SSL_set_bio(h->ssl, b, b);
    SSL_set_msg_callback_arg(h->ssl, h);
    SSL_set_connect_state(h->ssl);
    return h;
}

void handshake_free(struct handshake *h)
{
    if (h == NULL)
        return;
    SSL_free(h->ssl);
    served_free(&h->served);
    free(h);
}

static bool chain_parses(const struct served *s)
{
    bool ok = true;

    for (size_t i = 0; i < s->n_chain && ok; i++) {
        const uint8_t *p = s->octets.p + s->chain[i].at, *end = p + s->chain[i].n;
        X509 *x = d2i_X509(NULL, &p, (long)s->chain[i].n);

        ok = x != NULL && p == end && (i > 0 || X509_get0_pubkey(x) != NULL);
        X509_free(x);
    }
    return ok;
}

/* Did OpenSSL fail here, above all for want of memory? That says nothing of the server. */
static bool failed_here(struct handshake *h)
{
    bool memory = false, other = false;
    unsigned long e;

    while ((e = ERR_get_error()) != 0) {
        memory = memory || ERR_GET_REASON(e) == ERR_R_MALLOC_FAILURE;
        other = other || ERR_GET_REASON(e) == ERR_R_INTERNAL_ERROR;
    }
    if (memory || other)
        h->detail = memory ? NO_MEMORY : "internal error of OpenSSL";
    return memory || other;
}

/* Why it did not come to its end. What the server showed counts more than what it did then: one
 * that wants a client certificate shows its own before it says so. */
static enum scan_outcome why(struct handshake *h)
{
    unsigned long e = ERR_peek_error();
    const char *reason = ERR_reason_error_string(e);

    if (failed_here(h))
        return SCAN_FAILED;
    if (h->broken == SCAN_TOO_LARGE || h->served_fault == SERVED_TOO_LARGE ||
        ERR_GET_REASON(e) == SSL_R_EXCESSIVE_MESSAGE_SIZE)
        return SCAN_TOO_LARGE;
    if (h->served_fault == SERVED_MALFORMED)
        return SCAN_GARBAGE;
    if (h->served.has_chain && !chain_parses(&h->served))
        return failed_here(h) ? SCAN_FAILED : SCAN_BAD_CERTIFICATE;
    if (h->has_alert && h->served.n_chain > 0 && h->served.demands_client)
        return SCAN_SERVED;
    if (h->has_alert)
        return SCAN_ALERT;
    if (h->broken != 0)
        return h->broken;
    h->detail = reason != NULL ? reason : "";
    return SCAN_GARBAGE;
}

enum handshake_want handshake_step(struct handshake *h)
{
    int rc, error;

    if (h->broken != 0) {
        h->outcome = h->broken;
        return HANDSHAKE_ENDED;
    }
    ERR_clear_error();
    h->step_octets = 0;
    rc = SSL_do_handshake(h->ssl);
    error = SSL_get_error(h->ssl, rc);
    if (h->served_fault != SERVED_OK ||
        (rc != 1 && error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)) {
        h->outcome = why(h);
    } else if (rc != 1) {
        return error == SSL_ERROR_WANT_READ ? HANDSHAKE_READ : HANDSHAKE_WRITE;
    } else {
        h->outcome = SCAN_SERVED;
        h->proved = true;
        (void)SSL_shutdown(h->ssl);
    }
    ERR_clear_error();
    return HANDSHAKE_ENDED;
}

void handshake_tell(const struct handshake *h, struct scan_result *out)
{
    if (h->outcome != 0)
        out->outcome = h->outcome;
    out->has_alert = h->has_alert;
    out->alert = h->alert;
    out->has_chosen = h->has_chosen;
    out->version = h->version;
    out->suite = h->suite;
    (void)snprintf(out->detail, sizeof(out->detail), "%s", h->detail);
    served_point(&h->served, out);
    out->proved = h->proved && out->n_chain > 0;
}
