/*
 * Very many TLS servers in one process: COUNT addresses of 127.0.0.0/8, one port, each with a
 * certificate of its own, below one CA. TLS 1.2 and 1.3, as OpenSSL has them by default.
 *
 *   tls_listeners PORT COUNT
 *
 * Prints "ready", then serves until standard input ends. Number i listens at 127.(1 + i / 62500).(i
 * / 250 % 250).(1 + i % 250) and its certificate is of CN=i.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 64
#define EVENTS 256
#define DAYS (24 * 3600L)

struct listener {
    bool is_listener; /* first in both kinds */
    int fd;
    X509 *certificate;
};

struct peer {
    bool is_listener;
    int fd;
    SSL *ssl;
    bool open;
};

static SSL_CTX *ctx;
static EVP_PKEY *key;
static X509 *ca;
static int epoll;
static struct listener *listeners;
static struct peer *peers; /* by descriptor */

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    (void)fprintf(stderr, "tls_listeners: %s: %s\n", what, strerror(errno));
    ERR_print_errors_fp(stderr);
    exit(1);
}

static X509 *certify(const char *name, long serial, X509 *issuer)
{
    X509 *x = X509_new();

    must(x != NULL && X509_set_version(x, 2) == 1 &&
             ASN1_INTEGER_set(X509_get_serialNumber(x), serial) == 1 &&
             X509_gmtime_adj(X509_getm_notBefore(x), -3600) != NULL &&
             X509_gmtime_adj(X509_getm_notAfter(x), 90 * DAYS) != NULL &&
             X509_set_pubkey(x, key) == 1 &&
             X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                                        (const unsigned char *)name, -1, -1, 0) == 1 &&
             X509_set_issuer_name(x, X509_get_subject_name(issuer == NULL ? x : issuer)) == 1 &&
             X509_sign(x, key, EVP_sha256()) > 0,
         "certificate");
    return x;
}

static void set_up(void)
{
    key = EVP_EC_gen("P-256");
    must(key != NULL, "key");
    ca = certify("Listeners", 1, NULL);
    ctx = SSL_CTX_new(TLS_server_method());
    must(ctx != NULL, "SSL_CTX");
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    (void)SSL_CTX_set_options(ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
    (void)SSL_CTX_set_num_tickets(ctx, 0);
    must(SSL_CTX_add_extra_chain_cert(ctx, ca) == 1, "chain");
}

static void watch(int fd, void *what)
{
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = what};

    must(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) == 0, "epoll_ctl");
}

static void open_listener(struct listener *l, unsigned i, uint16_t port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    const int on = 1;
    char name[16];

    a.sin_addr.s_addr =
        htonl(127u << 24 | (1 + i / 62500) << 16 | (i / 250 % 250) << 8 | (1 + i % 250));
    (void)snprintf(name, sizeof(name), "%u", i);
    l->is_listener = true;
    l->certificate = certify(name, (long)i + 2, ca);
    l->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    must(l->fd >= 0 && setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
             bind(l->fd, (const struct sockaddr *)(const void *)&a, sizeof(a)) == 0 &&
             listen(l->fd, BACKLOG) == 0,
         "listen");
    watch(l->fd, l);
}

static void drop(struct peer *p)
{
    SSL_free(p->ssl);
    (void)close(p->fd);
}

static void go_on(struct peer *p)
{
    char sink[4096];
    int rc, error;

    ERR_clear_error();
    rc = p->open ? SSL_read(p->ssl, sink, sizeof(sink)) : SSL_accept(p->ssl);
    error = SSL_get_error(p->ssl, rc);
    if (rc == 1 && !p->open)
        p->open = true;
    else if (rc <= 0 && error != SSL_ERROR_WANT_READ)
        drop(p);
}

static void take(struct listener *l)
{
    int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    struct peer *p;

    if (fd < 0)
        return;
    p = &peers[fd];
    *p = (struct peer){.fd = fd};
    p->ssl = SSL_new(ctx);
    must(p->ssl != NULL && SSL_use_certificate(p->ssl, l->certificate) == 1 &&
             SSL_use_PrivateKey(p->ssl, key) == 1 && SSL_set_fd(p->ssl, fd) == 1,
         "SSL");
    watch(fd, p);
    go_on(p);
}

static void serve(void)
{
    struct epoll_event events[EVENTS];

    for (;;) {
        int n = epoll_wait(epoll, events, EVENTS, -1);

        must(n >= 0 || errno == EINTR, "epoll_wait");
        for (int i = 0; i < n; i++) {
            struct listener *l = events[i].data.ptr;

            if (l == NULL)
                return; /* standard input */
            if (l->is_listener)
                take(l);
            else
                go_on((struct peer *)(void *)l);
        }
    }
}

int main(int argc, char **argv)
{
    unsigned long port = argc == 3 ? strtoul(argv[1], NULL, 10) : 0;
    unsigned long count = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
    struct rlimit limit;

    if (port == 0 || port > 65535 || count == 0 || count > 1000000) {
        (void)fputs("usage: tls_listeners PORT COUNT\n", stderr);
        return 2;
    }
    must(getrlimit(RLIMIT_NOFILE, &limit) == 0, "getrlimit");
    limit.rlim_cur = limit.rlim_max;
    must(setrlimit(RLIMIT_NOFILE, &limit) == 0, "setrlimit");
    epoll = epoll_create1(EPOLL_CLOEXEC);
    must(epoll >= 0, "epoll_create1");
    set_up();
    listeners = calloc(count, sizeof(*listeners));
    peers = calloc(limit.rlim_cur, sizeof(*peers));
    must(listeners != NULL && peers != NULL, "memory");
    for (unsigned i = 0; i < count; i++)
        open_listener(&listeners[i], i, (uint16_t)port);
    watch(STDIN_FILENO, NULL);
    must(puts("ready") >= 0 && fflush(stdout) == 0, "standard output");
    serve();
    return 0;
}
