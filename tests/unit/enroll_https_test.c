/* HTTPS: a client of another make, with and without a certificate; who waits costs no thread; the
 * server's certificate changes below those that are connected. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/httpd_tls.h"
#include "tests/unit/pair_help.h"

#define WAITING 40 /* with two threads */

/* ---- the server ---- */

struct server {
    struct httpd *httpd;
    struct httpd_tls *tls;
    struct pair pair;
    uint16_t port;
    pthread_mutex_t lock;
    struct http_wait *waiting[WAITING];
    size_t n_waiting;
};

static void handle(void *arg, const struct http_request *r, struct http_answer *out)
{
    struct server *s = arg;
    char address[HTTP_ADDRESS_SIZE];
    struct buf b;

    if (strcmp(r->path, "/wait") == 0) {
        pthread_mutex_lock(&s->lock);
        assert_true(s->n_waiting < WAITING);
        s->waiting[s->n_waiting++] = http_wait(r);
        pthread_mutex_unlock(&s->lock);
        return;
    }
    buf_init(&b, 65536);
    if (strcmp(r->path, "/peer") == 0)
        http_request_peer(r, &b);
    if (strcmp(r->path, "/binding") == 0)
        http_request_binding(r, &b);
    http_request_address(r, address);
    http_answer_field(out, "X-Address", address);
    out->status = 200;
    out->max_age = -1;
    http_answer_keep(out, &b);
}

static void start(struct server *s)
{
    struct httpd_options o = {.threads = 2,
                              .connections = 200,
                              .timeout_s = 10,
                              .waits = true,
                              .handle = handle,
                              .arg = s};
    struct sockaddr_in a = {0};
    socklen_t n = sizeof a;
    struct fault f;

    *s = (struct server){.tls = httpd_tls_new()};
    pthread_mutex_init(&s->lock, NULL);
    o.tls = s->tls;
    o.listen_fd = listen_tcp("127.0.0.1", 0, &f);
    assert_true(o.listen_fd >= 0);
    assert_int_equal(getsockname(o.listen_fd, (struct sockaddr *)(void *)&a, &n), 0);
    s->port = ntohs(a.sin_port);
    assert_int_equal(httpd_start(&o, &s->httpd, &f), 0);
}

static void show(struct server *s, const char *name)
{
    struct fault f;

    make_pair(name, &s->pair);
    assert_int_equal(
        httpd_tls_show(s->tls, buf_slice(&s->pair.key), buf_slice(&s->pair.certificate), &f), 0);
    free_pair(&s->pair);
}

static void stop(struct server *s)
{
    httpd_free(s->httpd);
    httpd_tls_free(s->tls);
    pthread_mutex_destroy(&s->lock);
}

/* ---- the client ---- */

struct client {
    int fd;
    gnutls_session_t session;
    gnutls_certificate_credentials_t credentials;
};

static int connected(uint16_t port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(fd, (struct sockaddr *)(void *)&a, sizeof a), 0);
    return fd;
}

static void client_begin(struct client *c, uint16_t port, const char *versions,
                         const struct pair *own)
{
    char priorities[64];

    (void)snprintf(priorities, sizeof priorities, "NORMAL:-VERS-ALL:+%s", versions);
    c->fd = connected(port);
    assert_int_equal(gnutls_certificate_allocate_credentials(&c->credentials), 0);
    if (own != NULL) {
        const gnutls_datum_t key = {own->key.p, (unsigned)own->key.n};
        const gnutls_datum_t cert = {own->certificate.p, (unsigned)own->certificate.n};

        assert_int_equal(gnutls_certificate_set_x509_key_mem2(c->credentials, &cert, &key,
                                                              GNUTLS_X509_FMT_DER, NULL, 0),
                         0);
    }
    assert_int_equal(gnutls_init(&c->session, GNUTLS_CLIENT), 0);
    assert_int_equal(gnutls_priority_set_direct(c->session, priorities, NULL), 0);
    assert_int_equal(gnutls_credentials_set(c->session, GNUTLS_CRD_CERTIFICATE, c->credentials), 0);
    gnutls_transport_set_int(c->session, c->fd);
}

/* 0, or GnuTLS's error. */
static int client_shake(struct client *c)
{
    int rc;

    do
        rc = gnutls_handshake(c->session);
    while (rc < 0 && gnutls_error_is_fatal(rc) == 0);
    return rc;
}

static int client_open(struct client *c, uint16_t port, const char *versions,
                       const struct pair *own)
{
    client_begin(c, port, versions, own);
    return client_shake(c);
}

static void client_close(struct client *c)
{
    gnutls_deinit(c->session);
    gnutls_certificate_free_credentials(c->credentials);
    (void)close(c->fd);
}

static void ask(struct client *c, const char *path)
{
    char text[128];
    int n = snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path);

    assert_int_equal(gnutls_record_send(c->session, text, (size_t)n), n);
}

/* A whole answer; its body is behind the empty line. */
static const char *answer(struct client *c, struct buf *out, size_t body)
{
    char part[4096];
    const char *at;

    buf_init(out, 65536);
    for (;;) {
        ssize_t n = gnutls_record_recv(c->session, part, sizeof part);

        if (n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED)
            continue;
        assert_true(n > 0);
        buf_put(out, part, (size_t)n);
        at = strstr(buf_cstr(out), "\r\n\r\n");
        if (at != NULL && out->n >= (size_t)(at + 4 - (const char *)out->p) + body)
            return at + 4;
    }
}

static void shows(struct client *c, const char *name)
{
    unsigned n = 0;
    const gnutls_datum_t *all = gnutls_certificate_get_peers(c->session, &n);
    gnutls_x509_crt_t x;
    char cn[64];
    size_t size = sizeof cn;

    assert_int_equal(n, 1);
    assert_int_equal(gnutls_x509_crt_init(&x), 0);
    assert_int_equal(gnutls_x509_crt_import(x, all, GNUTLS_X509_FMT_DER), 0);
    assert_int_equal(gnutls_x509_crt_get_dn_by_oid(x, GNUTLS_OID_X520_COMMON_NAME, 0, 0, cn, &size),
                     0);
    assert_string_equal(cn, name);
    gnutls_x509_crt_deinit(x);
}

/* ---- tests ---- */

static void without_a_certificate_nobody_is_served(void **state)
{
    struct server s;
    struct client c;

    (void)state;
    start(&s);
    assert_true(client_open(&c, s.port, "VERS-TLS1.3", NULL) < 0);
    client_close(&c);
    stop(&s);
}

static void old_versions_are_refused(void **state)
{
    struct server s;
    struct client c;

    (void)state;
    start(&s);
    show(&s, "server");
    assert_true(client_open(&c, s.port, "VERS-TLS1.1", NULL) < 0);
    client_close(&c);
    stop(&s);
}

static void the_clients_certificate_is_told(void **state)
{
    static const char *const versions[] = {"VERS-TLS1.2", "VERS-TLS1.3"};
    struct server s;
    struct client c;
    struct pair own;
    struct buf b;

    (void)state;
    start(&s);
    show(&s, "server");
    make_pair("client", &own);
    for (size_t i = 0; i < 2; i++) {
        const char *body;

        assert_int_equal(client_open(&c, s.port, versions[i], &own), 0);
        ask(&c, "/peer");
        body = answer(&c, &b, own.certificate.n);
        assert_memory_equal(body, own.certificate.p, own.certificate.n);
        assert_non_null(strstr(buf_cstr(&b), "X-Address: 127.0.0.1\r\n"));
        buf_free(&b);
        client_close(&c);
        assert_int_equal(client_open(&c, s.port, versions[i], NULL), 0);
        ask(&c, "/peer");
        (void)answer(&c, &b, 0);
        assert_non_null(strstr(buf_cstr(&b), "Content-Length: 0\r\n"));
        buf_free(&b);
        client_close(&c);
    }
    free_pair(&own);
    stop(&s);
}

/* ---- keys that cost the server ---- */

/* Any octets of the right length: they are found wrong only after all the work. */
static int sign_nonsense(gnutls_privkey_t key, gnutls_sign_algorithm_t a, void *arg, unsigned flags,
                         const gnutls_datum_t *data, gnutls_datum_t *signature)
{
    (void)key, (void)a, (void)arg, (void)flags, (void)data;
    signature->data = gnutls_malloc(COSTLY);
    assert_non_null(signature->data);
    memset(signature->data, 0x11, COSTLY);
    signature->size = COSTLY;
    return 0;
}

static int tell_key(gnutls_privkey_t key, unsigned flags, void *arg)
{
    (void)key, (void)arg;
    if ((flags & GNUTLS_PRIVKEY_INFO_PK_ALGO) != 0)
        return GNUTLS_PK_RSA;
    if ((flags & GNUTLS_PRIVKEY_INFO_PK_ALGO_BITS) != 0)
        return 8 * COSTLY;
    return (flags & GNUTLS_PRIVKEY_INFO_HAVE_SIGN_ALGO) != 0 ? 1 : -1;
}

/* One handshake with that certificate, until the server has closed. */
static void try_costly(uint16_t port, const char *versions, const struct pair *own)
{
    const gnutls_datum_t der = {own->certificate.p, (unsigned)own->certificate.n};
    gnutls_privkey_t key;
    gnutls_pcert_st cert; /* whose contents the credentials take over */
    struct client c;
    char octet;

    client_begin(&c, port, versions, NULL);
    assert_int_equal(gnutls_pcert_import_x509_raw(&cert, &der, GNUTLS_X509_FMT_DER, 0), 0);
    assert_int_equal(gnutls_privkey_init(&key), 0);
    assert_int_equal(gnutls_privkey_import_ext4(key, NULL, sign_nonsense, sign_nonsense, NULL, NULL,
                                                tell_key, 0),
                     0);
    gnutls_certificate_set_flags(c.credentials, GNUTLS_CERTIFICATE_SKIP_KEY_CERT_MATCH);
    assert_true(gnutls_certificate_set_key(c.credentials, NULL, 0, &cert, 1, key) >= 0);
    if (client_shake(&c) == 0)
        while (gnutls_record_recv(c.session, &octet, 1) > 0)
            continue;
    client_close(&c);
}

static void a_key_that_costs_seconds_is_refused_before_it_is_used(void **state)
{
    static const char *const versions[] = {"VERS-TLS1.2", "VERS-TLS1.3"};
    static const size_t exponents[] = {COSTLY, 3};
    struct server s;

    (void)state;
    start(&s);
    show(&s, "server");
    for (size_t i = 0; i < 4; i++) {
        struct pair costly;
        clock_t begin;

        make_costly(exponents[i / 2], &costly);
        begin = clock();
        try_costly(s.port, versions[i % 2], &costly);
        assert_true(clock() - begin < CLOCKS_PER_SEC);
        free_pair(&costly);
    }
    stop(&s);
}

static void bound(uint16_t port, const char *versions, gnutls_channel_binding_t kind, bool there)
{
    gnutls_datum_t own;
    struct client c;
    struct buf b;

    assert_int_equal(client_open(&c, port, versions, NULL), 0);
    assert_int_equal(gnutls_session_channel_binding(c.session, kind, &own), 0);
    ask(&c, "/binding");
    if (there)
        assert_memory_equal(answer(&c, &b, own.size), own.data, own.size);
    else
        (void)answer(&c, &b, 0);
    assert_int_equal(strstr(buf_cstr(&b), "Content-Length: 0\r\n") == NULL, there);
    gnutls_free(own.data);
    buf_free(&b);
    client_close(&c);
}

static void both_ends_see_one_binding(void **state)
{
    struct server s;

    (void)state;
    start(&s);
    show(&s, "server");
    bound(s.port, "VERS-TLS1.3", GNUTLS_CB_TLS_EXPORTER, true);
    bound(s.port, "VERS-TLS1.2", GNUTLS_CB_TLS_UNIQUE, true);
    bound(s.port, "VERS-TLS1.2:%NO_SESSION_HASH", GNUTLS_CB_TLS_UNIQUE, false);
    stop(&s);
}

static void a_new_certificate_drops_nobody(void **state)
{
    struct server s;
    struct client old, new;
    struct buf b;

    (void)state;
    start(&s);
    show(&s, "first");
    assert_int_equal(client_open(&old, s.port, "VERS-TLS1.3", NULL), 0);
    shows(&old, "first");
    show(&s, "second");
    assert_int_equal(client_open(&new, s.port, "VERS-TLS1.3", NULL), 0);
    shows(&new, "second");
    ask(&old, "/");
    (void)answer(&old, &b, 0);
    buf_free(&b);
    client_close(&old);
    client_close(&new);
    stop(&s);
}

static size_t waiting(struct server *s)
{
    size_t n;

    pthread_mutex_lock(&s->lock);
    n = s->n_waiting;
    pthread_mutex_unlock(&s->lock);
    return n;
}

static void many_wait_and_one_is_served(void **state)
{
    struct server s;
    struct client c[WAITING], other;
    struct buf b;

    (void)state;
    start(&s);
    show(&s, "server");
    for (size_t i = 0; i < WAITING; i++) {
        assert_int_equal(client_open(&c[i], s.port, "VERS-TLS1.3", NULL), 0);
        ask(&c[i], "/wait");
    }
    while (waiting(&s) < WAITING)
        (void)usleep(1000);
    assert_int_equal(httpd_busy(s.httpd), WAITING);
    assert_int_equal(client_open(&other, s.port, "VERS-TLS1.3", NULL), 0);
    ask(&other, "/");
    (void)answer(&other, &b, 0);
    buf_free(&b);
    client_close(&other);
    client_close(&c[0]); /* gone, which nobody notices yet */
    for (size_t i = 0; i < WAITING; i++) {
        struct http_answer a = {0};

        http_answer_text(&a, 200, "done");
        http_wait_end(s.waiting[i], &a);
    }
    for (size_t i = 1; i < WAITING; i++) {
        assert_memory_equal(answer(&c[i], &b, 4), "done", 4);
        buf_free(&b);
        client_close(&c[i]);
    }
    stop(&s);
}

static void the_end_comes_right_after_the_answer(void **state)
{
    struct server s;
    struct client c;
    struct http_answer a = {0};

    (void)state;
    start(&s);
    show(&s, "server");
    assert_int_equal(client_open(&c, s.port, "VERS-TLS1.2", NULL), 0);
    ask(&c, "/wait");
    while (waiting(&s) < 1)
        (void)usleep(1000);
    http_answer_text(&a, 503, "later");
    http_wait_end(s.waiting[0], &a);
    stop(&s);
    client_close(&c);
}

static int64_t spent_ms(void)
{
    struct rusage u;

    assert_int_equal(getrusage(RUSAGE_SELF, &u), 0);
    return (int64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000 +
           (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1000;
}

static ssize_t hear_nothing(gnutls_transport_ptr_t from, void *out, size_t n)
{
    (void)from, (void)out, (void)n;
    errno = EAGAIN;
    return -1;
}

/* One client has begun its first message, the other owes its last one. */
static void a_handshake_that_waits_costs_nothing(void **state)
{
    struct server s;
    struct client half;
    uint8_t octet;
    int64_t before;
    int begun;

    (void)state;
    start(&s);
    show(&s, "server");
    begun = connected(s.port);
    assert_int_equal(send(begun, "\x16\x03\x01", 3, MSG_NOSIGNAL), 3);
    client_begin(&half, s.port, "VERS-TLS1.3", NULL);
    gnutls_transport_set_pull_function(half.session, hear_nothing);
    assert_int_equal(gnutls_handshake(half.session), GNUTLS_E_AGAIN);
    assert_int_equal(recv(half.fd, &octet, 1, MSG_PEEK), 1);
    before = spent_ms();
    (void)usleep(500000);
    assert_in_range(spent_ms() - before, 0, 100);
    client_close(&half);
    (void)close(begun);
    stop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_certificate_nobody_is_served),
        cmocka_unit_test(old_versions_are_refused),
        cmocka_unit_test(the_clients_certificate_is_told),
        cmocka_unit_test(a_key_that_costs_seconds_is_refused_before_it_is_used),
        cmocka_unit_test(both_ends_see_one_binding),
        cmocka_unit_test(a_new_certificate_drops_nobody),
        cmocka_unit_test(many_wait_and_one_is_served),
        cmocka_unit_test(the_end_comes_right_after_the_answer),
        cmocka_unit_test(a_handshake_that_waits_costs_nothing),
    };

    (void)signal(SIGPIPE, SIG_IGN);
    httpd_prepare();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
