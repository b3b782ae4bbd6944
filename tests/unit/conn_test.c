#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/conn.h"

enum { T_DATA = 10, T_FD = 11, T_CLOSE = 12, T_SHORT = 13, T_ECHO = 14 };

/* One end of a connection, with a loop of its own so that it can live in a thread. */
struct end {
    struct loop *loop;
    struct conn *conn;
    uint64_t got, expect; /* frames; the loop stops at `expect` */
    int closed;
    char text[64]; /* what came with the descriptor */
};

static void count(struct end *e)
{
    if (++e->got == e->expect)
        loop_stop(e->loop);
}

static void stop(void *arg)
{
    loop_stop(arg);
}

/* Runs one turn: what was queued is written. */
static void run_one_turn(struct end *e)
{
    struct loop_task task = {.fn = stop, .arg = e->loop};
    loop_defer(e->loop, &task);
    loop_run(e->loop);
}

static void on_data(struct conn *c, void *owner, const struct frame *f)
{
    struct end *e = owner;
    (void)c;
    assert_true(f->id == e->got); /* order is kept */
    assert_int_equal(f->fd, -1);
    count(e);
}

static void on_fd(struct conn *c, void *owner, const struct frame *f)
{
    struct end *e = owner;
    (void)c;
    assert_true(f->fd >= 0);
    assert_int_equal(fcntl(f->fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_true(pread(f->fd, e->text, sizeof e->text - 1, 0) > 0);
    close(f->fd);
    count(e);
}

static void on_close(struct conn *c, void *owner, const struct frame *f)
{
    struct end *e = owner;
    (void)f;
    e->got++;
    conn_close(c);
    e->conn = NULL;
    loop_stop(e->loop);
}

static void on_echo(struct conn *c, void *owner, const struct frame *f)
{
    struct end *e = owner;
    conn_send(c, T_DATA, f->id, f->body, -1);
    count(e);
}

static void on_closed(struct conn *c, void *owner)
{
    struct end *e = owner;
    conn_close(c); /* allowed, and does nothing */
    e->closed++;
    e->conn = NULL;
    loop_stop(e->loop);
}

static const struct permit permits[] = {
    {T_DATA, FRAME_BODY_MAX, on_data},
    {T_FD, 16 | PERMIT_FD, on_fd},
    {T_CLOSE, 0, on_close},
    {T_SHORT, 8, on_data},
    {T_ECHO, 2000, on_echo},
};

static const struct conn_callbacks callbacks = {
    .permits = permits, .n_permits = sizeof permits / sizeof permits[0], .closed = on_closed};

static void open_end(struct end *e, int fd)
{
    *e = (struct end){.loop = loop_new(), .expect = UINT64_MAX};
    e->conn = conn_new(e->loop, fd, &callbacks, e);
}

static void close_end(struct end *e)
{
    conn_close(e->conn);
    loop_free(e->loop);
}

/* A conn at one side, a plain descriptor at the other. */
struct half {
    struct end end;
    int fd;
};

static void open_half(struct half *h)
{
    int s[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s), 0);
    open_end(&h->end, s[0]);
    h->fd = s[1];
}

static void close_half(struct half *h)
{
    close_end(&h->end);
    close(h->fd);
}

static void send_frame(int fd, uint16_t type, uint64_t id, size_t n)
{
    uint8_t *d = xcalloc(1, FRAME_HEADER + n);
    frame_put_header(d, type, id);
    assert_int_equal(send(fd, d, FRAME_HEADER + n, 0), FRAME_HEADER + n);
    free(d);
}

static void send_descriptors(int fd, uint16_t type, const int *fds, size_t n)
{
    uint8_t d[FRAME_HEADER];
    frame_put_header(d, type, 0);
    char room[CMSG_SPACE(4 * sizeof(int))] __attribute__((aligned(8))) = {0};
    struct iovec v = {d, sizeof d};
    struct msghdr m = {.msg_iov = &v,
                       .msg_iovlen = 1,
                       .msg_control = room,
                       .msg_controllen = CMSG_SPACE(n * sizeof(int))};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    *c = (struct cmsghdr){CMSG_LEN(n * sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
    memcpy(CMSG_DATA(c), fds, n * sizeof(int));
    assert_int_equal(sendmsg(fd, &m, 0), sizeof d);
}

static size_t open_descriptors(void)
{
    size_t n = 0;
    for (int fd = 0; fd < 256; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

/* An end is done when it has read all that it expects and the other has taken all that it
 * queued. */
struct exchange {
    struct end end;
    struct loop_timer *check;
};

static void stop_when_done(void *arg)
{
    struct exchange *x = arg;
    if (x->end.got == x->end.expect && conn_queued(x->end.conn) == 0)
        loop_stop(x->end.loop);
    else
        loop_timer_set(x->check, 1);
}

static void *run_exchange(void *arg)
{
    struct exchange *x = arg;
    x->check = loop_timer(x->end.loop, stop_when_done, x);
    loop_timer_set(x->check, 1);
    do
        loop_run(x->end.loop);
    while (conn_queued(x->end.conn) > 0);
    loop_timer_free(x->check);
    return NULL;
}

#define FRAMES 10000
static void ten_thousand_frames_cross_both_ways_though_both_ends_start_blocked(void **state)
{
    (void)state;
    int s[2];
    static const uint8_t body[1200];
    struct exchange a, b;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s), 0);
    open_end(&a.end, s[0]);
    open_end(&b.end, s[1]);
    for (uint64_t i = 0; i < FRAMES; i++) {
        conn_send(a.end.conn, T_DATA, i, slice_of(body, sizeof body), -1);
        conn_send(b.end.conn, T_DATA, i, slice_of(body, sizeof body), -1);
    }
    assert_true(conn_queued(a.end.conn) > FRAMES / 2 * sizeof body);
    assert_true(conn_queued(b.end.conn) > FRAMES / 2 * sizeof body);
    a.end.expect = b.end.expect = FRAMES;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, run_exchange, &b), 0);
    run_exchange(&a);
    pthread_join(thread, NULL);
    assert_int_equal(a.end.got, FRAMES);
    assert_int_equal(b.end.got, FRAMES);
    assert_int_equal(a.end.closed + b.end.closed, 0);
    close_end(&a.end);
    close_end(&b.end);
}

static void the_peer_is_known_by_its_credentials(void **state)
{
    (void)state;
    struct half h;
    open_half(&h);
    assert_int_equal(conn_peer(h.end.conn)->uid, getuid());
    assert_int_equal(conn_peer(h.end.conn)->gid, getgid());
    assert_int_equal(conn_peer(h.end.conn)->pid, getpid());
    close_half(&h);
}

static void a_descriptor_passes_and_the_sender_keeps_its_own(void **state)
{
    (void)state;
    int s[2];
    struct end a, b;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s), 0);
    open_end(&a, s[0]);
    open_end(&b, s[1]);
    int file = memfd_create("t", MFD_CLOEXEC);
    assert_int_equal(pwrite(file, "behind the frame", 16, 0), 16);
    conn_send(a.conn, T_FD, 1, slice_str("body"), file);
    run_one_turn(&a);
    b.expect = 1;
    loop_run(b.loop);
    assert_string_equal(b.text, "behind the frame");
    assert_true(fcntl(file, F_GETFD) >= 0);
    close(file);
    close_end(&a);
    close_end(&b);
}

static void
descriptors_without_permit_or_too_many_close_the_connection_and_leak_nothing(void **state)
{
    (void)state;
    size_t before = open_descriptors();
    for (size_t n = 1; n <= 4; n++) {
        struct half h;
        open_half(&h);
        const int fds[4] = {h.fd, h.fd, h.fd, h.fd};
        send_descriptors(h.fd, n == 1 ? T_DATA : T_FD, fds, n);
        loop_run(h.end.loop);
        assert_int_equal(h.end.got, 0);
        assert_int_equal(h.end.closed, 1);
        close_half(&h);
    }
    assert_int_equal(open_descriptors(), before);
}

static void descriptors_behind_a_closing_frame_are_closed_too(void **state)
{
    (void)state;
    size_t before = open_descriptors();
    struct half h;
    open_half(&h);
    send_frame(h.fd, T_CLOSE, 0, 0);
    for (int i = 0; i < 10; i++)
        send_descriptors(h.fd, T_FD, &h.fd, 1);
    loop_run(h.end.loop);
    assert_null(h.end.conn);
    assert_int_equal(h.end.closed, 0);
    assert_int_equal(h.end.got, 1);
    close_half(&h);
    assert_int_equal(open_descriptors(), before);
}

static void a_frame_without_permit_closes_after_those_before_it(void **state)
{
    (void)state;
    struct half h;
    open_half(&h);
    send_frame(h.fd, T_DATA, 0, 5);
    send_frame(h.fd, 999, 1, 5);
    send_frame(h.fd, T_DATA, 1, 5);
    loop_run(h.end.loop);
    assert_int_equal(h.end.got, 1);
    assert_int_equal(h.end.closed, 1);
    close_half(&h);
}

static void a_body_longer_than_its_permit_closes(void **state)
{
    (void)state;
    struct half h;
    open_half(&h);
    send_frame(h.fd, T_SHORT, 0, 8);
    send_frame(h.fd, T_SHORT, 1, 9);
    loop_run(h.end.loop);
    assert_int_equal(h.end.got, 1);
    assert_int_equal(h.end.closed, 1);
    close_half(&h);
}

static void a_datagram_longer_than_any_frame_closes(void **state)
{
    (void)state;
    struct half h;
    open_half(&h);
    send_frame(h.fd, T_DATA, 0, FRAME_BODY_MAX);
    send_frame(h.fd, T_DATA, 1, FRAME_BODY_MAX + 1);
    loop_run(h.end.loop);
    assert_int_equal(h.end.got, 1);
    assert_int_equal(h.end.closed, 1);
    close_half(&h);
}

static void what_is_not_a_frame_closes(void **state)
{
    (void)state;
    const uint8_t bad[][FRAME_HEADER] = {{2, 0, 0, T_DATA}, {1, 1, 0, T_DATA}, {0}};
    for (size_t i = 0; i < 3; i++) {
        struct half h;
        open_half(&h);
        assert_int_equal(send(h.fd, bad[i], FRAME_HEADER, 0), FRAME_HEADER);
        loop_run(h.end.loop);
        assert_int_equal(h.end.got, 0);
        assert_int_equal(h.end.closed, 1);
        close_half(&h);
    }
}

static void a_peer_that_does_not_read_is_cut_off_at_the_bound(void **state)
{
    (void)state;
    struct half h;
    open_half(&h);
    static const uint8_t body[60000];
    for (int i = 0; i < 1000; i++) /* 60 MB, of which 16 MiB may wait */
        conn_send(h.end.conn, T_DATA, 0, slice_of(body, sizeof body), -1);
    assert_true(conn_queued(h.end.conn) <= 16 << 20);
    loop_run(h.end.loop);
    assert_int_equal(h.end.closed, 1);
    close_half(&h);
}

static void a_peer_that_dies_is_told_once_after_its_last_frames(void **state)
{
    (void)state;
    struct half h;
    open_half(&h);
    for (uint64_t i = 0; i < 100; i++)
        send_frame(h.fd, T_DATA, i, 5);
    close(h.fd);
    loop_run(h.end.loop);
    assert_int_equal(h.end.got, 100);
    assert_int_equal(h.end.closed, 1);
    h.fd = -1;
    close_half(&h);
}

static void last_frames_of_a_peer_are_heard_though_writing_to_it_fails(void **state)
{
    (void)state;
    struct half h;
    open_half(&h);
    conn_send(h.end.conn, T_DATA, 0, slice_str("never read"), -1);
    run_one_turn(&h.end); /* sent: closing with it unread makes ECONNRESET here */
    for (uint64_t i = 0; i < 100; i++)
        send_frame(h.fd, T_DATA, i, 5);
    close(h.fd);
    conn_send(h.end.conn, T_DATA, 0, slice_str("EPIPE"), -1);
    loop_run(h.end.loop);
    assert_int_equal(h.end.got, 100);
    assert_int_equal(h.end.closed, 1);
    h.fd = -1;
    close_half(&h);
}

static void a_last_frame_may_close_the_connection_that_writing_failed_on(void **state)
{
    (void)state;
    struct half h;
    open_half(&h);
    conn_pause(h.end.conn, true); /* so that the failure is met before the frame */
    send_frame(h.fd, T_CLOSE, 0, 0);
    assert_int_equal(shutdown(h.fd, SHUT_RD), 0);
    conn_send(h.end.conn, T_DATA, 0, slice_str("EPIPE"), -1);
    loop_run(h.end.loop);
    assert_int_equal(h.end.got, 1);
    assert_int_equal(h.end.closed, 0);
    assert_null(h.end.conn);
    close_half(&h);
}

static void resume(void *arg)
{
    struct end *e = arg;
    assert_int_equal(e->got, 0);
    conn_pause(e->conn, false);
}

static void a_paused_connection_reads_nothing_until_resumed(void **state)
{
    (void)state;
    struct half h;
    open_half(&h);
    conn_pause(h.end.conn, true);
    send_frame(h.fd, T_DATA, 0, 5);
    h.end.expect = 1;
    struct loop_timer *t = loop_timer(h.end.loop, resume, &h.end);
    loop_timer_set(t, 20);
    loop_run(h.end.loop);
    assert_int_equal(h.end.got, 1);
    loop_timer_free(t);
    close_half(&h);
}

static void a_paused_connection_notices_that_its_peer_is_gone(void **state)
{
    (void)state;
    struct half h;
    open_half(&h);
    conn_pause(h.end.conn, true);
    send_frame(h.fd, T_DATA, 0, 5);
    close(h.fd);
    loop_run(h.end.loop);
    assert_int_equal(h.end.got, 1);
    assert_int_equal(h.end.closed, 1);
    h.fd = -1;
    close_half(&h);
}

static void answers_made_in_handlers_leave_with_the_turn(void **state)
{
    (void)state;
    struct half h;
    open_half(&h);
    for (uint64_t i = 0; i < 50; i++)
        send_frame(h.fd, T_ECHO, i, 100);
    h.end.expect = 50;
    loop_run(h.end.loop);
    for (uint64_t i = 0; i < 50; i++) {
        uint8_t d[200];
        struct frame f;
        assert_int_equal(recv(h.fd, d, sizeof d, MSG_DONTWAIT), FRAME_HEADER + 100);
        assert_int_equal(frame_parse(slice_of(d, FRAME_HEADER + 100), &f), 0);
        assert_true(f.id == i);
        assert_int_equal(f.type, T_DATA);
    }
    close_half(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_thousand_frames_cross_both_ways_though_both_ends_start_blocked),
        cmocka_unit_test(the_peer_is_known_by_its_credentials),
        cmocka_unit_test(a_descriptor_passes_and_the_sender_keeps_its_own),
        cmocka_unit_test(
            descriptors_without_permit_or_too_many_close_the_connection_and_leak_nothing),
        cmocka_unit_test(descriptors_behind_a_closing_frame_are_closed_too),
        cmocka_unit_test(a_frame_without_permit_closes_after_those_before_it),
        cmocka_unit_test(a_body_longer_than_its_permit_closes),
        cmocka_unit_test(a_datagram_longer_than_any_frame_closes),
        cmocka_unit_test(what_is_not_a_frame_closes),
        cmocka_unit_test(a_peer_that_does_not_read_is_cut_off_at_the_bound),
        cmocka_unit_test(a_peer_that_dies_is_told_once_after_its_last_frames),
        cmocka_unit_test(last_frames_of_a_peer_are_heard_though_writing_to_it_fails),
        cmocka_unit_test(a_last_frame_may_close_the_connection_that_writing_failed_on),
        cmocka_unit_test(a_paused_connection_reads_nothing_until_resumed),
        cmocka_unit_test(a_paused_connection_notices_that_its_peer_is_gone),
        cmocka_unit_test(answers_made_in_handlers_leave_with_the_turn),
    };
    return cmocka_run_group_tests_name("conn", tests, NULL, NULL);
}
