/*
 * Load for the door: keeps a number of requests in flight on one connection to
 * the admin socket and measures what comes back.
 *
 *   issue_load CONF --count N --in-flight N [--pool N] [--profile P] [--key p256|rsa2048]
 *
 * The requests are made before the clock starts: keys (P-256 unless told) and CSRs, each with a
 * name of its own. A pool smaller than the count repeats keys and CSRs; each
 * request adds one more name (through `sans`), so every certificate differs.
 * Prints: rate p50_us p99_us refused p999_us max_us. Every certificate is parsed; one in a thousand
 * is verified against its issuer, which comes with it.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "lib/cert.h"
#include "lib/clock.h"
#include "lib/conn.h"
#include "lib/log.h"
#include "lib/proto.h"

#define BATCH 32
#define MAKERS 2 /* threads that make CSRs */
#define NAME_ROOM 48

struct load {
    struct conf *conf;
    const char *profile, *key;
    size_t count, window, pool;
    struct buf *csr;   /* pool of them, DER */
    uint64_t *sent_us; /* by frame id */
    uint64_t *taken_us;
    size_t sent, done, refused;
    uint64_t salt; /* makes the names of this run its own */
    int fd;
};

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "issue_load: %s\n", what);
    exit(1);
}

static void make_csr(const char *type, struct buf *out)
{
    EVP_PKEY *key = strcmp(type, "rsa2048") == 0 ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
    X509_REQ *req = X509_REQ_new();
    unsigned char *der = NULL;
    int n;

    if (key == NULL || req == NULL || X509_REQ_set_pubkey(req, key) != 1 ||
        X509_REQ_sign(req, key, EVP_sha256()) <= 0)
        die("cannot make a CSR");
    n = i2d_X509_REQ(req, &der);
    if (n <= 0)
        die("cannot encode a CSR");
    buf_init(out, CSR_MAX);
    buf_put(out, der, (size_t)n);
    OPENSSL_free(der);
    X509_REQ_free(req);
    EVP_PKEY_free(key);
}

struct maker {
    const struct load *l;
    size_t first; /* and every MAKERS-th behind it */
};

static void *make_some(void *arg)
{
    const struct maker *m = arg;

    for (size_t i = m->first; i < m->l->pool; i += MAKERS)
        make_csr(m->l->key, &m->l->csr[i]);
    return NULL;
}

static void make_pool(struct load *l)
{
    struct maker maker[MAKERS];
    pthread_t thread[MAKERS];

    l->csr = xcalloc(l->pool, sizeof(*l->csr));
    for (size_t i = 0; i < MAKERS; i++) {
        maker[i] = (struct maker){l, i};
        if (pthread_create(&thread[i], NULL, make_some, &maker[i]) != 0)
            die("cannot start a thread");
    }
    for (size_t i = 0; i < MAKERS; i++)
        (void)pthread_join(thread[i], NULL);
}

static void put_request(struct load *l, size_t n, struct buf *b)
{
    struct issue_request r = {.csr = buf_slice(&l->csr[n % l->pool]), .has_request_key = true};
    char name[NAME_ROOM];

    snprintf(r.profile, sizeof(r.profile), "%s", l->profile);
    snprintf(r.owner, sizeof(r.owner), "team-%zu", n % 100);
    snprintf(name, sizeof(name), "h%zu-%llx.bench.example", n, (unsigned long long)l->salt);
    r.sans.n = 1;
    r.sans.item[0] = (struct san){SAN_DNS, slice_str(name)};
    random_bytes(r.request_key, sizeof(r.request_key));
    issue_request_put(b, &r);
}

/* Fills the window; many frames a system call. */
static void send_some(struct load *l)
{
    struct mmsghdr msg[BATCH] = {0};
    struct iovec iov[BATCH][2];
    uint8_t header[BATCH][FRAME_HEADER];
    static struct buf body[BATCH];
    unsigned n = 0;
    int rc;

    while (n < BATCH && l->sent + n < l->count && l->sent + n - l->done < l->window) {
        if (body[n].max == 0)
            buf_init(&body[n], FRAME_BODY_MAX);
        buf_reset(&body[n]);
        put_request(l, l->sent + n, &body[n]);
        frame_put_header(header[n], MSG_ISSUE, l->sent + n);
        iov[n][0] = (struct iovec){header[n], FRAME_HEADER};
        iov[n][1] = (struct iovec){body[n].p, body[n].n};
        msg[n].msg_hdr.msg_iov = iov[n];
        msg[n].msg_hdr.msg_iovlen = 2;
        n++;
    }
    if (n == 0)
        return;
    for (unsigned i = 0; i < n; i++)
        l->sent_us[l->sent + i] = clock_mono_us();
    rc = sendmmsg(l->fd, msg, n, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (rc < 0 && errno != EAGAIN)
        die("the connection is lost");
    if (rc > 0)
        l->sent += (size_t)rc;
}

/* A full X509_verify, by OpenSSL, of one in a thousand. */
static void verify_sample(const struct issued *i)
{
    const unsigned char *p = i->certificate.p, *q = i->chain.p;
    X509 *leaf = d2i_X509(NULL, &p, (long)i->certificate.n);
    X509 *issuer = d2i_X509(NULL, &q, (long)i->chain.n);

    if (leaf == NULL || issuer == NULL || X509_verify(leaf, X509_get0_pubkey(issuer)) != 1)
        die("a certificate does not verify");
    X509_free(leaf);
    X509_free(issuer);
}

static void take_answer(struct load *l, struct slice datagram)
{
    struct frame frame;
    struct issued issued;
    struct fault f;
    struct buf text;

    if (frame_parse(datagram, &frame) != 0 || frame.id >= l->count)
        die("a malformed frame");
    l->taken_us[l->done++] = clock_mono_us() - l->sent_us[frame.id];
    if (frame.type == MSG_ISSUED && issued_get(frame.body, &issued) == 0) {
        if (frame.id % 1000 == 0)
            verify_sample(&issued);
        return;
    }
    if (l->refused++ == 0 && fault_get(frame.body, &f) == 0) {
        buf_init(&text, 4096);
        fault_print(&f, &text);
        fprintf(stderr, "issue_load: first refusal: %s\n", buf_cstr(&text));
        buf_free(&text);
    }
}

static void take_some(struct load *l)
{
    static uint8_t space[BATCH][16384];
    struct mmsghdr msg[BATCH] = {0};
    struct iovec iov[BATCH];
    int n;

    for (unsigned i = 0; i < BATCH; i++) {
        iov[i] = (struct iovec){space[i], sizeof(space[i])};
        msg[i].msg_hdr.msg_iov = &iov[i];
        msg[i].msg_hdr.msg_iovlen = 1;
    }
    n = recvmmsg(l->fd, msg, BATCH, MSG_DONTWAIT, NULL);
    if (n < 0 && errno != EAGAIN)
        die("the connection is lost");
    for (int i = 0; i < n; i++) {
        if (msg[i].msg_len == 0)
            die("cerca-ca closed the connection");
        take_answer(l, slice_of(space[i], msg[i].msg_len));
    }
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static void run(struct load *l)
{
    struct pollfd p = {.fd = l->fd};
    uint64_t start = clock_mono_us(), took;

    while (l->done < l->count) {
        bool room = l->sent < l->count && l->sent - l->done < l->window;

        p.events = (short)(POLLIN | (room ? POLLOUT : 0));
        if (poll(&p, 1, 60000) <= 0)
            die("no answer within 60 s");
        if (p.revents & (POLLIN | POLLHUP))
            take_some(l);
        if (room)
            send_some(l);
    }
    took = clock_mono_us() - start;
    qsort(l->taken_us, l->count, sizeof(*l->taken_us), by_value);
    printf("%.0f %llu %llu %zu %llu %llu\n", (double)l->count * 1e6 / (double)took,
           (unsigned long long)l->taken_us[l->count / 2],
           (unsigned long long)l->taken_us[l->count * 99 / 100], l->refused,
           (unsigned long long)l->taken_us[l->count * 999 / 1000],
           (unsigned long long)l->taken_us[l->count - 1]);
}

static size_t number(const char *text)
{
    char *rest;
    unsigned long n = strtoul(text, &rest, 10);

    if (*text == '\0' || *rest != '\0' || n == 0)
        die("not a number");
    return n;
}

static void parse(struct load *l, int argc, char **argv)
{
    struct fault f;

    fault_clear(&f);
    if (argc < 2 || argc % 2 != 0 || conf_load(argv[1], &l->conf, &f) != 0)
        die(f.code != FAULT_NONE ? f.text : "usage: issue_load CONF --count N --in-flight N");
    for (int i = 2; i < argc; i += 2) {
        if (strcmp(argv[i], "--count") == 0)
            l->count = number(argv[i + 1]);
        else if (strcmp(argv[i], "--in-flight") == 0)
            l->window = number(argv[i + 1]);
        else if (strcmp(argv[i], "--pool") == 0)
            l->pool = number(argv[i + 1]);
        else if (strcmp(argv[i], "--profile") == 0)
            l->profile = argv[i + 1];
        else if (strcmp(argv[i], "--key") == 0)
            l->key = argv[i + 1];
        else
            die("unknown option");
    }
}

static void connect_admin(struct load *l)
{
    struct buf path;
    struct fault f;

    fault_clear(&f);
    buf_init(&path, 4096);
    conf_admin_socket(l->conf, &path);
    l->fd = connect_unix(buf_cstr(&path), &f);
    if (l->fd < 0)
        die(f.text);
    buf_free(&path);
}

int main(int argc, char **argv)
{
    struct load l = {.count = 10000, .window = 64, .profile = "tls-server", .key = "p256"};

    log_open("issue_load", LOG_LEVEL_WARN);
    parse(&l, argc, argv);
    if (l.pool == 0 || l.pool > l.count)
        l.pool = l.count;
    l.sent_us = xcalloc(l.count, sizeof(*l.sent_us));
    l.taken_us = xcalloc(l.count, sizeof(*l.taken_us));
    random_bytes(&l.salt, sizeof(l.salt));
    make_pool(&l);
    connect_admin(&l);
    run(&l);
    return l.refused == 0 ? 0 : 1;
}
