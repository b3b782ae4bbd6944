/* One target, asked now: a server of OpenSSL's in a thread, one that says nothing, and none. */
#include "scan/probe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "lib/key.h"

struct server {
    int fd;
    uint16_t port;
    SSL_CTX *ctx; /* NULL: says nothing */
    uint8_t fingerprint[32];
    char seen_name[64]; /* the SNI of the last client */
    pthread_t thread;
};

static int open_listener(uint16_t *port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)(const void *)&a, sizeof(a)), 0);
    assert_int_equal(listen(fd, 16), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)(void *)&a, &n), 0);
    *port = ntohs(a.sin_port);
    return fd;
}

static void certify(struct server *s)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = X509_new();
    uint8_t *der = NULL;
    int n;

    assert_true(key != NULL && x != NULL);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(x), 0x0a1b2c), 1);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(x), -60));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(x), 3600));
    assert_int_equal(X509_set_pubkey(x, key), 1);
    assert_true(X509_sign(x, key, EVP_sha256()) > 0);
    n = i2d_X509(x, &der);
    assert_true(n > 0);
    sha256(slice_of(der, (size_t)n), s->fingerprint);
    s->ctx = SSL_CTX_new(TLS_server_method());
    assert_non_null(s->ctx);
    assert_int_equal(SSL_CTX_use_certificate(s->ctx, x), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(s->ctx, key), 1);
    OPENSSL_free(der);
    X509_free(x);
    EVP_PKEY_free(key);
}

static void *serve(void *arg)
{
    struct server *s = arg;
    int fd;

    while ((fd = accept(s->fd, NULL, NULL)) >= 0) {
        SSL *ssl = SSL_new(s->ctx);
        const char *name;
        char sink[16];

        if (SSL_set_fd(ssl, fd) == 1 && SSL_accept(ssl) == 1) {
            name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
            memset(s->seen_name, 0, sizeof(s->seen_name));
            if (name != NULL)
                memcpy(s->seen_name, name, strnlen(name, sizeof(s->seen_name) - 1));
            (void)SSL_read(ssl, sink, sizeof(sink)); /* until the other end closes */
        }
        SSL_free(ssl);
        (void)close(fd);
    }
    return NULL;
}

static void start(struct server *s)
{
    memset(s, 0, sizeof(*s));
    s->fd = open_listener(&s->port);
    certify(s);
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void stop(struct server *s)
{
    (void)shutdown(s->fd, SHUT_RDWR);
    assert_int_equal(pthread_join(s->thread, NULL), 0);
    (void)close(s->fd);
    SSL_CTX_free(s->ctx);
}

static void probe(const char *host, uint16_t port, const char *sni, uint32_t ms,
                  struct scan_probed *out)
{
    struct scan_probe p = {.host = host, .port = port, .sni = sni, .timeout_ms = ms};
    struct fault f;

    fault_clear(&f);
    assert_int_equal(scan_probe(&p, out, &f), 0);
}

static void what_is_served_is_told(void **state)
{
    static struct scan_probed out;
    struct server s;
    (void)state;

    start(&s);
    probe("127.0.0.1", s.port, "web.example", 5000, &out);
    assert_int_equal(out.result.outcome, SCAN_SERVED);
    assert_true(out.has_leaf);
    assert_memory_equal(out.fingerprint, s.fingerprint, 32);
    assert_string_equal(out.serial, "0a1b2c");
    assert_int_equal(out.result.version, TLS_1_3);
    scan_probed_free(&out);
    /* A name is its own SNI, unless another one is given, or none. */
    probe("localhost", s.port, NULL, 5000, &out);
    assert_int_equal(out.result.outcome, SCAN_SERVED);
    assert_string_equal(out.result.sni, "localhost");
    scan_probed_free(&out);
    probe("localhost", s.port, "", 5000, &out);
    assert_int_equal(out.result.outcome, SCAN_SERVED);
    assert_string_equal(out.result.sni, "");
    scan_probed_free(&out);
    stop(&s);
    assert_string_equal(s.seen_name, "");
}

static void who_does_not_answer_takes_no_longer_than_the_limit(void **state)
{
    static struct scan_probed out;
    uint16_t port;
    int fd = open_listener(&port);
    uint64_t begun;
    (void)state;

    begun = clock_mono_us();
    probe("127.0.0.1", port, NULL, 200, &out);
    assert_int_equal(out.result.outcome, SCAN_TIMEOUT);
    assert_int_equal(out.result.stage, SCAN_AT_HANDSHAKE);
    assert_false(out.has_leaf);
    assert_true(clock_mono_us() - begun < 30000000);
    scan_probed_free(&out);
    (void)close(fd);
    probe("127.0.0.1", port, NULL, 5000, &out);
    assert_int_equal(out.result.outcome, SCAN_REFUSED);
    scan_probed_free(&out);
}

static void nothing_to_ask_is_a_fault(void **state)
{
    static struct scan_probed out;
    const struct scan_probe bad[] = {{.host = "", .port = 1, .timeout_ms = 1},
                                     {.host = "127.0.0.1", .port = 0, .timeout_ms = 1},
                                     {.host = "127.0.0.1", .port = 1, .timeout_ms = 0}};
    (void)state;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct fault f;

        fault_clear(&f);
        assert_int_not_equal(scan_probe(&bad[i], &out, &f), 0);
        assert_string_equal(f.rule, "probe");
        scan_probed_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_served_is_told),
        cmocka_unit_test(who_does_not_answer_takes_no_longer_than_the_limit),
        cmocka_unit_test(nothing_to_ask_is_a_fault),
    };

    (void)signal(SIGPIPE, SIG_IGN); /* the server writes to who is gone */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
