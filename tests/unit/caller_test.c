#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/caller.h"

enum { T_ASK = 10, T_ANSWER = 11 };

/* A server's caller, and the other end of its connection. */
struct person {
    struct caller caller; /* first */
    struct loop *loop;
    uint64_t id; /* of the last ask */
};

static void on_ask(struct conn *conn, void *owner, const struct frame *frame)
{
    struct person *p = owner;

    (void)conn;
    caller_hold(&p->caller);
    p->id = frame->id;
    loop_stop(p->loop);
}

static void on_closed(struct conn *conn, void *owner)
{
    struct loop *l = ((struct person *)owner)->loop;

    caller_closed(conn, owner);
    loop_stop(l);
}

static const struct permit permits[] = {{T_ASK, 16, on_ask}};
static const struct conn_callbacks callbacks = {
    .permits = permits, .n_permits = 1, .closed = on_closed};

static struct person *come(struct callers *all, struct loop *l, struct client **other)
{
    struct person *p = caller_new(all, sizeof *p);
    int fd[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd), 0);
    p->loop = l;
    caller_connect(&p->caller, l, fd[0], &callbacks);
    *other = client_of(fd[1]);
    return p;
}

/* Sends an ask and does not wait for the answer. */
static void ask(struct client *other, struct loop *l)
{
    struct frame answer;
    struct fault f = {0};

    assert_true(client_call(other, T_ASK, SLICE_NONE, 1, &answer, &f) < 0);
    loop_run(l);
}

static void stop(void *arg)
{
    loop_stop(arg);
}

/* Writes what was queued. */
static void turn(struct loop *l)
{
    struct loop_task task = {.fn = stop, .arg = l};

    loop_defer(l, &task);
    loop_run(l);
}

/* Whoever goes while an ask of his is under way is there until it is answered, to nobody. */
static void test_goes_while_asking(void **state)
{
    struct callers all = {NULL};
    struct loop *l = loop_new();
    struct client *other, *third;
    struct person *p = come(&all, l, &other), *q = come(&all, l, &third);
    struct fault f = {0};

    (void)state;
    (void)fault_set(&f, FAULT_NOT_FOUND, "rule", "text");
    ask(other, l);
    client_free(other);
    loop_run(l);
    assert_null(p->caller.conn);
    assert_ptr_equal(all.first, q);
    assert_ptr_equal(all.first->next, p);
    caller_hold(&p->caller);
    caller_send(&p->caller, T_ANSWER, p->id, SLICE_NONE, -1);
    caller_let_go(&p->caller);
    assert_ptr_equal(all.first->next, p);
    caller_send_fault(&p->caller, p->id, &f);
    caller_let_go(&p->caller);
    assert_ptr_equal(all.first, q);
    assert_null(all.first->next);
    client_free(third);
    loop_run(l);
    assert_null(all.first);
    loop_free(l);
}

/* Whoever is answered stays for the next ask, and gets what he asked for. */
static void test_answered(void **state)
{
    struct callers all = {NULL};
    struct loop *l = loop_new();
    struct client *other;
    struct person *p = come(&all, l, &other);
    struct frame answer;
    struct fault f = {0};

    (void)state;
    ask(other, l);
    caller_send(&p->caller, T_ANSWER, p->id, SLICE_NONE, -1);
    caller_let_go(&p->caller);
    turn(l);
    assert_int_equal(client_more(other, 0, &answer, &f), 0);
    assert_int_equal(answer.type, T_ANSWER);
    assert_ptr_equal(all.first, p);
    callers_free(&all);
    assert_null(all.first);
    assert_true(client_call(other, T_ASK, SLICE_NONE, 0, &answer, &f) < 0);
    client_free(other);
    loop_free(l);
}

/* Nobody is behind an ask that an approval carries out: its caller goes with it. */
static void test_without_connection(void **state)
{
    struct callers all = {NULL};
    struct caller *c = caller_new(&all, sizeof *c);

    (void)state;
    caller_hold(c);
    caller_hold(c);
    caller_let_go(c);
    assert_ptr_equal(all.first, c);
    caller_let_go(c);
    assert_null(all.first);
}

/* A server that ends waits for nobody. */
static void test_end(void **state)
{
    struct callers all = {NULL};
    struct loop *l = loop_new();
    struct client *other;
    struct person *p = come(&all, l, &other);

    (void)state;
    caller_hold(&p->caller);
    caller_hold(caller_new(&all, sizeof(struct caller)));
    callers_free(&all);
    assert_null(all.first);
    client_free(other);
    loop_free(l);
}

int main(void)
{
    const struct CMUnitTest all[] = {
        cmocka_unit_test(test_goes_while_asking),
        cmocka_unit_test(test_answered),
        cmocka_unit_test(test_without_connection),
        cmocka_unit_test(test_end),
    };
    return cmocka_run_group_tests(all, NULL, NULL);
}
