/* Transfers to servers that close, stop, send too much or nothing, and without memory: each ends
 * once, and says whether it was carried out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "deliver/transfer.h"
#include "lib/loop.h"

#define LIMIT_MS 60000
#define ROUNDS_MAX 20000

/* ---- libcurl's memory ---- */

static _Atomic uint64_t calls, failing; /* the allocation that fails; 0: none */

static bool strikes(void)
{
    return ++calls == failing;
}

static void *c_malloc(size_t n)
{
    return strikes() ? NULL : malloc(n);
}

static void *c_realloc(void *p, size_t n)
{
    return strikes() ? NULL : realloc(p, n);
}

static char *c_strdup(const char *s)
{
    return strikes() ? NULL : strdup(s);
}

static void *c_calloc(size_t n, size_t size)
{
    return strikes() ? NULL : calloc(n, size);
}

/* ---- a server ---- */

struct server {
    struct loop *loop;
    struct loop_timer *limit;
    int fd;
    pid_t child;
    char port[8], url[64];
    const char *answer; /* to whatever comes; NULL: none */
    size_t body;        /* octets behind it, as long as they are taken */
    bool reset;         /* the connection, as soon as something comes */
    unsigned done;      /* transfers */
    bool ok;
    long status;
    size_t body_n;
    int64_t retry_after;
    char why[256];
};

/* One connection. */
static _Noreturn void serve(const struct server *s)
{
    static char octets[65536];
    const struct linger now = {.l_onoff = 1};
    int peer = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);
    ssize_t n = recv(peer, octets, sizeof octets, 0);

    if (n > 0 && s->reset)
        (void)setsockopt(peer, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    else if (n > 0 && s->answer == NULL)
        (void)recv(peer, octets, sizeof octets, 0); /* until it goes */
    else if (n > 0)
        n = send(peer, s->answer, strlen(s->answer), MSG_NOSIGNAL);
    memset(octets, 'x', sizeof octets);
    for (size_t sent = 0; sent < s->body && n > 0 && !s->reset; sent += (size_t)n)
        n = send(peer, octets, sizeof octets, MSG_NOSIGNAL);
    close(peer);
    _exit(0);
}

static void too_late(void *arg)
{
    (void)arg;
    fail_msg("the transfer does not end");
}

static void make(struct server *s, int type)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t n = sizeof a;

    memset(s, 0, sizeof *s);
    s->loop = loop_new();
    s->fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(s->fd, (const struct sockaddr *)&a, n), 0);
    assert_int_equal(getsockname(s->fd, (struct sockaddr *)&a, &n), 0);
    (void)snprintf(s->port, sizeof s->port, "%u", (unsigned)ntohs(a.sin_port));
    if (type == SOCK_STREAM)
        assert_int_equal(listen(s->fd, 8), 0);
    s->limit = loop_timer(s->loop, too_late, s);
}

static void end(struct server *s)
{
    loop_timer_free(s->limit);
    close(s->fd);
    loop_free(s->loop);
}

/* ---- transfers ---- */

static void on_done(void *arg, const struct transfer_result *r)
{
    struct server *s = arg;

    s->done++;
    s->ok = r->ok;
    s->status = r->status;
    s->body_n = r->body.n;
    s->retry_after = r->retry_after;
    (void)snprintf(s->why, sizeof s->why, "%s", r->why);
    loop_stop(s->loop);
}

static void run(struct server *s, const char *scheme, const char *message, struct transfers *t)
{
    struct conf_channel conf = {.name = "test",
                                .tls = CHANNEL_TLS_NONE,
                                .timeout = failing != 0 ? 1 : 20,
                                .user = "",
                                .from = ""};
    struct channel_keys k = {.ca_file = "/dev/null", .secret_text = "", .local_fd = -1};
    struct talk_request q = {.method = "POST", .content_type = "text/plain"};

    (void)snprintf(s->url, sizeof s->url, "%s://127.0.0.1:%s", scheme, s->port);
    conf.url = s->url;
    k.target = (struct notify_target){.conf = &conf, .url = s->url, .source = "test"};
    s->done = 0;
    s->child = fork();
    assert_true(s->child >= 0);
    if (s->child == 0)
        serve(s);
    loop_timer_set(s->limit, LIMIT_MS);
    if (strcmp(scheme, "http") == 0) {
        buf_init(&q.url, 128);
        buf_put_str(&q.url, s->url);
        buf_init(&q.body, 128);
        buf_put_str(&q.body, message);
        transfer_http(t, &k, &q, on_done, s);
        buf_free(&q.url);
        buf_free(&q.body);
    } else {
        transfer_octets(t, &k, slice_str(message), on_done, s);
    }
    loop_run(s->loop);
    loop_timer_clear(s->limit);
    (void)kill(s->child, SIGKILL);
    assert_int_equal(waitpid(s->child, NULL, 0), s->child);
    assert_int_equal(s->done, 1);
    assert_true(s->ok || s->why[0] != '\0');
}

static void run_once(struct server *s, const char *scheme, const char *message)
{
    struct transfers *t;
    struct fault f;

    t = transfers_new(s->loop, &f);
    assert_non_null(t);
    run(s, scheme, message, t);
    transfers_free(t);
}

static void answers_over_http_are_bounded_and_have_a_status(void **state)
{
    struct server s;

    (void)state;
    make(&s, SOCK_STREAM);
    s.answer = "HTTP/1.1 503 Later\r\nRetry-After: 99999999999\r\nContent-Length: 2\r\n\r\nno";
    run_once(&s, "http", "hello");
    assert_true(s.ok);
    assert_int_equal(s.status, 503);
    assert_int_equal(s.body_n, 2);
    assert_true(s.retry_after >= 0);
    s.answer = "HTTP/1.1 200 OK\r\n\r\n";
    s.body = (size_t)8 << 20;
    run_once(&s, "http", "hello");
    assert_true(s.ok);
    assert_int_equal(s.status, 200);
    assert_int_equal(s.body_n, TALK_ANSWER_MAX);
    s.body = 0;
    s.answer = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nless"; /* cut off */
    run_once(&s, "http", "hello");
    assert_false(s.ok);
    s.answer = "";
    run_once(&s, "http", "hello");
    assert_false(s.ok);
    s.answer = "SMTP, is it not?\r\n";
    run_once(&s, "http", "hello");
    assert_false(s.ok);
    s.reset = true;
    run_once(&s, "http", "hello");
    assert_false(s.ok);
    end(&s);
}

static void a_redirect_is_an_answer_and_not_followed(void **state)
{
    struct server s;

    (void)state;
    make(&s, SOCK_STREAM);
    s.answer = "HTTP/1.1 302 Elsewhere\r\nLocation: file:///etc/passwd\r\n"
               "Content-Length: 0\r\n\r\n";
    run_once(&s, "http", "hello");
    assert_true(s.ok);
    assert_int_equal(s.status, 302);
    assert_int_equal(s.body_n, 0);
    end(&s);
}

static void a_message_is_sent_when_the_server_took_it(void **state)
{
    struct server s;

    (void)state;
    make(&s, SOCK_STREAM);
    run_once(&s, "tcp", "hello"); /* nothing is said */
    assert_true(s.ok);
    s.answer = "";
    run_once(&s, "tcp", "hello"); /* closed, as it may */
    assert_true(s.ok);
    s.answer = "too much of an answer";
    s.body = 1 << 20;
    run_once(&s, "tcp", "hello");
    s.reset = true;
    run_once(&s, "tcp", "hello");
    assert_false(s.ok);
    end(&s);
}

static void nobody_there_is_a_failure(void **state)
{
    struct server s;

    (void)state;
    make(&s, SOCK_STREAM);
    (void)snprintf(s.port, sizeof s.port, "1"); /* none of those that are handed out */
    run_once(&s, "http", "hello");
    assert_false(s.ok);
    run_once(&s, "tcp", "hello");
    assert_false(s.ok);
    end(&s);
}

static void a_datagram_is_one_message_or_none(void **state)
{
    char *long_one = xcalloc(1, 70001), text[16] = "";
    struct server s;

    (void)state;
    make(&s, SOCK_DGRAM);
    run_once(&s, "udp", "hello");
    assert_true(s.ok);
    assert_int_equal(recv(s.fd, text, sizeof text, 0), 5);
    assert_string_equal(text, "hello");
    memset(long_one, 'x', 70000);
    run_once(&s, "udp", long_one); /* more than a datagram holds */
    assert_false(s.ok);
    free(long_one);
    end(&s);
}

/* Whatever allocation of libcurl's fails. Nothing is said to be carried out that was not. */
static void without_memory_a_transfer_ends_all_the_same(void **state)
{
    static const char *const schemes[] = {"http", "tcp", "udp"};
    uint64_t failed = 0;
    struct fault f;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct server s;
        uint64_t n = 1;

        make(&s, i == 2 ? SOCK_DGRAM : SOCK_STREAM);
        s.answer = "HTTP/1.1 204 Done\r\n\r\n";
        for (bool struck = true; struck; n += n < 60 ? 1 : 7) {
            struct transfers *t;

            assert_true(n < ROUNDS_MAX);
            calls = 0;
            failing = n;
            t = transfers_new(s.loop, &f);
            if (t != NULL)
                run(&s, schemes[i], "hello", t);
            transfers_free(t);
            struck = calls >= n;
            failing = 0;
            failed += struck && (t == NULL || !s.ok);
            assert_true(t == NULL || !s.ok || i != 0 || s.status == 204);
        }
        run_once(&s, schemes[i], "hello");
        assert_true(s.ok);
        end(&s);
    }
    assert_true(failed > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_over_http_are_bounded_and_have_a_status),
        cmocka_unit_test(a_redirect_is_an_answer_and_not_followed),
        cmocka_unit_test(a_message_is_sent_when_the_server_took_it),
        cmocka_unit_test(nobody_there_is_a_failure),
        cmocka_unit_test(a_datagram_is_one_message_or_none),
        cmocka_unit_test(without_memory_a_transfer_ends_all_the_same),
    };
    int rc;

    if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, c_malloc, free, c_realloc, c_strdup, c_calloc) !=
        CURLE_OK)
        return 1;
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    transfers_forget();
    return rc;
}
