#include "tests/bench/help/tls_load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>

#include "lib/clock.h"

#define SAMPLE 64 /* connections, of which one checks the server's chain */
#define THREADS 2
#define ANSWER_MAX 16384
#define EVENTS 256
#define PATIENCE_MS 60000

enum stage { CONNECTS, SHAKES, SENDS, RECEIVES };

struct peer {
    int fd; /* -1: none */
    SSL *ssl;
    enum stage stage;
    size_t asked;
    uint64_t since_us;
    size_t n; /* of the answer, so far */
    char answer[ANSWER_MAX];
};

struct worker {
    pthread_t thread;
    const struct tls_load *load;
    int epoll;
    struct peer *peer;
    size_t n_peers, n_asking;
};

static _Atomic size_t next_client, n_connected;

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "load by TLS: %s\n", what);
    exit(1);
}

/* --- answers ---------------------------------------------------------------------------------- */

/* The length of the whole answer; 0: its head is not here yet. */
static size_t answer_length(const struct peer *p, size_t *body)
{
    static const char length[] = "\r\nContent-Length: "; /* as servers spell it */
    const char *end = memmem(p->answer, p->n, "\r\n\r\n", 4), *at;

    *body = 0;
    if (end == NULL)
        return 0;
    at = memmem(p->answer, (size_t)(end - p->answer), length, sizeof(length) - 1);
    if (at != NULL)
        *body = strtoul(at + sizeof(length) - 1, NULL, 10);
    return (size_t)(end + 4 - p->answer) + *body;
}

static void end(const struct worker *w, const struct peer *p, unsigned status, struct slice body)
{
    w->load->ended(p->asked, clock_mono_us() - p->since_us, status, body);
}

/* --- one connection --------------------------------------------------------------------------- */

/* By a reset, so that ports do not run out. */
static void close_peer(struct peer *p)
{
    const struct linger none = {.l_onoff = 1};

    SSL_free(p->ssl);
    (void)setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
    (void)close(p->fd);
    p->fd = -1;
}

static void open_tls(const struct tls_load *l, struct peer *p)
{
    const struct est_client *c = &l->client[p->asked];

    p->ssl = SSL_new(l->tls);
    if (p->ssl == NULL || SSL_set_fd(p->ssl, p->fd) != 1)
        die("cannot begin TLS");
    if (atomic_fetch_add_explicit(&n_connected, 1, memory_order_relaxed) % SAMPLE == 0)
        SSL_set_verify(p->ssl, SSL_VERIFY_PEER, NULL);
    if (c->cert != NULL &&
        (SSL_use_certificate(p->ssl, c->cert) != 1 || SSL_use_PrivateKey(p->ssl, c->key) != 1))
        die("cannot use a client's certificate");
    SSL_set_connect_state(p->ssl);
}

static void open_peer(struct worker *w, struct peer *p)
{
    const struct sockaddr_in to = {.sin_family = AF_INET,
                                   .sin_port = htons(w->load->port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = p};
    int on = 1;

    p->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (p->fd < 0 || setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 ||
        (connect(p->fd, (const struct sockaddr *)&to, sizeof(to)) != 0 && errno != EINPROGRESS) ||
        epoll_ctl(w->epoll, EPOLL_CTL_ADD, p->fd, &e) != 0)
        die("cannot connect");
    p->stage = CONNECTS;
    open_tls(w->load, p);
}

/* The next client's request, if one is left; a connection that is there is used again. */
static void ask(struct worker *w, struct peer *p)
{
    p->asked = atomic_fetch_add_explicit(&next_client, 1, memory_order_relaxed);
    p->n = 0;
    p->since_us = clock_mono_us();
    if (p->asked >= w->load->count) {
        w->n_asking--;
        if (p->fd >= 0)
            close_peer(p);
        return;
    }
    if (p->fd < 0)
        open_peer(w, p);
    else
        p->stage = SENDS;
}

/* What the library says it waits for comes as another event. */
static bool waits(const struct peer *p, int rc)
{
    int error = SSL_get_error(p->ssl, rc);

    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

static void lose(struct worker *w, struct peer *p, const char *what)
{
    const char *reason = ERR_reason_error_string(ERR_get_error());

    end(w, p, 0, slice_str(reason != NULL ? reason : what));
    ERR_clear_error();
    close_peer(p);
    ask(w, p);
}

/* True when it goes on at once. */
static bool receive(struct worker *w, struct peer *p)
{
    size_t length, body;
    int n = SSL_read(p->ssl, p->answer + p->n, (int)(ANSWER_MAX - 1 - p->n));

    if (n <= 0 && waits(p, n))
        return false;
    if (n <= 0) {
        lose(w, p, "the connection ended");
        return p->fd >= 0;
    }
    p->n += (size_t)n;
    p->answer[p->n] = '\0';
    length = answer_length(p, &body);
    if (length >= ANSWER_MAX || (length > 0 && p->n > length))
        die("an answer is too long");
    if (length == 0 || p->n < length)
        return true;
    if (strncmp(p->answer, "HTTP/1.1 ", 9) != 0)
        die("an answer is no HTTP");
    end(w, p, (unsigned)strtoul(p->answer + 9, NULL, 10),
        slice_of(p->answer + length - body, body));
    if (w->load->anew)
        close_peer(p);
    ask(w, p);
    return p->fd >= 0;
}

/* True when it goes on at once. */
static bool step(struct worker *w, struct peer *p, uint32_t events)
{
    const struct est_client *c = &w->load->client[p->asked];
    int rc;

    if (p->stage == RECEIVES)
        return receive(w, p);
    if (p->stage == CONNECTS && (events & EPOLLOUT) == 0)
        return false;
    if (p->stage == CONNECTS) {
        p->stage = SHAKES;
        return true;
    }
    rc = p->stage == SHAKES ? SSL_do_handshake(p->ssl)
                            : SSL_write(p->ssl, c->http.p, (int)c->http.n);
    if (rc == 1 && p->stage == SHAKES) {
        p->stage = SENDS;
        return true;
    }
    if (rc > 0) {
        p->stage = RECEIVES;
        return true;
    }
    if (waits(p, rc))
        return false;
    lose(w, p, p->stage == SHAKES ? "no handshake" : "the request cannot be sent");
    return p->fd >= 0;
}

/* --- workers ---------------------------------------------------------------------------------- */

/* A new connection has no events yet that it could go on with. */
static void advance(struct worker *w, struct peer *p, uint32_t events)
{
    while (p->fd >= 0 && step(w, p, events))
        if (p->stage == CONNECTS)
            return;
}

static void *work(void *arg)
{
    struct worker *w = arg;
    struct epoll_event e[EVENTS];

    w->n_asking = w->n_peers;
    for (size_t i = 0; i < w->n_peers; i++) {
        w->peer[i].fd = -1;
        ask(w, &w->peer[i]);
    }
    while (w->n_asking > 0) {
        int n = epoll_wait(w->epoll, e, EVENTS, PATIENCE_MS);

        if (n == 0)
            die("no answer for too long");
        for (int i = 0; i < n; i++)
            advance(w, e[i].data.ptr, e[i].events);
    }
    return NULL;
}

void tls_load_run(const struct tls_load *l)
{
    struct worker w[THREADS] = {0};

    (void)signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < THREADS; i++) {
        w[i].load = l;
        w[i].epoll = epoll_create1(EPOLL_CLOEXEC);
        w[i].n_peers = (l->connections + i) / THREADS;
        w[i].peer = xcalloc(w[i].n_peers, sizeof(*w[i].peer));
        if (pthread_create(&w[i].thread, NULL, work, &w[i]) != 0)
            die("no thread");
    }
    for (size_t i = 0; i < THREADS; i++) {
        (void)pthread_join(w[i].thread, NULL);
        (void)close(w[i].epoll);
        free(w[i].peer);
    }
}

/* --- the context ------------------------------------------------------------------------------ */

static void add_chain(SSL_CTX *tls, const char *chain)
{
    FILE *in = fopen(chain, "re");
    X509 *x;

    if (in == NULL)
        die("no chain");
    while ((x = PEM_read_X509(in, NULL, NULL, NULL)) != NULL)
        if (SSL_CTX_add_extra_chain_cert(tls, x) != 1)
            die("cannot use the chain");
    ERR_clear_error(); /* its end */
    (void)fclose(in);
}

/* The library would verify every chain, even where nobody asks for it. */
static int verify_some(X509_STORE_CTX *v, void *arg)
{
    const SSL *s = X509_STORE_CTX_get_ex_data(v, SSL_get_ex_data_X509_STORE_CTX_idx());

    (void)arg;
    return SSL_get_verify_mode(s) == SSL_VERIFY_NONE ? 1 : X509_verify_cert(v);
}

SSL_CTX *tls_load_context(const char *roots, const char *chain, const char *group)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());

    if (tls == NULL || SSL_CTX_set_min_proto_version(tls, TLS1_3_VERSION) != 1 ||
        SSL_CTX_set1_groups_list(tls, group) != 1 ||
        SSL_CTX_load_verify_locations(tls, roots, NULL) != 1)
        die("cannot set up TLS");
    SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_cert_verify_callback(tls, verify_some, NULL);
    if (chain != NULL)
        add_chain(tls, chain);
    return tls;
}
