/* The HTTP server itself: which requests reach a handler, and who makes room in a crowd. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/httpd.h"
#include "lib/server_run.h"

#define LIMIT 16
#define HOST "Host: x\r\n"

struct fixture {
    struct httpd *h;
    uint16_t port;
    atomic_uint handled;
    atomic_uint turned_away[HTTPD_SLOW + 1];
    atomic_bool hold; /* "/hold" takes until this is over */
};

/* The length of the body, as text. A handler that takes its time keeps the only thread. */
static void handle(void *arg, const struct http_request *r, struct http_answer *out)
{
    static const char *const lengths[] = {"0", "1", "2", "3"};
    struct fixture *x = arg;

    atomic_fetch_add(&x->handled, 1);
    while (strcmp(r->path, "/hold") == 0 && atomic_load(&x->hold))
        (void)usleep(1000);
    http_answer_text(out, 200, r->body.n < 4 ? lengths[r->body.n] : "more");
}

static void turned_away(void *arg, const char *address, enum httpd_why why)
{
    struct fixture *x = arg;

    assert_string_equal(address, "127.0.0.1");
    atomic_fetch_add(&x->turned_away[why], 1);
}

static int setup(void **state)
{
    struct fixture *x = calloc(1, sizeof *x);
    struct sockaddr_in a = {.sin_port = 0};
    socklen_t n = sizeof a;
    struct fault f;
    struct httpd_options o = {.threads = 1,
                              .connections = LIMIT,
                              .timeout_s = 60,
                              .handle = handle,
                              .turned_away = turned_away,
                              .arg = x};

    o.listen_fd = listen_tcp("127.0.0.1", 0, &f);
    assert_true(o.listen_fd >= 0);
    assert_int_equal(getsockname(o.listen_fd, (struct sockaddr *)&a, &n), 0);
    x->port = ntohs(a.sin_port);
    assert_int_equal(httpd_start(&o, &x->h, &f), 0);
    *state = x;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *x = *state;

    atomic_store(&x->hold, false);
    httpd_free(x->h);
    free(x);
    return 0;
}

static int knock(const struct fixture *x, const char *text)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(x->port)};
    struct timeval limit = {.tv_sec = 20};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    return fd;
}

/* The status of the first answer, 0 when there is none; its end in `tail`. */
static unsigned status_of(const struct fixture *x, const char *request, char tail[2])
{
    char answer[4096] = "";
    size_t n = 0;
    int fd = knock(x, request);
    ssize_t got;

    while (n < sizeof answer - 1 && (got = read(fd, answer + n, sizeof answer - 1 - n)) > 0)
        n += (size_t)got;
    (void)close(fd);
    answer[n] = '\0';
    tail[0] = n > 0 ? answer[n - 1] : '\0';
    tail[1] = '\0';
    return strncmp(answer, "HTTP/1.1 ", 9) == 0 ? (unsigned)strtoul(answer + 9, NULL, 10) : 0;
}

/* RFC 9112 6.3: where a body ends must not be a matter of taste. */
static void a_body_has_one_end(void **state)
{
    static const struct {
        const char *fields, *body;
        unsigned status;
        const char *tail;
    } known[] = {
        {"Content-Length: 3\r\n", "abc", 200, "3"},
        {"Transfer-Encoding: chunked\r\n", "2\r\nab\r\n0\r\n\r\n", 200, "2"},
        {"Content-Length: 3\r\nContent-Length: 3\r\n", "abc", 400, NULL},
        {"Content-Length: 3\r\nContent-Length: 30\r\n", "abc", 400, NULL},
        {"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n", 400, NULL},
        {"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n", 400, NULL},
        {"Transfer-Encoding: gzip\r\n", "", 501, NULL},
        {"Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n", 501, NULL},
        {"Content-Length : 3\r\n", "abc", 400, NULL},
        {"Transfer-Encoding : chunked\r\n", "0\r\n\r\n", 400, NULL},
        {"X y: z\r\n", "", 400, NULL},
        {"X(y): z\r\n", "", 400, NULL},
        {"Content-Length: 2000000\r\n", "abc", 413, NULL},
    };
    struct fixture *x = *state;
    unsigned malformed = 0;

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        unsigned before = atomic_load(&x->handled);
        char request[512], tail[2];

        (void)snprintf(request, sizeof request,
                       "POST / HTTP/1.1\r\n" HOST "%sConnection: close\r\n\r\n%s", known[i].fields,
                       known[i].body);
        if (status_of(x, request, tail) != known[i].status)
            fail_msg("%s", known[i].fields);
        if (known[i].tail != NULL)
            assert_string_equal(tail, known[i].tail);
        assert_int_equal(atomic_load(&x->handled) - before, known[i].status == 200 ? 1 : 0);
        malformed += known[i].status == 400 || known[i].status == 501;
    }
    assert_int_equal(atomic_load(&x->turned_away[HTTPD_MALFORMED]), malformed);
    assert_int_equal(atomic_load(&x->turned_away[HTTPD_TOO_LARGE]), 1);
    assert_int_equal(status_of(x, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                               (char[2]){0}),
                     400);
}

static bool is_closed(int fd)
{
    char c;

    return recv(fd, &c, 1, MSG_DONTWAIT) == 0;
}

/* Who says nothing, too little of a head, or half of a body; nobody's time is over. */
static void in_a_crowd_who_sends_nothing_makes_room(void **state)
{
    static const char *const words[] = {
        "", "GET / HTTP/1.1\r\nX: ", "POST / HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\nabc"};
    struct fixture *x = *state;
    uint64_t begin = clock_mono_us();
    int fd[LIMIT];
    unsigned closed = 0;
    char answer[4096], tail[2];

    fd[0] = knock(x, "GET / HTTP/1.1\r\n" HOST "\r\n"); /* answered, then idle */
    assert_int_equal(recv(fd[0], answer, sizeof answer, 0) > 0, 1);
    for (size_t i = 1; i < LIMIT; i++)
        fd[i] = knock(x, words[i % 3]);
    /* All at one sweep: when the first have gone it is no crowd any more. */
    (void)usleep((HTTPD_CROWDED_MS + 500) * 1000);
    while (closed < LIMIT) {
        if (clock_mono_us() - begin > UINT64_C(20000000))
            fail_msg("%u of %u were closed", closed, LIMIT);
        httpd_sweep(x->h);
        (void)usleep(20000);
        closed = 0;
        for (size_t i = 0; i < LIMIT; i++)
            closed += is_closed(fd[i]);
    }
    assert_int_equal(atomic_load(&x->turned_away[HTTPD_SLOW]), LIMIT - 1);
    for (size_t i = 0; i < LIMIT; i++)
        (void)close(fd[i]);
    assert_int_equal(status_of(x, "GET / HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", tail),
                     200);
}

/* What they sent lies there and nobody has read it. */
static void in_a_crowd_who_waits_for_us_stays(void **state)
{
    static const char request[] = "GET / HTTP/1.1\r\n" HOST "\r\n";
    struct fixture *x = *state;
    uint64_t begin;
    int fd[LIMIT], held;
    char octet;

    for (size_t i = 0; i < LIMIT - 1; i++)
        fd[i] = knock(x, "");
    atomic_store(&x->hold, true);
    held = knock(x, "GET /hold HTTP/1.1\r\n" HOST "\r\n");
    while (atomic_load(&x->handled) == 0)
        (void)usleep(1000);
    for (size_t i = 1; i < LIMIT - 1; i++)
        assert_int_equal(write(fd[i], request, strlen(request)), (ssize_t)strlen(request));
    begin = clock_mono_us();
    while (clock_mono_us() - begin < (2 * HTTPD_CROWDED_MS + 500) * UINT64_C(1000)) {
        httpd_sweep(x->h);
        (void)usleep(20000);
    }
    assert_true(is_closed(fd[0]));
    for (size_t i = 1; i < LIMIT - 1; i++)
        assert_false(is_closed(fd[i]));
    atomic_store(&x->hold, false);
    for (size_t i = 1; i < LIMIT - 1; i++)
        assert_int_equal(recv(fd[i], &octet, 1, 0), 1);
    for (size_t i = 0; i < LIMIT - 1; i++)
        (void)close(fd[i]);
    (void)close(held);
}

static void without_a_crowd_nobody_has_to_hurry(void **state)
{
    struct fixture *x = *state;
    uint64_t begin = clock_mono_us();
    int fd = knock(x, "GET / HTTP/1.1\r\nX: ");

    while (clock_mono_us() - begin < (HTTPD_CROWDED_MS + 500) * UINT64_C(1000)) {
        httpd_sweep(x->h);
        assert_false(is_closed(fd));
        (void)usleep(20000);
    }
    (void)close(fd);
}

struct visited {
    struct server_run run;
    struct fixture *x;
    atomic_uint turns;
    atomic_bool over;
};

static void take_turn(void *arg)
{
    struct visited *v = arg;

    if (atomic_fetch_add(&v->turns, 1) == 1)
        loop_stop(v->run.loop);
}

static void give_up(void *arg)
{
    loop_stop(((struct visited *)arg)->run.loop);
}

/* One after the other, each alone, and oftener than there are turns. */
static void *visit(void *arg)
{
    struct visited *v = arg;

    while (!atomic_load(&v->over)) {
        char end[2];

        (void)status_of(v->x, "GET / HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n", end);
        (void)usleep(50000);
    }
    return NULL;
}

/* lib/server_run.h: twice a second; nobody who comes puts that off. */
static void visitors_do_not_put_off_the_turns(void **state)
{
    struct fixture *x = *state;
    struct visited v = {
        .run = {.stopping = "test", .turn = take_turn, .always = true, .arg = &v, .httpd = x->h},
        .x = x};
    struct loop_timer *limit;
    pthread_t visitor;

    server_run_open(&v.run);
    limit = loop_timer(v.run.loop, give_up, &v);
    loop_timer_set(limit, 20000);
    server_run_serving(&v.run);
    assert_int_equal(pthread_create(&visitor, NULL, visit, &v), 0);
    loop_run(v.run.loop);
    atomic_store(&v.over, true);
    assert_int_equal(pthread_join(visitor, NULL), 0);
    assert_true(atomic_load(&v.turns) >= 2);
    httpd_on_first(x->h, NULL, NULL);
    loop_timer_free(limit);
    server_run_close(&v.run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_body_has_one_end, setup, teardown),
        cmocka_unit_test_setup_teardown(in_a_crowd_who_sends_nothing_makes_room, setup, teardown),
        cmocka_unit_test_setup_teardown(in_a_crowd_who_waits_for_us_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(without_a_crowd_nobody_has_to_hurry, setup, teardown),
        cmocka_unit_test_setup_teardown(visitors_do_not_put_off_the_turns, setup, teardown),
    };

    httpd_prepare();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
