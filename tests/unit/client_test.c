#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/conn.h"
#include "lib/proto.h"

enum { ASK = 20, ANSWER, REFUSE, HANG_UP, HANG_UP_AFTER_FAULT, MANY, SILENCE, BAD_FAULT, FILE_IN };

/* A server in a thread, on a real socket in a folder of its own. */
struct server {
    char folder[32], path[48];
    struct loop *loop;
    struct listener *listener;
    struct conn *conn[8];
    size_t n;
    pthread_t thread;
};

static void send_fault(struct conn *c, uint64_t id)
{
    struct fault f;
    struct buf b;
    buf_init(&b, 4096);
    fault_refuse(&f, "key.rsa.size", "spki", slice_str("1024"), "2048 and up");
    fault_put(&b, &f);
    conn_send(c, MSG_FAULT, id, buf_slice(&b), -1);
    buf_free(&b);
}

static void on_ask(struct conn *c, void *owner, const struct frame *f)
{
    (void)owner;
    conn_send(c, ANSWER, f->id + 1000, slice_str("not for you"), -1);
    conn_send(c, ANSWER, f->id, f->body, -1);
}

static void on_refuse(struct conn *c, void *owner, const struct frame *f)
{
    (void)owner;
    send_fault(c, f->id);
}

static void forget(struct server *s, struct conn *c)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->conn[i] == c)
            s->conn[i] = NULL;
}

static void on_hang_up(struct conn *c, void *owner, const struct frame *f)
{
    (void)f;
    forget(owner, c);
    conn_close(c);
}

static void on_many(struct conn *c, void *owner, const struct frame *f)
{
    (void)owner;
    for (int i = 0; i < 100; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d", i);
        conn_send(c, ANSWER, f->id, slice_str(text), -1);
    }
}

static void on_silence(struct conn *c, void *owner, const struct frame *f)
{
    (void)c, (void)owner, (void)f;
}

static void on_bad_fault(struct conn *c, void *owner, const struct frame *f)
{
    (void)owner;
    conn_send(c, MSG_FAULT, f->id, slice_str("nonsense"), -1);
}

/* Answers with what the file that came along holds. */
static void on_file(struct conn *c, void *owner, const struct frame *f)
{
    (void)owner;
    char text[64];
    ssize_t n = pread(f->fd, text, sizeof text, 0);
    assert_true(n > 0);
    close(f->fd);
    conn_send(c, ANSWER, f->id, slice_of(text, (size_t)n), -1);
}

static void on_closed(struct conn *c, void *owner)
{
    forget(owner, c);
}

static void on_accepted(void *arg, int fd, const struct conn_peer *peer)
{
    static const struct permit permits[] = {
        {ASK, FRAME_BODY_MAX, on_ask}, {REFUSE, 0, on_refuse},
        {HANG_UP, 0, on_hang_up},      {MANY, 0, on_many},
        {SILENCE, 0, on_silence},      {BAD_FAULT, 0, on_bad_fault},
        {FILE_IN, PERMIT_FD, on_file},
    };
    static const struct conn_callbacks cb = {
        .permits = permits, .n_permits = sizeof permits / sizeof permits[0], .closed = on_closed};
    struct server *s = arg;
    assert_int_equal(peer->uid, getuid());
    assert_true(s->n < 8);
    s->conn[s->n++] = conn_new(s->loop, fd, &cb, s);
}

static void *serve(void *arg)
{
    struct server *s = arg;
    loop_run(s->loop);
    for (size_t i = 0; i < s->n; i++)
        conn_close(s->conn[i]);
    listener_free(s->listener);
    return NULL;
}

static int start(void **state)
{
    struct server *s = xcalloc(1, sizeof *s);
    struct fault f;
    strcpy(s->folder, "/tmp/cerca-client-XXXXXX");
    assert_non_null(mkdtemp(s->folder));
    snprintf(s->path, sizeof s->path, "%s/s.sock", s->folder);
    s->loop = loop_new();
    int fd = listen_unix(s->path, 0600, &f);
    assert_true(fd >= 0);
    s->listener = listener_new(s->loop, fd, on_accepted, s);
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
    *state = s;
    return 0;
}

static void stop(void *arg)
{
    loop_stop(arg);
}

static int end(void **state)
{
    struct server *s = *state;
    loop_post(s->loop, stop, s->loop);
    pthread_join(s->thread, NULL);
    loop_free(s->loop);
    unlink(s->path);
    rmdir(s->folder);
    free(s);
    return 0;
}

static struct client *open_client(const struct server *s)
{
    struct client *c;
    struct fault f;
    assert_int_equal(client_open(s->path, &c, &f), 0);
    return c;
}

static void a_call_gets_the_answer_with_its_id(void **state)
{
    struct client *c = open_client(*state);
    struct frame a;
    struct fault f;
    assert_int_equal(client_call(c, ASK, slice_str("one"), 5000, &a, &f), 0);
    assert_int_equal(a.type, ANSWER);
    assert_true(slice_is(a.body, "one"));
    assert_int_equal(client_call(c, ASK, slice_str("two"), 0, &a, &f), 0);
    assert_true(slice_is(a.body, "two"));
    client_free(c);
}

static void the_longest_body_goes_both_ways(void **state)
{
    struct client *c = open_client(*state);
    static const uint8_t body[FRAME_BODY_MAX + 1];
    struct frame a;
    struct fault f;
    assert_int_equal(client_call(c, ASK, slice_of(body, FRAME_BODY_MAX), 5000, &a, &f), 0);
    assert_int_equal(a.body.n, FRAME_BODY_MAX);
    assert_int_equal(client_call(c, ASK, slice_of(body, FRAME_BODY_MAX + 1), 5000, &a, &f),
                     -FAULT_TOO_LARGE);
    client_free(c);
}

static void a_descriptor_goes_along_and_stays_the_callers(void **state)
{
    struct client *c = open_client(*state);
    FILE *file = tmpfile();
    struct frame a;
    struct fault f;
    assert_non_null(file);
    assert_int_equal(fputs("what the file says", file) < 0, 0);
    assert_int_equal(fflush(file), 0);
    assert_int_equal(client_call_fd(c, FILE_IN, SLICE_NONE, fileno(file), 5000, &a, &f), 0);
    assert_true(slice_is(a.body, "what the file says"));
    assert_int_equal(fclose(file), 0);
    client_free(c);
}

static void a_fault_answer_comes_back_as_the_fault(void **state)
{
    struct client *c = open_client(*state);
    struct frame a;
    struct fault f;
    assert_int_equal(client_call(c, REFUSE, SLICE_NONE, 5000, &a, &f), -FAULT_POLICY);
    assert_int_equal(f.code, FAULT_POLICY);
    assert_string_equal(f.rule, "key.rsa.size");
    assert_string_equal(f.value, "1024");
    assert_int_equal(client_call(c, ASK, slice_str("still here"), 5000, &a, &f), 0);
    assert_int_equal(client_call(c, BAD_FAULT, SLICE_NONE, 5000, &a, &f), -FAULT_MALFORMED);
    client_free(c);
}

static void a_lost_connection_is_unavailable_and_stays_so(void **state)
{
    struct client *c = open_client(*state);
    struct frame a;
    struct fault f;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(client_call(c, HANG_UP, SLICE_NONE, 5000, &a, &f), -FAULT_UNAVAILABLE);
        assert_string_equal(f.rule, "connection");
        assert_true(f.retry_after > 0);
    }
    client_free(c);
}

static void progress_frames_come_one_by_one_in_order(void **state)
{
    struct client *c = open_client(*state);
    struct frame a;
    struct fault f;
    assert_int_equal(client_call(c, MANY, SLICE_NONE, 5000, &a, &f), 0);
    for (int i = 0; i < 100; i++) {
        char want[16];
        snprintf(want, sizeof want, "%d", i);
        assert_true(slice_is(a.body, want));
        if (i < 99)
            assert_int_equal(client_more(c, 5000, &a, &f), 0);
    }
    client_free(c);
}

static void silence_ends_at_the_time_limit(void **state)
{
    struct client *c = open_client(*state);
    struct frame a;
    struct fault f;
    assert_int_equal(client_call(c, SILENCE, SLICE_NONE, 20, &a, &f), -FAULT_UNAVAILABLE);
    assert_string_equal(f.rule, "timeout");
    assert_int_equal(client_call(c, ASK, slice_str("next"), 5000, &a, &f), 0);
    assert_true(slice_is(a.body, "next"));
    client_free(c);
}

static void nobody_listening_is_unavailable(void **state)
{
    const struct server *s = *state;
    char path[64];
    snprintf(path, sizeof path, "%s/absent", s->folder);
    struct client *c;
    struct fault f;
    assert_int_equal(client_open(path, &c, &f), -FAULT_UNAVAILABLE);
    assert_string_equal(f.rule, "connection");
    assert_null(c);
}

static void a_living_socket_is_not_taken_over(void **state)
{
    const struct server *s = *state;
    struct fault f;
    assert_int_equal(listen_unix(s->path, 0600, &f), -FAULT_CONFLICT);
}

static void a_dead_socket_is_replaced_and_anything_else_is_left_alone(void **state)
{
    const struct server *s = *state;
    struct fault f;
    struct stat st;
    char path[64];
    snprintf(path, sizeof path, "%s/dead", s->folder);
    int fd = listen_unix(path, 0600, &f);
    assert_true(fd >= 0);
    close(fd);
    fd = listen_unix(path, 0666, &f);
    assert_true(fd >= 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0666);
    close(fd);
    unlink(path);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
    assert_int_equal(listen_unix(path, 0600, &f), -FAULT_CONFLICT);
    assert_int_equal(unlink(path), 0);
}

static void a_path_too_long_for_a_socket_is_refused(void **state)
{
    (void)state;
    char path[200];
    struct fault f;
    memset(path, 'x', sizeof path);
    path[sizeof path - 1] = '\0';
    assert_int_equal(listen_unix(path, 0600, &f), -FAULT_CONFIG);
    assert_int_equal(connect_unix(path, &f), -FAULT_CONFIG);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, start, end)
    const struct CMUnitTest tests[] = {
        T(a_call_gets_the_answer_with_its_id),
        T(the_longest_body_goes_both_ways),
        T(a_descriptor_goes_along_and_stays_the_callers),
        T(a_fault_answer_comes_back_as_the_fault),
        T(a_lost_connection_is_unavailable_and_stays_so),
        T(progress_frames_come_one_by_one_in_order),
        T(silence_ends_at_the_time_limit),
        T(nobody_listening_is_unavailable),
        T(a_living_socket_is_not_taken_over),
        T(a_dead_socket_is_replaced_and_anything_else_is_left_alone),
        T(a_path_too_long_for_a_socket_is_refused),
    };
    return cmocka_run_group_tests_name("client", tests, NULL, NULL);
}
