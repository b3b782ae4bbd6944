/*
 * A load of HTTP/1.1 requests over connections that are kept, for any server:
 *
 *   http_load [--connect] PORT THREADS CONNECTIONS SECONDS FILE [COUNT]
 *
 * FILE has the requests as public_view.c writes them; the first COUNT of them are used. All threads
 * together go through them round and round for so many seconds; 0: each is sent once. A connection
 * sends the next one when it has the answer to the one before, or, with --connect, gives way to a
 * new one. Every answer must be a 200 with a Content-Length and a whole body; of every CHECK_EVERY
 * the body is searched for what the request's answer has in it. Anything else ends the program.
 *
 * Prints: requests a second, p50 and p99 in microseconds, requests, octets of the last body.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/clock.h"

#define CHECK_EVERY 16
#define ANSWER_MAX 16384
#define LATENCIES 1000000 /* microseconds; the last one is for all above */
#define EVENTS 256

struct request {
    struct slice has, text;
};

struct peer {
    int fd;
    const struct request *asked; /* NULL: nothing is under way */
    uint64_t since_us;
    size_t n; /* of the answer, so far */
    bool check;
    char answer[ANSWER_MAX];
};

struct worker {
    pthread_t thread;
    int epoll;
    struct peer *peer;
    size_t n_peers, n_asking;
    uint64_t done;
    size_t body;
    uint32_t *latency;
};

static struct request *requests;
static size_t n_requests;
static _Atomic uint64_t next_request;
static uint64_t until_us; /* 0: once */
static uint16_t port;
static bool connects; /* anew for each request */

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "http_load: %s\n", what);
    exit(1);
}

/* --- requests --------------------------------------------------------------------------------- */

static struct slice take(struct slice *from, size_t n)
{
    struct slice s = slice_of(from->p, n);

    if (from->n < n)
        die("the file of requests is cut off");
    *from = slice_of(from->p + n, from->n - n);
    return s;
}

static size_t take_u32(struct slice *from)
{
    uint32_t v;

    memcpy(&v, take(from, sizeof(v)).p, sizeof(v));
    return v;
}

static void read_requests(const char *file, size_t max)
{
    struct stat st;
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    struct slice rest;
    size_t room = 0;
    void *p;

    if (fd < 0 || fstat(fd, &st) != 0 || st.st_size == 0)
        die("no requests");
    p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    if (p == MAP_FAILED)
        die("cannot map the requests");
    (void)close(fd);
    rest = slice_of(p, (size_t)st.st_size);
    while (rest.n > 0 && n_requests < max) {
        size_t has = take_u32(&rest), text = take_u32(&rest);

        if (n_requests == room) {
            room = room == 0 ? 1024 : room * 2;
            requests = xreallocarray(requests, room, sizeof(*requests));
        }
        requests[n_requests].has = take(&rest, has);
        requests[n_requests++].text = take(&rest, text);
    }
}

/* NULL: no more. One after the other, so that a cache of the last ones does not help. */
static const struct request *draw(uint64_t now_us, uint64_t *number)
{
    *number = atomic_fetch_add_explicit(&next_request, 1, memory_order_relaxed);
    if (until_us == 0 ? *number >= n_requests : now_us >= until_us)
        return NULL;
    return &requests[*number % n_requests];
}

/* --- one connection --------------------------------------------------------------------------- */

static void open_peer(struct worker *w, struct peer *p)
{
    const struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = p};
    int on = 1;

    p->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (p->fd < 0 || connect(p->fd, (const struct sockaddr *)&to, sizeof(to)) != 0 ||
        setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 ||
        fcntl(p->fd, F_SETFL, O_NONBLOCK) != 0 ||
        epoll_ctl(w->epoll, EPOLL_CTL_ADD, p->fd, &e) != 0)
        die("cannot connect");
}

/* By a reset, so that ports do not run out. */
static void close_peer(struct peer *p)
{
    const struct linger none = {.l_onoff = 1};

    (void)setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
    (void)close(p->fd);
}

static void ask(struct worker *w, struct peer *p, uint64_t now_us)
{
    uint64_t number;

    p->asked = draw(now_us, &number);
    p->n = 0;
    p->since_us = now_us;
    if (p->asked == NULL) {
        w->n_asking--;
        return;
    }
    p->check = number % CHECK_EVERY == 0;
    if (send(p->fd, p->asked->text.p, p->asked->text.n, MSG_NOSIGNAL) != (ssize_t)p->asked->text.n)
        die("cannot send");
}

static void count(struct worker *w, const struct peer *p, uint64_t now_us)
{
    uint64_t took = now_us - p->since_us;

    w->latency[took < LATENCIES ? took : LATENCIES - 1]++;
    w->done++;
}

/* The length of the whole answer; 0: its head is not here yet. */
static size_t answer_length(const struct peer *p, size_t *body)
{
    static const char length[] = "\r\nContent-Length: "; /* as servers spell it */
    const char *end = memmem(p->answer, p->n, "\r\n\r\n", 4), *at;

    if (end == NULL)
        return 0;
    if (strncmp(p->answer, "HTTP/1.1 200 ", 13) != 0)
        die("an answer is no 200");
    at = memmem(p->answer, (size_t)(end - p->answer), length, sizeof(length) - 1);
    if (at == NULL)
        die("an answer has no length");
    *body = strtoul(at + sizeof(length) - 1, NULL, 10);
    return (size_t)(end + 4 - p->answer) + *body;
}

static void receive(struct worker *w, struct peer *p)
{
    ssize_t n = recv(p->fd, p->answer + p->n, ANSWER_MAX - 1 - p->n, 0);
    size_t length;
    uint64_t now_us;

    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0 || p->asked == NULL)
        die("a connection ended");
    p->n += (size_t)n;
    p->answer[p->n] = '\0';
    length = answer_length(p, &w->body);
    if (length >= ANSWER_MAX || (length > 0 && p->n > length))
        die("an answer is too long");
    if (length == 0 || p->n < length)
        return;
    if (w->body == 0 || (p->check && memmem(p->answer + length - w->body, w->body, p->asked->has.p,
                                            p->asked->has.n) == NULL))
        die("this is not the answer");
    now_us = clock_mono_us();
    count(w, p, now_us);
    if (connects) {
        close_peer(p);
        now_us = clock_mono_us();
        open_peer(w, p);
    }
    ask(w, p, now_us);
}

/* --- workers ---------------------------------------------------------------------------------- */

static void *work(void *arg)
{
    struct worker *w = arg;
    struct epoll_event e[EVENTS];

    w->n_asking = w->n_peers;
    for (size_t i = 0; i < w->n_peers; i++)
        ask(w, &w->peer[i], clock_mono_us());
    while (w->n_asking > 0) {
        int n = epoll_wait(w->epoll, e, EVENTS, 10000);

        if (n == 0)
            die("no answer within ten seconds");
        for (int i = 0; i < n; i++)
            receive(w, e[i].data.ptr);
    }
    return NULL;
}

static void open_worker(struct worker *w, size_t peers)
{
    w->epoll = epoll_create1(EPOLL_CLOEXEC);
    w->n_peers = peers;
    w->peer = xcalloc(peers, sizeof(*w->peer));
    w->latency = xcalloc(LATENCIES, sizeof(*w->latency));
    for (size_t i = 0; i < peers; i++)
        open_peer(w, &w->peer[i]);
}

static uint64_t percentile(const struct worker *w, size_t n, uint64_t done, unsigned percent)
{
    uint64_t seen = 0;

    for (size_t us = 0; us < LATENCIES; us++) {
        for (size_t i = 0; i < n; i++)
            seen += w[i].latency[us];
        if (seen * 100 >= done * percent)
            return us;
    }
    return LATENCIES;
}

int main(int argc, char **argv)
{
    size_t threads, peers, body = 0;
    struct worker *w;
    uint64_t begun, seconds, done = 0;

    connects = argc > 1 && strcmp(argv[1], "--connect") == 0;
    argc -= connects;
    argv += connects;
    if (argc != 6 && argc != 7)
        die("usage: http_load [--connect] PORT THREADS CONNECTIONS SECONDS FILE [COUNT]");
    port = (uint16_t)strtoul(argv[1], NULL, 10);
    threads = strtoul(argv[2], NULL, 10);
    peers = strtoul(argv[3], NULL, 10);
    seconds = strtoull(argv[4], NULL, 10);
    if (threads == 0 || peers < threads)
        die("at least one connection a thread");
    read_requests(argv[5], argc == 7 ? strtoul(argv[6], NULL, 10) : SIZE_MAX);
    w = xcalloc(threads, sizeof(*w));
    for (size_t i = 0; i < threads; i++)
        open_worker(&w[i], peers / threads);
    begun = clock_mono_us();
    until_us = seconds > 0 ? begun + seconds * 1000000 : 0;
    for (size_t i = 0; i < threads; i++)
        if (pthread_create(&w[i].thread, NULL, work, &w[i]) != 0)
            die("no thread");
    for (size_t i = 0; i < threads; i++) {
        pthread_join(w[i].thread, NULL);
        done += w[i].done;
        body = w[i].body > 0 ? w[i].body : body;
    }
    printf("%.0f %llu %llu %llu %zu\n", (double)done * 1e6 / (double)(clock_mono_us() - begun),
           (unsigned long long)percentile(w, threads, done, 50),
           (unsigned long long)percentile(w, threads, done, 99), (unsigned long long)done, body);
    return 0;
}
